"""The cost of Discord: the bot at the tests' fake Discord, over loopback. `python -m benchmarks.discord [PART …]`"""

from __future__ import annotations

import asyncio
import io
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from bot.core.workflows.catalog import bundled_folder
from comfy.embedded import EmbeddedServer
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import Process, results

_PEOPLE = range(1000, 1020)


def picture(side: int, seed: int = 0) -> bytes:
    """A picture that no format makes small: 720 pixels a side are 1.5 MB."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def thirty(folder: Path) -> Path:
    """Workflows of one's own, so that there are thirty with those that are bundled."""
    (own := folder / "workflows").mkdir()
    for number in range(30 - len(list(bundled_folder().glob("*.json")))):
        for suffix in (".json", ".toml"):
            shutil.copyfile(bundled_folder() / f"poster{suffix}", own / f"poster-{number}{suffix}")
    return own


@asynccontextmanager
async def started(pace: float, guilds: int = 1) -> AsyncIterator[tuple[FakeDiscord, Process, int, Path]]:
    """A Discord, the bot as a process of its own, and a channel."""
    with tempfile.TemporaryDirectory() as folder:
        async with FakeDiscord() as fake, EmbeddedServer(pace=pace) as server:
            for _guild in range(guilds):
                fake.add_guild(*_PEOPLE)
            channel = fake.add_channel(next(iter(fake.guilds)))
            settings = {"COMFYUI_URLS": server.url, "DARKROOM_RUNNING_PER_PERSON": "20"}
            settings |= {"DARKROOM_WORKFLOWS": str(thirty(Path(folder)))}
            async with Process(fake, Path(folder), **settings) as process:
                yield fake, process, channel, Path(folder)


async def acknowledgements() -> None:
    """Measure how soon a command is answered during 200 runs."""
    async with started(pace=5.0) as (fake, _process, channel, _folder):
        for number in range(200):
            asked = await fake.slash(_PEOPLE[number % 20], channel, "negative", {"photo": picture(16, number)})
            await asked.answer
        await fake.until(lambda: len(fake.public) >= 200, 120)
        took = []
        for number in range(100):
            asked = await fake.slash(_PEOPLE[number % 20], channel, "negative", {"photo": picture(16, number)})
            await asked.answer
            took.append(asked.took * 1000)
            await asyncio.sleep(0.05)
    took.sort()
    print(f"acknowledgement, 200 runs under way: p50 {took[50]:.0f} ms, p99 {took[98]:.0f} ms, worst {took[-1]:.0f} ms")


async def edits() -> None:
    """Count the edits of the message of a one-minute run."""
    async with started(pace=20.0) as (fake, _process, channel, _folder):
        await fake.slash(_PEOPLE[0], channel, "negative", {"photo": picture(64)})
        await fake.until(lambda: [post for post in fake.public if "Delete" in post.labels], 120)
        post = fake.public[0]  # what tells the person of the end comes after it
        lasted = post.edits[-1][0] - post.edits[0][0]
        print(f"a run of {lasted:.0f} s: {len(post.edits) - 2} edits beyond the first and the last")


async def last_edits() -> None:
    """From the end of the execution to the arrival of the last edit, with a picture of 1.5 MB."""
    async with started(pace=0.0) as (fake, _process, channel, folder):
        took = []
        for number in range(20):
            await fake.slash(_PEOPLE[number % 20], channel, "negative", {"photo": picture(720, number)})
            post = (await results(fake, channel, number + 1))[-1]
            arrived = post.edits[-1][0] + time.time() - time.monotonic()
            await asyncio.sleep(0.2)
            took.append((arrived - executed(folder)) * 1000)
        size = len(next(iter(post.files.values()))) / 1e6
    print(
        f"end of execution to the last edit, {size:.1f} MB: p50 {statistics.median(took):.0f} ms, worst {max(took):.0f}"
    )


async def servers() -> None:
    """A start at a thousand servers that have their commands already."""
    async with started(pace=0.0, guilds=1000) as (fake, process, _channel, folder):
        told = sum(1 for method, path, _status in fake.requests if method == "PUT")
        await asyncio.sleep(3)  # the ledger is written
        await process.end(signal.SIGTERM)
        async with Process(fake, folder, DARKROOM_WORKFLOWS=str(folder / "workflows")) as again:
            await asyncio.sleep(8)
            rss = again.memory()
        puts = sum(1 for method, path, _status in fake.requests if method == "PUT") - told
    commands = len(next(iter(fake.commands[each] for each in fake.commands if each != "global")))
    print(
        f"1,000 servers, {commands} commands: {told} registrations, {puts} at the second start ({rss:.0f} MB resident)"
    )


def executed(folder: Path) -> float:
    """Return the end of the latest execution, by the database."""
    with sqlite3.connect(folder / "data" / "darkroom.db") as database:
        return float(database.execute("SELECT executed_at FROM runs ORDER BY seq DESC LIMIT 1").fetchone()[0])


PARTS: dict[str, Callable[[], Awaitable[None]]] = {
    "acknowledgements": acknowledgements,
    "edits": edits,
    "last-edits": last_edits,
    "servers": servers,
}


async def main() -> None:
    for name in sys.argv[1:] or PARTS:
        await PARTS[name]()


if __name__ == "__main__":
    asyncio.run(main())
