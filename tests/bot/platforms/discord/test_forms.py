"""Forms in several windows and pickers: they outlive a restart, offer what is allowed, and each has one owner."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post
from tests.bot.platforms.discord.harness import (
    ALICE,
    BOB,
    MO,
    fresh,
    house,
    picture,
    results,
    write_copies,
    write_copy,
    write_many,
    write_wide,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
_MANAGE_SERVER = str(1 << 5)
_COPIES = 120
BARE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 1}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeDiscord]:
    """A Discord, and the bot with more workflows for a picture than a message has room for."""
    folder = tmp_path_factory.mktemp("house")
    (own := folder / "workflows").mkdir()
    write_wide(own)
    write_copies(own, _COPIES)
    write_copy(own, "long_title", f"The beginning {'of a long title ' * 8}and its end")
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE, BOB, MO)
        async with house(fake, folder, workflows=own):
            yield fake


@pytest.fixture
def channel(fake: FakeDiscord) -> int:
    return fake.add_channel(next(iter(fake.guilds)))


async def form(fake: FakeDiscord, user: int, channel: int, workflow: str) -> Asked:
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": workflow}]}
    return await fake.ask(2, data, user, channel)


async def shown(fake: FakeDiscord, asked: Asked) -> Post:
    """The message that an interaction was answered with."""
    await asked.answer
    return fake.posts[asked.original or 0]


async def begun(fake: FakeDiscord, user: int, channel: int, text: str) -> Post:
    """The message between the first window of a form and the second."""
    return await shown(fake, await fake.submit(user, await form(fake, user, channel, "wide"), {"text": text}))


async def use(fake: FakeDiscord, user: int, channel: int) -> Post:
    """The picker for a picture in a message."""
    theirs = Post(fake.new_id(), channel, "look", {"mine.png": fresh()}, author=ALICE)
    data = {"id": "8", "name": "Use this picture", "type": 3, "target_id": str(theirs.id)}
    data |= {"resolved": {"messages": {str(theirs.id): fake.message(theirs)}}}
    return await shown(fake, await fake.ask(2, data, user, channel))


def selects(post: Post) -> list[dict[str, Any]]:
    return [item for row in post.components for item in row["components"] if item["type"] == 3]


def offered(post: Post) -> list[str]:
    return [option["value"] for select in selects(post) for option in select["options"]]


async def choose(fake: FakeDiscord, user: int, post: Post, value: str) -> Asked:
    select = next(each for each in selects(post) if value in [option["value"] for option in each["options"]])
    data = {"component_type": 3, "custom_id": select["custom_id"], "values": [value]}
    return await fake.ask(3, data, user, post.channel, message=post)


async def told(fake: FakeDiscord, asked: Asked, words: str) -> None:
    await fake.until(lambda: any(words in text.replace("\\_", "_") for text in fake.whispers(asked)))


async def test_a_form_outlives_restarts(tmp_path: Path) -> None:
    (own := tmp_path / "workflows").mkdir()
    write_wide(own)
    async with FakeDiscord() as fake:
        channel = fake.add_channel(fake.add_guild(ALICE))
        async with house(fake, tmp_path, workflows=own):
            window = await form(fake, ALICE, channel, "wide")
            await window.answer
            picker = await use(fake, ALICE, channel)
        async with house(fake, tmp_path, workflows=own):
            page = await shown(fake, await fake.submit(ALICE, window, {"text": "a house", "size": "large"}))
        async with house(fake, tmp_path, workflows=own):
            second = await fake.click(ALICE, page, "Continue")
            await fake.submit(ALICE, second, {"tiling": "true"})
            (post,) = await results(fake, channel)
            assert "size large" in post.content
            assert "tiling yes" in post.content
            await choose(fake, ALICE, picker, "negative")
            assert (await results(fake, channel, 2))[-1].files


@pytest.mark.long
async def test_change_says_what_is_new_in_the_form(tmp_path: Path) -> None:
    own = tmp_path / "workflows"
    own.mkdir()
    write_many(own, 1)
    write_copy(own, "bare", "Bare")
    async with FakeDiscord() as fake:
        channel = fake.add_channel(fake.add_guild(ALICE))
        async with house(fake, tmp_path, workflows=own):
            await fake.slash(ALICE, channel, "many", {"photo": picture()})
            await fake.slash(ALICE, channel, "bare", {"photo": fresh()})
            posts = await results(fake, channel, 2)
            first = next(each for each in posts if "Many" in each.content)
            bare = next(each for each in posts if "Bare" in each.content)
        write_many(own, 7)
        (own / "bare.toml").write_text('title = "Bare"')
        (own / "bare.json").write_text(json.dumps(BARE))
        async with house(fake, tmp_path, workflows=own):
            window = await fake.click(ALICE, first, "Change")
            (text, *fields) = (await window.answer)[1]["components"]
            assert text["content"] == "“Many” has changed since that run. New: F02, F03, F04, F05, F06, F07."
            assert [each["component"]["custom_id"] for each in fields] == ["photo", "f01", "f02", "f03"]
            page = await shown(fake, await fake.submit(ALICE, window, {"f01": "one"}))
            second = await fake.click(ALICE, page, "Continue")
            named = [each["component"]["custom_id"] for each in (await second.answer)[1]["components"]]
            assert named == ["f04", "f05", "f06", "f07"]
            await fake.submit(ALICE, second, {"f07": "seven"})
            assert "f01 one" in (await results(fake, channel, 3))[-1].content
            empty = await shown(fake, await fake.click(ALICE, bare, "Change"))
            assert "No longer there: Photo." in empty.content
            await fake.click(ALICE, empty, "Run it now")
            assert len(await results(fake, channel, 4)) == 4


def asides(fake: FakeDiscord, channel: int) -> list[Post]:
    """What people see alone in a channel."""
    return [post for post in fake.posts.values() if post.channel == channel and post.flags & 64]


@pytest.mark.long
async def test_nothing_is_left_of_a_picker_and_a_form_that_ran(fake: FakeDiscord, channel: int) -> None:
    picker = await use(fake, ALICE, channel)
    await (await fake.click(ALICE, picker, "More")).answer
    window = await choose(fake, ALICE, picker, "poster")
    refused = await fake.submit(ALICE, window, {"colors": "99"})
    await fake.until(lambda: "use 2 to 32" in picker.content)
    assert picker.labels == ["Change"]
    assert not fake.whispers(refused)
    await fake.submit(ALICE, await fake.click(ALICE, picker, "Change"), {"colors": "5"})
    assert "colors 5" in (await results(fake, channel))[0].content
    page = await begun(fake, ALICE, channel, "long")
    second = await fake.submit(ALICE, await fake.click(ALICE, page, "Continue"), {"tiling": "true"})
    await results(fake, channel, 2)
    await fake.until(lambda: second.original not in fake.posts and not asides(fake, channel))


@pytest.mark.long
async def test_pictures_of_links_and_stickers_can_be_used(fake: FakeDiscord, channel: int) -> None:
    small = {"url": "https://example.org/cat.png", "proxy_url": fake.upload("cat.png", fresh())["url"]}
    drawn = {"id": "77", "name": "Wave", "format_type": 1}
    lottie = {"id": "78", "name": "Moves", "format_type": 3}
    for part in ({"embeds": [{"type": "image", "thumbnail": small}]}, {"sticker_items": [lottie, drawn]}):
        theirs = Post(fake.new_id(), channel, "look", {}, author=ALICE)
        data = {"id": "8", "name": "Use this picture", "type": 3, "target_id": str(theirs.id)}
        data |= {"resolved": {"messages": {str(theirs.id): fake.message(theirs) | part}}}
        name = "preview.png" if "embeds" in part else "sticker.png"
        picker = await shown(fake, await fake.ask(2, data, BOB, channel))
        assert picker.content == f"What shall become of {name}?"


async def test_a_picked_workflow_without_fields_leaves_no_picker(fake: FakeDiscord, channel: int) -> None:
    picker = await use(fake, ALICE, channel)
    await choose(fake, ALICE, picker, "copy_000")
    assert (await results(fake, channel))[0].files
    await fake.until(lambda: not asides(fake, channel))


async def test_a_result_stays_when_it_is_changed(fake: FakeDiscord, channel: int) -> None:
    await fake.submit(ALICE, await form(fake, ALICE, channel, "poster"), {"photo": picture()})
    (post,) = await results(fake, channel)
    content = post.content
    refused = await fake.submit(ALICE, await fake.click(ALICE, post, "Change"), {"colors": "99"})
    await told(fake, refused, "use 2 to 32")
    assert post.content == content


async def test_a_form_is_not_lost_when_its_message_cannot_be_posted(fake: FakeDiscord, channel: int) -> None:
    page = await begun(fake, ALICE, channel, "kept")
    fake.fail("POST", "/webhooks/", 400, {"code": 50035, "message": "Invalid Form Body"})
    await fake.click(ALICE, page, "Run it now")
    await fake.until(lambda: "did not let me write" in page.content)
    assert page.labels == ["Change"]
    window = await fake.click(ALICE, page, "Change")
    items = {each["component"]["custom_id"]: each["component"] for each in (await window.answer)[1]["components"]}
    assert items["text"]["value"] == "kept"


async def test_a_form_belongs_to_one_person(fake: FakeDiscord, channel: int) -> None:
    page = await begun(fake, ALICE, channel, "mine")
    await told(fake, await fake.click(BOB, page, "Run it now"), "has expired")


async def test_a_form_is_kept_until_it_runs_and_no_longer(fake: FakeDiscord, channel: int) -> None:
    page = await begun(fake, ALICE, channel, "once")
    button = page.custom_id("Run it now")
    await fake.press(ALICE, page, button)
    await results(fake, channel)
    await fake.until(lambda: not asides(fake, channel))
    await told(fake, await fake.press(ALICE, page, button), "has expired")


async def test_what_is_refused_can_be_changed(fake: FakeDiscord, channel: int) -> None:
    window = await form(fake, ALICE, channel, "poster")
    refused = await fake.submit(ALICE, window, {"photo": picture(), "colors": "99"})
    await told(fake, refused, "use 2 to 32")
    anew = await fake.click(ALICE, await shown(fake, refused), "Change")
    items = {each["component"]["custom_id"]: each["component"] for each in (await anew.answer)[1]["components"]}
    assert items["colors"]["value"] == "99"
    await fake.submit(ALICE, anew, {"colors": "9"})
    assert "colors 9" in (await results(fake, channel))[0].content


async def test_all_that_is_wrong_in_a_form_is_told_at_once(fake: FakeDiscord, channel: int) -> None:
    window = await form(fake, ALICE, channel, "poster")
    refused = await fake.submit(ALICE, window, {"photo": b"no picture", "colors": "99", "contrast": "high"})
    await told(fake, refused, "use 2 to 32")
    (said,) = fake.whispers(refused)
    assert [line.partition(":")[0] for line in said.splitlines()] == ["colors", "contrast", "photo"]


@pytest.mark.long
async def test_several_files_for_a_field_are_a_run_each_if_that_is_said(fake: FakeDiscord, channel: int) -> None:
    window = await form(fake, ALICE, channel, "negative")
    two = [("red.png", picture()), ("blue.png", fresh())]
    page = await shown(fake, await fake.submit(ALICE, window, {"photo": two}))
    assert page.content.startswith("These are 2 files, and this workflow takes one.")
    assert results_in(fake, channel) == []
    anew = await fake.click(ALICE, page, "Change")
    (label,) = [each for each in (await anew.answer)[1]["components"] if each["component"]["custom_id"] == "photo"]
    assert label["component"]["max_values"] == 10
    assert "now red.png, blue.png" in label["description"]
    await fake.click(ALICE, page, "Run it now")
    await fake.until(lambda: any(post.labels[:2] == ["1", "2"] for post in results_in(fake, channel)))


def results_in(fake: FakeDiscord, channel: int) -> list[Post]:
    """The messages of a channel with files of the bot."""
    return [post for post in fake.public if post.channel == channel and post.files]


async def test_a_long_list_is_typed(fake: FakeDiscord, channel: int) -> None:
    for name in ("31", "3"):
        sent = await fake.submit(ALICE, await form(fake, ALICE, channel, "wide"), {"text": "x", "model": name})
        page = await shown(fake, sent)
        await fake.click(ALICE, page, "Run it now")
        if name == "31":
            assert "model model-31" in (await results(fake, channel))[0].content
    await fake.until(lambda: "is not one of the choices" in page.content)  # it could be ten


async def test_ones_forms_go_with_ones_data(fake: FakeDiscord, channel: int) -> None:
    eve = fake.new_id()
    page = await begun(fake, eve, channel, "mine")
    await told(fake, await fake.press(eve, page, f"darkroom:forget:{eve}"), "deleted")
    await told(fake, await fake.click(eve, page, "Continue"), "has expired")


@pytest.mark.parametrize(
    "name", ["0123abcd", "darkroom:fill:x:0", "darkroom:panel:undo", f"darkroom:turn:{'0' * 16}:0"]
)
async def test_what_nobody_knows_is_answered(fake: FakeDiscord, channel: int, name: str) -> None:
    asked = await fake.press(BOB, Post(fake.new_id(), channel), name)
    await fake.until(lambda: any(fake.whispers(asked)))


@pytest.mark.long
async def test_every_workflow_can_be_picked(fake: FakeDiscord, channel: int) -> None:
    page = await use(fake, BOB, channel)
    assert [len(each["options"]) for each in selects(page)] == [25] * 4
    assert page.labels == ["More"]
    found = offered(page)
    await (await fake.click(BOB, page, "More")).answer
    assert page.labels == ["Earlier"]
    found += offered(page)
    assert len(found) == len(set(found))
    assert {f"copy_{number:03}" for number in range(_COPIES)} <= set(found)
    assert "wide" not in found
    await choose(fake, BOB, page, f"copy_{_COPIES - 1:03}")
    assert (await results(fake, channel))[0].files


async def suggested(fake: FakeDiscord, user: int, channel: int, typed: str) -> list[str]:
    option = {"name": "workflow", "type": 3, "value": typed, "focused": True}
    asked = await fake.ask(4, {"id": "7", "name": "run", "type": 1, "options": [option]}, user, channel)
    return [each["value"] for each in (await asked.answer)[1]["choices"]]


async def test_a_workflow_with_a_long_title_is_found(fake: FakeDiscord, channel: int) -> None:
    for typed in ("long_title", "The beginning", "its end"):
        assert await suggested(fake, BOB, channel, typed) == ["long_title"]


async def test_every_workflow_is_listed_by_the_way_to_run_it(fake: FakeDiscord, channel: int) -> None:
    commands = {each["name"] for each in fake.commands[str(fake.channels[channel])]}
    assert len(commands) == 100
    asked = await fake.slash(BOB, channel, "workflows")
    page = await shown(fake, asked)
    await fake.until(lambda: page.content)
    listed = ""
    while page.content not in listed:
        assert "/run" in page.content.splitlines()[0]
        listed += page.content
        if "More" in page.labels:
            before = page.content
            await fake.click(BOB, page, "More")
            await fake.until(lambda before=before: page.content != before)
    assert page.labels == ["Earlier"]
    for name in [*(f"copy_{number:03}" for number in range(_COPIES)), "long_title", "wide", "polaroid"]:
        assert (f"`/{name}`" if name in commands else f"`/run {name}`") in listed
    _kind, said = await (await fake.slash(BOB, channel, "help")).answer
    assert "100 of the 128 workflows are commands here" in said["content"]
    _kind, said = await (await fake.slash(BOB, fake.add_channel(), "help")).answer
    assert "opens any of the 128 workflows" in said["content"]


@pytest.mark.long
async def test_commands_are_what_people_use_and_what_can_run(tmp_path: Path) -> None:
    (own := tmp_path / "workflows").mkdir()
    write_copies(own, 110)
    async with FakeDiscord() as fake:
        guild = fake.add_guild(ALICE)
        channel = fake.add_channel(guild)
        async with house(fake, tmp_path, workflows=own):
            before = {each["name"] for each in fake.commands[str(guild)]}
            assert not {"imagine", "copy_109"} & before  # one cannot run, and one is the last by its name
            await fake.submit(ALICE, await form(fake, ALICE, channel, "copy_109"), {"photo": fresh()})
            await results(fake, channel)
        async with house(fake, tmp_path, workflows=own):
            await fake.until(lambda: "copy_109" in {each["name"] for each in fake.commands[str(guild)]})
        after = {each["name"] for each in fake.commands[str(guild)]}
        assert (len(before), len(after), len(after - before)) == (100, 100, 1)


@pytest.mark.long
async def test_what_is_denied_in_a_place_is_not_offered_there(fake: FakeDiscord, channel: int) -> None:
    other = fake.add_channel(fake.channels[channel])
    where = {str(channel): {"id": str(channel), "name": "general", "type": 0, "permissions": "0"}}
    options = [
        {"name": "workflow", "type": 3, "value": "copy_000"},
        {"name": "channel", "type": 7, "value": str(channel)},
    ]
    data = {"id": "9", "name": "moderate", "type": 1, "options": [{"name": "deny", "type": 1, "options": options}]}
    data |= {"resolved": {"channels": where}}
    await told(fake, await fake.ask(2, data, MO, channel, own_permissions=_MANAGE_SERVER), "denied")
    assert "copy_000" not in offered(await use(fake, BOB, channel))
    assert "copy_000" in offered(await use(fake, BOB, other))
    assert "copy_000" not in await suggested(fake, BOB, channel, "copy_000")
    assert "copy_000" in await suggested(fake, BOB, other, "copy_000")
    await fake.say(BOB, channel, "<@4242> hello")
    answers = await fake.until(lambda: [post.content for post in fake.public if "Begin with" in post.content])
    assert "copy_001" in answers[0].replace("\\_", "_")
    assert "copy_000" not in answers[0].replace("\\_", "_")
    await told(fake, await form(fake, BOB, channel, "copy_000"), "copy_000")
    stale = await use(fake, BOB, other)
    stale.channel = channel  # a picker of another place
    await told(fake, await choose(fake, BOB, stale, "copy_000"), "copy_000")


async def test_every_workflow_is_in_the_panel(fake: FakeDiscord, channel: int) -> None:
    data = {"id": "9", "name": "moderate", "type": 1, "options": [{"name": "panel", "type": 1, "options": []}]}
    asked = await fake.ask(2, data, MO, channel, own_permissions=_MANAGE_SERVER)
    page = await shown(fake, asked)
    await fake.until(lambda: page.components)
    found = offered(page)
    assert len(selects(page)) == 4
    await fake.click(MO, page, "More", own_permissions=_MANAGE_SERVER)
    await fake.until(lambda: "Earlier" in page.labels)
    assert not set(found) & set(offered(page))
    assert {"negative", "wide", "copy_000", f"copy_{_COPIES - 1:03}"} <= {*found, *offered(page)}
    last = selects(page)[-1]
    *kept, denied = [option["value"] for option in last["options"]]
    chosen = {"component_type": 3, "custom_id": last["custom_id"], "values": kept}
    await fake.ask(3, chosen, MO, channel, message=page, own_permissions=_MANAGE_SERVER)

    def refused() -> list[str]:
        return [each["value"] for select in selects(page) for each in select["options"] if not each["default"]]

    await fake.until(lambda: refused() == [denied])
    assert "Earlier" in page.labels  # it is still the same page
    assert "**Decided**" in page.content
