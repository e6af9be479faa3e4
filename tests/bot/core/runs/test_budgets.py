"""Server seconds, what a whole place may use, and how many runs are with servers: reserved, settled, never passed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.policy.rules import Measure, Rule
from bot.core.run import State
from bot.core.runs.queue import NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from comfy.prices import Price
from tests.bot.core.runs.counting import Clock, budget, elsewhere, limit, new, refused, spend, started

DAY = 86_400
PEOPLE = [f"person-{number}" for number in range(20)]


async def test_seconds_of_servers(queue: RunQueue, records: RunRepository, clock: Clock) -> None:
    most = limit(Measure.SECONDS, 110)
    await spend(queue, records, clock, new(most), 55.0)
    await spend(queue, records, clock, new(most), 55.0)
    said = await refused(queue, new(most))
    assert said.startswith(
        "You have reached a limit: 2 minutes of server time per day everywhere here. You have used all of it."
    )
    clock.now += DAY - 55 - 1  # a second before the first of them has been over for a day
    await refused(queue, new(most))
    clock.now += 1
    await queue.enqueue(new(most))


async def test_no_run_is_let_in_that_there_are_not_enough_seconds_for(
    queue: RunQueue, records: RunRepository, clock: Clock
) -> None:
    most = limit(Measure.SECONDS, 100)
    await spend(queue, records, clock, new(), 60.0)
    assert await refused(queue, new(most)) == (
        "You have reached a limit: 2 minutes of server time per day everywhere here. "
        "40 seconds are left, and this run takes about 60 seconds. You can try again in 1 day."
    )
    await queue.enqueue(new(most, workflow="negative"))  # of which nothing is known, and so ten seconds are reserved
    (standing,) = await queue.quota_statuses("test:ann", "negative", [most])
    assert str(standing) == "2 minutes of server time per day everywhere here, 30 seconds left"


async def test_seconds_are_reserved_by_runs_that_wait(queue: RunQueue, records: RunRepository) -> None:
    most = limit(Measure.SECONDS, 35)
    runs = [new(most) for _ in range(10)]
    answers = await asyncio.gather(*(queue.enqueue(run) for run in runs), return_exceptions=True)
    assert answers.count(None) == 3  # each is thought to take ten seconds while nothing is known
    said = await refused(queue, new(most))
    assert "5 seconds are left, and this run takes about 10 seconds. Try again when a run has ended." in said
    await records.request_cancel(runs[answers.index(None)].id, "test:ann:Ann")
    await queue.enqueue(new(most))


async def test_a_limit_denies_nobody_who_has_used_nothing_of_it(
    queue: RunQueue, records: RunRepository, clock: Clock
) -> None:
    few = limit(Measure.SECONDS, 30)
    await spend(queue, records, clock, new(person="ben"), 60.0)
    await spend(queue, records, clock, new(few), 60.0)
    await refused(queue, new(few))
    nothing = limit(Measure.SECONDS, 0)
    said = "You have reached a limit: nothing of server time per day everywhere here."
    assert await refused(queue, new(nothing, person="cyd")) == said


async def test_seconds_count_from_when_they_were_used(queue: RunQueue, records: RunRepository, clock: Clock) -> None:
    most, run = limit(Measure.SECONDS, 50), new()
    await queue.enqueue(run)
    clock.now += 2 * DAY  # so long it waits, and what is reserved for it is not forgotten
    await queue.sweep()
    assert [each.used for each in await queue.quota_statuses("test:ann", "poster", [most])] == [10.0]
    assert await started(queue)
    clock.now += 50
    found = await records.get(run.id)
    assert found is not None
    await records.executed(found)
    await records.end(found, State.DONE)
    await queue.sweep()
    await refused(queue, new(most))


@pytest.mark.parametrize("measure", [Measure.HOUR, Measure.DAY, Measure.WAITING])
@pytest.mark.long
async def test_a_budget_is_everybodys(queue: RunQueue, measure: Measure) -> None:
    together, other = budget(measure, 3), elsewhere(community="another")
    answers = await asyncio.gather(
        *(queue.enqueue(new(together, person=each)) for each in PEOPLE), return_exceptions=True
    )
    assert answers.count(None) == 3
    await queue.enqueue(new(budget(measure, 1, community="test:another"), place=other))
    assert "for all people together" in await refused(queue, new(together, person="ann"))
    assert "everywhere, for all people together" in await refused(
        queue, new(budget(measure, 4, community=""), place=other)
    )


async def test_a_place_has_so_many_seconds_a_day(queue: RunQueue, records: RunRepository, clock: Clock) -> None:
    own, together = limit(Measure.SECONDS, 100), budget(Measure.SECONDS, 150)
    await spend(queue, records, clock, new(own, together), 90.0)
    assert "10 seconds are left" in await refused(queue, new(own, together))
    await spend(queue, records, clock, new(together, workflow="negative", person="ben"), 60.0)
    assert await refused(queue, new(own, together, person="cyd")) == (
        "You have reached a limit: 2 minutes of server time per day everywhere here, for all people together. "
        "All of it has been used. You can try again in 23 hours 59 minutes."
    )
    await queue.enqueue(new(own, budget(Measure.SECONDS, 150, place="other"), place=elsewhere(), person="cyd"))


async def test_a_limit_of_running_counts_in_its_own_place_and_workflow(database: Database, clock: Clock) -> None:
    queue = RunQueue(database, ConcurrencyLimits(100, 100), clock)
    here, flow = limit(Measure.RUNNING, 1, place="channel"), limit(Measure.RUNNING, 1, workflow="negative")
    for run in (
        new(place=elsewhere()),  # counts for neither
        new(here, flow),
        new(here, flow),  # waits for the one before it
        new(flow, workflow="negative", place=elsewhere()),  # has nothing to do with either
        new(flow, workflow="negative", place=elsewhere()),
    ):
        await queue.enqueue(run)
    taken = [await started(queue) for _ in range(4)]
    assert [each and (each.workflow, each.place.id) for each in taken] == [
        ("poster", "other"),
        ("poster", "channel"),
        ("negative", "other"),
        None,
    ]


async def test_a_budget_of_running_holds_for_all_together(queue: RunQueue, records: RunRepository) -> None:
    two = budget(Measure.RUNNING, 2)
    for person in ("ann", "ben", "cyd"):
        await queue.enqueue(new(two, person=person))
    await queue.enqueue(new(person="dan", place=elsewhere(community="another")))
    taken = [await started(queue) for _ in range(4)]
    assert names(taken) == ["ann", "ben", "dan", None]
    first = taken[0]
    assert first is not None
    found = await records.get(first.id)
    assert found is not None
    await records.executed(found)
    assert names([await started(queue)]) == ["cyd"]


def names(taken: Sequence[object]) -> list[str | None]:
    return [getattr(getattr(each, "person", None), "id", None) for each in taken]


def _costs(price: float, *limits: Rule, **more: str) -> NewRun:
    return replace(new(*limits, **more), price=Price(price / 2, price))  # type: ignore[arg-type]


async def test_credits_are_reserved_at_their_upper_end_and_never_too_many(queue: RunQueue) -> None:
    together = budget(Measure.CREDITS, 100)
    answers = await asyncio.gather(
        *(queue.enqueue(_costs(30, together, person=each)) for each in PEOPLE), return_exceptions=True
    )
    assert answers.count(None) == 3
    assert await refused(queue, _costs(30, together)) == (
        "You have reached a limit: 100 credits per day everywhere here, for all people together. "
        "10 credits are left, and this run costs up to 30 credits. Try again when a run has ended."
    )
    await queue.enqueue(_costs(10, together))
    assert "All of it has been used." in await refused(queue, _costs(0.1, together))
    assert "0 credits per day" in await refused(queue, _costs(0.1, budget(Measure.CREDITS, 0)))


@pytest.mark.parametrize("posted", [True, False])
@pytest.mark.parametrize("end", [State.FAILED, State.CANCELLED, State.DONE])
async def test_credits_are_kept_once_a_run_was_posted(
    queue: RunQueue, records: RunRepository, clock: Clock, end: State, posted: bool
) -> None:
    most = limit(Measure.CREDITS, 50)
    await queue.enqueue(_costs(50, most))
    run = await started(queue)
    assert run is not None
    assert run.price == Price(25, 50)
    assert await records.post(run)
    if not posted:
        assert await records.post(run, posted=False)
    if end is State.DONE:
        await records.executed(run)
    await records.end(run, end)
    (standing,) = await queue.quota_statuses("test:ann", "poster", [most])
    assert standing.used == (50 if posted else 0)
    if posted:
        clock.now += DAY - 1
        assert "1 second" in await refused(queue, _costs(1, most))
        clock.now += 1
    await queue.sweep()
    await queue.enqueue(_costs(50, most))


async def test_only_the_attempt_that_has_a_run_posts_it(queue: RunQueue, records: RunRepository) -> None:
    await queue.enqueue(_costs(50))
    run = await started(queue)
    assert run is not None
    assert not await records.post(replace(run, attempt=2))
    found = await records.get(run.id)
    assert found is not None
    assert found.posted_at is None
