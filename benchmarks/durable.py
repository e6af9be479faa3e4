"""The cost of the durable engine: the same runs with each attempt in it, and as it is done, in turns, in one process.

.venv/bin/python -m benchmarks.durable [--runs 40] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, event
from sqlalchemy import Engine as SyncEngine

from bot.core.execution.durable.attempts import Attempts
from tests.bot.harness import house

_DONE = "the records alone (what is done)"


class _InEngine(Attempts):
    """Has the engine know of each attempt that begins, and that it has ended."""

    async def open(self, *, resumes: bool) -> None:
        await super().open(resumes=True)
        self._starts = set[asyncio.Task[None]]()

    def begin(self, run_id: str, attempt: int) -> None:
        task = asyncio.create_task(self.resume(run_id, attempt))
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)


WAYS: dict[str, type[Attempts]] = {_DONE: Attempts, "each attempt in the engine": _InEngine}


@dataclass(frozen=True)
class Cost:
    """Of a run: seconds, and what was asked of the databases."""

    wall: float
    processor: float
    counts: Counter[str]


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


async def _measured(folder: Path, way: type[Attempts], runs: int) -> Cost:
    with patch("bot.work.Attempts", way):
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
    print("| known by | wall ms a run | x done | processor ms a run | x done | engine's statements | … commits |")
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
