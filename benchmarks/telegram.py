"""Telegram: how long a command waits for its answer while 200 runs are under way, and a result for its upload.

`python -m benchmarks.telegram` starts the application as a process, against a Bot API server and a ComfyUI of this one.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from io import BytesIO
from pathlib import Path

import aiohttp
from PIL import Image

from comfy.embedded import EmbeddedServer
from tests.bot.platforms.telegram.harness import Conversation, picture, start, stop
from tests.bot.platforms.telegram.server import bot_api

_RUNS, _COMMANDS, _RESULTS = 200, 100, 20


async def answers(folder: Path) -> list[float]:
    """Seconds from each command's arrival to its answer, with 200 runs under way or in line."""
    async with bot_api() as api, EmbeddedServer(folder / "engine", pace=2.0) as engine:
        process = await start(
            api,
            folder,
            COMFYUI_URLS=f"{engine.url}*16",
            DARKROOM_WAITING_PER_PERSON="500",
            DARKROOM_RUNNING_PER_PERSON="9",
        )
        for number in range(_RUNS):
            await api.write("/poster", user=10_000 + number, photo=picture(f"#{number:06x}"))
        await api.until(lambda: len(api.made("sendMessage")) >= _RUNS, 120)
        waits = []
        for number in range(_COMMANDS):
            chat = Conversation(api, user=20_000 + number)
            begun = time.perf_counter()
            await chat.write("/help" if number % 2 else "/negative")
            await api.until(lambda chat=chat: api.made("sendMessage", chat.id), 20)  # type: ignore[misc]
            waits.append(time.perf_counter() - begun)
            await asyncio.sleep(0.05)
        await stop(process)
        return waits


async def uploads(folder: Path) -> list[float]:
    """Seconds from the end of each execution to the beginning of its upload, for a picture of 1.5 MB."""
    async with bot_api() as api, EmbeddedServer(folder / "engine") as engine:
        process = await start(api, folder, COMFYUI_URLS=engine.url)
        chats = [Conversation(api) for _run in range(_RESULTS)]
        for chat in chats:
            await chat.write("/negative", document=("noise.png", noise(), "image/png"))
            await chat.result()
        ended = await executed(engine.url)
        await stop(process)
        begun = [api.made("editMessageMedia", chat.id)[-1].begun for chat in chats]
        return [upload - end for upload, end in zip(begun, ended, strict=True)]


async def executed(url: str) -> list[float]:
    """Return the end of each prompt of a server, in order, in seconds since 1970."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/history") as answer:
        entries = (await answer.json()).values()
    messages = [dict(entry["status"]["messages"]) for entry in entries]
    return sorted(each["execution_success"]["timestamp"] / 1000 for each in messages)


def noise() -> bytes:
    """A PNG of 1.5 MB."""
    data = BytesIO()
    Image.frombytes("RGB", (720, 700), os.urandom(720 * 700 * 3)).save(data, "PNG", compress_level=1)
    return data.getvalue()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, measure in (("answers", answers), ("uploads", uploads)):
            (Path(folder) / name).mkdir()
            times = sorted(await measure(Path(folder) / name))
            p50, p99 = 1000 * statistics.median(times), 1000 * times[int(len(times) * 0.99) - 1]
            print(f"{name}: p50 {p50:.0f} ms, p99 {p99:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
