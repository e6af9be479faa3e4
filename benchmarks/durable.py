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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from bot.core.execution.durable.attempts import Attempts
from tests.bot.harness import house
from tests.bot.sql_trace import Told, sql_trace

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


def _counted(told: Iterable[Told]) -> Counter[str]:
    """Statements and commits, of the engine's own file and of the records."""
    counts: Counter[str] = Counter()
    for each in told:
        whose = "engine" if each.file == "engine.db" else "records"
        if each.words == "COMMIT":
            counts[f"{whose} commits"] += 1
        elif not each.words.startswith(("BEGIN", "ROLLBACK")):
            counts[f"{whose} statements"] += 1
    return counts


async def _measured(folder: Path, way: type[Attempts], runs: int) -> Cost:
    with patch("bot.work.Attempts", way), sql_trace() as trace:
        async with house(folder, waiting_per_person=runs + 1) as home:
            await home.ended((await home.ask(color="1"))[0])  # what only the first has to do
            trace.on = True
            wall, processor = time.perf_counter(), time.process_time()
            for number in range(runs):
                run_id, message = await home.ask(color=str(number + 2))
                await home.platform.until(lambda: bool(message.results))  # noqa: B023
                message.results.clear()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            trace.on = False
            await home.ended(run_id)
    return Cost(wall / runs, processor / runs, _counted(trace.told))


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
