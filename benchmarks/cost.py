"""What a run costs the bot around the server's own work: processor, memory, and the time to start.

.venv/bin/python -m benchmarks.cost runs rate rest start [--server URL] [--database postgresql://…] [--chats] …

The bot is a process of its own, asked by the page; the engine is another one, unless a ComfyUI is named by `--server`
(it needs a node that takes 60 ms or a second: `Slow`, with the inputs `image`, `seconds` and `steps`). With `--chats`
the bot is connected to the tests' Discord and Telegram as well, which are in the process that measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from comfy.embedded import EmbeddedServer
from comfy.embedded.executor import Interrupted
from comfy.embedded.node import NodeType
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import environ as discord_settings
from tests.bot.platforms.telegram.harness import settings as telegram_settings
from tests.bot.platforms.telegram.server import bot_api
from tests.bot.platforms.web.pages import Visitor

_STEPS = 20  # of a run that shows progress
_TICK = os.sysconf("SC_CLK_TCK")
_REST = 20.0  # seconds
_MANY = 30  # runs of no length, of each person


class _Engine(EmbeddedServer):
    """Has a node that takes exactly as long as it is told, and says how far it is at each step."""

    def __init__(self) -> None:
        inputs: dict[str, Any] = {
            "image": ("IMAGE", {}),
            "seconds": ("FLOAT", {"default": 0.06, "min": 0.0, "max": 60.0}),
            "steps": ("INT", {"default": 1, "min": 1, "max": 1000}),
        }
        slow = NodeType("Slow", "Slow", "test", self._slow, inputs, {}, {}, (("IMAGE", "IMAGE"),))
        super().__init__(nodes={"Slow": slow})

    def _slow(self, image: Any, seconds: float, steps: int) -> Any:
        job = self._jobs.running
        assert job is not None
        begun = time.perf_counter()
        for step in range(1, steps + 1):
            if job.interrupted.wait(max(0.0, begun + seconds * step / steps - time.perf_counter())):
                raise Interrupted
            if steps > 1:
                told = {"value": step, "max": steps, "prompt_id": job.prompt_id, "node": "2"}
                state = {**told, "state": "running", "node_id": "2", "display_node_id": "2"}
                news: dict[str, dict[str, Any]] = {
                    "progress_state": {"prompt_id": job.prompt_id, "nodes": {"2": state}},
                    "progress": told,
                }
                for kind, data in news.items():
                    self._loop.call_soon_threadsafe(self._sockets.tell, kind, data, job.client_id)
        return image


async def engine() -> None:
    """Serve the engine until a signal; its address goes to stdout."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with _Engine() as server:
        print(server.url, flush=True)
        await stop.wait()


@dataclass(frozen=True)
class Bot:
    """A running `darkroom start`: its page, its process, and the seconds until the page answered."""

    url: str
    pid: int
    started: float

    def processor(self) -> float:
        """Seconds of the process and its children, those that have ended among them."""
        return sum(_ticks(pid) for pid in _family(self.pid)) / _TICK

    def resident(self) -> int:
        """Bytes of the process, and of the children that it has."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _family(self.pid))
        return pages * resource.getpagesize()


def _ticks(pid: int) -> int:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, parts[11:15]))  # its own, and those of children that it has waited for


def _family(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return [pid, *(each for child in children for each in _family(child))]


@asynccontextmanager
async def launched(*command: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    own = ("DARKROOM_", "COMFYUI_", "PYTHONDONTWRITEBYTECODE")  # an installation has been compiled
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**environment, **environ},
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def bot_of(
    folder: Path,
    servers: str,
    database: str = "",
    chats: Mapping[str, str] | None = None,
    command: Sequence[str] = ("-m", "bot"),
) -> AsyncIterator[Bot]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        "COMFYUI_URLS": servers,
        "DARKROOM_DATA_DIR": str(folder / "data"),
        "DARKROOM_WORKFLOWS": str(_workflows(folder / "workflows")),
        "DARKROOM_WEB": "on",
        "DARKROOM_WEB_PORT": str(port),
        "DARKROOM_DATABASE_URL": database,
    }
    environ = {**(chats or {}), **environ}
    url, begun = f"http://127.0.0.1:{port}", time.perf_counter()
    async with launched(*command, "start", **environ) as process, aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    await answer.read()
                    break
            except aiohttp.ClientError:
                assert process.returncode is None
                await asyncio.sleep(0.01)
        yield Bot(url, process.pid, time.perf_counter() - begun)


def _workflows(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    blank = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}}
    slow = {"class_type": "Slow", "inputs": {"image": ["1", 0], "seconds": 0.06, "steps": 1}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}
    for name, seconds, steps in (("none", 0.0, 1), ("short", 0.06, 1), ("long", 1.0, _STEPS)):
        node = {**slow, "inputs": {**slow["inputs"], "seconds": seconds, "steps": steps}}  # type: ignore[dict-item]
        (folder / f"{name}.json").write_text(json.dumps({"1": blank, "2": node, "3": save}))
        (folder / f"{name}.toml").write_text(f'title = "{name}"\n[fields.color]\ntarget = "#1.color"\n')
    return folder


async def served(url: str, workflow: str, people: int, runs: int) -> None:
    """Have each of these people ask for a run after the other, watching their page."""
    numbers = iter(range(1, people * runs + 1))

    async def visit() -> None:
        async with Visitor(url) as visitor, visitor.listening() as events:
            for _run in range(runs):
                status, told = await visitor.ask(workflow, color=next(numbers) + int(time.time()) % 10_000 * 100)
                assert status == 201, told
                async for _name, data in events:
                    if data.get("id") == told["id"] and data.get("state") in ("done", "failed"):
                        assert data["state"] == "done", data
                        break

    await asyncio.gather(*(visit() for _person in range(people)))


async def runs(bot: Bot, people: int, count: int) -> None:
    """Measure the processor time of a run, beyond what the bot takes at rest."""
    await served(bot.url, "short", people, 1)  # what only the first has to do
    async with _watched(bot):
        for workflow in ("short", "long"):
            await asyncio.sleep(2)
            before, begun = bot.processor(), time.perf_counter()
            await asyncio.sleep(_REST / 2)
            rest = (bot.processor() - before) / (time.perf_counter() - begun)
            many = count * 4 if workflow == "short" else count
            before, begun = bot.processor(), time.perf_counter()
            await served(bot.url, workflow, people, many)
            took = time.perf_counter() - begun
            each = (bot.processor() - before - rest * took) / (people * many)
            print(
                f"{workflow}: {each * 1e3:.1f} ms of processor a run beyond rest ({rest:.2%} of a core), "
                f"{people * many} runs of {people} people in {took:.1f} s, {bot.resident() / 1e6:.0f} MB",
                flush=True,
            )


async def rate(bot: Bot, people: int) -> None:
    """Measure how many runs of no length it makes, and the processor that each takes."""
    await served(bot.url, "none", people, 2)
    for _round in range(2):
        before, begun = bot.processor(), time.perf_counter()
        await served(bot.url, "none", people, _MANY)
        took, count = time.perf_counter() - begun, people * _MANY
        each = (bot.processor() - before) / count
        print(
            f"{count} runs of no length: {count / took:.1f} a second, {each * 1e3:.1f} ms of processor each", flush=True
        )


@asynccontextmanager
async def _watched(bot: Bot) -> AsyncIterator[None]:
    """A page is open meanwhile."""
    async with Visitor(bot.url) as visitor, visitor.listening():
        yield


async def rest(bot: Bot) -> None:
    async with _watched(bot):
        await asyncio.sleep(5)
        before, begun = bot.processor(), time.perf_counter()
        await asyncio.sleep(_REST)
        busy = (bot.processor() - before) / (time.perf_counter() - begun)
    print(f"at rest with a page open: {busy:.2%} of a core, {bot.resident() / 1e6:.0f} MB", flush=True)


@asynccontextmanager
async def chats_of(folder: Path, *, on: bool) -> AsyncIterator[dict[str, str]]:
    """The settings that connect a bot to a Discord and a Telegram."""
    if not on:
        yield {}
        return
    async with FakeDiscord() as discord, bot_api() as telegram:
        discord.add_guild(1000)
        yield {**discord_settings(discord, folder), **telegram_settings(telegram, folder)}


async def _main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            launched("-m", "benchmarks.cost", "engine") as own,
            chats_of(Path(folder), on=options.chats) as chats,
        ):
            assert own.stdout is not None
            server = options.server or (await own.stdout.readline()).decode().strip()
            servers = f"one={server};publish=open"
            if "start" in options.what:
                starts = []
                for _round in range(5):
                    async with bot_of(Path(folder), servers, options.database, chats) as bot:
                        starts.append((bot.started, bot.processor()))
                times, works = ([each[part] for each in starts[1:]] for part in (0, 1))
                print(
                    f"start to an answering page: p50 {statistics.median(times):.2f} s, "
                    f"{statistics.median(works):.2f} s of processor; the first {starts[0][0]:.2f} s"
                )
            async with bot_of(Path(folder), servers, options.database, chats) as bot:
                if "rest" in options.what:
                    await rest(bot)
                if "rate" in options.what:
                    await rate(bot, options.people)
                if "runs" in options.what:
                    await runs(bot, options.people, options.runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=["runs", "rate", "rest", "start", "engine"])
    parser.add_argument("--server", default="", help="a ComfyUI instead of an engine of its own")
    parser.add_argument("--database", default="", help="an empty PostgreSQL database instead of SQLite")
    parser.add_argument("--chats", action="store_true", help="connected to Discord and Telegram, too")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5, help="runs of a second for each; four times as many short ones")
    options = parser.parse_args()
    asyncio.run(engine() if "engine" in options.what else _main(options))


if __name__ == "__main__":
    main()
