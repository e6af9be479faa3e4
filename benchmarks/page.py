"""The page: what 50 visitors cost who watch 50 runs with previews, or a crowd of 500 that comes from one address.

`python -m benchmarks.page [crowd]` serves it in this process; the visitors are another one. Those who watch fetch every
preview; those of the crowd have the page open, and ask for a run each.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from bot.core.model import Address, Running
from bot.core.run import RunRecord
from bot.platforms.web.live.reply import WebReply
from bot.settings import Role
from tests.bot.harness import until
from tests.bot.platforms.web.pages import Page, Visitor, page

_VISITORS, _SECONDS = 50, 20
_CROWD, _AT_ONCE = 500, 50  # visitors, and those who do something at the same time
_PREVIEW = 30_000  # bytes: what ComfyUI sends of a picture of 512 pixels


async def watch(url: str) -> None:
    """Ask for a run, and fetch each preview that the stream tells of; how many there were goes to stdout."""
    fetched = await asyncio.gather(*(_visit(url) for _visitor in range(_VISITORS)))
    print(sum(fetched))


async def _visit(url: str) -> int:
    fetched = 0
    async with Visitor(url) as visitor:
        await visitor.ask("plain")
        async with visitor.listening() as events:
            async for _name, data in events:
                if data.get("preview"):
                    await visitor.get(data["preview"])
                    fetched += 1
                if data.get("fraction") == 1:
                    return fetched
    return fetched


async def gather(url: str) -> None:
    """Open the page for a crowd, and then ask for a run each; what came of it goes to stdout."""
    some = asyncio.Semaphore(_AT_ONCE)
    counts, times = Counter[str](), list[float]()

    async def visit(stack: AsyncExitStack) -> None:
        async with some:
            try:
                visitor = await stack.enter_async_context(Visitor(url))
                events = await stack.enter_async_context(visitor.listening())
                await anext(events)
            except (aiohttp.ClientError, AssertionError):
                counts["refused"] += 1
                return
        counts["open"] += 1
        await everybody.wait()
        async with some:
            begun = time.perf_counter()
            try:
                status, told = await visitor.ask("plain")
            except aiohttp.ClientError:
                status, told = 0, {}
            times.append(time.perf_counter() - begun)
        counts["asked" if status == 201 else "not asked"] += 1
        if status == 201:
            async for _name, data in events:
                if data.get("id") == told["id"]:
                    counts["heard"] += 1
                    return

    async with AsyncExitStack() as stack:
        everybody, visits = asyncio.Event(), [asyncio.create_task(visit(stack)) for _visitor in range(_CROWD)]
        while counts["refused"] + counts["open"] < _CROWD:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        everybody.set()
        await asyncio.gather(*visits)
        times.sort()
        print(
            dict(counts), f"asking p50 {times[len(times) // 2] * 1e3:.0f} ms, p99 {times[-len(times) // 100] * 1e3:.0f}"
        )


async def crowd(folder: Path) -> None:
    async with page(folder, role=Role(worker=None)) as web:
        memory, cpu = _resident(), time.process_time()
        command = [sys.executable, "-m", "benchmarks.page", web.url, "crowd"]
        visitors = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        told, _errors = await visitors.communicate()
        grown, busy = (_resident() - memory) / 1e6, time.process_time() - cpu
    print(f"{_CROWD} visitors of one address: {told.decode().strip()}; {busy:.1f} s of processor, +{grown:.1f} MB")


async def measure(folder: Path) -> None:
    async with page(folder, role=Role(worker=None)) as web:
        memory = _resident()
        command = [sys.executable, "-m", "benchmarks.page", web.url]
        visitors = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)

        async def are_there() -> bool:
            return len(await web.services.runs._queue.waiting()) == _VISITORS

        await until(are_there)
        runs = await web.services.runs._queue.waiting()
        await asyncio.sleep(2)
        cpu, begun = time.process_time(), time.monotonic()
        await _develop(web, runs)
        busy = (time.process_time() - cpu) / (time.monotonic() - begun)
        grown = (_resident() - memory) / 1e6
        told, _errors = await visitors.communicate()
    fetched = int(told) / _VISITORS / _SECONDS
    print(f"{_VISITORS} visitors: {busy:.2f} of a core, +{grown:.1f} MB, {fetched:.1f} previews a second for each")


async def _develop(web: Page, runs: Sequence[RunRecord]) -> None:
    """Say of each run what a worker of this process would, as often as it would."""
    interval = WebReply.limits.interval
    steps = int(_SECONDS / interval)
    begun = time.monotonic()
    for step in range(steps + 1):
        for number, run in enumerate(runs):
            data = b"\xff\xd8" + bytes([step % 256, number]) + bytes(_PREVIEW)
            reply = web.platform.reply(Address("web", run.person.id, ""), run.brief("Plain"))
            await reply.show(Running("KSampler", step, steps, step / steps, 1.0, data))
        await asyncio.sleep(max(0.0, begun + (step + 1) * interval - time.monotonic()))


def _resident() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        await (crowd if "crowd" in sys.argv else measure)(Path(folder))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [url, "crowd"]:
            asyncio.run(gather(url))
        case ["crowd"] | []:
            asyncio.run(_main())
        case [url]:
            asyncio.run(watch(url))
