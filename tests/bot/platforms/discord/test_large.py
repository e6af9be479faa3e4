"""Files that are too large for Discord: people who see the message get a link to the film on the page."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.config import PageConfig
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import Host, NodeType, Shown
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, house, results

pytestmark = pytest.mark.asyncio(loop_scope="module")
_SHOTS = bytes(range(256)) * 40
_FILM = b"\0\0\0\x14ftypisom\0\0\0\0isom" + (len(_SHOTS) + 8).to_bytes(4, "big") + b"mdat" + _SHOTS
_HERE = 4000  # bytes that Discord takes
_WORLD = "https://darkroom.example.org"


def _film(host: Host) -> Shown:
    (saved,) = host.next_files("film", "output", 1, ".mp4")
    saved.path.write_bytes(_FILM)
    return Shown({"images": [saved.as_json()]})


@dataclass
class World:
    """Discord, and the page as the world's proxy sees it."""

    fake: FakeDiscord
    page: str
    session: aiohttp.ClientSession

    async def get(self, link: str, **headers: str) -> tuple[int, bytes]:
        there = {"Host": "darkroom.example.org", "Sec-Fetch-Site": "cross-site", **headers}
        async with self.session.get(link.replace(_WORLD, self.page), headers=there) as answer:
            return answer.status, await answer.read()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("house")
    (own := folder / "workflows").mkdir()
    (own / "film.json").write_text(json.dumps({"1": {"class_type": "Film", "inputs": {}}}))
    (own / "film.toml").write_text('title = "Film"')
    node = NodeType("Film", "Film", "test", _film, {}, {}, {}, (), output_node=True, wants=frozenset({"host"}))
    opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    page = WebPlatform(PageConfig(ports=(0,)), opened.set_result)
    async with (
        FakeDiscord() as fake,
        EmbeddedServer(nodes={"Film": node}) as server,
        aiohttp.ClientSession() as session,
    ):
        fake.add_guild(ALICE, BOB)
        settings = {"COMFYUI_URLS": server.url, "DARKROOM_PUBLIC_URL": _WORLD}
        async with house(fake, folder, workflows=own, settings=settings, beside=[page]):
            yield World(fake, await opened, session)


async def filmed(world: World) -> tuple[Post, str]:
    """A message that links to its film, and the link."""
    channel = world.fake.add_channel(next(iter(world.fake.guilds)))
    await world.fake.slash(ALICE, channel, "film", limit=_HERE)
    (post,) = await results(world.fake, channel)
    found = re.search(rf"{_WORLD}/\S+", post.content)
    assert found is not None, post.content
    return post, found[0]


@pytest.mark.long
async def test_a_film_is_linked_to(world: World) -> None:
    post, link = await filmed(world)
    assert not post.files
    assert await world.get(link) == (200, _FILM)
    assert await world.get(link, Range="bytes=10-19") == (206, _FILM[10:20])
    given = await world.fake.click(BOB, post, "Original", limit=_HERE)
    await world.fake.until(lambda: any(link in text for text in world.fake.whispers(given)))


@pytest.mark.long
async def test_a_film_is_linked_to_where_discord_takes_less_than_it_said(world: World) -> None:
    channel = world.fake.add_channel(next(iter(world.fake.guilds)))
    world.fake.file_limit = _HERE
    try:
        await world.fake.slash(ALICE, channel, "film", limit=10 * 2**20)
        (post,) = await results(world.fake, channel)
        assert _WORLD in post.content
        given = await world.fake.click(BOB, post, "Original", limit=10 * 2**20)
        await world.fake.until(lambda: any(_WORLD in text for text in world.fake.whispers(given)))
    finally:
        world.fake.file_limit = 10 * 2**20


async def test_a_link_cannot_be_guessed(world: World) -> None:
    _post, link = await filmed(world)
    base, run, number, mark, name = link.rsplit("/", 4)
    _other, foreign = await filmed(world)
    theirs = foreign.rsplit("/", 4)[3]
    for forged in (f"{run}/{number}/{theirs}/{name}", f"{run}/2/{mark}/{name}", f"{run}/1/x/{name}"):
        assert (await world.get(f"{base}/{forged}"))[0] == 404


async def test_a_link_ends_with_its_run(world: World) -> None:
    post, link = await filmed(world)
    await world.fake.click(ALICE, post, "Delete")
    await world.fake.until(lambda: post.id not in world.fake.posts)
    assert (await world.get(link))[0] == 404


async def test_nothing_else_is_open_to_the_world(world: World) -> None:
    assert (await world.get(f"{_WORLD}/"))[0] == 421
