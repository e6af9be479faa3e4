"""A server that sends us elsewhere: we do not go, our headers stay, and the error names the address without secrets."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.error_text import explain
from comfy import ComfyClient, Server
from comfy.errors import Redirected
from comfy.messages.files import FileRef
from comfy.prompt import Prompt
from tests.comfy.unruly import GRAPH, Unruly


def redirecting(server: Unruly, path: str, target: str, status: int = 302) -> None:
    async def intercept(request: web.Request) -> web.Response | None:
        return web.Response(status=status, headers={"Location": target}) if request.path == path else None

    server.intercept = intercept


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_file_is_fetched_from_no_other_address(status: int, tmp_path: Path) -> None:
    async with Unruly() as server, Unruly() as other:
        secret = other.url.replace("//", "//user:hunter2@") + "/elsewhere?token=hunter2#hunter2"
        redirecting(server, "/view", secret, status)
        async with ComfyClient(Server(server.url, headers={"X-Api-Key": "key"})) as client:
            with pytest.raises(Redirected) as caught:
                await client.download(FileRef("x.png", "", "output"), tmp_path / "x.png")
        assert (caught.value.target, caught.value.moved) == (f"{other.url}/elsewhere", False)
        assert caught.value.status == status
        assert not other.calls
        assert not (tmp_path / "x.png").exists()
        said = explain(pickle.loads(pickle.dumps(caught.value)), "run")  # noqa: S301 - our own
        assert f"{other.url}/elsewhere" in said
        assert "hunter2" not in said + str(caught.value)


@pytest.mark.parametrize("prefix", ["", "/comfy"])
async def test_the_address_to_use_is_one_that_can_be_set(prefix: str) -> None:
    async with Unruly() as server, Unruly() as other:
        redirecting(server, "/object_info", f"{other.url}{prefix}/object_info?token=hunter2")
        async with ComfyClient(Server(server.url)) as client:
            with pytest.raises(Redirected) as caught:
                await client.object_info()
    assert caught.value.target == f"{other.url}{prefix}"
    assert caught.value.moved
    assert f"{other.url}{prefix}. The operator should use that address." in explain(caught.value, "run")


async def test_a_page_in_front_is_no_address_to_use() -> None:
    async with Unruly() as server:
        redirecting(server, "/object_info", "/login?next=/object_info")
        async with ComfyClient(Server(server.url)) as client:
            with pytest.raises(Redirected) as caught:
                await client.object_info()
    assert not caught.value.moved
    assert "use that address" not in explain(caught.value, "run")


async def test_a_websocket_goes_to_no_other_address() -> None:
    async with Unruly() as server, Unruly() as other:
        redirecting(server, "/ws", f"{other.url}/ws")
        async with ComfyClient(Server(server.url, headers={"X-Api-Key": "key"}, look_every=0.05)) as client:
            await client.submit(Prompt(GRAPH))
        assert server.calls["GET /ws"]
        assert not other.calls


async def test_a_query_in_the_address_goes_with_every_request_and_is_never_shown(tmp_path: Path) -> None:
    seen = set[str]()

    async def intercept(request: web.Request) -> None:
        assert request.query.get("token") == "hunter2", request.path
        seen.add(request.path.split("/")[1])

    async with Unruly() as server:
        server.intercept = intercept
        address = Server(f"{server.url}/?token=hunter2", look_every=0.05)
        assert "hunter2" not in str(address)
        async with ComfyClient(address) as client:
            await client.submit(Prompt(GRAPH))
            await client.download(FileRef("x.png", "", "output"), tmp_path / "x.png")
    assert {"ws", "prompt", "view"} <= seen
