"""The page: what 50 visitors cost who watch 50 runs with previews.

`python -m benchmarks.page` serves it in this process; the visitors, who fetch every preview, are another one.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.core.model import Address, Running
from bot.core.run import RunRecord
from bot.platforms.web.live.reply import WebReply
from bot.settings import Role
from tests.bot.harness import until
from tests.bot.platforms.web.pages import Page, Visitor, page

_VISITORS, _SECONDS = 50, 20
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
        await measure(Path(folder))


if __name__ == "__main__":
    asyncio.run(watch(sys.argv[1]) if len(sys.argv) > 1 else _main())
