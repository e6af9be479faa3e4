"""The house under load: from a request to the wire, a thousand runs that wait, and a million that have been.

.venv/bin/python -m benchmarks.runs wire idle share waiting cancel million [--database postgresql://…]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from bot.core.model import Address, Cancelled, Person, Running
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import State
from bot.core.runs.queue import Assignment, NewRun, RunQueue, _columns
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from tests.bot.harness import ANN, HERE, PLAIN, RecordingPlatform, Studio, WatchedServer, house

WAITING, MILLION, ROUNDS = 1000, 1_000_000, 60


async def wire(folder: Path) -> None:
    """From the request to the prompt at the server, with nothing else waiting."""
    server = _Clocked()
    async with house(folder, servers=[server]) as home:
        times = []
        for number in range(ROUNDS):
            begun = time.perf_counter()
            run_id, _ = await home.ask(color=str(number + 1))
            await home.ended(run_id)
            times.append((server.posted - begun) * 1e3)
    print(f"request to wire: p50 {statistics.median(times):.1f} ms, p90 {sorted(times)[int(ROUNDS * 0.9)]:.1f} ms")


async def idle(folder: Path) -> None:
    """Measure how long a server on loopback is idle between two runs, while others wait."""
    server = _Clocked(pace=0.05)
    async with house(folder, servers=[server], waiting_per_person=1000, running_per_person=10) as home:
        ids = [(await home.ask(color=str(number)))[0] for number in range(ROUNDS)]
        await home.ended(*ids)
    rests = sorted(server.idle[2:])
    half, most = rests[len(rests) // 2], rests[len(rests) * 9 // 10]
    print(f"a server between two runs: idle for p50 {half:.1f} ms, p90 {most:.1f} ms")


async def share(folder: Path) -> None:
    """Four servers, one of them twice as fast: what each does, and how soon all is done."""
    paces, count = (1, 2, 2, 2), 60
    servers = [Studio(["a.ckpt"], lambda _color, pace=pace: float(pace)) for pace in paces]  # type: ignore[misc]
    async with house(folder, servers=servers, waiting_per_person=1000, running_per_person=10) as home:
        begun = time.perf_counter()
        ids = [(await home.ask("paint", color=str(number)))[0] for number in range(count)]
        await home.ended(*ids)
        took = time.perf_counter() - begun
    best = next(end for end in range(1000) if sum(end // pace for pace in paces) >= count)
    print(f"four servers, one twice as fast: {[len(server.painted) for server in servers]} of {count} runs;")
    print(f"  all delivered after {took:.1f} s, {took / best - 1:.0%} more than the best possible {best} s")


async def waiting(folder: Path) -> None:
    """A thousand runs in line: starting with them, their memory, the loop, and a request that comes on top."""
    async with Database.in_folder(folder) as database:
        queue = RunQueue(database, ConcurrencyLimits(waiting=10**6))
        for number in range(WAITING):
            await queue.enqueue(_new(number))
    base = await _memory(folder / "empty")
    platform, server = RecordingPlatform(), WatchedServer(pace=600)
    async with server:
        begun = time.perf_counter()
        async with house(folder, platform, [server], waiting_per_person=10**6) as home:
            started = time.perf_counter() - begun
            async with _held() as held:
                await platform.until(lambda: sum(bool(each.statuses) for each in platform.messages.values()) >= WAITING)
                told = time.perf_counter() - begun
                took = []
                for number in range(20):
                    asked = time.perf_counter()
                    await home.ask(color=str(number))
                    took.append((time.perf_counter() - asked) * 1e3)
                await asyncio.sleep(3)
            grown = (_rss() - base) / WAITING
    print(
        f"{WAITING} waiting: started in {started:.2f} s, everybody told after {told:.2f} s, {grown / 1e3:.1f} kB a run"
    )
    print(f"  the loop was held for {max(held):.0f} ms at most; a new request took {statistics.median(took):.0f} ms,")
    print(f"  {max(took):.0f} ms at most")


async def cancel(folder: Path) -> None:
    """From "cancel" to the message that says so, while the run is executed."""
    times = []
    async with house(folder, servers=[WatchedServer(pace=600)]) as home:
        for _ in range(10):
            run_id, message = await home.ask()
            await home.platform.until(lambda: isinstance(message.last, Running))  # noqa: B023
            begun = time.perf_counter()
            await home.services.runs.cancel(run_id, ANN)
            await home.platform.until(lambda: isinstance(message.last, Cancelled))  # noqa: B023
            times.append((time.perf_counter() - begun) * 1e3)
    print(f"cancel of a run that is executed: p50 {statistics.median(times):.0f} ms, {max(times):.0f} ms at most")


async def million(folder: Path, url: str) -> None:
    """Measure the frequent queries in a database with a million ended runs."""
    async with Database(url) if url else Database.in_folder(folder) as database:
        await _fill(database)
        queue, records = RunQueue(database, ConcurrencyLimits(waiting=100)), RunRepository(database)
        last = [await _joined(queue, number) for number in range(200)][-1]
        person = Person("test", "7")
        print(f"{MILLION:,} runs that have ended, 200 that wait, {database.url.get_backend_name()}:")
        print("  milliseconds at p50 and at most")
        await _timed("place in line", lambda: queue.position(last))
        await _timed("a person's last runs", lambda: records.last_of(person))
        await _timed("joining, with caps", lambda: _joined(queue, int(time.time() * 1e6)))
        await _timed("taking a turn", lambda: queue.claim("bench", lambda heads: Assignment(heads[0].id, "gpu")))
        await _timed("what estimates are learnt from", records.measured, rounds=5)
        await _timed("counts for the operator", records.counts)
        await _timed("what is too old", lambda: records.older_than(0.0))


async def _timed(name: str, question: Any, rounds: int = 40) -> None:
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await question()
        times.append((time.perf_counter() - begun) * 1e3)
    print(f"  {name}: {statistics.median(times):.1f}, {max(times):.1f}")


async def _joined(queue: RunQueue, number: int) -> str:
    run = _new(number)
    await queue.enqueue(run)
    return run.id


def _new(number: int) -> NewRun:
    who = Person("test", str(number % 50), f"Person {number % 50}")
    address = Address("test", "chat", f"w{number}")
    return NewRun(str(uuid4()), PLAIN, {"color": 1}, {}, PLAIN, who, HERE, address, f"{PLAIN} {{}}", frozenset())


async def _fill(database: Database) -> None:
    now, begun = time.time(), time.perf_counter()
    for first in range(0, MILLION, 5000):
        rows = []
        for number in range(first, first + 5000):
            row = _columns(replace(_new(number), person=Person("test", str(number % 5000))), number, 0, now - 10**6)
            ended = {"state": State.DONE, "server": "gpu", "worker": "darkroom", "ended_at": now - 10**6 + 9}
            rows.append({**row, **ended, "started_at": now - 10**6 + 3, "executed_at": now - 10**6 + 8})
        async with database.change() as connection:
            await connection.execute(insert(runs), rows)
    print(f"(filled in {time.perf_counter() - begun:.0f} s)")


class _Clocked(WatchedServer):
    """Notes when the last prompt came, and how long there had been nothing to do by then, in milliseconds."""

    posted, rested = 0.0, 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle: list[float] = []

    def _tell_status(self) -> None:
        if not self._jobs.remaining:
            self.rested = time.perf_counter()
        super()._tell_status()

    def _watch(self) -> Any:
        from aiohttp import web

        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/prompt" and request.method == "POST":
                self.posted = time.perf_counter()
                self.idle.append((self.posted - self.rested) * 1e3)
            answer: web.StreamResponse = await handler(request)
            return answer

        return watch


@asynccontextmanager
async def _held() -> AsyncIterator[list[float]]:
    """Measure how long our work blocked the loop, in milliseconds, by the delay of a timer."""
    late: list[float] = [0.0]

    async def watch() -> None:
        while True:
            begun, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.005)
            late.append(min(time.perf_counter() - begun - 0.005, time.thread_time() - worked) * 1e3)

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _memory(folder: Path) -> float:
    """Measure the memory of a process without runs."""
    async with house(folder, servers=[WatchedServer(pace=600)]) as home:
        _run, message = await home.ask()
        await home.platform.until(lambda: isinstance(message.last, Running))
        return _rss()


def _rss() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=["wire", "idle", "share", "waiting", "cancel", "million"])
    parser.add_argument("--database", default="", help="for million: an empty database instead of SQLite")
    options = parser.parse_args()
    for what in options.what:
        with tempfile.TemporaryDirectory() as folder:
            work = {"wire": wire, "idle": idle, "share": share, "waiting": waiting, "cancel": cancel}.get(what)
            asyncio.run(work(Path(folder)) if work else million(Path(folder), options.database))


if __name__ == "__main__":
    main()
