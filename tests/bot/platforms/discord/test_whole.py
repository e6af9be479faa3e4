"""The whole way: over the wire, the durable engine and the built-in ComfyUI, to the picture in a message."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
import pytest_asyncio
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post
from tests.bot.platforms.discord.harness import (
    ALICE,
    BOB,
    MO,
    first_file,
    house,
    models,
    noise,
    opened,
    picture,
    results,
    write_many,
    write_shy,
    write_wide,
)

_MENUS = ("Use this picture", "Keep these values", "Report this result", "Read its settings")
pytestmark = pytest.mark.asyncio(loop_scope="module")
NO_RIGHTS, MANAGE_MESSAGES = "0", str(1 << 13)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeDiscord]:
    """A Discord with one server, and the bot at it."""
    folder = tmp_path_factory.mktemp("house")
    (own := folder / "workflows").mkdir()
    write_wide(own)
    write_shy(own)
    write_many(own, 31)
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE, BOB, MO)
        async with house(fake, folder, workflows=own):
            yield fake


@pytest.fixture
def channel(fake: FakeDiscord) -> int:
    return fake.add_channel(next(iter(fake.guilds)))


def registered(fake: FakeDiscord, name: str) -> dict[str, Any]:
    return next(each for each in fake.commands[str(next(iter(fake.guilds)))] if each["name"] == name)


@pytest.mark.long
async def test_a_slash_command_becomes_a_picture(fake: FakeDiscord, channel: int) -> None:
    asked = await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    assert (await asked.answer) == (5, {"flags": 64})
    assert opened(first_file(post)).getpixel((5, 5)) == (0, 89, 255)
    assert "Negative for User 501" in post.content
    assert "took" in post.content
    assert next(iter(post.alt.values())).startswith("Negative")
    assert post.labels == ["Change", "Use as input", "Details", "Delete"]  # nothing could be different
    await fake.until(lambda: not fake.whispers(asked))
    assert [each for each in fake.public if each.channel == channel] == [post]


async def test_what_is_registered(fake: FakeDiscord) -> None:
    options = {each["name"]: each for each in registered(fake, "wide")["options"]}
    assert next(iter(options)) == "text"  # what must be given comes first
    assert options["text"] | {"description": ""} == {
        "name": "text",
        "description": "",
        "type": 3,
        "required": True,
        "min_length": 1,
        "max_length": 500,
    }
    assert (options["steps"]["type"], options["steps"]["min_value"], options["steps"]["max_value"]) == (4, 1, 50)
    assert (options["strength"]["type"], options["strength"]["max_value"]) == (10, 1.0)
    assert [each["value"] for each in options["size"]["choices"]] == ["small", "large"]
    assert options["model"]["autocomplete"]
    assert options["tiling"]["type"] == 5
    assert options["seed"]["type"] == 3  # it has more digits than Discord's numbers
    own = {
        "run",
        "queue",
        "mine",
        "limits",
        "notify",
        "link",
        "unlink",
        "workflows",
        "help",
        "about",
        "preset",
        "moderate",
    }
    assert own | {*_MENUS} == {each["name"] for each in fake.commands["global"]}


@pytest.mark.parametrize(("typed", "first"), [("model-3", "model-30"), ("39", "model-39"), ("mdel-12", "model-12")])
async def test_choices_are_found_by_typing(fake: FakeDiscord, channel: int, typed: str, first: str) -> None:
    option = {"name": "model", "type": 3, "value": typed, "focused": True}
    data = {"id": "7", "name": "wide", "type": 1, "guild_id": str(fake.channels[channel]), "options": [option]}
    asked = await fake.ask(4, data, ALICE, channel)
    kind, answer = await asked.answer
    assert kind == 8
    assert answer["choices"][0]["value"] == first
    assert len(answer["choices"]) <= 25


async def test_all_forty_choices_can_be_reached(fake: FakeDiscord, channel: int) -> None:
    found = set()
    for digit in "0123":
        option = {"name": "model", "type": 3, "value": f"model-{digit}", "focused": True}
        data = {"id": "7", "name": "wide", "type": 1, "guild_id": str(fake.channels[channel]), "options": [option]}
        _kind, answer = await (await fake.ask(4, data, ALICE, channel)).answer
        found |= {each["value"] for each in answer["choices"]}
    assert found == set(models())


@pytest.mark.parametrize(
    ("values", "words"),
    [({"photo": b"no picture"}, "not a picture"), ({"photo": picture(), "colors": 99}, "use 2 to 32")],
)
async def test_a_refusal_is_told_to_the_person_alone(
    fake: FakeDiscord, channel: int, values: dict[str, Any], words: str
) -> None:
    asked = await fake.slash(ALICE, channel, "poster", values)
    await fake.until(lambda: any(words in text for text in fake.whispers(asked)))
    assert not [post for post in fake.public if post.channel == channel]


async def test_missing_permissions_are_named(fake: FakeDiscord, channel: int) -> None:
    view_only = str(1 << 10)
    asked = await fake.slash(ALICE, channel, "negative", {"photo": picture()}, permissions=view_only)
    await fake.until(lambda: any("Send Messages, Attach Files" in text for text in fake.whispers(asked)))
    assert not [post for post in fake.public if post.channel == channel]


async def test_a_picture_too_large_is_made_to_fit_and_the_original_can_be_had(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": noise(300, 200)}, limit=100_000)
    (post,) = await results(fake, channel)
    assert len(first_file(post)) <= 100_000
    assert opened(first_file(post)).format == "WEBP"
    assert "smaller than it was made" in post.content
    assert "Original" in post.labels
    asked = await fake.click(BOB, post, "Original")
    given = await fake.until(lambda: next((p for p in fake.posts.values() if p.token == asked.token and p.files), None))
    whole = opened(first_file(given))
    assert (whole.format, whole.size) == ("PNG", (300, 200))


async def test_discord_takes_less_than_it_told(fake: FakeDiscord, channel: int) -> None:
    fake.file_limit = 40_000
    try:
        await fake.slash(ALICE, channel, "negative", {"photo": noise(300, 200)}, limit=300_000)
        (post,) = await results(fake, channel)
        assert 10_000 < len(first_file(post)) <= 40_000
        assert "smaller than it was made" in post.content
        given = await fake.click(BOB, post, "Original", limit=300_000)
        await fake.until(lambda: any("more than Discord takes here" in text for text in fake.whispers(given)))
    finally:
        fake.file_limit = 10 * 2**20


async def test_discord_takes_nothing(fake: FakeDiscord, channel: int) -> None:
    fake.file_limit = 100
    try:
        await fake.slash(ALICE, channel, "negative", {"photo": noise(100, 100)}, limit=300_000)
        (post,) = await results(fake, channel)
    finally:
        fake.file_limit = 10 * 2**20
    assert not post.files
    assert "more than Discord takes here" in post.content
    assert "Original" in post.labels


async def test_a_rate_limit_is_waited_for(fake: FakeDiscord, channel: int) -> None:
    fake.fail("PATCH", "/webhooks/.*/messages/\\d+", 429, times=2)
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    assert post.files


async def test_a_text_result_is_in_the_message(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "wide", {"text": "a *starry* night", "seed": "9007199254740995"})
    (post,) = await results(fake, channel)
    assert "```\na *starry* night\n```" in post.content
    assert "seed 9007199254740995" in post.content


@pytest.mark.long
async def test_a_spoiler_is_one(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture(), "spoiler": True})
    (post,) = await results(fake, channel)
    assert next(iter(post.files)).startswith("SPOILER_")


@pytest.mark.long
async def test_fields_that_have_no_option_are_in_a_form(fake: FakeDiscord, channel: int) -> None:
    options = [each["name"] for each in registered(fake, "many")["options"]]
    assert (len(options), options[-3:]) == (25, ["f22", "more", "spoiler"])
    given = {"photo": picture(), "f01": "first", "spoiler": True, "more": True}
    asked = await fake.slash(ALICE, channel, "many", given)
    _kind, window = await asked.answer
    assert [each["component"]["custom_id"] for each in window["components"]] == [
        f"f{number}" for number in range(23, 28)
    ]
    sent = await fake.submit(ALICE, asked, {"f23": "late"})
    await sent.answer
    last = await fake.click(ALICE, fake.posts[sent.original or 0], "Continue")
    await fake.submit(ALICE, last, {"f31": "last"})
    (post,) = await results(fake, channel)
    for words in ("f01 first", "f23 late", "f31 last"):
        assert words in post.content
    assert next(iter(post.files)).startswith("SPOILER_")
    await fake.slash(ALICE, channel, "many", {"photo": picture(), "f02": "quick"})
    assert "f02 quick" in (await results(fake, channel, 2))[-1].content


async def test_a_workflow_may_ask_for_spoilers(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "shy", {"photo": picture()})
    (post,) = await results(fake, channel)
    assert next(iter(post.files)).startswith("SPOILER_")


async def test_anybody_may_ask_for_it_again(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "wide", {"text": "tulips", "seed": "5"})
    (post,) = await results(fake, channel)
    assert post.labels == ["Again", "Change", "Details", "Delete"]
    await fake.click(BOB, post, "Again")
    again = (await results(fake, channel, 2))[-1]
    assert "User 502" in again.content
    assert "tulips" in again.content
    assert "seed 5\n" not in again.content


async def test_change_opens_the_form_with_the_values(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "poster", {"photo": picture(), "colors": 4})
    (post,) = await results(fake, channel)
    shown = await fake.click(BOB, post, "Change")
    kind, window = await shown.answer
    items = {label["component"]["custom_id"]: label["component"] for label in window["components"]}
    assert kind == 9
    assert items["colors"]["value"] == "4"
    assert not items["photo"]["required"]  # the same picture, unless another is given
    await fake.submit(BOB, shown, {"colors": "2"})
    changed = (await results(fake, channel, 2))[-1]
    assert "colors 2" in changed.content
    assert changed.files


async def test_a_long_form_goes_on_in_steps(fake: FakeDiscord, channel: int) -> None:
    data = {
        "id": "7",
        "name": "run",
        "type": 1,
        "options": [{"name": "workflow", "type": 3, "value": "wide"}],
    }
    shown = await fake.ask(2, data, ALICE, channel)
    assert (await shown.answer)[0] == 9
    assert len((await shown.answer)[1]["components"]) == 5
    stepped = await fake.submit(ALICE, shown, {"text": "a house", "size": "large"})
    await stepped.answer
    between = fake.posts[stepped.original or 0]
    assert between.labels == ["Continue", "Run it now"]
    second = await fake.click(ALICE, between, "Continue")
    assert len((await second.answer)[1]["components"]) == 5  # with how many of them, and a matrix
    await fake.submit(ALICE, second, {"tiling": "true", "seed": "11"})
    (post,) = await results(fake, channel)
    assert "size large" in post.content
    assert "tiling yes" in post.content
    assert "seed 11" in post.content


async def test_a_file_can_be_given_in_the_form(fake: FakeDiscord, channel: int) -> None:
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "negative"}]}
    shown = await fake.ask(2, data, ALICE, channel)
    await fake.submit(ALICE, shown, {"photo": picture()})
    (post,) = await results(fake, channel)
    assert post.files


async def test_a_result_becomes_an_input(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    picking = await fake.click(BOB, post, "Use as input")
    await picking.answer
    menu = fake.posts[picking.original or 0].components[0]["components"][0]
    assert "negative" in [option["value"] for option in menu["options"]]
    assert "wide" not in [option["value"] for option in menu["options"]]
    data = {"component_type": 3, "custom_id": menu["custom_id"], "values": ["negative"]}
    await fake.ask(3, data, BOB, channel, message=fake.posts[picking.original or 0])
    back = (await results(fake, channel, 2))[-1]
    assert opened(first_file(back)).getpixel((5, 5)) == (255, 165, 0)  # orange again


async def test_a_picture_of_any_message_can_be_used(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    message = fake.message(post)
    data = {
        "id": "8",
        "name": "Use this picture",
        "type": 3,
        "target_id": str(post.id),
        "resolved": {"messages": {str(post.id): message}},
    }
    picking = await fake.ask(2, data, BOB, channel)
    await picking.answer
    menu = fake.posts[picking.original or 0].components[0]["components"][0]
    pick = {"component_type": 3, "custom_id": menu["custom_id"], "values": ["poster"]}
    shown = await fake.ask(3, pick, BOB, channel, message=fake.posts[picking.original or 0])
    await fake.submit(BOB, shown, {"colors": "3"})
    assert "colors 3" in (await results(fake, channel, 2))[-1].content


async def test_the_settings_of_a_picture_fill_a_form_in(fake: FakeDiscord, channel: int) -> None:
    notes = PngInfo()
    notes.add_text("parameters", "tall ships\nNegative prompt: fog\nSteps: 31, Sampler: Euler a, Seed: 7, Size: 64x64")
    Image.new("RGB", (8, 8)).save(made := io.BytesIO(), "PNG", pnginfo=notes)
    theirs = Post(fake.new_id(), channel, "look", {"made.png": made.getvalue()}, author=ALICE)
    fake.posts[theirs.id] = theirs
    message = {"resolved": {"messages": {str(theirs.id): fake.message(theirs)}}, "target_id": str(theirs.id)}
    asked = await fake.ask(2, {"id": "8", "name": "Read its settings", "type": 3, **message}, BOB, channel)
    shown = await fake.until(
        lambda: next((p for p in fake.posts.values() if p.token == asked.token and p.content), None)
    )
    assert "tall ships" in shown.content
    menu = shown.components[0]["components"][0]
    assert menu["options"][0]["value"] == "wide"  # it takes the most
    pick = {"component_type": 3, "custom_id": menu["custom_id"], "values": ["wide"]}
    _kind, window = await (await fake.ask(3, pick, BOB, channel, message=shown)).answer
    assert {"tall ships", "fog"} <= set(re.findall(r'"value": "([^"]*)"', json.dumps(window)))


@pytest.mark.long
async def test_only_its_person_and_moderators_delete_a_run(fake: FakeDiscord, channel: int) -> None:
    for _run in range(2):
        await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    first, second = await results(fake, channel, 2)
    refused = await fake.click(BOB, first, "Delete", own_permissions=NO_RIGHTS)
    await fake.until(lambda: any("Only the person who asked" in text for text in fake.whispers(refused)))
    await fake.click(MO, first, "Delete", own_permissions=MANAGE_MESSAGES)
    await fake.click(ALICE, second, "Delete")
    await fake.until(lambda: not {first.id, second.id} & set(fake.posts))


async def test_a_moderator_of_another_server_has_no_say(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    elsewhere = fake.add_channel(fake.add_guild(MO))
    forged = fake.posts[fake._put(type(post)(fake.new_id(), elsewhere), {"content": "x"}, {}, {}).id]
    refused = await fake.press(MO, forged, post.custom_id("Delete"), own_permissions=MANAGE_MESSAGES)
    await fake.until(lambda: any("another chat" in text for text in fake.whispers(refused)))
    assert post.id in fake.posts


@pytest.mark.parametrize("forged", ["darkroom:delete:" + "0" * 36, "darkroom:launch:" + "f" * 36])
async def test_forged_buttons_are_answered(fake: FakeDiscord, channel: int, forged: str) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    refused = await fake.press(BOB, post, forged)
    await fake.until(lambda: any("has been deleted" in text for text in fake.whispers(refused)))


async def test_a_direct_message_has_the_form(fake: FakeDiscord) -> None:
    direct = fake.add_channel()
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "negative"}]}
    shown = await fake.ask(2, data, ALICE, direct)
    await fake.submit(ALICE, shown, {"photo": picture()})
    assert (await results(fake, direct))[0].files


@pytest.mark.long
async def test_a_picture_is_answered_with_the_name_of_a_workflow(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    await fake.say(BOB, channel, "<@4242> negative", answers=post)
    back = (await results(fake, channel, 2))[-1]
    assert opened(first_file(back)).getpixel((5, 5)) == (255, 165, 0)
    await fake.say(BOB, channel, "<@4242> make it nicer", answers=post)
    await fake.until(lambda: any("Begin with the name of a workflow" in each.content for each in fake.public))


async def test_a_mention_sets_fields_by_their_names(fake: FakeDiscord, channel: int) -> None:
    await fake.say(BOB, channel, "<@4242> poster colors=4\nspoiler=yes", files={"mine.png": picture()})
    (post,) = await results(fake, channel)
    assert "colors 4" in post.content
    assert next(iter(post.files)).startswith("SPOILER_")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("colors=99 contrast=high", ["colors: “99” is too large; use 2 to 32.", "contrast: “high” is not a number"]),
        ("colours=4", ["Did you mean “colors”?"]),
        ("in four colors", ["give them as name=value"]),
    ],
)
async def test_a_mention_that_is_not_understood_runs_nothing(
    fake: FakeDiscord, channel: int, words: str, said: list[str]
) -> None:
    await fake.say(BOB, channel, f"<@4242> poster {words}", files={"mine.png": picture()})
    (post,) = await fake.until(lambda: [post for post in fake.public if post.channel == channel])
    assert all(part in post.content for part in said)
    assert not post.labels


async def test_people_talk_below_a_result(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    for text in ("nice!", "poster quality", "", "negative, this is"):
        await fake.say(BOB, channel, text, answers=post)  # Discord tells the bot of it as of a mention
    await fake.say(BOB, channel, "negative", answers=post)
    back = (await results(fake, channel, 2))[-1]
    assert "Negative for User 502" in back.content
    await fake.say(BOB, channel, "poster colors=99", answers=post)
    await fake.until(lambda: any("use 2 to 32" in each.content for each in fake.public if each.channel == channel))
    assert len([each for each in fake.public if each.channel == channel]) == 3


async def test_the_words_of_a_result_can_be_read_whole_and_copied(fake: FakeDiscord, channel: int) -> None:
    words = " ".join(f"word{number}" for number in range(70))
    await fake.slash(ALICE, channel, "wide", {"text": words})
    (post,) = await results(fake, channel)
    assert "word20" in post.content
    assert words not in post.content.partition("```")[0]
    asked = await fake.click(BOB, post, "Details")
    await fake.until(lambda: any(f"```\n{words}\n```" in text for text in fake.whispers(asked)))
    await fake.slash(ALICE, channel, "wide", {"text": "```" + "x" * 400})
    _first, post = await results(fake, channel, 2)
    asked = await fake.click(BOB, post, "Details")
    given = await fake.until(lambda: next((p for p in fake.posts.values() if p.token == asked.token and p.files), None))
    assert b"```" + b"x" * 400 in first_file(given)


async def test_lists(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "wide", {"text": "find me"})
    await results(fake, channel)
    mine = await fake.slash(ALICE, channel, "mine")
    await fake.until(lambda: any("find me" in text and "/channels/" in text for text in fake.whispers(mine)))
    while not any("Nothing runs" in text for text in await _told_by(fake, channel, "queue")):
        pass  # it shows its result, and has not quite ended
    shelf = await fake.slash(ALICE, channel, "workflows")
    await fake.until(lambda: any("`/polaroid`" in text for text in fake.whispers(shelf)))
    assert (await (await fake.slash(ALICE, channel, "help")).answer)[0] == 4


@pytest.mark.long
async def test_results_are_found_by_words_with_pictures_and_had_again(fake: FakeDiscord, channel: int) -> None:
    eve = 778
    for words in ("a tall lighthouse", *(f"boat {number}" for number in range(5))):
        await fake.slash(eve, channel, "wide", {"text": words})
        await results(fake, channel)  # so that the first one is the earliest
    await fake.slash(eve, channel, "negative", {"photo": picture()})
    await results(fake, channel, 7)
    mine = await fake.slash(eve, channel, "mine")
    shown = await fake.until(lambda: next((p for p in fake.posts.values() if p.token == mine.token and p.files), None))
    assert opened(first_file(shown)).width > 1000
    assert "lighthouse" not in shown.content
    await fake.click(eve, shown, "Older")
    await fake.until(lambda: "a tall lighthouse" in shown.content and "Newer" in shown.labels and not shown.files)
    found = await fake.slash(eve, channel, "mine", {"words": "Lighthouses"})
    page = await fake.until(
        lambda: next((p for p in fake.posts.values() if p.token == found.token and p.content), None)
    )
    assert "a tall lighthouse" in page.content
    assert "boat" not in page.content
    await fake.click(eve, page, "1 again")
    assert "lighthouse" in (await results(fake, channel, 8))[-1].content


async def _told_by(fake: FakeDiscord, channel: int, command: str, user: int = ALICE) -> list[str]:
    asked = await fake.slash(user, channel, command)
    await fake.until(lambda: any(fake.whispers(asked)))
    return fake.whispers(asked)


async def test_ones_data_can_be_deleted(fake: FakeDiscord, channel: int) -> None:
    eve = 777
    await fake.slash(eve, channel, "wide", {"text": "forget me"})
    await results(fake, channel)
    while not any("done" in text for text in await _told_by(fake, channel, "mine", eve)):
        pass  # it shows its result, and has not quite ended
    about = await fake.slash(eve, channel, "about")
    _kind, said = await about.answer
    assert "30 days" in said["content"]
    for asks, answer, deleted in (("forget", "Yes, delete everything", 1), ("forget-all", "Yes, delete everything", 0)):
        question = await _asked_to_forget(fake, eve, fake.posts[about.original or 0], asks)
        assert f"This deletes {deleted} run" in question.content  # nothing has been deleted so far
        assert question.labels == [answer]  # they have no other account
        forgotten = await fake.click(eve, question, answer)
        words = "1 run is deleted." if deleted else "0 runs are deleted."
        await fake.until(lambda words=words, question=question: question.content == words)
        assert (fake.whispers(forgotten), question.labels) == ([], [])
    mine = await fake.slash(eve, channel, "mine")
    await fake.until(lambda: any("not run anything" in text for text in fake.whispers(mine)))


async def _asked_to_forget(fake: FakeDiscord, who: int, post: Post, asks: str) -> Post:
    asked = await fake.press(who, post, f"darkroom:{asks}:{who}")
    return await fake.until(
        lambda: next((p for p in fake.posts.values() if p.token == asked.token and p.content), None)
    )


async def test_ones_data_comes_as_a_file_that_no_one_else_sees(fake: FakeDiscord, channel: int) -> None:
    eve = 779
    await fake.slash(eve, channel, "negative", {"photo": picture()})
    await results(fake, channel)
    about = await fake.slash(eve, channel, "about")
    await about.answer
    post = fake.posts[about.original or 0]
    stranger = await fake.press(ALICE, post, f"darkroom:data:{eve}")
    await fake.until(lambda: any("for another person" in text for text in fake.whispers(stranger)))
    asked = await fake.press(eve, post, f"darkroom:data:{eve}")
    await fake.until(lambda: fake.whispers(asked) == ["What I keep about you: 1 run, with 2 files."])
    (sent,) = (each for each in fake.posts.values() if each.token == asked.token and each.files)
    with ZipFile(BytesIO(sent.files["my-data.zip"])) as archive:
        assert json.loads(archive.read("data.json"))["person"] == f"discord:{eve}"
    again = await fake.press(eve, post, f"darkroom:data:{eve}")
    await fake.until(lambda: any("a moment ago" in text for text in fake.whispers(again)))


async def test_what_cannot_be_reached_is_an_error_with_a_number(
    fake: FakeDiscord, channel: int, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fail("POST", "/webhooks/", 400, {"code": 50035, "message": "Invalid Form Body"})
    asked = await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    await fake.until(lambda: any("did not let me write" in text for text in fake.whispers(asked)))


async def told(fake: FakeDiscord, asked: Asked, words: str) -> None:
    await fake.until(lambda: any(words in text.replace("\\_", "_") for text in fake.whispers(asked)))


async def preset(fake: FakeDiscord, user: int, channel: int, act: str, **values: Any) -> Asked:
    kinds = {bool: 5}
    options = [{"name": name, "type": kinds.get(type(value), 3), "value": value} for name, value in values.items()]
    data = {"id": "7", "name": "preset", "type": 1, "options": [{"name": act, "type": 1, "options": options}]}
    return await fake.ask(2, data, user, channel)


@pytest.mark.long
async def test_values_are_kept_as_a_preset_which_opens_the_form_with_them(fake: FakeDiscord, channel: int) -> None:
    await told(fake, await preset(fake, BOB, channel, "use", name="any"), "You have no presets yet")
    await fake.slash(ALICE, channel, "wide", {"text": "a {red|red} house", "steps": 7, "size": "large"})
    (done,) = await results(fake, channel)
    assert "a red house" in done.content
    data = {"id": "8", "name": "Keep these values", "type": 3, "target_id": str(done.id)}
    data |= {"resolved": {"messages": {str(done.id): fake.message(done)}}}
    named = await fake.ask(2, data, BOB, channel)
    await told(fake, await fake.submit(BOB, named, {"name": "Red house"}), "as your preset “Red house”")
    await told(fake, await preset(fake, ALICE, channel, "save", name="mine"), "as your preset “mine”")
    _kind, window = await (await preset(fake, BOB, channel, "use", name="red house")).answer
    shown_values = {item["component"]["custom_id"]: item["component"].get("value") for item in window["components"]}
    assert shown_values["text"] == "a {red|red} house"
    await told(fake, await preset(fake, BOB, channel, "rename", name="red house", new="house"), "now called “house”")
    shared = await preset(fake, BOB, channel, "share", name="house")
    await told(fake, shared, "Who has the code")
    code = next(text for text in fake.whispers(shared) if "code" in text).split("code ")[1].split()[0]
    await told(fake, await preset(fake, MO, channel, "copy", code=code), "a copy of it now: “house”")
    await told(fake, await preset(fake, BOB, channel, "unshare", name="house"), "no longer works")
    await told(fake, await preset(fake, MO, channel, "default", name="house"), "is taken from “house” now")
    await told(fake, await preset(fake, MO, channel, "list"), "your defaults")
    await fake.slash(MO, channel, "wide", {"text": "other words"})
    (_first, second) = await results(fake, channel, 2)
    assert "steps 7" in second.content
    await told(fake, await preset(fake, MO, channel, "default", name="house", on=False), "as everybody has it")
    await told(fake, await preset(fake, MO, channel, "delete", name="house"), "Deleted your preset")
