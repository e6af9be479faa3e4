"""Several with one request on Discord: one message that grows, with numbered buttons below."""

from __future__ import annotations

import asyncio
import io
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from bot.platforms.discord.runs import group
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.core.groups.recording import write_seeded, write_worded
from tests.bot.harness import BusyStudio, Studio, after, painter, until
from tests.bot.onward import gate_that_fails_once, write_onward, write_recipe
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, Process, house
from tests.bot.platforms.discord.test_moderation import moderate, told


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE, BOB)
        yield fake


def seeds(post: Post) -> dict[str, int]:
    """The colours of the pictures, which are their seeds, by their numbers."""
    found = {}
    for name, content in post.files.items():
        pixel = Image.open(io.BytesIO(content)).convert("RGB").getpixel((3, 3))
        assert isinstance(pixel, tuple)
        found[name.partition("-")[0]] = pixel[1] * 256 + pixel[2]
    return found


async def ended(fake: FakeDiscord, channel: int, count: int = 1) -> list[Post]:
    def shown() -> list[Post]:
        return [post for post in fake.public if post.channel == channel and "Delete all" in post.labels]

    await fake.until(lambda: len(shown()) >= count)
    return shown()


async def taken(folder: Path, count: int) -> None:
    """Wait until so many runs are on record."""

    async def are_there() -> bool:
        with closing(sqlite3.connect(folder / "data" / "darkroom.db")) as database:
            ((found,),) = database.execute("SELECT count(*) FROM runs")
        return bool(found == count)

    await until(are_there)


def open_at(fake: FakeDiscord, folder: Path, url: str) -> AbstractAsyncContextManager[None]:
    """The bot with the workflows and a server."""
    return house(fake, folder, workflows=folder / "workflows", settings={"COMFYUI_URLS": url})


async def test_one_message_grows_and_its_numbers_open_buttons(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with house(fake, tmp_path, workflows=tmp_path / "workflows"):
        await fake.slash(ALICE, channel, "seeded", {"count": 3, "seed": 5})
        (post,) = await ended(fake, channel)
        assert seeds(post) == {"1": 5, "2": 6, "3": 7}
        assert post.labels == ["1", "2", "3", "Again", "Change", "Delete all"]
        assert all(text.startswith("Number ") for text in post.alt.values())
        await fake.click(ALICE, post, "2")
        aside = await fake.until(lambda: next((each for each in fake.posts.values() if "Vary" in each.labels), None))
        await fake.click(ALICE, aside, "Delete")
        await fake.until(lambda: seeds(post) == {"1": 5, "3": 7} and "2" not in post.labels)
        await fake.click(ALICE, post, "Again")
        (_post, again) = await ended(fake, channel, 2)
        assert len(set(seeds(again).values())) == 3
        await fake.click(ALICE, post, "Delete all")
        await fake.until(lambda: post not in fake.public)


@pytest.mark.long
async def test_a_matrix_says_of_each_picture_what_differs(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with (
        EmbeddedServer(nodes=painter(["a.ckpt"], lambda _model, _color: None)) as server,
        open_at(fake, tmp_path, server.url),
    ):
        values = {"prompt": "x", "seed": 5, "vary": "prompt=a car;a dog, color=7..8"}
        await fake.slash(ALICE, channel, "worded", values)
        (post,) = await ended(fake, channel)
        assert seeds(post) == {"1": 7, "2": 8, "3": 7, "4": 8}
        assert "1: “a car”, color 7 · 2: “a car”, color 8 · 3: “a dog”, color 7" in post.content
        assert any(text.startswith("Number 4 (“a dog”, color 8): ") for text in post.alt.values())
        await fake.slash(ALICE, channel, "worded", {"prompt": "x", "vary": "colour=1;2"})
        await fake.until(lambda: any("Did you mean “color”?" in each.content for each in fake.posts.values()))


@pytest.mark.long
async def test_use_this_picture_asks_which(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with house(fake, tmp_path, workflows=tmp_path / "workflows"):
        await fake.slash(ALICE, channel, "seeded", {"count": 2, "seed": 5})
        (post,) = await ended(fake, channel)
        data = {
            "id": "8",
            "type": 3,
            "target_id": str(post.id),
            "resolved": {"messages": {str(post.id): fake.message(post)}},
        }
        asked = await fake.ask(2, {**data, "name": "Use this picture"}, BOB, channel)
        await asked.answer
        which = fake.posts[asked.original or 0]
        assert which.labels == ["1", "2"]
        picking = await fake.click(BOB, which, "2")
        await picking.answer
        assert "seeded-6" in fake.posts[picking.original or 0].content


@pytest.mark.long
async def test_use_as_input_asks_which_and_offers_first_what_the_author_chose(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with house(fake, tmp_path, workflows=tmp_path / "workflows"):
        await fake.slash(ALICE, channel, "pair", {"color": 7})
        post = await fake.until(lambda: next((each for each in fake.public if "Use as input" in each.labels), None))
        assert post.labels[:2] == ["1", "2"]
        await fake.click(BOB, post, "2")
        own = ["Change", "Use as input", "Original", "Details"]
        aside = await fake.until(lambda: next((each for each in fake.posts.values() if each.labels == own), None))
        used = await fake.click(BOB, aside, "Use as input")
        await used.answer
        assert "What shall become of" in fake.posts[used.original or 0].content
        asked = await fake.click(BOB, post, "Use as input")
        await asked.answer
        which = fake.posts[asked.original or 0]
        assert which.labels == ["1", "2"]
        picking = await fake.click(BOB, which, "2")
        await picking.answer
        menu = which.components[0]["components"][0]
        offered = [option["value"] for option in menu["options"]]
        assert (offered[0], "darker" in offered, "pair" in offered) == ("lighter", True, False)
        pick = {"component_type": 3, "custom_id": menu["custom_id"], "values": ["lighter"]}
        shown = await fake.ask(3, pick, BOB, channel, message=which)
        await fake.submit(BOB, shown, {"factor": "1.5"})
        await fake.until(lambda: any("factor 1.5" in each.content and each.files for each in fake.public))


@pytest.mark.long
async def test_a_recipe_asks_which_result_goes_on_and_goes_on_from_a_step_that_failed(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> gate", '[step.gate]\ntake = "ask"\n')
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with EmbeddedServer(nodes=gate_that_fails_once()) as server:
        settings = {"COMFYUI_URLS": server.url}
        async with house(fake, tmp_path, workflows=tmp_path / "workflows", settings=settings):
            await fake.slash(ALICE, channel, "film", {"color": 7})
            await fake.until(lambda: any("Which one goes on?" in post.content for post in fake.public))
            (post,) = fake.public
            await fake.until(lambda: post.labels == ["1", "2", "Cancel"] and len(post.files) == 2)
            assert "Film" in post.content
            refused = await fake.click(BOB, post, "2")
            await fake.until(
                lambda: any(p.token == refused.token and "Only the person" in p.content for p in fake.posts.values())
            )
            await fake.click(ALICE, post, "2")
            await fake.until(lambda: "Go on" in post.labels)
            await fake.click(ALICE, post, "1")
            aside = await fake.until(lambda: next((p for p in fake.posts.values() if "Details" in p.labels), None))
            assert "Vary" not in aside.labels  # it has no seed
            await fake.click(ALICE, post, "Go on")
            await fake.until(lambda: len(fake.public) == 2 and bool(fake.public[1].files))


@pytest.mark.long
async def test_what_has_ended_is_there_before_the_others_and_one_cancel_stops_all(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with Studio(["a.ckpt"], lambda color: 0.0 if color < 3 else 60.0) as studio:
        settings = {"COMFYUI_URLS": studio.url}
        async with house(fake, tmp_path, workflows=tmp_path / "workflows", settings=settings):
            await fake.slash(ALICE, channel, "slow", {"count": 4, "seed": 1})
            await fake.until(lambda: any("2 of 4 done" in post.content for post in fake.public))
            (post,) = fake.public
            await fake.until(lambda: len(post.files) == 2)
            await fake.click(ALICE, post, "Cancel")
            await ended(fake, channel)
            assert seeds(post) == {"1": 1, "2": 2}
            assert "3, 4: Cancelled" in post.content


def noisy(size: Callable[[int], int]) -> dict[str, NodeType]:
    """A server's nodes that paint noise, which no format makes smaller: of a size for each seed."""

    def noise(model: str, color: int) -> Any:
        side = size(color)
        return np.random.default_rng(color).random((1, side, side, 3), dtype=np.float32)

    nodes = painter(["a.ckpt"], lambda _model, _color: None)
    return {**nodes, "Paint": replace(nodes["Paint"], function=noise)}


@pytest.mark.long
async def test_a_request_has_25_megabytes_at_most_and_each_file_is_sent_once(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with EmbeddedServer(nodes=noisy(lambda _seed: 1700)) as server:
        settings = {"COMFYUI_URLS": server.url}
        async with house(fake, tmp_path, workflows=tmp_path / "workflows", settings=settings):
            await told(fake, await moderate(fake, channel, "limit", {"measure": "count", "most": 10}), "Set the limit")
            await fake.slash(ALICE, channel, "slow", {"count": 10, "seed": 1})
            (post,) = await ended(fake, channel)
            assert len(post.files) == 10
            assert min(map(len, post.files.values())) > 8e6  # none was made smaller
            assert max(post.sent) <= 25 * 2**20
            assert sum(post.sent) == sum(map(len, post.files.values()))  # and none was sent twice


@pytest.mark.long
async def test_what_discord_takes_less_of_than_it_said_leaves_the_others(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    fake.file_limit = 20_000
    async with EmbeddedServer(nodes=noisy(lambda seed: 120 if seed == 2 else 16)) as server:
        settings = {"COMFYUI_URLS": server.url}
        async with house(fake, tmp_path, workflows=tmp_path / "workflows", settings=settings):
            await fake.slash(ALICE, channel, "slow", {"count": 3, "seed": 1}, limit=10 * 2**20)
            (post,) = await ended(fake, channel)
            assert {name.partition("-")[0] for name in post.files} == {"1", "3"}
            assert "Number 2 is too large for Discord here." in post.content


@pytest.mark.long
async def test_two_who_ask_for_four_each_have_them_once_though_the_program_is_killed(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    both = threading.Event()
    async with BusyStudio(["a.ckpt"], 8, after(both, lambda _color: 0.3)) as studio:
        settings = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": studio.url}
        async with Process(fake, tmp_path, **settings) as process:
            await fake.slash(ALICE, channel, "slow", {"count": 4, "seed": 100})
            await fake.slash(BOB, channel, "slow", {"count": 4, "seed": 200})
            await taken(tmp_path, 8)
            both.set()
            await fake.until(lambda: len(studio.painted) >= 3 and any(post.files for post in fake.public))
            await process.end(signal.SIGKILL)
        async with Process(fake, tmp_path, **settings):
            posts = await ended(fake, channel, 2)
        found = sorted(tuple(sorted(seeds(post).items())) for post in posts)
        assert found == [tuple((str(number), first + number - 1) for number in range(1, 5)) for first in (100, 200)]
        assert len(fake.public) == 2
    turns = [len(list(runs)) for _person, runs in groupby(dict.fromkeys(studio.painted), lambda color: color // 100)]
    assert max(turns[:-1]) <= 2, studio.painted


@pytest.mark.long
async def test_an_hour_after_the_message_the_rest_comes_below(
    fake: FakeDiscord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    monkeypatch.setattr(group, "_HOUR", -60.0)
    async with house(fake, tmp_path, workflows=tmp_path / "workflows"):
        await fake.slash(ALICE, channel, "seeded", {"count": 2, "seed": 5})
        (post,) = await ended(fake, channel)
        below = [each for each in fake.public if each.answers == post.id]
        assert post.files == {}
        assert {number: seed for each in below for number, seed in seeds(each).items()} == {"1": 5, "2": 6}
        assert sum(len(each.files) for each in below) == 2


@pytest.mark.long
async def test_a_message_that_is_gone_cancels_all(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    gone = threading.Event()
    async with (
        Studio(["a.ckpt"], after(gone, lambda color: 0.0 if color < 2 else 60.0)) as studio,
        open_at(fake, tmp_path, studio.url),
    ):
        await fake.slash(ALICE, channel, "slow", {"count": 3, "seed": 1})
        await fake.until(lambda: fake.public and studio.painted)
        fake.posts.pop(fake.public[0].id)
        gone.set()

        async def are_cancelled() -> bool:
            with closing(sqlite3.connect(tmp_path / "data" / "darkroom.db")) as database:
                states = [row[0] for row in database.execute("SELECT state FROM runs ORDER BY cell")]
            return len(states) == 3 and set(states[1:]) == {"cancelled"}

        await until(are_cancelled)
        assert fake.public == []


@pytest.mark.long
async def test_where_the_channel_goes_the_results_come_as_a_direct_message(fake: FakeDiscord, tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    channel = fake.add_channel(next(iter(fake.guilds)))
    gone = threading.Event()
    async with Studio(["a.ckpt"], after(gone, lambda _color: 0.0)) as studio, open_at(fake, tmp_path, studio.url):
        asked = await fake.slash(ALICE, channel, "slow", {"count": 2, "seed": 5})
        await fake.until(lambda: fake.public and studio.painted)
        fake.asked[asked.token].expired = True
        fake.posts.pop(fake.public[0].id)
        del fake.channels[channel]
        gone.set()
        direct = await fake.until(
            lambda: next((each for each in fake.posts.values() if each.channel in fake.directs and each.files), None)
        )
        assert seeds(direct) == {"1": 5, "2": 6}
        assert "Delete all" in direct.labels
