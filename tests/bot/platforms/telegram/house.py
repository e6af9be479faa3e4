"""The unmodified application over sockets: its Telegram platform, its engine, and a Bot API server of ours."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from bot.app import App
from bot.config import Settings
from bot.serve import Role
from tests.bot.platforms.telegram.server import TOKEN, BotApi

ROOT = Path(__file__).parents[4]


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
    app = App()
    app.__dict__["settings"] = Settings.read(settings(api, folder, **more), None)
    ready = asyncio.Event()
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


async def _serve(app: App, ready: asyncio.Event) -> None:
    from bot.core.shelf import Shelf
    from bot.serve import serve

    async with Shelf(*app._folders()) as shelf:
        await serve(app.settings, shelf, app.platforms(), Role(), lambda _line: ready.set())


async def start(api: BotApi, folder: Path, **more: str) -> asyncio.subprocess.Process:
    """`darkroom start` as a process of its own."""
    environ = {**os.environ, **settings(api, folder, **more)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "start", cwd=ROOT, env=environ, start_new_session=True
    )


async def stop(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> int:
    """End a process; its exit code."""
    if process.returncode is None:
        process.send_signal(number)
    async with asyncio.timeout(15):
        return await process.wait()


def picture(color: str = "teal", size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    data = BytesIO()
    Image.new("RGB", size, color).save(data, kind)
    return data.getvalue()
