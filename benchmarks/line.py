"""A real claim from the database: how long it takes, and how much of the processor, with a long line and many servers.

.venv/bin/python -m benchmarks.line --servers 1000 --waiting 100000
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, text

from benchmarks.fleet import BURST, KINDS
from bot.core.model import Address, Person, Place
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import QueuedRun, RunRecord, State
from bot.core.runs.queue import WINDOW, Assignment, NewRun, RunQueue, _columns
from bot.core.runs.repository import RunRepository
from bot.core.servers.load import ServerLoad
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from comfy.scheduling.schedule import MOST_PUT_OFF, Job


class Claims:
    """Servers that each have one run, and a line. One run ends after the other, and its server takes the next one."""

    def __init__(self, database: Database, servers: int) -> None:
        self.queue, self.records = RunQueue(database, ConcurrencyLimits()), RunRepository(database)
        self.servers = {f"gpu{number:04}": 1 for number in range(servers)}
        self.names, self.alone = frozenset(self.servers), frozenset(self.servers)
        self.load = ServerLoad()
        self.running: list[RunRecord] = []

    def pick(self, heads: Sequence[QueuedRun]) -> Assignment | None:
        self.load.offer(self.servers, self.alone)
        line = sorted(heads, key=lambda run: run.put_off < MOST_PUT_OFF)
        jobs = [Job(run.id, run.kind, run.models, self.names, run.put_off) for run in line]
        choice = self.load.choose(jobs, more=len(heads) >= WINDOW)
        return Assignment(choice.job.id, choice.server, choice.passed) if choice is not None else None

    async def claim(self) -> bool:
        run = await self.queue.claim("bench", self.pick)
        if run is None:
            return False
        self.load.enter(run.server or "", run)
        self.running.append(run)
        return True

    async def end_one(self) -> None:
        run = self.running.pop(0)
        self.load.leave(run.server or "", run, learn=True)
        await self.records.end(run, State.DONE)


async def fill(database: Database, waiting: int) -> None:
    """Twenty runs of each person wait, in turns."""
    rows = [_columns(_new(number), number % BURST + 1, number % BURST, time.time()) for number in range(waiting)]
    for first in range(0, waiting, 5000):
        async with database.change() as connection:
            await connection.execute(insert(runs), rows[first : first + 5000])
    async with database.change() as connection:
        await connection.execute(text("ANALYZE"))


def _new(number: int) -> NewRun:
    kind, _seconds, models = KINDS[number * 7 % len(KINDS)]
    who, where = Person("test", str(number // BURST), "Ann"), Place("test", "here", "Here", "guild")
    return NewRun(f"run-{number}", "poster", {}, {}, "x", who, where, Address("test", "chat", "1"), kind, models)


async def measure(database: Database, servers: int, waiting: int, rounds: int) -> None:
    claims = Claims(database, servers)
    await fill(database, waiting)
    while len(claims.running) < servers and await claims.claim():
        pass
    wall, processor = list[float](), list[float]()
    for _ in range(rounds):
        await claims.end_one()
        begun, worked = time.perf_counter(), time.process_time()
        assert await claims.claim()
        processor.append((time.process_time() - worked) * 1e3)
        wall.append((time.perf_counter() - begun) * 1e3)
    kind = database.url.get_backend_name()
    print(
        f"{kind}, {servers} servers, {waiting} waiting: a claim takes {statistics.fmean(processor):.1f} ms of processor"
        f" (p99 {_part(processor, 0.99):.1f}), and {statistics.median(wall):.1f} ms (p99 {_part(wall, 0.99):.1f})",
        flush=True,
    )


def _part(times: list[float], part: float) -> float:
    return sorted(times)[int((len(times) - 1) * part)]


async def work(options: argparse.Namespace, folder: Path) -> None:
    async with Database(options.database) if options.database else Database.in_folder(folder) as database:
        await measure(database, options.servers, options.waiting, options.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--waiting", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database, instead of SQLite")
    with TemporaryDirectory() as folder:
        asyncio.run(work(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
