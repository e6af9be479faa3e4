"""The unmodified application over sockets: its Telegram platform, its engine, and a Bot API server of ours."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.app import App
from bot.platforms.telegram import adapter
from bot.platforms.telegram.api.rate_limit import RateLimiter
from bot.platforms.telegram.runs import reply
from bot.settings import Role, Settings
from tests.bot.databases import ENGINE, RUNS, fill
from tests.bot.forks import Forked, fork
from tests.bot.platforms.telegram.server import TOKEN, BotApi, Kept
from tests.patience import PATIENCE

_FASTER = 50.0  # than ours


def settings(api: BotApi, folder: Path, **more: str) -> dict[str, str]:
    """The environment of a bot that speaks to our server."""
    return {
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_URL": api.url,
        "TELEGRAM_ALLOWED": "*",
        "DARKROOM_DATA_DIR": str(folder / "data"),
        **more,
    }


@asynccontextmanager
async def serving(api: BotApi, folder: Path, **more: str) -> AsyncIterator[App]:
    """The application in this process, until the context is left."""
    app, ready = _app(api, folder, **more), asyncio.Event()
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        task = asyncio.create_task(_serve(app, ready))
        try:
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if task.done():
                task.result()
            yield app
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and (fault := task.exception()) is not None:
        raise fault


async def serve(api: BotApi, folder: Path) -> None:
    """The application until it ends by itself."""
    async with asyncio.timeout(PATIENCE):
        await _serve(_app(api, folder), asyncio.Event())


def _app(api: BotApi, folder: Path, **more: str) -> App:
    app = App()
    app.__dict__["settings"] = Settings.read(settings(api, folder, **more), None)
    return app


async def _serve(app: App, ready: asyncio.Event) -> None:
    from bot.core.workflows.live.live_catalog import LiveCatalog
    from bot.process import serve
    from bot.stores import data_folder

    await asyncio.to_thread(fill, app.settings.folder, RUNS, ENGINE, "telegram")
    await asyncio.to_thread(data_folder, app.settings)
    async with LiveCatalog(*app._folders(), tasks=app.tasks, step=0.2) as shelf:
        await serve(app.settings, shelf, app.platforms(), Role(), app.tasks, lambda _line: ready.set())


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Keep Telegram's pace by a clock that goes faster than ours: its seconds and minutes are not waited for."""
    pace = partial(RateLimiter, lambda: time.monotonic() * _FASTER, lambda pause: asyncio.sleep(pause / _FASTER))
    patch.setattr(adapter, "RateLimiter", pace)
    for name in ("_PRIVATE_INTERVAL", "_GROUP_INTERVAL"):
        patch.setattr(reply, name, getattr(reply, name) / _FASTER)


async def start(api: BotApi, folder: Path, *words: str, **more: str) -> Forked:
    """`darkroom start` as a process of its own."""
    await asyncio.to_thread(fill, folder / "data", RUNS, ENGINE, "telegram")
    environ = {**os.environ, **settings(api, folder, **more)}
    return await fork("tests.bot.platforms.telegram.program", "start", *words, env=environ, output=2)


async def stop(process: Forked, number: int = signal.SIGTERM) -> int:
    """End a process; its exit code."""
    if process.returncode is None:
        process.send_signal(number)
    async with asyncio.timeout(PATIENCE):
        return await process.wait()


def picture(color: str = "teal", size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    data = BytesIO()
    Image.new("RGB", size, color).save(data, kind)
    return data.getvalue()


_people = itertools.count(1000)


class Conversation:
    """A person's messages to the bot in a chat of their own, and its answers."""

    def __init__(self, api: BotApi, chat: dict[str, Any] | None = None, user: int | None = None) -> None:
        self.api = api
        self.user = user or next(_people)
        self.chat = chat or api.private(self.user)

    @property
    def id(self) -> int:
        return int(self.chat["id"])

    async def write(self, text: str = "", **more: Any) -> int:
        return await self.api.write(text, user=self.user, chat=self.chat, **more)

    async def press(self, message: Kept, label: str, user: int | None = None) -> str:
        return await self.api.press(message, label, user=user or self.user, chat=self.chat)

    @property
    def messages(self) -> list[Kept]:
        return self.api.of_bot(self.id)

    @property
    def last(self) -> Kept:
        return self.messages[-1]

    async def answer(self, *words: str, button: str = "") -> Kept:
        """Wait for a message of the bot's with these words and this button in it, which must come to be the last."""

        def found() -> Kept | None:
            fitting = [
                each
                for each in self.messages
                if all(word in each.text for word in words)
                and (not button or any(label.startswith(button) for label in each.buttons()))
            ]
            return fitting[-1] if fitting else None

        try:
            return await self.api.until(found)
        except TimeoutError:
            shown = [(each.kind, each.text, list(each.buttons())) for each in self.messages]
            raise AssertionError(f"no answer with {words} {button}: {shown}") from None

    async def result(self, count: int = 1) -> Kept:
        """Wait for so many results in this chat; the last."""

        def found() -> Kept | None:
            done = [each for each in self.messages if "Again" in each.buttons() and "Details" in each.buttons()]
            return done[-1] if len(done) >= count else None

        try:
            return await self.api.until(found)
        except TimeoutError:
            shown = [(each.kind, each.text, list(each.buttons())) for each in self.messages]
            raise AssertionError(f"no result: {shown}") from None

    async def ended(self) -> None:
        """Wait until the newest run is on record as done: its message shows the result a moment before that."""
        shown = ""
        while "1. " not in shown or "done" not in shown:
            count = len(self.messages)
            await self.write("/mine")
            await self.api.until(lambda count=count: len(self.messages) > count)
            shown = self.last.text.partition("2. ")[0]

    async def notice(self, query: str) -> str:
        """Return the notice to the person who pressed a button."""
        await self.api.until(
            lambda: [c for c in self.api.made("answerCallbackQuery") if c.data["callback_query_id"] == query]
        )
        return next(
            call.data.get("text", "")
            for call in self.api.made("answerCallbackQuery")
            if call.data["callback_query_id"] == query
        )


def forged(at: Conversation, data: str) -> Kept:
    """A message of the bot's in a chat, with a button that says this."""
    content = {"message_id": 7, "date": 1_767_225_600, "chat": at.chat, "text": "x"}
    message = Kept(at.id, 7, content)
    message.reply_markup = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
    return message
