"""The routes of what people save in the editor, as a real server answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from comfy.embedded import EmbeddedServer

LIST = "/api/userdata?dir=workflows&recurse=true&full_info=true"


async def ask(session: aiohttp.ClientSession, method: str, path: str, **given: Any) -> tuple[int, str]:
    from yarl import URL

    async with session.request(method, URL(path, encoded=True), **given) as answer:
        return answer.status, await answer.text()


async def test_a_saved_file_is_listed_read_moved_and_deleted(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server, aiohttp.ClientSession(server.url) as session:
        assert await ask(session, "GET", LIST) == (404, "Directory not found")
        assert await ask(session, "POST", "/userdata/workflows%2Fdarkroom%2Fa.json", data=b"{}") == (
            200,
            '"workflows/darkroom/a.json"',
        )
        assert (await ask(session, "POST", "/userdata/workflows%2Fdarkroom%2Fa.json?overwrite=false", data=b"x"))[
            0
        ] == 409
        assert (await ask(session, "POST", "/userdata/workflows%2F.index.json", data=b"{}"))[0] == 200
        async with session.get(LIST) as answer:
            (entry,) = await answer.json()
        assert (entry["path"], entry["size"], entry["modified"] > 1e12) == ("darkroom/a.json", 2, True)
        assert await ask(session, "GET", "/userdata?dir=workflows&recurse=true") == (200, '["darkroom/a.json"]')
        assert await ask(session, "GET", "/userdata?dir=workflows") == (200, "[]")
        assert await ask(session, "GET", "/userdata?dir=workflows/darkroom&split=true") == (
            200,
            '[["a.json", "a.json"]]',
        )
        async with session.get("/v2/userdata?path=workflows/darkroom") as answer:
            (newer,) = await answer.json()
        assert (newer["path"], newer["type"], newer["modified"] < 1e12) == ("workflows/darkroom/a.json", "file", True)
        assert await ask(session, "GET", "/userdata/workflows%2Fdarkroom%2Fa.json") == (200, "{}")
        assert (await ask(session, "POST", "/userdata/workflows%2Fdarkroom%2Fa.json/move/b.json"))[1] == '"b.json"'
        assert (await ask(session, "DELETE", "/userdata/workflows%2Fdarkroom%2Fa.json"))[0] == 404
        assert (await ask(session, "DELETE", "/userdata/b.json"))[0] == 204


async def test_odd_requests_get_what_comfyui_gives_them(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path, max_upload_size=1000) as server, aiohttp.ClientSession(server.url) as session:
        assert (await ask(session, "POST", "/userdata/workflows/c.json", data=b"{}"))[0] == 405
        assert (await ask(session, "GET", "/userdata"))[0] == 400
        assert (await ask(session, "GET", "/userdata?dir=../.."))[0] == 403
        assert (await ask(session, "GET", "/userdata/..%2F..%2Fx"))[0] == 403
        assert (await ask(session, "POST", "/userdata/big.json", data=b"x" * 2000))[0] == 413
        assert (await ask(session, "POST", "/userdata/f%2Fg.json", data=b"{}"))[0] == 200
        assert (await ask(session, "GET", "/userdata/f"))[0] == 403
        assert (await ask(session, "DELETE", "/userdata/f"))[0] == 500
        assert (await ask(session, "GET", "/userdata/missing.json"))[0] == 404
        # A name with “%” is decoded twice, so it has to be sent encoded twice.
        assert (await ask(session, "POST", "/userdata/5%2525.json", data=b"{}"))[1] == '"5%.json"'


@pytest.mark.parametrize("path", [LIST, "/userdata/a.json"])
async def test_with_several_users_each_request_names_one(tmp_path: Path, path: str) -> None:
    async with EmbeddedServer(tmp_path, multi_user=True) as server, aiohttp.ClientSession(server.url) as session:
        async with session.post("/users", json={"username": "ann"}) as answer:
            ann = await answer.json()
        assert (await ask(session, "POST", "/users", json={"username": "ann"}))[0] == 400
        async with session.get("/users") as answer:
            assert (await answer.json())["users"] == {ann: "ann"}
        assert (await ask(session, "GET", path))[0] == 500
        assert (await ask(session, "GET", path, headers={"comfy-user": "bob"}))[0] == 500
        assert (await ask(session, "GET", path, headers={"comfy-user": ann}))[0] == 404
