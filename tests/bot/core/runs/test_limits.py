"""Limits: windows that slide, what counts and what is given back, and that no two requests have the same last one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.core.errors import TooMany
from bot.core.policy.rules import Measure
from bot.core.run import State
from bot.core.runs.queue import Assignment, RunQueue
from bot.core.runs.repository import RunRepository
from tests.bot.core.runs.counting import CHANNEL, GUILD, Clock, elsewhere, limit, new, refused
from tests.bot.forks import fork


@pytest.mark.parametrize(("measure", "window"), [(Measure.HOUR, 3600), (Measure.DAY, 86_400)])
async def test_a_window_slides(queue: RunQueue, clock: Clock, measure: Measure, window: int) -> None:
    most = limit(measure, 3)
    for _ in range(3):
        await queue.enqueue(new(most))
        clock.now += 60
    assert "You can try again in" in await refused(queue, new(most))
    clock.now += window - 180
    await queue.enqueue(new(most))  # the first has left the window, and the second has not
    await refused(queue, new(most))
    await queue.enqueue(new(most, person="ben"))


async def test_a_hundred_at_once_start_exactly_as_many_as_are_left(queue: RunQueue) -> None:
    most = limit(Measure.HOUR, 5)
    for _ in range(2):
        await queue.enqueue(new(most))
    answers = await asyncio.gather(*(queue.enqueue(new(most)) for _ in range(100)), return_exceptions=True)
    assert answers.count(None) == 3
    assert sum(isinstance(answer, TooMany) for answer in answers) == 97


@pytest.mark.parametrize("whose", ["own", "together"])
async def test_a_hundred_at_once_from_two_processes(database_url: str, whose: str) -> None:
    async def ask(person: str) -> int:
        process = await fork("tests.bot.core.runs.asking", database_url, whose, person)
        answer = await process.said.readline()
        assert await process.wait() == 0
        return int(answer)

    assert sum(await asyncio.gather(ask("ann"), ask("ben" if whose == "together" else "ann"))) == 3


async def test_places_and_workflows_count_apart(queue: RunQueue) -> None:
    here, flow = limit(Measure.DAY, 1, place="channel"), limit(Measure.DAY, 1, workflow="poster")
    other = elsewhere()
    await queue.enqueue(new(workflow="negative", place=other))
    await queue.enqueue(new(here, flow))
    assert "1 run per day in channel" in await refused(queue, new(here))
    await refused(queue, new(flow, workflow="poster", place=other))
    thread = replace(CHANNEL, id="thread", parents=("channel",))
    await refused(queue, new(here, place=thread))  # a thread is its channel's


async def test_what_fails_or_never_starts_uses_nothing_up(queue: RunQueue, records: RunRepository) -> None:
    most = limit(Measure.DAY, 1)
    for end in ("cancel", "fail"):
        run = new(most)
        await queue.enqueue(run)
        await refused(queue, new(most))
        if end == "cancel":
            await records.request_cancel(run.id, "test:ann:Ann")
        else:
            found = await records.get(run.id)
            assert found is not None
            await records.end(found, State.FAILED, "It failed.")
    await queue.enqueue(new(most))


async def test_what_is_deleted_still_counts(queue: RunQueue, records: RunRepository) -> None:
    most, run = limit(Measure.DAY, 1), new(limit(Measure.DAY, 1))
    await queue.enqueue(run)
    found = await records.get(run.id)
    assert found is not None
    await records.end(found, State.DONE)
    await records.forget([run.id])
    await refused(queue, new(most))


async def test_what_waits_and_how_soon_after_another(queue: RunQueue, clock: Clock) -> None:
    waiting, cooldown = limit(Measure.WAITING, 1), limit(Measure.COOLDOWN, 30)
    await queue.enqueue(new(waiting))
    assert "1 run waiting at a time" in await refused(queue, new(waiting))
    assert await queue.claim("me", lambda heads: Assignment(heads[0].id, "gpu"))
    await queue.enqueue(new(waiting))
    assert "30 seconds between two runs" in await refused(queue, new(cooldown))
    clock.now += 31
    await queue.enqueue(new(cooldown))


async def test_how_many_are_with_servers(queue: RunQueue) -> None:
    one = limit(Measure.RUNNING, 1)
    for _ in range(2):
        await queue.enqueue(new(one))
    await queue.enqueue(new(person="ben"))
    taken = [await queue.claim("me", lambda heads: Assignment(heads[0].id, "gpu")) for _ in range(3)]
    assert [each.person.id if each else None for each in taken] == ["ann", "ben", None]


async def test_a_person_is_told_what_is_left(queue: RunQueue, clock: Clock) -> None:
    most = limit(Measure.HOUR, 2)
    await queue.enqueue(new(most))
    (standing,) = await queue.quota_statuses("test:ann", "poster", [most])
    assert str(standing) == "2 runs per hour everywhere here, 1 left"
    await queue.enqueue(new(most))
    clock.now += 1200
    (standing,) = await queue.quota_statuses("test:ann", "poster", [most])
    assert str(standing) == "2 runs per hour everywhere here, 0 left, more in 40 minutes"


async def test_what_nobody_decides_ends_with_the_oldest(queue: RunQueue, records: RunRepository, clock: Clock) -> None:
    held, fresh = replace(new(), held=True), replace(new(), held=True)
    await queue.enqueue(held)
    clock.now += 100
    await queue.enqueue(fresh)
    await records.expire(clock.now, "Too late.")
    assert await records.older_than(clock.now) == [held.id]
    (standing,) = await queue.quota_statuses("test:ann", "poster", [limit(Measure.DAY, 9)])
    assert standing.used == 1
    assert [run.id for run in await records.held_in(GUILD)] == [fresh.id]
