"""How long the bot holds its event loop, by the loop thread's own processor, under a load of all platforms at once.

.venv/bin/python -m benchmarks.holds [--pictures 20]

`darkroom start` is a process of its own, connected to the tests' Discord and Telegram, with a page. So many photographs
of 12 megapixels are given at once, in Discord, in Telegram and at the page, and come back as large. Meanwhile eight
people at the page ask for short runs and for runs with steps, one after the other, and a server whose definitions have
1.5 MB goes and comes back. A hold is what the loop does between two looks for what has come.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.cost import Bot, bot_of, launched, served
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import environ as discord_settings
from tests.bot.platforms.discord.harness import ready, results
from tests.bot.platforms.telegram.harness import Conversation
from tests.bot.platforms.telegram.harness import settings as telegram_settings
from tests.bot.platforms.telegram.server import BotApi, bot_api
from tests.bot.platforms.web.pages import Visitor

_WIDTH, _HEIGHT = 4000, 3000
_PEOPLE = 8
_MEMBERS = range(1000, 1040)
_THERE, _AWAY = 8.0, 2.0  # seconds for which the server with many definitions answers, and does not
_LARGEST = 1_500_000  # bytes of definitions
_TOLD = 5  # of the longest holds


class _Watch:
    """Notes how long the main thread works between two looks at its selector, and which callback took longest."""

    def __init__(self, file: Path) -> None:
        self._file, self._since = file, 0.0
        self._holds, self._slow = list[float](), list[tuple[float, str]]()
        self._main = threading.main_thread()

    def begin(self, *_signal: object) -> None:
        """Forget what was before."""
        self._holds, self._slow = [], []

    def tell(self) -> None:
        holds, slow = sorted(self._holds), sorted(self._slow, reverse=True)
        self._file.write_text(json.dumps({"holds": holds, "slow": slow[:_TOLD]}))

    def install(self) -> None:
        select, run = selectors.EpollSelector.select, asyncio.Handle._run

        def watched_select(selector: selectors.EpollSelector, timeout: float | None = None) -> Any:
            if threading.current_thread() is not self._main:
                return select(selector, timeout)
            if self._since:
                self._holds.append(time.thread_time() - self._since)
            found = select(selector, timeout)
            self._since = time.thread_time()
            return found

        def watched_run(handle: asyncio.Handle) -> None:
            begun = time.thread_time()
            run(handle)
            if (took := time.thread_time() - begun) > 0.004:
                self._slow.append((took, _named(handle)))

        selectors.EpollSelector.select = watched_select  # type: ignore[assignment,method-assign]
        asyncio.Handle._run = watched_run  # type: ignore[assignment,method-assign]
        signal.signal(signal.SIGUSR1, self.begin)
        atexit.register(self.tell)


def _named(handle: asyncio.Handle) -> str:
    """Say whose callback it is; of a task's first step Python does not tell."""
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return f"{owner.get_name()}: {owner.get_coro()}" if isinstance(owner, asyncio.Task) else repr(handle)[:200]


def bot() -> None:
    """Run `darkroom` with the arguments that are left, watched."""
    _Watch(Path(os.environ["HOLDS"])).install()
    from bot.__main__ import main as darkroom

    sys.argv[1:2] = []
    darkroom()


async def server(port: int) -> None:
    """Serve an engine with many definitions until a signal."""
    names = [f"A style that somebody made, number {number:04}.safetensors" for number in range(250)]
    inputs: dict[str, Any] = {"image": ("IMAGE", {}), "style": (names, {"tooltip": "The style of the picture."})}
    nodes = {
        f"Style{number}": NodeType(f"Style{number}", f"Style {number}", "test", print, inputs, {}, {}, ())
        for number in range(_LARGEST // len(json.dumps(names)))
    }
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with EmbeddedServer(port=port, nodes=nodes) as engine:
        print(engine.url, flush=True)
        await stop.wait()


def photograph(seed: int) -> bytes:
    """A JPEG of 12 megapixels with as much detail as one of a phone."""
    chance = np.random.default_rng(seed)
    coarse = Image.fromarray(chance.integers(0, 256, (30, 40, 3), np.uint8)).resize((_WIDTH, _HEIGHT))
    grain = chance.integers(-9, 10, (_HEIGHT, _WIDTH, 1), np.int16)
    pixels = np.clip(np.asarray(coarse, np.int16) + grain, 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return file.getvalue()


async def pictures(web: Bot, discord: FakeDiscord, telegram: BotApi, photographs: list[bytes]) -> None:
    """Give a third of the photographs on each platform, and wait for their results."""
    channel = discord.add_channel(next(iter(discord.guilds)))

    async def in_discord(member: int, photo: bytes) -> None:
        asked = await discord.slash(member, channel, "negative", {"photo": ("photo.jpg", photo)})
        await asked.answer

    async def in_telegram(photo: bytes) -> None:
        chat = Conversation(telegram)
        await chat.write("/negative", document=("photo.jpg", photo, "image/jpeg"))
        await chat.result()

    async def at_the_page(photo: bytes) -> None:
        async with Visitor(web.url) as visitor:
            status, told = await visitor.ask("negative", photo=photo)
            assert status == 201, told
            shown = await visitor.until(told["id"], "done", "failed")
            assert shown["state"] == "done", shown

    async with asyncio.TaskGroup() as tasks:
        for number, photo in enumerate(photographs[::3]):
            tasks.create_task(in_discord(_MEMBERS[number], photo))
        for photo in photographs[1::3]:
            tasks.create_task(in_telegram(photo))
        for photo in photographs[2::3]:
            tasks.create_task(at_the_page(photo))
        tasks.create_task(results(discord, channel, len(photographs[::3])))


async def many_runs(web: Bot) -> None:
    """People at the page ask for short runs, and for some with steps, without an end."""
    while True:
        await served(web.url, "short", _PEOPLE // 2, 5)
        await served(web.url, "long", _PEOPLE // 2, 1)


async def come_and_go(port: int) -> None:
    """A server with many definitions is there, away, and there again."""
    while True:
        async with launched("-m", "benchmarks.holds", "server", str(port)):
            await asyncio.sleep(_THERE)
        await asyncio.sleep(_AWAY)


async def main(count: int) -> None:
    photographs = [await asyncio.to_thread(photograph, seed) for seed in range(count)]
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        async with FakeDiscord() as discord, bot_api() as telegram, launched("-m", "benchmarks.cost", "engine") as own:
            discord.add_guild(*_MEMBERS)
            assert own.stdout is not None
            engine = (await own.stdout.readline()).decode().strip()
            servers = f"one={engine};publish=open, two=http://127.0.0.1:{port};publish=open"
            chats = {**discord_settings(discord, folder), **telegram_settings(telegram, folder)}
            chats["HOLDS"] = str(folder / "holds.json")
            async with bot_of(folder, servers, chats=chats, command=("-m", "benchmarks.holds", "bot")) as web:
                await discord.until(lambda: ready(discord))
                await served(web.url, "short", _PEOPLE, 1)  # what only the first has to do
                os.kill(web.pid, signal.SIGUSR1)
                others = [asyncio.create_task(each) for each in (many_runs(web), come_and_go(port))]
                begun = time.monotonic()
                await pictures(web, discord, telegram, photographs)
                took = time.monotonic() - begun
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)
        told = json.loads((folder / "holds.json").read_text())
    holds = told["holds"]
    half, some, few = (1000 * holds[int(part * (len(holds) - 1))] for part in (0.5, 0.99, 0.999))
    print(f"{count} photographs on three platforms in {took:.0f} s; {len(holds)} holds of the loop:")
    print(f"p50 {half:.2f} ms, p99 {some:.1f} ms, p99.9 {few:.1f} ms, longest {1000 * holds[-1]:.1f} ms")
    for seconds, what in told["slow"]:
        print(f"{1000 * seconds:.1f} ms: {what}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bot", *_]:
            bot()
        case ["server", port]:
            asyncio.run(server(int(port)))
        case _:
            parser = argparse.ArgumentParser(description=__doc__)
            parser.add_argument("--pictures", type=int, default=20)
            asyncio.run(main(parser.parse_args().pictures))
