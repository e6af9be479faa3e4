"""Connections of people who take their time, or too many of them, to a real server."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.platforms.http_server import ConnectionLimits, listening
from bot.platforms.seldom import Seldom
from tests.patience import PATIENCE

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@dataclass
class Site:
    """A small site. A request of `/gate` is answered when `gate` is opened."""

    port: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    at_gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._page),
                web.post("/body", self._body),
                web.get("/gate", self._gate),
                web.get("/endless", self._endless),
                web.get("/fails", self._fails),
            ]
        )
        return app

    async def connect(self, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        return reader, writer

    async def all_of(self, data: bytes) -> bytes:
        """What comes back before the server closes the connection."""
        reader, writer = await self.connect(data)
        try:
            return await until_closed(reader)
        finally:
            writer.close()

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text="the page")

    async def _body(self, request: web.Request) -> web.Response:
        return web.Response(text=f"{len(await request.read())} bytes")

    async def _gate(self, _request: web.Request) -> web.Response:
        self.at_gate.release()
        await self.gate.wait()
        return web.Response(text="open")

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 65_536)
        finally:
            self.ended.set()

    async def _fails(self, _request: web.Request) -> web.Response:
        raise ZeroDivisionError("a bug")


@asynccontextmanager
async def site(**limits: Any) -> AsyncIterator[Site]:
    made = Site()
    async with listening(made.application(), "127.0.0.1", (0,), ConnectionLimits(**limits)) as made.port:
        try:
            yield made
        finally:
            made.gate.set()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("sent", [b"", b"G", GET[:-2], GET[:-2] + b"A: b\r\n"])
async def test_a_head_that_does_not_come_to_its_end_closes_the_connection(sent: bytes) -> None:
    async with site(head=0.1) as here:
        assert await here.all_of(sent) == b""


async def test_a_second_head_has_no_more_time_than_the_first() -> None:
    async with site(head=0.1) as here:
        reader, writer = await here.connect(GET)
        await reader.readuntil(b"the page")
        writer.write(b"G")
        assert await until_closed(reader) == b""
        writer.close()


async def test_a_connection_without_requests_is_closed() -> None:
    async with site(idle=0.1) as here:
        answer = await here.all_of(GET)
        assert answer.endswith(b"the page")


async def test_half_a_body_is_told_that_it_took_too_long(caplog: pytest.LogCaptureFixture) -> None:
    async with site(silence=0.1) as here:
        answer = await here.all_of(POST + b"half")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.endswith(b"The request took too long to arrive.")
    assert not caplog.records


async def test_a_body_that_comes_drop_by_drop_ends_as_well() -> None:
    async with site(silence=30, body=0.2) as here:
        reader, writer = await here.connect(POST)
        answer = asyncio.create_task(until_closed(reader))
        while not answer.done():
            writer.write(b"x")
            await asyncio.wait({answer}, timeout=0.01)
        assert not await answer or b" 408 " in await answer  # what is still on its way may cut the answer off
        writer.close()


async def test_an_answer_that_is_not_read_ends() -> None:
    async with site(unread=0.1) as here:
        _reader, writer = await here.connect(GET.replace(b"/", b"/endless", 1))
        async with asyncio.timeout(PATIENCE):
            await here.ended.wait()
        writer.close()


@pytest.mark.parametrize("limits", [{"total": 5}, {"near": 5}])
async def test_connections_without_a_request_make_room(limits: dict[str, int]) -> None:
    async with site(**limits) as here:
        crowd = [await here.connect(GET[:-2]) for _number in range(20)]
        assert b"the page" in await here.all_of(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for reader, _writer in crowd[:16]:
            assert await until_closed(reader) == b""
        for reader, writer in crowd[16:]:
            writer.write(b"\r\n")
            assert await reader.readuntil(b"the page")
        for _reader, writer in crowd:
            writer.close()


@pytest.mark.parametrize("limits", [{"total": 3}, {"near": 3}])
async def test_what_is_busy_stays_and_no_more_are_let_in(
    limits: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    async with site(**limits) as here:
        busy = [await here.connect(GET.replace(b"/", b"/gate", 1)) for _number in range(3)]
        for _connection in busy:
            await here.at_gate.acquire()
        assert [await here.all_of(GET) for _number in range(50)] == [b""] * 50
        here.gate.set()
        for reader, _writer in busy:
            assert await reader.readuntil(b"open")
        assert b"the page" in await here.all_of(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for _reader, writer in busy:
            writer.close()
    assert {record.message.partition(" (")[0] for record in caplog.records} == {
        "A connection was refused: all that are allowed are busy."
    }


@pytest.mark.long
async def test_what_is_not_http_gets_one_line_and_leaves_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    begun = time.monotonic()
    async with site() as here:
        for _number in range(200):
            answer = await here.all_of(b"\x16\x03\x01" + b"secret" * 200 + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.0 400 ")
            assert b"\r\nServer: Darkroom\r\n" in answer
            assert answer.endswith(b"\r\n\r\nThe request cannot be understood.")
    assert 1 <= len(caplog.records) <= 1 + time.monotonic() - begun
    assert not any("secret" in record.getMessage() or record.exc_info for record in caplog.records)


async def test_a_failure_of_ours_is_in_the_log_and_the_answer_says_little(caplog: pytest.LogCaptureFixture) -> None:
    begun = time.monotonic()
    async with site() as here:
        for _number in range(20):
            answer = await here.all_of(GET.replace(b"/", b"/fails", 1))
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert answer.endswith(b"\r\n\r\nSomething went wrong on our side. Please try again later.")
    assert 1 <= len(caplog.records) <= 1 + time.monotonic() - begun
    assert caplog.records[0].exc_info


def test_lines_that_were_left_out_are_counted() -> None:
    now = 0.0
    seldom = Seldom("broken", clock=lambda: now)

    def line(text: str, level: int = logging.WARNING) -> str | None:
        record = logging.LogRecord("x", level, "", 0, text, None, None)
        return record.getMessage() if seldom.filter(record) else None

    assert [line("broken pipe"), line("broken pipe"), line("broken pipe"), line("fine"), line("broken", 40)] == [
        "broken pipe",
        None,
        None,
        "fine",
        "broken",
    ]
    now = 1.5
    assert line("broken pipe") == "broken pipe (and 2 more like it)"
    assert line("broken pipe") is None


@pytest.mark.parametrize(("soft", "total"), [(6, 3), (resource.RLIM_INFINITY, 1000)])
async def test_half_of_the_files_that_may_be_open_stay_free(
    soft: int, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, soft))
    async with site() as here:
        crowd = [await here.connect(GET[:-2]) for _number in range(6)]
        assert b"the page" in await here.all_of(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        if total < len(crowd):
            for reader, _writer in crowd[: len(crowd) - total]:
                assert await until_closed(reader) == b""
        else:
            assert not any(reader.at_eof() for reader, _writer in crowd)
        for _reader, writer in crowd:
            writer.close()


@pytest.mark.long
async def test_five_hundred_visitors_of_one_address_have_a_page_open_and_can_use_it() -> None:
    """Each open page keeps a request under way. They come through a proxy, which has one address for all of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))  # as most systems begin
    try:
        async with site() as here:
            pages = [await here.connect(GET.replace(b"/", b"/gate", 1)) for _number in range(500)]
            for _page in pages:
                await here.at_gate.acquire()
            assert b"the page" in await here.all_of(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            here.gate.set()
            for reader, writer in pages:
                assert await reader.readuntil(b"open")
                writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
