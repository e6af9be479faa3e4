"""Servers and proxies that answer oddly: the client knows the reason, and one sentence says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.error_text import explain, trouble
from comfy import (
    ComfyClient,
    FileRef,
    FileRefused,
    HistoryCleared,
    Prompt,
    PromptLost,
    PromptRemoved,
    Server,
    UploadFailed,
    WebPage,
)
from comfy.bodies import page_title
from comfy.messages.events import ExecutionSuccess
from tests.comfy.unruly import GRAPH, Job, Unruly

#: What a real ComfyUI answers where its disk is full.
SERVER_GOT_ITSELF_IN_TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


@pytest.fixture
async def server() -> AsyncIterator[Unruly]:
    async with Unruly() as unruly:
        yield unruly


def client_of(server: Unruly) -> ComfyClient:
    return ComfyClient(Server(server.url, look_every=0.05, gone_after=0.3))


async def pieces() -> AsyncIterator[bytes]:
    for number in range(3):
        yield b"x" * (100_000 + number)


@pytest.mark.parametrize("size", [0, 1, 600_000])
async def test_an_upload_has_a_length(server: Unruly, tmp_path: Path, size: int) -> None:
    lengths = []

    async def picky(request: web.Request) -> web.StreamResponse | None:
        if request.content_length is None:
            return web.Response(status=411, text="411 Length Required")
        lengths.append(request.content_length - len(await request.read()))
        return web.json_response({"name": "cat.png"})

    server.intercept = picky
    photo = tmp_path / "cat.png"
    photo.write_bytes(b"x" * size)
    async with client_of(server) as client:
        assert (await client.upload_image(photo)).filename == "cat.png"
        await client.upload_image(pieces(), filename="dog.png")
    assert lengths == [0, 0]


async def test_pieces_are_sent_again_after_a_bad_answer(server: Unruly) -> None:
    async def flaky(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=502) if server.calls["POST /upload"] == 1 else None

    server.intercept = flaky
    async with client_of(server) as client:
        assert (await client.upload_image(pieces(), filename="dog.png")).filename == "dog.png"
    assert server.calls["POST /upload"] == 2


@pytest.mark.parametrize("status", [500, 507])
async def test_a_server_that_cannot_save_a_file(server: Unruly, status: int, tmp_path: Path) -> None:
    async def full(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status, text=SERVER_GOT_ITSELF_IN_TROUBLE)

    server.intercept = full
    photo = tmp_path / "cat.png"
    photo.write_bytes(b"x")
    async with client_of(server) as client:
        with pytest.raises(UploadFailed) as caught:
            await client.upload_image(photo)
    assert f"could not save the file (error {status})" in explain(caught.value, "run")
    assert "input folder is full" in explain(caught.value, "run")
    assert trouble(caught.value, "one") == "The server one could not save the file."


async def test_a_name_that_is_refused_is_asked_for_once(server: Unruly, tmp_path: Path) -> None:
    async def refusing(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=400) if request.path == "/view" else None

    server.intercept = refusing
    async with client_of(server) as client:
        with pytest.raises(FileRefused) as caught:
            await client.download(FileRef("a..b.png"), tmp_path / "x.png")
    assert server.calls["GET /view"] == 1
    assert "“a..b.png”" in explain(caught.value, "run")


async def test_a_page_in_front(server: Unruly) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        body = "\n<!DOCTYPE html>\n<html><head><title>Sign in to /srv/gate · Example</title></head></html>"
        return web.Response(text=body, content_type="text/html")

    server.intercept = page
    async with client_of(server) as client:
        with pytest.raises(WebPage) as caught:
            await client.object_info()
    said = explain(caught.value, "run")
    assert "A web page (“Sign in to gate · Example”) answers at the address of the ComfyUI server." in said
    assert "in front of the server" in said


async def cleared_at_once(server: Unruly, job: Job) -> None:
    await server.begin(job)
    await server.finish(job)
    server.history.clear()


async def cleared_before_the_end_was_told(server: Unruly, job: Job) -> None:
    await server.begin(job)


@pytest.mark.long
async def test_a_history_that_was_cleared_is_no_restart(server: Unruly) -> None:
    server.script = cleared_at_once
    async with client_of(server) as client:
        submission = await client.submit(Prompt(GRAPH))
        events = [event async for event in client.follow(submission.prompt_id)]
        assert isinstance(events[-1], ExecutionSuccess)
        with pytest.raises(HistoryCleared) as caught:
            await client.collect(submission.prompt_id)
    assert "cleared the server's history" in explain(caught.value, "run")
    assert trouble(caught.value, "one") == "The server one lost the result, because someone cleared its history."
    assert trouble(caught.value, "10.0.0.1:8188") == "The server lost the result, because someone cleared its history."


async def test_a_prompt_that_ran_was_not_removed_before_it_ran(server: Unruly) -> None:
    server.script = cleared_before_the_end_was_told
    async with client_of(server) as client:
        submission = await client.submit(Prompt(GRAPH))
        with pytest.raises(HistoryCleared):
            async for _ in client.follow(submission.prompt_id):
                pass


async def test_a_prompt_that_never_ran_was_removed(server: Unruly) -> None:
    async def silent(_server: Unruly, _job: Job) -> None:
        return

    server.script = silent
    async with client_of(server) as client:
        submission = await client.submit(Prompt(GRAPH))
        with pytest.raises(PromptRemoved):
            async for _ in client.follow(submission.prompt_id):
                pass


@pytest.mark.long
async def test_a_restart_is_a_restart(server: Unruly) -> None:
    begun = asyncio.Event()

    async def begins(unruly: Unruly, job: Job) -> None:
        await unruly.begin(job)
        begun.set()
        await asyncio.Event().wait()

    server.script = begins
    async with ComfyClient(Server(server.url, look_every=0.05, gone_after=5.0)) as client:
        submission = await client.submit(Prompt(GRAPH))
        await begun.wait()
        await server.stop()
        await server.start()
        with pytest.raises(PromptLost) as caught:
            async for _ in client.follow(submission.prompt_id):
                pass
    assert not isinstance(caught.value, HistoryCleared)


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (b"<html><title>a</title>", "a"),
        (b"\n <!-- x --> <!---->\n<!DOCTYPE HTML><title lang='x'>  a \n b\xff</title>", "a b\ufffd"),
        (b"<html><head>" + b"<title" * 10_000, ""),
        (b"<!---->" * 9_000, None),
        (b"<!--" * 15_000, None),
        (b"<html>" + b"<title>" + b"x" * 100, "x" * 59 + "…"),
        (b'{"a": 1}', None),
        (b"", None),
        (b"<svg/>", None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_page_is_known_by_its_beginning(body: bytes, title: str | None) -> None:
    assert page_title(body) == title
