"""The runs of a lost worker go to the others, or end."""

from __future__ import annotations

from bot.core.model import StoredFile
from bot.core.run import Outcome, RunRecord, State
from bot.core.runs.handover import release_worker, take_over
from bot.core.runs.queue import MOST_ATTEMPTS, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from tests.bot.core.runs.test_queue import first, join


async def test_the_runs_of_a_worker_that_is_gone(database: Database, queue: RunQueue, records: RunRepository) -> None:
    await join(queue, "ann", "ben")
    await queue.claim("gone", first)
    (run,) = await records.active_at("gone")
    assert await release_worker(database, "gone") == 1
    assert len(await queue.waiting()) == 2
    assert not await records.end(run, State.DONE)


async def test_a_worker_that_answers_again_keeps_its_runs(
    database: Database, queue: RunQueue, records: RunRepository
) -> None:
    await join(queue, "ann")
    run = await queue.claim("slow", first)
    assert await take_over(database, "slow", _answers) == []
    assert await records.active_at("slow") == [run]


async def test_what_has_come_out_is_delivered_by_any_worker(
    database: Database, queue: RunQueue, records: RunRepository
) -> None:
    await join(queue, "ann")
    run = await queue.claim("gone", first)
    assert run is not None
    await records.executed(run)
    await records.save_outputs(run, Outcome((StoredFile("ab/c.png", "c.png", "image"),)))
    await take_over(database, "gone", _silent)
    taken = await records.claim_to_deliver("other", ["test"])
    assert taken is not None
    assert (taken.id, taken.attempt, taken.state) == (run.id, 2, State.DELIVERING)
    assert not await records.end(run, State.DONE)


async def test_a_run_that_waits_again_says_why(database: Database, queue: RunQueue) -> None:
    await join(queue, "ann")
    await queue.claim("gone", first)
    (changed,) = await take_over(database, "gone", _silent)
    assert await queue.waiting() == [changed]
    assert "stopped answering" in changed.reason


async def test_a_cancelled_run_ends_with_its_worker(
    database: Database, queue: RunQueue, records: RunRepository
) -> None:
    await join(queue, "ann")
    run = await queue.claim("gone", first)
    assert run is not None
    await records.request_cancel(run.id, "test:ann:Ann")
    (changed,) = await take_over(database, "gone", _silent)
    assert changed.state is State.CANCELLED
    assert changed.ended_at is not None


async def test_a_run_that_takes_every_worker_down_ends(
    database: Database, queue: RunQueue, records: RunRepository
) -> None:
    await join(queue, "ann")
    changed: RunRecord | None = None
    for _attempt in range(MOST_ATTEMPTS):
        assert await queue.claim("gone", first) is not None
        (changed,) = await take_over(database, "gone", _silent)
    assert changed is not None
    assert changed.state is State.FAILED
    assert str(MOST_ATTEMPTS) in (changed.sentence or "")
    assert await queue.claim("gone", first) is None


async def _silent(_connection: AsyncConnection) -> bool:
    return True


async def _answers(_connection: AsyncConnection) -> bool:
    return False
