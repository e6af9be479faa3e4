"""The cost of each remembered step of an attempt: the same runs with and without it, in turns, in one process.

.venv/bin/python -m benchmarks.durable [--runs 40] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, event
from sqlalchemy import Engine as SyncEngine

from bot.core.execution.attempt import Attempt
from bot.core.execution.durable import FOLLOW, DurableEngine, DurableStep
from bot.core.execution.steps import Execution, ExecutionEnd
from bot.core.execution.throttle import Shown
from bot.core.storage.database import Database
from tests.bot.harness import house

_DONE = "the engine (what is done)"
#: What the engine remembers in each way; None: there is no engine at all, and nothing goes on after a crash.
WAYS: dict[str, frozenset[str] | None] = {
    "no engine": None,
    _DONE: frozenset(),
    "the engine, and follow": frozenset({FOLLOW}),
}


@dataclass(frozen=True)
class Cost:
    """Of a run: seconds, and what was asked of the databases."""

    wall: float
    processor: float
    counts: Counter[str]


class _Bare:
    """Runs attempts, and remembers nothing."""

    def __init__(self, _database: Database, _folder: Path, _worker: str, attempt: Any, _tasks: Any) -> None:
        self._attempt = attempt
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Bare:
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await asyncio.gather(*self._tasks)

    async def start(self, run_id: str, number: int) -> None:
        task = asyncio.create_task(self._attempt(run_id, number, _only_done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _only_done(_name: str, work: Callable[[], Coroutine[Any, Any, str]]) -> str:
    return await work()


def _remembering(names: frozenset[str]) -> type[Attempt]:
    """Attempts that remember these steps, whatever they said."""

    class Remembering(Attempt):
        def __init__(self, *given: Any, **more: Any) -> None:
            step: DurableStep = given[4]

            async def chosen(name: str, work: Callable[[], Coroutine[Any, Any, str]]) -> str:
                return await (step if name in names else _only_done)(name, work)

            parts: list[Any] = [*given[:4], chosen, *given[5:]]
            super().__init__(*parts, **more)

        async def _followed(self, story: Execution, offer: Callable[[Shown], None]) -> ExecutionEnd:
            async def work() -> str:
                ended = await self._follow(story, offer)
                return json.dumps({"nothing_new": ended.nothing_new, "warnings": ended.warnings})

            kept = json.loads(await self._step(FOLLOW, work))
            return ExecutionEnd(kept["nothing_new"], tuple(kept["warnings"]))

    return Remembering


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Statements and commits, of the engine's own file and of the records."""
    counts: Counter[str] = Counter()

    def whose(connection: Connection) -> str:
        return "engine" if str(connection.engine.url.database).endswith("engine.db") else "records"

    def executed(connection: Connection, *_rest: Any) -> None:
        counts[f"{whose(connection)} statements"] += 1

    def committed(connection: Connection) -> None:
        counts[f"{whose(connection)} commits"] += 1

    event.listen(SyncEngine, "before_cursor_execute", executed)
    event.listen(SyncEngine, "commit", committed)
    try:
        yield counts
    finally:
        event.remove(SyncEngine, "before_cursor_execute", executed)
        event.remove(SyncEngine, "commit", committed)


async def _measured(folder: Path, names: frozenset[str] | None, runs: int) -> Cost:
    engine: Any = _Bare if names is None else DurableEngine
    with (
        patch("bot.work.DurableEngine", engine),
        patch("bot.core.execution.worker.Attempt", _remembering(names or frozenset())),
    ):
        async with house(folder, waiting_per_person=runs + 1) as home:
            await home.ended((await home.ask(color="1"))[0])  # what only the first has to do
            with _counted() as counts:
                wall, processor = time.perf_counter(), time.process_time()
                for number in range(runs):
                    run_id, message = await home.ask(color=str(number + 2))
                    await home.platform.until(lambda: bool(message.results))  # noqa: B023
                    message.results.clear()
                cost = Cost((time.perf_counter() - wall) / runs, (time.process_time() - processor) / runs, counts)
            await home.ended(run_id)
    return cost


async def _main(runs: int, rounds: int) -> None:
    costs: defaultdict[str, list[Cost]] = defaultdict(list)
    for _round in range(rounds):
        for way in random.sample(list(WAYS), len(WAYS)):
            with tempfile.TemporaryDirectory() as folder:
                costs[way].append(await _measured(Path(folder), WAYS[way], runs))
    print("| remembered | wall ms a run | x done | processor ms a run | x done | engine's statements | … commits |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for way, all_costs in costs.items():
        wall, cpu = (_ratios(all_costs, costs[_DONE], kind) for kind in ("wall", "processor"))
        engine = [sum(each.counts[f"engine {what}"] for each in all_costs) / runs / rounds for what in _WHAT]
        print(f"| {way} | {wall} | {cpu} | {engine[0]:.1f} | {engine[1]:.1f} |")
    mine = [sum(each.counts[f"records {what}"] for each in costs[_DONE]) / runs / rounds for what in _WHAT]
    print(f"\nbeside it the records: {mine[0]:.1f} statements, {mine[1]:.1f} commits a run")


_WHAT = ("statements", "commits")


def _ratios(costs: list[Cost], done: list[Cost], kind: str) -> str:
    """The median in milliseconds, and the median of what it is of the same round's cost as it is done."""
    own, base = ([getattr(each, kind) for each in some] for some in (costs, done))
    ratio = statistics.median(mine / other for mine, other in zip(own, base, strict=True))
    return f"{statistics.median(own) * 1e3:.1f} | {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(_main(given.runs, given.rounds))


if __name__ == "__main__":
    main()
