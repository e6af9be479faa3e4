"""A claim reads the runs that are next, and those on servers, by indexes: it costs the same however many wait.

Those who wait are told where they stand with one question for all.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text, update

from bot.core.model import Queued
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import State
from bot.core.runs.queue import RunQueue
from bot.core.runs.queue_notifier import is_news
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from comfy.embedded import EmbeddedServer
from tests.bot.core.runs.test_queue import first, join
from tests.bot.harness import ANN, Gates, house, renamed, running
from tests.bot.sql_trace import sql_trace


@pytest.mark.long
async def test_a_claim_reads_no_run_that_is_not_next_and_sorts_none(tmp_path: Path) -> None:
    with sql_trace() as trace:
        async with Database.in_folder(tmp_path) as database:
            queue, records = RunQueue(database, ConcurrencyLimits()), RunRepository(database)
            await join(queue, "ann", "ben")
            trace.on = True
            claimed = await queue.claim("me", first, ["test"])
            trace.on = False
            assert claimed is not None
            await records.end(claimed, State.DONE)
            questions = [told.words for told in trace.told if told.words.startswith(("SELECT", "WITH"))]
            plans = []
            async with database.read() as connection:
                for question in questions:
                    explained = await connection.execute(text(f"EXPLAIN QUERY PLAN {question}".replace(":", r"\:")))
                    plans.append([row.detail for row in explained])
    steps = [step for plan in plans for step in plan]
    assert {"runs_next", "runs_busy", "runs_by_caps"} <= {word for step in steps for word in step.split()}
    assert not [step for step in steps if "ORDER BY" in step or ("SCAN runs" in step and "USING" not in step)], steps


@pytest.mark.long
async def test_one_question_tells_which_of_those_who_are_to_be_told_still_wait(tmp_path: Path) -> None:
    gates = Gates()
    with sql_trace() as trace:
        async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
            first, shown = await home.ask("gated", renamed(ANN, 0), gate="first")
            await home.platform.until(running(shown))
            others = [await home.ask("gated", renamed(ANN, number), gate="others") for number in (1, 2, 3, 4)]

            def places() -> list[int | None]:
                lasts = [message.last for _run_id, message in others]
                return [last.position for last in lasts if isinstance(last, Queued)]

            await home.platform.until(lambda: places() == [1, 2, 3, 4])
            trace.on = True
            gates.open("first")
            await home.platform.until(lambda: places() == [1, 2, 3])
            trace.on = False
            gates.open()
            await home.ended(first, *(run_id for run_id, _message in others))
    questions = (
        told.words for told in trace.told if told.words.startswith("SELECT runs.id FROM runs WHERE runs.id IN")
    )
    asked = [
        words.partition(" IN (")[2].partition(")")[0].count("'") // 2 for words in questions if "'waiting'" in words
    ]
    assert max(asked) == 3, asked


async def test_a_waiting_run_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        queue, records = RunQueue(database, ConcurrencyLimits()), RunRepository(database)
        ids = await join(queue, "ann", "ben", "cat")
        before = {run.id: run for run in await queue.waiting()}
        gone = await records.get(ids[0])
        assert gone is not None
        await records.end(gone, State.CANCELLED)
        async with database.change() as connection:
            await connection.execute(update(runs).where(runs.c.id == ids[1]).values(reason="why", given={"n": 2}))
        now = {run.id: run for run in await queue.waiting()}
        assert list(now) == ids[1:]
        assert now[ids[2]] is before[ids[2]]
        assert (now[ids[1]].reason, now[ids[1]].values) == ("why", {"n": 2})
        assert await records.get(ids[1]) == now[ids[1]]


@pytest.mark.parametrize(
    ("told", "now"),
    [
        (Queued(2, 0.9), Queued(2)),  # less than a second is not told
        (Queued(2, 40.0), Queued(2, 37.0)),
        (Queued(1, 5.0, running=1), Queued(1, 5.0, running=3)),
        (Queued(30, 40.0), Queued(29, 40.0)),
    ],
)
def test_what_looks_the_same_or_nearly_so_is_not_told_again(told: Queued, now: Queued) -> None:
    assert not is_news(told, now)


@pytest.mark.parametrize(
    ("told", "now"),
    [
        (None, Queued(1)),
        (Queued(2), Queued(2, 5.0)),
        (Queued(2, 40.0), Queued(2, 30.0)),
        (Queued(2, running=1), Queued(2, running=2)),
        (Queued(2, 0.5), Queued(1, 0.4)),
        (Queued(2, 5.0), Queued(2, 5.0, "the server went away")),
    ],
)
def test_a_place_a_start_or_a_reason_that_looks_different_is_told(told: Queued | None, now: Queued) -> None:
    assert is_news(told, now)
