"""The whole bot in this process, at a fake Discord: platform, line, worker and the built-in engine."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image

from bot.config import Settings
from bot.core.catalog import bundled_folder
from bot.core.shelf import Shelf
from bot.platforms.discord.adapter import Discord
from bot.serve import Role, serve
from tests.bot.platforms.discord.fake import FakeDiscord


def environ(fake: FakeDiscord, folder: Path, **more: str) -> dict[str, str]:
    """The settings with which the bot finds the fake."""
    return {
        "DISCORD_TOKEN": "token",
        "DISCORD_API_BASE": fake.api_base,
        "DARKROOM_DATA_DIR": str(folder / "data"),
        **more,
    }


@asynccontextmanager
async def house(
    fake: FakeDiscord, folder: Path, *, workflows: Path | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """The bot, ready: its commands are registered in every server."""
    read = Settings.read(environ(fake, folder, **(settings or {})), None)
    async with Shelf(bundled_folder(), *([workflows] if workflows else [])) as shelf:
        work = asyncio.create_task(serve(read, shelf, [Discord(read)], Role(), lambda _text: None))
        try:
            await fake.until(
                lambda: work.done() or (fake.sockets and all(str(g) in fake.commands for g in fake.guilds))
            )
            if work.done():
                work.result()
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def picture(width: int = 64, height: int = 48, color: str = "orange") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))
