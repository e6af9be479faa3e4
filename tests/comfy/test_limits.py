"""Answers without an end: the client stops reading soon, after unpacking too, and says why."""

from __future__ import annotations

import asyncio
import gzip
import pickle
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from bot.core.error_text import explain
from comfy import AnswerTooLarge, ComfyClient, FileRef, Prompt, Server
from comfy.errors import ComfyError
from comfy.messages.events import Executed, ExecutionSuccess, StepProgress
from comfy.tracking.subscription import Subscription
from tests.comfy.unruly import GRAPH, Unruly
from tests.patience import PATIENCE

MB = 1_000_000
_IN_BETWEEN = 16 * MB  # what the sockets of both sides may hold
_BLOCK = b" " * MB
_FILE = FileRef("x.png", "", "output")


class Endless:
    """Answers a route with blocks until the client leaves, and counts them."""

    def __init__(self, server: Unruly, path: str, *, packed: bool = False) -> None:
        self.sent = self.unpacked = 0
        self._path, self._packed = path, packed
        server.intercept = self._intercept

    async def _intercept(self, request: web.Request) -> web.StreamResponse | None:
        if not request.path.startswith(self._path):
            return None
        answer = web.StreamResponse(headers={"Content-Encoding": "gzip"} if self._packed else {})
        answer.content_type = "application/json"
        await answer.prepare(request)
        packer = zlib.compressobj(wbits=31)
        first, packed = (packer.compress(_BLOCK) + packer.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
        try:
            while self.unpacked < 300 * MB:  # so that the test ends, whatever the client does
                block = (packed if self.sent else first) if self._packed else _BLOCK
                await answer.write(block)
                self.sent += len(block)
                self.unpacked += len(_BLOCK)
        except ConnectionError:
            pass
        return answer


@pytest.fixture
async def server() -> AsyncIterator[Unruly]:
    async with Unruly() as unruly:
        yield unruly


ASKED: dict[str, tuple[int, Callable[[ComfyClient], Awaitable[object]]]] = {
    "/system_stats": (4, lambda client: client.system_stats()),
    "/object_info": (32, lambda client: client.object_info()),
    "/queue": (32, lambda client: client.queue()),
    "/history": (32, lambda client: client.history(str(uuid4()))),
    "/prompt": (4, lambda client: client.submit(Prompt(GRAPH))),
    "/upload/image": (4, lambda client: client.upload_image(Path(__file__))),
    "/api/jobs": (4, lambda client: client.cancel(str(uuid4()))),
}


@pytest.mark.parametrize("path", ASKED)
async def test_endless_json(server: Unruly, path: str) -> None:
    endless = Endless(server, path)
    most, ask = ASKED[path]
    async with ComfyClient(server.url) as client:
        with pytest.raises(AnswerTooLarge) as caught:
            await ask(client)
    assert endless.sent <= most * MB + _IN_BETWEEN
    assert server.calls.total() <= 2, "what can never pass is not asked for again"
    assert f"answers with more than {most} MB" in explain(caught.value, "run")


async def test_json_is_counted_after_unpacking(server: Unruly) -> None:
    endless = Endless(server, "/queue", packed=True)
    async with ComfyClient(server.url) as client:
        with pytest.raises(AnswerTooLarge):
            await client.queue()
    assert endless.sent < _IN_BETWEEN


@pytest.mark.parametrize("packed", [False, True])
async def test_an_endless_file(server: Unruly, packed: bool, tmp_path: Path) -> None:
    endless = Endless(server, "/view", packed=packed)
    async with ComfyClient(Server(server.url, largest_file=5 * MB)) as client:
        with pytest.raises(AnswerTooLarge) as caught:
            await client.download(_FILE, tmp_path / "x.png")
    assert endless.sent <= 5 * MB + _IN_BETWEEN
    assert server.calls["GET /view"] == 1
    assert list(tmp_path.iterdir()) == []
    assert "The result is larger than 5 MB" in explain(caught.value, "run")
    assert "DARKROOM_MAX_RESULT_MB" in explain(caught.value, "run")


async def test_a_file_of_just_the_limit_is_taken(server: Unruly, tmp_path: Path) -> None:
    async def exact(request: web.Request) -> web.StreamResponse | None:
        body = gzip.compress(b"x" * 1000)
        return web.Response(body=body, headers={"Content-Encoding": "gzip"}) if request.path == "/view" else None

    server.intercept = exact
    async with ComfyClient(Server(server.url, largest_file=1000)) as client:
        assert (await client.download(_FILE, tmp_path / "x.png")).size == 1000
        with pytest.raises(AnswerTooLarge):
            await client.download(_FILE, tmp_path / "y.png", most=999)


@pytest.mark.long
async def test_a_bomb_in_gzip_is_unpacked_in_pieces(server: Unruly, tmp_path: Path) -> None:
    """Two hundred thousand bytes that become two hundred million, all at once on the wire."""
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join([*(packer.compress(_BLOCK) for _ in range(200)), packer.flush()])

    async def intercept(request: web.Request) -> web.StreamResponse | None:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"}, content_type="application/json")

    server.intercept = intercept
    async with ComfyClient(Server(server.url, largest_file=5 * MB)) as client:
        tracemalloc.start()
        try:
            for ask in (client.queue(), client.download(_FILE, tmp_path / "x.png")):
                with pytest.raises(AnswerTooLarge):
                    await ask
            assert tracemalloc.get_traced_memory()[1] < 100 * MB
        finally:
            tracemalloc.stop()


class EndlessFrame:
    """Upgrades the first websocket, and sends a frame or fragments until the client leaves."""

    def __init__(self, server: Unruly, head: bytes) -> None:
        self.sent, self.left, self._head = 0, asyncio.Event(), head
        server.intercept = self._intercept

    async def _intercept(self, request: web.Request) -> web.StreamResponse | None:
        if request.path != "/ws" or self.left.is_set():
            return None
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        try:
            while self.sent < 300 * MB and not request.transport.is_closing():
                request.transport.write(self._head + _BLOCK)
                await request.protocol._drain_helper()
                self.sent += len(_BLOCK)
                self._head = b"\x00" + self._head[1:] if self._head[:1] in (b"\x00", b"\x02") else b""
        except ConnectionError:
            pass
        self.left.set()
        return socket


@pytest.mark.parametrize(
    ("head", "most"),
    [
        (b"\x82\x7f" + (2**40).to_bytes(8, "big"), 0),  # the head of one frame of a terabyte
        (b"\x02\x7f" + MB.to_bytes(8, "big"), 64),  # fragments of one message
    ],
    ids=["frame", "fragments"],
)
async def test_a_frame_without_an_end_costs_the_connection_and_not_the_run(
    server: Unruly, head: bytes, most: int, caplog: pytest.LogCaptureFixture
) -> None:
    endless = EndlessFrame(server, head)
    async with ComfyClient(Server(server.url, look_every=0.05)) as client:
        submission = await client.submit(Prompt(GRAPH))
        await endless.left.wait()
        events = [event async for event in client.follow(submission.prompt_id)]
    assert isinstance(events[-1], ExecutionSuccess)
    assert endless.sent <= most * MB + _IN_BETWEEN
    assert "is closed, and opened again" in caplog.text
    assert "exceeds limit 64000000" in caplog.text


def test_events_that_no_caller_takes_do_not_pile_up() -> None:
    subscription = Subscription("id", 1, 0.0)
    for number in range(25_000):
        subscription.put(Executed("id", str(number)), 0.0, 100)
    assert len(subscription) <= 10_000
    for _ in range(5):
        subscription.put(Executed("id", "x"), 0.0, 60 * MB)
    assert len(subscription) <= 2


async def test_steps_that_come_fast_wake_the_caller_now_and_then_and_all_else_at_once() -> None:
    subscription, now = Subscription("id", 1, 0.0), asyncio.get_running_loop().time()
    subscription.pace = 2 * PATIENCE
    subscription.put(StepProgress("id", "1", 1, 9), now)
    assert await subscription.get(PATIENCE) == StepProgress("id", "1", 1, 9)
    waiting = asyncio.create_task(subscription.get(PATIENCE))
    await asyncio.sleep(0)
    for step in range(2, 9):
        subscription.put(StepProgress("id", "1", step, 9), now)
        await asyncio.sleep(0)
    assert not waiting.done()
    subscription.put(Executed("id", "1"), now)
    assert await waiting == StepProgress("id", "1", 8, 9)
    assert await subscription.get(PATIENCE) == Executed("id", "1")


async def test_a_step_that_is_the_last_for_long_is_told_soon() -> None:
    subscription, now = Subscription("id", 1, 0.0), asyncio.get_running_loop().time()
    subscription.put(StepProgress("id", "1", 1, 9), now)
    assert await subscription.get(PATIENCE) == StepProgress("id", "1", 1, 9)
    waiting = asyncio.create_task(subscription.get(PATIENCE))
    await asyncio.sleep(0)
    subscription.put(StepProgress("id", "1", 2, 9), now)
    assert await waiting == StepProgress("id", "1", 2, 9)


async def test_a_caller_that_missed_events_looks_over_http() -> None:
    subscription = Subscription("id", 1, 0.0)
    for _ in range(3):
        subscription.put(Executed("id", "x"), 0.0, 60 * MB)
    assert await subscription.get(60.0) is None


def test_the_error_can_be_carried_between_processes() -> None:
    fault: ComfyError = AnswerTooLarge("x", 7, is_file=True)
    again = pickle.loads(pickle.dumps(fault))  # noqa: S301 - our own
    assert (again.most, again.is_file) == (7, True)
