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
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.rule_store import RuleStore
from bot.core.runs.prices import PriceEstimator
from bot.core.runs.queue import ConcurrencyLimits, RunQueue
from bot.core.runs.validation import RequestValidator
from bot.core.runs.workflow_service import WorkflowService
from bot.core.storage.database import Database
from bot.core.workflows.catalog import Catalog, NewestVersions
from bot.core.workflows.identity.store import WorkflowStore
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


class _Timer:
    """Tells how long something took, how much of the processor, and how late the event loop was meanwhile."""

    def __init__(self, late: list[float]) -> None:
        self._late = late
        self.start()

    def start(self) -> None:
        self._late.clear()
        self._begun, self._used = time.perf_counter(), time.process_time()

    def tell(self, what: str) -> None:
        took, used, late = time.perf_counter() - self._begun, time.process_time() - self._used, sorted(self._late)
        loop = f"p50 {statistics.median(late):.1f}, p99 {late[len(late) * 99 // 100]:.1f}, most {late[-1]:.1f} ms"
        print(
            f"{what}: {took:.3f} s, {used:.3f} s of processor; the loop meanwhile was late by {loop if late else '-'}"
        )
        self.start()


async def main(source: str, definitions: str) -> None:
    sys.setswitchinterval(0.0005)  # as `darkroom start` does
    data = json.loads(await asyncio.to_thread(Path(definitions).read_text))
    servers = {f"server {number}": _server(data, number) for number in range(_SERVERS)}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workflows"
        print(f"{_WORKFLOWS} workflows of {_files(Path(source), folder)} files, {_SERVERS} servers")
        await asyncio.sleep(3)  # a file that was written just now is read again at each look
        begun, used = time.perf_counter(), time.process_time()
        live = LiveCatalog(folder, tasks=TaskHealth())
        print(f"files read: {time.perf_counter() - begun:.2f} s, {time.process_time() - used:.2f} s of processor")
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(Database.in_folder(Path(temporary)))
            await stack.enter_async_context(live)
            late = await stack.enter_async_context(_felt())
            timer = _Timer(late)
            await stack.enter_async_context(live.following(lambda: servers))
            timer.tell(f"prompts and forms of {len(live.workflows)} workflows made for all servers")
            await stack.enter_async_context(live.recorded_in(WorkflowStore(database)))
            timer.tell("put on record for the first time")
            await _menus(live, servers, database, timer)
            await _changes(live, servers, folder, timer)
        _memory(folder, servers)


async def _menus(live: LiveCatalog, servers: dict[str, ObjectInfo], database: Database, timer: _Timer) -> None:
    """Measure what a keystroke costs: the names of all workflows that a person may run, and what servers lack."""

    async def known() -> Mapping[str, ObjectInfo]:
        return dict(servers)

    now = [0.0]
    prices = PriceEstimator(live, lambda: servers, lambda: 1)
    validator = RequestValidator(NewestVersions(live), known, PictureLimits())
    audit = Audit(database)
    async with RuleStore(database, audit, TaskHealth()) as rules:
        gate = PolicyEnforcer(rules, audit, costs=prices.is_paid)
        queue = RunQueue(database, ConcurrencyLimits())
        service = WorkflowService(validator, gate, queue, prices, lambda: 1, lambda: now[0])
        timer.start()
        await validator.prepare()
        await asyncio.to_thread(prices.prepare)
        timer.tell("menus prepared: all compared with all servers")
        person, place, took = Person("bench", "1"), Place("bench", "room", "", "house"), list[float]()
        for _stroke in range(100):
            now[0] += 10.0  # decisions are made again after five seconds
            begun = time.perf_counter()
            offers = await service.offers(person, place)
            took.append((time.perf_counter() - begun) * 1000)
        print(f"keystrokes, {len(offers)} workflows: p50 {statistics.median(took):.1f} ms, most {max(took):.1f} ms")
        servers["server 0"] = _server(json.loads(json.dumps(servers["server 0"].data)), 9)
        await asyncio.sleep(0.01)
        timer.start()
        await live.refresh()
        timer.tell("a server has other models, catalog made again")
        await validator.prepare()
        timer.tell("… menus prepared again")


async def _changes(live: LiveCatalog, servers: Mapping[str, ObjectInfo], folder: Path, timer: _Timer) -> None:
    await asyncio.sleep(3)
    for number in range(5):
        await asyncio.to_thread(shutil.copy, folder / f"w{number + 500}.json", folder / f"w{number}.json")
        timer.start()
        await live.refresh()
        timer.tell("a changed file, read again and put on record")
        await asyncio.sleep(2.5)


def _memory(folder: Path, servers: Mapping[str, ObjectInfo]) -> None:
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
