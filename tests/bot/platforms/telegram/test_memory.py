"""Files go to Telegram in pieces: no file, and no album, is read whole into memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from bot.core.model import Person, Place, Result, ResultFile, RunSummary
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.platforms.telegram.api.client import TelegramApi, connect, disconnect
from bot.platforms.telegram.api.rate_limit import RateLimiter
from bot.platforms.telegram.chats import Chat, address_of
from bot.platforms.telegram.runs.chat_action import ChatActions
from bot.platforms.telegram.runs.message_state import MessageStates
from bot.platforms.telegram.runs.reply import ReplyContext, TelegramReply
from tests.bot.platforms.telegram.server import TOKEN

_MB = 1_000_000
_CHAT = {"id": 5, "type": "private"}


class Taker:
    """A Bot API server that counts what it is sent, and keeps nothing. It refuses each album once."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, int]]] = []

    async def take(self, request: web.Request) -> web.Response:
        method, parts = request.match_info["method"], dict[str, int]()
        if request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                size = 0
                while piece := await part.read_chunk(64 * 1024):  # type: ignore[union-attr]
                    size += len(piece)
                if part.filename is not None:  # type: ignore[union-attr]
                    parts[str(part.filename)] = size  # type: ignore[union-attr]
        first = all(known != method for known, _parts in self.calls)
        self.calls.append((method, parts))
        if first and method == "sendMediaGroup":
            flood = {"error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 0}}
            return web.json_response({"ok": False, **flood}, status=429)
        message = {"message_id": len(self.calls), "date": 1, "chat": _CHAT}
        answer: Any = [message] * len(parts) if method == "sendMediaGroup" else message
        return web.json_response({"ok": True, "result": answer})


@asynccontextmanager
async def taking(folder: Path) -> AsyncIterator[tuple[Taker, TelegramReply]]:
    """A message of a run, and the server that it is at."""
    taker, app = Taker(), web.Application(client_max_size=0)
    app.router.add_post(f"/bot{TOKEN}/{{method}}", taker.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        bot = connect(TOKEN, f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with Database.in_folder(folder) as database:
            wire = TelegramApi(bot, RateLimiter())
            context = ReplyContext(wire, KeyValueStore(database), MessageStates(), ChatActions(wire), previews=False)
            brief = RunSummary(str(uuid4()), "poster", "Poster", Person("telegram", "5"), Place("telegram", "5"), {})
            yield taker, TelegramReply(context, address_of(Chat(5), 1), brief)
        await disconnect(bot)
    finally:
        await runner.cleanup()


def sparse(folder: Path, number: int, size: int) -> ResultFile:
    """A file that takes no room on the disk."""
    path = folder / f"{number}.bin"
    with path.open("wb") as file:
        file.truncate(size)
    return ResultFile(path, f"file-{number}.bin", "file")


_LONG = pytest.mark.long


@pytest.mark.parametrize(("count", "size"), [(1, 45 * _MB), (10, 5 * _MB), pytest.param(10, 50 * _MB, marks=_LONG)])
@pytest.mark.long
async def test_files_are_sent_in_pieces(tmp_path: Path, count: int, size: int) -> None:
    files = tuple(sparse(tmp_path, number, size) for number in range(count))
    async with taking(tmp_path) as (taker, reply):
        tracemalloc.start()
        try:
            await reply.deliver(Result(str(uuid4()), "poster", {}, files))
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    sent = [parts for _method, parts in taker.calls if parts]
    assert len(sent) == (1 if count == 1 else 2)  # an album is sent again after a flood, and whole
    assert all(parts == {file.filename: size for file in files} for parts in sent)
    assert peak < 20 * _MB
