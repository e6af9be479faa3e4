"""What people saved at a server, as the client reads it: an empty folder is never taken for anything else, or the
reverse.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from comfy import (
    AnswerTooLarge,
    ComfyClient,
    ComfyError,
    FileMissing,
    Garbled,
    Redirected,
    ServerUnavailable,
    UnexpectedAnswer,
    WebPage,
)
from comfy.embedded import EmbeddedServer
from comfy.library.userdata import UserFile

FOLDER = "workflows/darkroom"


async def save(server: EmbeddedServer, path: str, body: bytes = b"{}", user: str | None = None) -> None:
    name = quote(path.replace("%", "%25"), safe="")
    headers = {} if user is None else {"comfy-user": user}
    url = URL(f"{server.url}/api/userdata/{name}", encoded=True)
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        assert await answer.json() == path


@pytest.mark.parametrize("name", ["a.json", "deep/er/a b.json", "50%25 of #1.json", "тест.app.json"])
async def test_a_saved_file_is_listed_and_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    async with EmbeddedServer(tmp_path) as server, ComfyClient(server.url) as client:
        assert await client.saved(FOLDER) == ()
        await save(server, f"{FOLDER}/{name}", b'{"nodes": []}')
        (file,) = await client.saved(FOLDER)
        assert (file.path, file.size) == (name, 13)
        assert file.modified is not None
        assert 1.7e9 < file.modified < 1e11
        assert await client.saved_file(f"{FOLDER}/{name}") == b'{"nodes": []}'
        with pytest.raises(FileMissing):
            await client.saved_file(f"{FOLDER}/other.json")


async def test_what_users_save_is_kept_apart(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path, multi_user=True) as server, ComfyClient(server.url) as client:
        async with aiohttp.ClientSession() as session:
            ids = []
            for name in ("ann", "bob"):
                async with session.post(f"{server.url}/users", json={"username": name}) as answer:
                    ids.append(await answer.json())
        assert await client.users() == dict(zip(ids, ("ann", "bob"), strict=True))
        await save(server, f"{FOLDER}/a.json", b"[]", ids[0])
        assert [file.path for file in await client.saved(FOLDER, ids[0])] == ["a.json"]
        assert await client.saved(FOLDER, ids[1]) == ()
        with pytest.raises(UnexpectedAnswer):
            await client.saved(FOLDER)
        with pytest.raises(UnexpectedAnswer):
            await client.saved(FOLDER, "ann")


async def test_a_server_with_one_user_says_so(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server, ComfyClient(server.url) as client:
        assert await client.users() is None


@asynccontextmanager
async def answering(answer: web.Response) -> AsyncIterator[ComfyClient]:
    async def handle(_: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", handle)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with ComfyClient(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client
    finally:
        await runner.cleanup()


PAGE = "<!doctype html><title>Sign in</title>"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.Response(status=500), UnexpectedAnswer),
        (web.Response(status=502), ServerUnavailable),
        (web.Response(status=401), UnexpectedAnswer),
        (web.Response(status=302, headers={"Location": "/login"}), Redirected),
        (web.Response(text=PAGE, content_type="text/html"), WebPage),
        (web.Response(text=PAGE, status=404, content_type="text/html"), WebPage),
        (web.Response(text="404: Not Found", status=404), UnexpectedAnswer),
        (web.Response(text=""), Garbled),
        (web.Response(text="{}"), Garbled),
        (web.Response(text="null"), Garbled),
        (web.Response(text='[{"name": "a.json"}]'), Garbled),
        (web.Response(text='["a.json", 7]'), Garbled),
        (web.Response(text="[" + "1," * 3_000_000 + "1]"), AnswerTooLarge),
    ],
)
async def test_what_is_no_list_of_files_is_an_error_and_no_empty_folder(
    answer: web.Response, error: type[ComfyError]
) -> None:
    async with answering(answer) as client:
        with pytest.raises(error):
            await client.saved(FOLDER)


async def test_a_server_that_is_away_is_an_error(unused_tcp_port: int) -> None:
    async with ComfyClient(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(ServerUnavailable):
            await client.saved(FOLDER)


async def test_older_servers_list_names_alone_and_times_in_seconds() -> None:
    async with answering(web.Response(text='["sub\\\\a.json", "b.json"]')) as client:
        assert await client.saved(FOLDER) == (UserFile("sub/a.json"), UserFile("b.json"))
    entries = [{"path": "a\\b.json", "size": 3, "modified": 1_700_000_000.5}]  # a name with such a sign, not a folder
    async with answering(web.Response(text=json.dumps(entries))) as client:
        assert await client.saved(FOLDER) == (UserFile("a\\b.json", 3, 1_700_000_000.5),)


async def test_a_login_page_is_no_saved_file() -> None:
    async with answering(web.Response(text=PAGE, content_type="text/html")) as client:
        with pytest.raises(WebPage):
            await client.saved_file(f"{FOLDER}/a.json")


async def test_a_page_is_no_answer_about_users() -> None:
    async with answering(web.Response(text='{"users": ["ann"]}')) as client:
        with pytest.raises(Garbled):
            await client.users()
