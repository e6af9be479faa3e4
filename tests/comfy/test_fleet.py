"""A fleet over real sockets: servers that are there, go, and come back with other nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from comfy.client import ComfyClient
from comfy.embedded import EmbeddedServer
from comfy.fleet import Fleet, Member
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.server import Server
from tests.bot.harness import Gates
from tests.patience import PATIENCE


def painted(color: int) -> Prompt:
    """A prompt that makes a picture of its own."""
    nodes = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "painted"}},
    }
    return Prompt(nodes)


def gated(name: str) -> Prompt:
    """A prompt that waits at the gate of this name."""
    nodes = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1}},
        "2": {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": name}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": name}},
    }
    return Prompt(nodes)


async def until(fleet: Fleet, changes: asyncio.Event, *up: str) -> None:
    while fleet.up != set(up):
        changes.clear()
        await changes.wait()


async def test_servers_go_and_come_back(tmp_path: Path, unused_tcp_port: int) -> None:
    changes = asyncio.Event()
    async with EmbeddedServer(tmp_path / "one") as one:
        members = [
            Member("one", Server(one.url)),
            Member("two", Server(f"http://127.0.0.1:{unused_tcp_port}", connect_timeout=1.0)),
        ]
        async with Fleet(members, changes.set) as fleet:
            await fleet.looked()
            assert fleet.up == {"one"}
            assert list(fleet.known) == ["one"]
            two = EmbeddedServer(tmp_path / "two", port=unused_tcp_port, models={"checkpoints": ["x.ckpt"]})
            async with two:
                await until(fleet, changes, "one", "two")
                assert "SaveImage" in fleet.known["two"]
            fleet.doubt("two")
            assert fleet.up == {"one"}
            before = fleet.version
            async with EmbeddedServer(tmp_path / "two", port=unused_tcp_port):
                await until(fleet, changes, "one", "two")
            assert fleet.version > before


async def test_a_server_in_doubt_that_answers_is_used_again(tmp_path: Path) -> None:
    changes = asyncio.Event()
    async with EmbeddedServer(tmp_path) as one, Fleet([Member("one", Server(one.url))], changes.set) as fleet:
        await fleet.looked()
        fleet.doubt("one")
        assert fleet.up == frozenset()
        await until(fleet, changes, "one")


async def test_a_queue_is_shared_while_it_has_prompts_that_nobody_here_follows() -> None:
    changes, gates = asyncio.Event(), Gates()

    async def is_shared(fleet: Fleet, *names: str) -> None:
        while fleet.shared != set(names):
            changes.clear()
            await changes.wait()

    async with (
        EmbeddedServer(nodes=gates.nodes()) as one,
        ComfyClient(one.url) as other,
        Fleet([Member("one", Server(one.url))], changes.set) as fleet,
    ):
        client = fleet.client("one")
        theirs = await other.submit(gated("theirs"))
        await client.submit(gated("ours"))
        await is_shared(fleet, "one")
        following = asyncio.ensure_future(anext(client.follow(theirs.prompt_id)))  # as after a restart
        await is_shared(fleet)
        await following
        foreign = await other.submit(gated("foreign"))
        await is_shared(fleet, "one")
        await other.cancel(foreign.prompt_id)
        await is_shared(fleet)
        gates.open()


async def test_prompts_of_ours_that_follow_each_other_are_nobody_elses() -> None:
    shared = list[frozenset[str]]()

    async def chain(client: ComfyClient, first: int) -> None:
        for color in range(first, first + 5):
            submission = await client.submit(painted(color))
            async for _event in client.follow(submission.prompt_id):
                pass

    async with EmbeddedServer() as one:
        fleet = Fleet([Member("one", Server(one.url))], lambda: shared.append(fleet.shared))
        async with fleet:
            await asyncio.gather(*(chain(fleet.client("one"), first) for first in (0, 100)))
    assert set(shared) == {frozenset()}


async def test_a_model_that_comes_is_news_and_the_same_again_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfy.fleet._CALM", 0.01)
    monkeypatch.setattr("comfy.fleet._STALE", 0.0)
    models, looks, changes = ["a.ckpt"], asyncio.Queue[None](), asyncio.Event()

    async def object_info(_request: web.Request) -> web.Response:
        looks.put_nowait(None)
        return web.json_response({"Load": node(*models)})

    async def system_stats(_request: web.Request) -> web.Response:
        return web.json_response({"system": {}, "devices": []})

    app = web.Application()
    app.add_routes([web.get("/object_info", object_info), web.get("/system_stats", system_stats)])
    async with (
        TestServer(app) as server,
        Fleet([Member("one", Server(str(server.make_url("/"))))], changes.set) as fleet,
    ):
        await until(fleet, changes, "one")
        before = fleet.version
        for _ in range(4):
            await looks.get()
        assert fleet.version == before
        changes.clear()
        models.append("b.ckpt")
        await changes.wait()
        assert fleet.version > before


def node(*choices: str) -> dict[str, object]:
    return {"input": {"required": {"name": [list(choices), {}], "size": ["INT", {}]}}, "output": ["MODEL"]}


def test_what_several_servers_have_together() -> None:
    first, second = ObjectInfo({"Load": node("a", "b"), "One": node()}), ObjectInfo({"Load": node("b", "c")})
    both = ObjectInfo.union([first, second])
    assert both.class_types == {"Load", "One"}
    loaded = both.input("Load", "name")
    assert loaded is not None
    assert loaded.choices == ("a", "b", "c")
    assert both.input("Load", "size") == first.input("Load", "size")


@pytest.mark.parametrize("count", [0, 1])
def test_a_union_of_few(count: int) -> None:
    info = ObjectInfo({"Load": node("a")})
    assert len(ObjectInfo.union([info] * count)) == count


async def test_a_server_that_dies_at_rest_is_seen_without_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfy.fleet._CALM", 2 * PATIENCE)
    changes = asyncio.Event()
    server = EmbeddedServer()
    await server.__aenter__()
    async with Fleet([Member("one", Server(server.url))], changes.set) as fleet:
        await until(fleet, changes, "one")
        client = fleet.client("one")
        submission = await client.submit(painted(1))
        async for _event in client.follow(submission.prompt_id):
            pass
        await server.__aexit__(None, None, None)
        async with asyncio.timeout(PATIENCE):
            while "one" not in fleet.down:
                await changes.wait()
                changes.clear()
