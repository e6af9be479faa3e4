"""A catalog of many workflows on several servers: reading, memory, a changed file, and what the event loop feels of it.

python -m benchmarks.catalog FOLDER OBJECT_INFO.json [ROUNDS]    # workflow files, and /object_info of a real ComfyUI

All workflows differ. Each round is a process of its own; of several ones the median is told.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core.background import TaskHealth
from bot.core.listeners import Listeners
from bot.core.media.images import PictureLimits
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.permissions import Permissions
from bot.core.policy.rule_store import RuleStore
from bot.core.presets.store import PresetStore
from bot.core.runs.prices import PriceEstimator
from bot.core.runs.queue import RunQueue
from bot.core.runs.validation import RequestValidator
from bot.core.runs.workflow_service import WorkflowService
from bot.core.storage.database import Database
from bot.core.workflows.catalog import Catalog, NewestVersions
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.live.live_catalog import LiveCatalog
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow
from comfy.saved.files import read_workflow

_WORKFLOWS, _SERVERS, _ROUNDS, _CHANGES, _STROKES = 1_000, 5, 5, 9, 100
_KEPT = 950  # workflows: those with a date in them are made again


def _files(source: Path, folder: Path) -> None:
    """Put a thousand workflows into a folder, none as another."""
    found = _found(source)
    folder.mkdir()
    for number in range(_WORKFLOWS):
        _write(folder / f"w{number}.json", found[number % len(found)], number // len(found))


def _found(source: Path) -> list[Path]:
    return [path for path in sorted(source.rglob("*.json")) if _is_workflow(path)]


def _write(path: Path, source: Path, number: int) -> None:
    path.write_bytes(source.read_bytes() + b"\n" * number)


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


class _Measured:
    """What one round has measured, by name: seconds of the processor and on the clock, and how late the loop was."""

    def __init__(self, late: list[float]) -> None:
        self.found: dict[str, list[list[float]]] = {}
        self._late = late
        self.start()

    def start(self) -> None:
        self._late.clear()
        self._begun, self._used = time.perf_counter(), time.process_time()

    def note(self, what: str) -> None:
        used, took, late = time.process_time() - self._used, time.perf_counter() - self._begun, sorted(self._late)
        felt = [statistics.median(late), late[len(late) * 99 // 100]] if late else [0.0, 0.0]
        self.found.setdefault(what, []).append([used * 1000, took * 1000, *felt])
        self.start()


async def _round(source: str, definitions: str) -> dict[str, list[list[float]]]:
    """Measure everything once."""
    sys.setswitchinterval(0.0005)  # as `darkroom start` does, which also lets the collector rest
    data = json.loads(await asyncio.to_thread(Path(definitions).read_text))
    servers = {f"server {number}": _server(data, number) for number in range(_SERVERS)}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workflows"
        _files(Path(source), folder)
        await asyncio.sleep(3)  # a file that was written just now is read again at each look
        gc.collect()
        gc.disable()
        async with AsyncExitStack() as stack:
            late = await stack.enter_async_context(_felt())
            database = await stack.enter_async_context(Database.in_folder(Path(temporary)))
            measured = _Measured(late)
            kept = Path(temporary) / "cache"
            await _start(folder, kept, servers, measured, "the first start")
            await _start(folder, kept, servers, measured, "a later start")
            live = LiveCatalog(folder, tasks=TaskHealth(), kept=kept)
            await stack.enter_async_context(live)
            await stack.enter_async_context(live.following(lambda: servers))
            measured.start()
            await stack.enter_async_context(live.recorded_in(WorkflowStore(database)))
            measured.note("put on record for the first time")
            gc.freeze()
            gc.enable()
            await _menus(live, servers, database, measured)
            await _changes(live, Path(source), folder, measured)
        measured.found["kB of memory each"] = [[_memory(folder, servers)]]
    return measured.found


async def _start(folder: Path, kept: Path, servers: Mapping[str, ObjectInfo], measured: _Measured, which: str) -> None:
    """Load the catalog as a process does that starts; a later one finds what the first one has kept."""
    infos = {name: ObjectInfo(dict(info.data)) for name, info in servers.items()}
    measured.start()
    async with LiveCatalog(folder, tasks=TaskHealth(), kept=kept) as live, live.following(lambda: infos):
        measured.note(f"{which}: files read, prompts of all made for all servers")
        await asyncio.to_thread(_until_kept, kept)
    if which == "the first start":
        measured.note("… the forms made, and all kept for a later one")


def _until_kept(kept: Path) -> None:
    while not kept.is_dir() or len(list(kept.iterdir())) < _KEPT:
        time.sleep(0.1)


async def _menus(live: LiveCatalog, servers: dict[str, ObjectInfo], database: Database, measured: _Measured) -> None:
    """Measure what a keystroke costs: the names of all workflows that a person may run, and what servers lack."""

    async def known() -> Mapping[str, ObjectInfo]:
        return dict(servers)

    now = [0.0]
    prices = PriceEstimator(live, lambda: servers, lambda: 1)
    validator = RequestValidator(NewestVersions(live), known, PictureLimits())
    audit = Audit(database)
    async with RuleStore(database, audit, TaskHealth()) as rules:
        gate = PolicyEnforcer(rules, audit, live, prices.is_paid)
        queue, permissions = RunQueue(database, ConcurrencyLimits()), Permissions(audit)
        presets = PresetStore(database)
        parts = (validator, gate, queue, prices, permissions, presets)
        service = WorkflowService(*parts, lambda: 1, Listeners(), lambda: now[0])
        measured.start()
        await validator.prepare()
        await prices.prepare()
        measured.note("menus prepared: all compared with all servers")
        person, place = Person("bench", "1"), Place("bench", "room", "", "house")
        await service.offers(person, place)
        for _stroke in range(_STROKES):
            now[0] += 10.0  # decisions are made again after five seconds
            measured.start()
            await service.offers(person, place, lacking=True)
            measured.note("a keystroke: the names of all, decided again")
        servers["server 0"] = _server(json.loads(json.dumps(servers["server 0"].data)), 9)
        await asyncio.sleep(0.01)
        measured.start()
        await live.refresh()
        measured.note("a server has other models, catalog made again")
        await validator.prepare()
        measured.note("… menus prepared again")


async def _changes(live: LiveCatalog, source: Path, folder: Path, measured: _Measured) -> None:
    others = await asyncio.to_thread(_found, source)
    await asyncio.sleep(3)
    for number in range(_CHANGES):
        file = folder / f"w{number}.json"
        await asyncio.to_thread(_write, file, others[number + 200], 9)
        measured.start()
        await live.refresh([str(file)])  # as the watch of the folder does
        measured.note("a changed file, read again and put on record")
        await asyncio.sleep(2.5)


def _memory(folder: Path, servers: Mapping[str, ObjectInfo]) -> float:
    tracemalloc.start()
    before, _peak = tracemalloc.get_traced_memory()
    catalog = Catalog.read(folder, info=ObjectInfo.union(servers.values()))
    for each in catalog.workflows.values():
        for info in servers.values():
            each.prompt_for(info)
    after, _peak = tracemalloc.get_traced_memory()
    return (after - before) / len(catalog.workflows) / 1000


def main(source: str, definitions: str, rounds: int) -> None:
    found: dict[str, list[list[float]]] = {}
    for _number in range(rounds):
        asked = [sys.executable, "-m", "benchmarks.catalog", source, definitions, "one"]
        answer = subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout
        for what, each in json.loads(answer).items():
            found.setdefault(what, []).extend(each)
    print(
        f"{_WORKFLOWS} workflows, {_SERVERS} servers, {rounds} rounds: medians, and the range of the processor's time"
    )
    for what, rows in found.items():
        middle = [statistics.median(column) for column in zip(*rows, strict=True)]
        if len(middle) == 1:
            print(f"{what}: {middle[0]:.0f}")
            continue
        used = sorted(row[0] for row in rows)
        print(
            f"{what}: {middle[0]:.1f} ms of the processor ({used[0]:.1f} to {used[-1]:.1f}), {middle[1]:.1f} ms; "
            f"the loop was late by p50 {middle[2]:.1f}, p99 {middle[3]:.1f} ms"
        )


if __name__ == "__main__":
    given, wanted, *more = sys.argv[1:]
    if more == ["one"]:
        print(json.dumps(asyncio.run(_round(given, wanted))))
    else:
        main(given, wanted, int(more[0]) if more else _ROUNDS)
