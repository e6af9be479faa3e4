"""A catalog of many workflows on several servers: reading, memory, a changed file, and what the event loop feels of it.

python -m benchmarks.catalog FOLDER OBJECT_INFO.json    # a folder of workflow files, and /object_info of a real ComfyUI
"""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import statistics
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core.background import TaskHealth
from bot.core.media.images import PictureLimits
from bot.core.runs.validation import RequestValidator
from bot.core.workflows.catalog import Catalog, NewestVersions
from bot.core.workflows.live_catalog import LiveCatalog
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow
from comfy.saved.files import read_workflow

_WORKFLOWS, _SERVERS = 1_000, 5


def _files(source: Path, folder: Path) -> int:
    """Put a thousand workflows into a folder, under names that differ. Returns how many files there are of them."""
    found = [path for path in sorted(source.rglob("*.json")) if _is_workflow(path)]
    folder.mkdir()
    for number in range(_WORKFLOWS):
        shutil.copy(found[number % len(found)], folder / f"w{number}.json")
    return len(found)


def _is_workflow(path: Path) -> bool:
    try:
        read_workflow(path)
    except UnreadableWorkflow:
        return False
    return True


def _server(data: Mapping[str, Any], number: int) -> ObjectInfo:
    """Return the nodes of a server, which has models of its own."""
    nodes = copy.deepcopy(dict(data))
    for name in ("CheckpointLoaderSimple", "UNETLoader", "LoraLoaderModelOnly"):
        nodes[name]["input"]["required"][list(nodes[name]["input"]["required"])[-1]] = [[f"{number}.safetensors"], {}]
    return ObjectInfo(nodes)


@asynccontextmanager
async def _felt() -> AsyncIterator[list[float]]:
    """Collect how many milliseconds late the event loop is, each time that it is asked."""
    late, done = list[float](), asyncio.Event()

    async def ask() -> None:
        while not done.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - begun - 0.001) * 1000)

    task = asyncio.create_task(ask())
    try:
        yield late
    finally:
        done.set()
        await task


def _tell(what: str, seconds: float, late: list[float]) -> None:
    ordered = sorted(late) or [0.0]
    loop = (
        f"p50 {statistics.median(ordered):.1f}, p99 {ordered[len(ordered) * 99 // 100]:.1f}, most {ordered[-1]:.1f} ms"
    )
    print(f"{what}: {seconds:.3f} s; the loop meanwhile was late by {loop}")
    late.clear()


async def main(source: str, definitions: str) -> None:
    data = json.loads(await asyncio.to_thread(Path(definitions).read_text))
    servers = {f"server {number}": _server(data, number) for number in range(_SERVERS)}

    async def known() -> Mapping[str, ObjectInfo]:
        return servers

    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workflows"
        print(f"{_WORKFLOWS} workflows of {_files(Path(source), folder)} files, {_SERVERS} servers")
        await asyncio.sleep(3)  # a file that was written just now is read again at each look
        async with LiveCatalog(folder, tasks=TaskHealth()) as live, _felt() as late, AsyncExitStack() as stack:
            begun, used = time.perf_counter(), time.process_time()
            await stack.enter_async_context(live.following(lambda: servers))
            _tell("loaded, with a prompt for each server", time.perf_counter() - begun, late)
            print(f"  {time.process_time() - used:.2f} s of processor, {len(live.workflows)} workflows")
            validator = RequestValidator(NewestVersions(live), known, PictureLimits())
            begun = time.perf_counter()
            able = [await validator.lacks(each) is None for each in live.workflows.values()]
            await asyncio.sleep(0.01)
            _tell(f"compared with all servers, {sum(able)} can run", time.perf_counter() - begun, late)
            begun = time.perf_counter()
            able = [await validator.lacks(each) is None for each in live.workflows.values()]
            await asyncio.sleep(0.01)
            _tell("compared again, as at a keystroke", time.perf_counter() - begun - 0.01, late)
            for number in range(3):
                path = folder / f"w{number}.json"
                await asyncio.to_thread(shutil.copy, folder / f"w{number + 500}.json", path)
                begun = time.perf_counter()
                await live.refresh()
                _tell("a changed file, read again", time.perf_counter() - begun, late)
        tracemalloc.start()
        before, _peak = tracemalloc.get_traced_memory()
        catalog = Catalog.read(folder, info=ObjectInfo.union(servers.values()))
        for each in catalog.workflows.values():
            for info in servers.values():
                each.prompt_for(info)
        after, _peak = tracemalloc.get_traced_memory()
        print(f"memory: {(after - before) / len(catalog.workflows) / 1000:.0f} kB each, with a prompt for each server")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
