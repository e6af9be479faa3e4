"""Colours, 3D files, any files, choices that set several inputs, and what is folded under More, on Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from comfy.embedded import EmbeddedServer
from tests.bot.parcel import STATUE, parcel, write_adults, write_parcel, write_words
from tests.bot.platforms.discord.fake import Asked, FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, first_file, house, opened, results

pytestmark = pytest.mark.asyncio(loop_scope="module")
_GIVEN = {"statue": ("statue.glb", STATUE), "paper": ("list.txt", b"two spoons")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeDiscord]:
    folder = tmp_path_factory.mktemp("house")
    own = write_parcel(folder / "workflows")
    write_adults(own)
    write_words(own)
    async with FakeDiscord() as fake, EmbeddedServer(nodes=parcel()) as server:
        fake.add_guild(ALICE)
        async with house(fake, folder, workflows=own, settings={"COMFYUI_URLS": f"one={server.url}"}):
            yield fake


@pytest.fixture
def channel(fake: FakeDiscord) -> int:
    return fake.add_channel(next(iter(fake.guilds)))


@pytest.mark.long
async def test_a_command_takes_every_kind_and_opens_a_window_for_more(fake: FakeDiscord, channel: int) -> None:
    guild = str(fake.channels[channel])
    command = next(each for each in fake.commands[guild] if each["name"] == "parcel")
    assert [option["name"] for option in command["options"]] == ["statue", "paper", "shade", "size", "more", "spoiler"]
    values = {**_GIVEN, "shade": "f00", "size": "wide", "more": True}
    window = await fake.slash(ALICE, channel, "parcel", values)
    assert names(await window.answer) == ["note", "width"]
    await fake.submit(ALICE, window, {"note": "upside down", "width": "48"})
    (post,) = await results(fake, channel)
    assert "3d .glb two spoons upside down" in post.content
    picture = opened(first_file(post)).convert("RGB")
    assert (picture.size, picture.getpixel((1, 1))) == ((48, 16), (255, 0, 0))


@pytest.mark.long
async def test_what_few_people_change_has_a_window_of_its_own(fake: FakeDiscord, channel: int) -> None:
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "parcel"}]}
    window = await fake.ask(2, data, ALICE, channel)
    assert names(await window.answer) == ["statue", "paper", "shade", "size"]
    page = await fake.submit(ALICE, window, _GIVEN)
    await page.answer
    post = fake.posts[page.original or 0]
    assert post.labels == ["More", "Run it now"]
    assert names(await (await fake.click(ALICE, post, "More")).answer) == ["note", "width"]
    await fake.click(ALICE, post, "Run it now")
    (shown,) = await results(fake, channel)
    assert "careful" in shown.content


async def test_a_file_that_is_no_3d_file_is_refused(fake: FakeDiscord, channel: int) -> None:
    asked = await fake.slash(ALICE, channel, "parcel", {**_GIVEN, "statue": ("statue.png", STATUE)})
    await told(fake, asked, "“statue.png” is not a 3D file")
    asked = await fake.slash(ALICE, channel, "parcel", {**_GIVEN, "shade": "reddish"})
    await told(fake, asked, "“reddish” is not a colour; write it as #ff8800")


async def test_a_form_is_in_the_persons_language_where_its_author_has_translated_it(
    fake: FakeDiscord, channel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "locale", "de")
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "parcel"}]}
    _kind, window = await (await fake.ask(2, data, ALICE, channel)).answer
    assert window["title"] == "Paket"
    assert [label["label"] for label in window["components"]] == ["Statue", "Paper", "Farbton", "Size"]


async def test_the_authors_own_words_are_an_example_and_are_not_run(fake: FakeDiscord, channel: int) -> None:
    command = next(each for each in fake.commands[str(fake.channels[channel])] if each["name"] == "words")
    (option,) = [each for each in command["options"] if each["required"]]
    assert (option["name"], option["description"]) == ("prompt", "For example: a red fox")
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "words"}]}
    window = await fake.ask(2, data, ALICE, channel)
    ((label,),) = [(await window.answer)[1]["components"]]
    assert (label["component"]["required"], label["component"].get("value", "")) == (True, "")
    await fake.submit(ALICE, window, {"prompt": "a blue fox"})
    (post,) = await results(fake, channel)
    assert "a blue fox" in post.content


async def test_what_is_for_adults_runs_only_in_channels_for_adults(fake: FakeDiscord) -> None:
    guild = next(iter(fake.guilds))
    command = next(each for each in fake.commands[str(guild)] if each["name"] == "adults")
    assert command["nsfw"] is True
    plain, restricted = fake.add_channel(guild), fake.add_channel(guild)
    await told(fake, await fake.slash(ALICE, plain, "adults"), "“Adults” is for adults. Use it in an age-restricted")
    fake.adult.add(restricted)
    await fake.slash(ALICE, restricted, "adults")
    (post,) = await results(fake, restricted)
    assert [name.startswith("SPOILER_") for name in post.files] == [True]


async def told(fake: FakeDiscord, asked: Asked, words: str) -> None:
    await fake.until(lambda: any(words in text for text in fake.whispers(asked)))


def names(answer: tuple[int, dict[str, object]]) -> list[str]:
    components: list[dict[str, dict[str, str]]] = answer[1]["components"]  # type: ignore[assignment]
    return [label["component"]["custom_id"] for label in components]
