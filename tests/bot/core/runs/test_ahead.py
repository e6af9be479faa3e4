"""Runs that are ahead in the records, on SQLite and on PostgreSQL: they wait for all, and belong to one worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.core.policy.evaluate import NO_POLICY
from bot.core.run import QueuedRun, RunRecord, State
from bot.core.runs.handover import take_over
from bot.core.runs.queue import MOST_ATTEMPTS, Assignment, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from tests.bot.core.runs.test_queue import first, join, new


def behind(heads: Sequence[QueuedRun]) -> Assignment:
    return replace(first(heads), ahead=True)


async def _silent(_connection: AsyncConnection) -> bool:
    return True


async def ahead(queue: RunQueue, worker: str = "me") -> RunRecord:
    run = await queue.claim(worker, behind)
    assert run is not None
    assert run.is_ahead
    assert (run.state, run.server, run.worker, run.started_at) == (State.WAITING, "gpu", worker, None)
    return run


async def test_it_waits_and_nobody_else_can_have_it(queue: RunQueue, records: RunRepository) -> None:
    mine, other = await join(queue, "ann", "ben")
    run = await ahead(queue)
    assert run.id == mine
    assert await records.counts() == {State.WAITING: 2}
    assert [each.id for each in await queue.waiting()] == [mine, other]
    assert [await queue.position(each) for each in (mine, other)] == [1, 2]
    assert await records.active_at("me") == await records.active() == [run]
    taken = await queue.claim("you", first)
    assert taken is not None
    assert taken.id == other
    assert await queue.claim("you", first) is None


async def test_one_of_higher_priority_that_comes_later_has_the_place_behind_it(queue: RunQueue) -> None:
    (mine,) = await join(queue, "ann")
    await ahead(queue)
    urgent = new("op", priority=1)
    await queue.enqueue(urgent)
    assert [await queue.position(each) for each in (mine, urgent.id)] == [1, 2]


async def test_it_runs_from_the_moment_that_the_server_begins(queue: RunQueue, records: RunRepository) -> None:
    await join(queue, "ann")
    run = await ahead(queue)
    begun = await records.begin(run)
    assert begun is not None
    assert begun.started_at is not None
    assert (begun.state, begun.attempt, await records.counts()) == (State.RUNNING, 1, {State.RUNNING: 1})
    assert await records.begin(run) is None
    assert await records.executed(begun)


async def test_it_counts_for_the_limits_on_runs_at_a_time(queue: RunQueue, records: RunRepository) -> None:
    await join(queue, *["ann"] * 3)
    await queue.claim("me", first)
    run = await ahead(queue)
    assert await queue.claim("me", first) is None
    assert await records.end(run, State.CANCELLED)
    assert await queue.claim("me", first) is not None


async def test_to_wait_again_costs_it_nothing(queue: RunQueue, records: RunRepository) -> None:
    (mine,) = await join(queue, "ann")
    for spared in range(MOST_ATTEMPTS + 1):
        run = await ahead(queue)
        assert (run.spared, run.tries) == (spared, 1)
        assert await queue.requeue(run, "", None)
        assert not (await queue.waiting())[0].is_ahead
    for left in reversed(range(MOST_ATTEMPTS)):
        begun = await records.begin(await ahead(queue))
        assert begun is not None
        assert await queue.requeue(begun, "", None) is (left > 0)
    assert await queue.is_queued(mine) is False


@pytest.mark.long
async def test_a_run_whose_server_never_begins_is_not_posted_for_ever(queue: RunQueue) -> None:
    await join(queue, "ann")
    tries = 0
    while (run := await queue.claim("me", behind)) is not None and await queue.requeue(run, "", None):
        tries += 1
        assert tries < 100
    assert tries >= 10


async def test_a_worker_that_is_gone_costs_it_nothing(database: Database, queue: RunQueue) -> None:
    (mine,) = await join(queue, "ann")
    for _time in range(MOST_ATTEMPTS + 1):
        await ahead(queue, "gone")
        await take_over(database, "gone", _silent)
    (run,) = await queue.waiting()
    assert (run.id, run.is_ahead, run.tries) == (mine, False, 1)


@pytest.mark.parametrize("by", ["a denial", "a hold", "other limits"])
async def test_what_moderators_decide_takes_it_from_its_worker(
    queue: RunQueue, records: RunRepository, by: str
) -> None:
    (mine,) = await join(queue, "ann")
    run = await ahead(queue)
    assert await records.still_with("me", [mine]) == {mine}
    match by:
        case "a denial":
            assert await records.refuse(run, "no")
        case "a hold":
            assert await records.hold_request(run)
        case _:
            await queue.update_policy(run, NO_POLICY)
    assert await records.still_with("me", [mine]) == set()
    assert await records.begin(run) is None
    assert await records.active() == []


async def test_a_cancel_ends_it_at_once(queue: RunQueue, records: RunRepository) -> None:
    (mine,) = await join(queue, "ann")
    run = await ahead(queue)
    cancelled = await records.request_cancel(mine, "test:ann:Ann")
    assert cancelled is not None
    assert cancelled.state is State.CANCELLED
    assert await records.still_with("me", [mine]) == set()
    assert await records.begin(run) is None


async def test_the_first_priority_is_that_of_those_who_have_no_server(queue: RunQueue, records: RunRepository) -> None:
    assert await records.first_priority() == 0
    await queue.enqueue(new("op", priority=1))
    assert await records.first_priority() == 1
    await ahead(queue)
    assert await records.first_priority() == 0
