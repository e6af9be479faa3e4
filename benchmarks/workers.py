"""Several workers on one PostgreSQL: what they get done, what they wait for each other, and whether limits hold.

.venv/bin/python -m benchmarks.workers [--workers 1 2 4 8] [--seconds 12] [--rate 4]

First one worker alone, with more to do than it can. Then each number of workers, each of which is offered `--rate` runs
a second, or a fifth of what one sustained; at the same time, so that the machine is as busy, as many others that have a
database each. The workers, their engines, and PostgreSQL are processes of their own; this one takes the requests in, as
a process that only chats.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot.core.background import TaskHealth
from bot.core.errors import TooMany
from bot.core.model import Address, Person, RunRequest
from bot.core.platform import Services
from bot.core.storage import named_locks
from bot.core.storage.schema import charges, runs
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.process import serve, serving, until_signalled
from bot.server_settings import NamedServer
from bot.settings import Role, Secret
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres, started
from tests.bot.harness import HERE, PLAIN, QuickSettings, RecordingPlatform, layers, write_workflows

_PEOPLE, _RUNNING = 12, 2
_TICK = os.sysconf("SC_CLK_TCK")
_LOOKS = 0.004  # seconds between two looks at what PostgreSQL's processes wait for
_LOCK = "pg_advisory_xact_lock"
#: The processes that a worker has in the server, in a transaction: what they wait for, and whether for a lock.
_IN_TRANSACTION = """
    SELECT application_name, wait_event_type = 'Lock' FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""


@dataclass
class _Times:
    """The transactions of one process that took a lock: seconds until they had it, and until they let go of it."""

    waits: list[float] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)
    all_held: list[float] = field(default_factory=list)  # those that exclude all others
    statements: int = 0
    commits: int = 0

    def watch(self) -> None:
        begun, held = dict[int, float](), dict[int, tuple[float, bool]]()

        def before(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            self.statements += 1
            if _LOCK in statement:
                begun[id(connection)] = time.perf_counter()

        def after(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if _LOCK in statement:
                now, is_for_all = time.perf_counter(), f"{_LOCK}({named_locks.LOCK})" in statement
                self.waits.append(now - begun.pop(id(connection)))
                held[id(connection)] = now, is_for_all

        def ended(connection: Any) -> None:
            self.commits += 1
            if (since := held.pop(id(connection), None)) is not None:
                (self.all_held if since[1] else self.holds).append(time.perf_counter() - since[0])

        event.listen(Engine, "before_cursor_execute", before)
        event.listen(Engine, "after_cursor_execute", after)
        for end in ("commit", "rollback"):
            event.listen(Engine, end, ended)

    def told(self) -> dict[str, Any]:
        return {name: list(each) if isinstance(each, list) else each for name, each in vars(self).items()}


def _settings(folder: Path, url: str, *servers: NamedServer) -> QuickSettings:
    return QuickSettings(
        data_dir=folder / "data",
        database=Secret(url),
        servers=servers,
        waiting_per_person=10**6,
        running_per_person=_RUNNING,
    )


async def engine(count: int) -> None:
    """Serve so many servers, and print their addresses."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(EmbeddedServer()) for _ in range(count)]
        print(json.dumps([server.url for server in servers]), flush=True)
        await asyncio.Event().wait()


async def worker(folder: Path, url: str, name: str, server: str) -> None:
    """Work under a name, and write down at the end what was waited for."""
    times, tasks = _Times(), TaskHealth()
    times.watch()
    try:
        async with LiveCatalog(*layers(folder), folder / "workflows", tasks=tasks) as shelf:
            settings = _settings(folder, url, NamedServer(name, server))
            role = Role(chat=False, worker=name)
            await serve(settings, shelf, [RecordingPlatform()], role, tasks, lambda words: print(words, flush=True))
    finally:
        (folder / f"{name}.json").write_text(json.dumps(times.told()))


@dataclass(frozen=True)
class _Worker:
    process: asyncio.subprocess.Process

    def processor(self) -> float:
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, parts[11:15])) / _TICK


@asynccontextmanager
async def _program(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.workers", *words, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@dataclass(frozen=True)
class _Outcome:
    """What a number of workers did in so many seconds."""

    workers: int
    seconds: float
    done: int
    waited: list[float]  # seconds from the request to the result
    processor: float  # seconds of the workers
    looks: Counter[bool]  # at their transactions: whether they waited for a lock
    times: _Times
    most: int  # runs of a person at a time

    def __str__(self) -> str:
        looks, times = sum(self.looks.values()), self.times
        return "\n  ".join(
            [
                f"{self.workers} workers: {self.done / self.seconds:.1f} runs a second, {self.done} in all; request to "
                f"result {_spread(self.waited)} ms",
                f"{self.processor / self.done * 1e3:.1f} ms of the workers' processor, "
                f"{times.statements / self.done:.1f} "
                f"statements and {times.commits / self.done:.1f} commits a run",
                f"waiting for locks in {self.looks[True] / max(looks, 1):.1%} of {looks} looks at transactions; until "
                f"they had their locks {_spread(times.waits)} ms, they had them for {_spread(times.holds)} ms",
                f"that for all: {len(times.all_held)} times, {_spread(times.all_held)} ms, "
                f"{sum(times.all_held) / self.seconds:.0%} of the time",
                f"{self.most} of a person at a time, of {_RUNNING} that may be",
            ]
        )


def _spread(seconds: Sequence[float]) -> str:
    """Return the median, the 99th percentile and the most, in milliseconds."""
    return " / ".join(f"{_part(seconds, part) * 1e3:.1f}" for part in (0.5, 0.99, 1))


def _part(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else 0.0


async def measured(server: str, count: int, seconds: float, rate: float) -> _Outcome:
    """Let workers work; `rate` is what comes in a second, or infinite."""
    with tempfile.TemporaryDirectory() as name:
        folder, url = Path(name), new_postgres(server)
        write_workflows(folder)
        async with AsyncExitStack() as stack:
            looks = await stack.enter_async_context(_looks(url))
            engines = await stack.enter_async_context(_program("engine", str(count)))
            assert engines.stdout is not None
            workers = []
            for number, address in enumerate(json.loads(await engines.stdout.readline())):
                words = ("worker", str(folder), url, f"w{number}", address)
                process = await stack.enter_async_context(_program(*words))
                workers.append(_Worker(process))
            for each in workers:
                assert each.process.stdout is not None
                assert b"Ready" in await each.process.stdout.readline()
            services = await stack.enter_async_context(_chat(folder, url))
            await _offered(services, url, count * 6, 100.0, 60.0)  # what only the first runs have to do
            looks.clear()
            before, begun = sum(each.processor() for each in workers), time.time()
            await _offered(services, url, None if rate == float("inf") else round(rate * seconds), rate, seconds)
            took, processor = time.time() - begun, sum(each.processor() for each in workers) - before
            counted = Counter(looks)
        times = _Times()
        for number in range(count):
            for name, value in json.loads((folder / f"w{number}.json").read_text()).items():
                setattr(times, name, getattr(times, name) + value)
        done = await _done(url, begun, begun + took)
        everything = await _done(url, 0.0, time.time())
        times.statements = times.statements * len(done) // len(everything)
        times.commits = times.commits * len(done) // len(everything)
        waited = [ended - asked for _person, asked, _started, ended in done]
        return _Outcome(count, took, len(done), waited, processor, counted, times, _most(everything))


@asynccontextmanager
async def _chat(folder: Path, url: str) -> AsyncIterator[Services]:
    tasks, platform = TaskHealth(), RecordingPlatform()
    async with LiveCatalog(*layers(folder), folder / "workflows", tasks=tasks) as shelf:
        role = Role(worker=None)
        async with serving(_settings(folder, url), shelf, {platform.name: platform}, role, tasks) as services:
            yield services


async def _offered(services: Services, url: str, count: int | None, rate: float, seconds: float) -> None:
    """Ask for runs at a rate, and wait until all of them have ended; or keep the line full for so many seconds."""
    people = [Person("test", f"p{number}") for number in range(_PEOPLE)]
    begun, numbers = time.perf_counter(), itertools.count() if count is None else range(count)
    async with _ended(url) as ended:
        first = await ended()
        for number in numbers:
            if count is None:
                while number - (await ended() - first) > _PEOPLE * 6:  # noqa: ASYNC110 - other processes end them
                    await asyncio.sleep(0.1)
                if time.perf_counter() - begun > seconds:
                    return
            else:
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            color = {"color": str(number % 0xFFFFFF)}
            request = RunRequest(PLAIN, color, people[number % _PEOPLE], HERE)
            with suppress(TooMany):
                await services.runs.submit(request, Address("test", "chat", f"{begun}-{number}"))
        due = first + (count or 0)
        while await ended() < due and time.perf_counter() - begun < seconds * 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _ended(url: str) -> AsyncIterator[Any]:
    """Give a function that counts the runs that have ended."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:

        async def count() -> int:
            found = await connection.execute("SELECT count(*) FROM runs WHERE ended_at IS NOT NULL")
            row = await found.fetchone()
            return int(row[0]) if row else 0

        yield count


@asynccontextmanager
async def _looks(url: str) -> AsyncIterator[list[bool]]:
    """Look again and again at the transactions that are open: whether they wait for a lock."""
    seen: list[bool] = []

    async def look() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                found = await connection.execute(_IN_TRANSACTION)
                seen.extend(bool(waits) for _name, waits in await found.fetchall())
                await asyncio.sleep(_LOOKS)

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _done(url: str, since: float, until: float) -> list[tuple[str, float, float, float]]:
    """Return the runs that ended in this time: whose, when they were asked for, begun and executed."""
    asked = create_async_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    columns = (runs.c.person, runs.c.asked_at, runs.c.started_at, runs.c.executed_at)
    ended = (runs.c.state == "done", runs.c.ended_at >= since, runs.c.ended_at <= until)
    async with asked.connect() as connection:
        rows = await connection.execute(select(*columns).where(*ended).join(charges, charges.c.run_id == runs.c.id))
        found = [(row.person, row.asked_at, row.started_at, row.executed_at) for row in rows]
    await asked.dispose()
    return found


def _most(found: Sequence[tuple[str, float, float, float]]) -> int:
    """Return how many runs of a person were executed at the same time."""
    changes = defaultdict[str, list[tuple[float, int]]](list)
    for person, _asked, begun, executed in found:
        changes[person] += [(begun, 1), (executed, -1)]
    return max(max(itertools.accumulate(step for _at, step in sorted(own))) for own in changes.values())


async def _main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as server:
        rate = options.rate
        if not rate:
            alone = await measured(server, 1, options.seconds, float("inf"))
            print(f"with more to do than it can, {alone}", flush=True)
            rate = alone.done / alone.seconds / 5
        for count in options.workers:
            each = (measured(server, 1, options.seconds, rate) for _number in range(count))
            found, *apart = await asyncio.gather(measured(server, count, options.seconds, rate * count), *each)
            done, processor = sum(one.done for one in apart), sum(one.processor for one in apart)
            print(
                f"{count} apart: {sum(one.done / one.seconds for one in apart):.1f} runs a second, {done} in all; "
                f"{processor / done * 1e3:.1f} ms of processor a run"
            )
            times = found.done / found.seconds * count / sum(one.done / one.seconds for one in apart)
            cost = found.processor / found.done / (processor / done)
            print(f"{found}\n  {times:.2f} times one's, and {cost:.2f} of its processor a run", flush=True)


def main() -> None:
    match sys.argv[1:]:
        case ["engine", count]:
            asyncio.run(until_signalled(lambda: engine(int(count))))
            return
        case ["worker", folder, url, name, server]:
            asyncio.run(until_signalled(lambda: worker(Path(folder), url, name, server)))
            return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rate", type=float, default=0.0, help="runs a second for each worker")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
