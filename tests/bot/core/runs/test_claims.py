"""Several processes take runs from one line at the same time: limits are exact, and no run is taken twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text

from bot.core.background import TaskHealth
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.policy.rules import Measure
from bot.core.run import QueuedRun
from bot.core.runs.handover import release_worker
from bot.core.runs.queue import Assignment, NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage import named_locks
from bot.core.storage.bells import Bell, Topic
from bot.core.storage.database import Database
from bot.core.storage.herald import Herald
from bot.core.storage.key_value import KeyValueStore
from tests.bot.core.runs.claiming import BEGIN, Seen
from tests.bot.core.runs.counting import budget, limit, new
from tests.bot.databases import new_postgres
from tests.bot.forks import Forked, fork
from tests.bot.harness import until

_PROCESSES = 8


async def _taken(url: str, runs: Sequence[NewRun], queue: RunQueue, most: int = 2, *, ends: bool = False) -> list[Seen]:
    """Have processes take these runs; what each of them saw."""
    words = ("tests.bot.core.runs.claiming", url, str(most), "ends" if ends else "")
    processes = await asyncio.gather(*(fork(*words) for _number in range(_PROCESSES)))
    for each in processes:
        assert await each.said.readline() == b"ready\n"
    for run in runs:
        await queue.enqueue(run)
    async with KeyValueStore(Database(url)) as notes:
        await notes.put(BEGIN, value=True)
    return await asyncio.gather(*map(_said, processes))


async def _said(process: Forked) -> Seen:
    seen = Seen(**json.loads(await process.said.readline()))
    assert await process.wait() == 0
    return seen


def _of_people(count: int, each: int, *limits: object) -> list[NewRun]:
    return [new(*limits, person=f"p{number % count}") for number in range(count * each)]  # type: ignore[arg-type]


async def test_processes_that_claim_at_once_start_exactly_as_many_as_each_person_may(
    queue: RunQueue, records: RunRepository, database_url: str
) -> None:
    asked = _of_people(6, 5)
    found = await _taken(database_url, asked, queue)
    assert sorted(Counter(run.person.id for run in await records.active()).values()) == [2] * 6
    assert len({run for seen in found for run in seen.taken}) == sum(len(seen.taken) for seen in found) == 12
    assert max(seen.own for seen in found) == 2


@pytest.mark.long
async def test_all_is_taken_once_while_runs_end_and_others_start(queue: RunQueue, database_url: str) -> None:
    asked = _of_people(5, 12)
    found = await _taken(database_url, asked, queue, ends=True)
    assert sorted(run for seen in found for run in seen.taken) == sorted(run.id for run in asked)
    assert max(seen.own for seen in found) <= 2


@pytest.mark.parametrize("whose", ["own", "together"])
async def test_limits_of_moderators_are_exact_among_processes(queue: RunQueue, database_url: str, whose: str) -> None:
    most = (limit if whose == "own" else budget)(Measure.RUNNING, 3)
    asked = _of_people(6, 6, most)
    found = await _taken(database_url, asked, queue, most=100)
    assert sum(len(seen.taken) for seen in found) == (3 if whose == "together" else 18)
    assert max(getattr(seen, whose) for seen in found) == 3


@pytest.mark.long
async def test_no_run_waits_for_more_later_ones_than_there_are_claims_in_flight(
    queue: RunQueue, database_url: str
) -> None:
    asked = _of_people(12, 10)
    found = await _taken(database_url, asked, queue, most=1000)
    assert sorted(run for seen in found for run in seen.taken) == sorted(run.id for run in asked)
    assert max(seen.before for seen in found) < _PROCESSES


@pytest.mark.parametrize("what", ["cancelled", "taken", "started again", "limited"])
async def test_a_run_is_not_taken_by_what_was_true_when_it_was_chosen(
    queue: RunQueue, records: RunRepository, database_url: str, what: str
) -> None:
    """While a worker chooses a run, another process changes it, or starts as many of its person as there may be."""
    ann, again, ben = new(), new(), new(person="ben")
    for run in (ann, ben, again):
        await queue.enqueue(run)

    async def change() -> None:
        async with Database(database_url) as database:
            others, theirs = RunQueue(database, ConcurrencyLimits(1)), RunRepository(database)
            if what == "cancelled":
                await theirs.request_cancel(ann.id, "test:mod")
                return
            run = await others.claim(
                "other", lambda _heads: Assignment(again.id if what == "limited" else ann.id, "s1")
            )
            assert run is not None
            if what == "started again":
                assert await others.requeue(run, "The server is gone.", "s0")

    seen: list[list[str]] = []

    def choose(heads: Sequence[QueuedRun]) -> Assignment:
        seen.append([run.id for run in heads])
        if len(seen) == 1:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(lambda: asyncio.run(change())).result()
            return Assignment(ann.id, "s0")
        return Assignment(next(run.id for run in heads if "s0" not in run.avoid), "s0")

    taken = await RunQueue(queue._database, ConcurrencyLimits(1)).claim("me", choose)
    assert taken is not None
    assert (taken.id, len(seen)) == (ben.id, 2)
    assert [run.worker for run in await records.active()].count("me") == 1


async def test_others_hear_who_took_the_last_run_that_waited(postgres: str) -> None:
    url, heard = new_postgres(postgres), list[str]()
    async with Database(url) as ours, Database(url) as theirs:
        queue, tasks, rules = RunQueue(ours, ConcurrencyLimits(running=5)), TaskHealth(), theirs.bells.bell(Topic.RULES)
        async with Herald(theirs, tasks), Herald(ours, tasks):
            await until(lambda: _is_heard(ours, rules))
            theirs.bells.on(Topic.EMPTY, lambda: heard.append("empty"))
            ours.bells.on(Topic.EMPTY, lambda: heard.append("by itself"))
            for _run in range(3):
                await queue.enqueue(new())
            for left in (2, 1, 0):
                run = await queue.claim("me", lambda heads: Assignment(heads[-1].id, "gpu"))
                assert run is not None
                assert len([each for each in await queue.waiting() if each.server is None]) == left
                rules._rung.clear()
                await until(lambda: _is_heard(ours, rules))
                assert heard == ([] if left else ["empty"])


async def _is_heard(database: Database, bell: Bell) -> bool:
    """Say something that comes after all that was said before; whether it was heard yet."""
    database.bells.changed([Topic.RULES])
    return bell._rung.is_set()


@pytest.mark.long
async def test_processes_that_change_the_same_runs_in_any_order_never_wait_for_each_other(postgres: str) -> None:
    url, chance = new_postgres(postgres), random.Random(7)
    async with Database(url) as one, Database(url) as two:
        queues = [RunQueue(each, ConcurrencyLimits(50, 1000)) for each in (one, two)]
        for run in _of_people(4, 30):
            await queues[0].enqueue(run)

        def pick(heads: Sequence[QueuedRun]) -> Assignment:
            chosen = chance.randrange(len(heads))
            passed = [run.id for run in heads if run.id != heads[chosen].id]
            return Assignment(heads[chosen].id, "gpu", tuple(chance.sample(passed, len(passed))))

        async def work(queue: RunQueue, worker: str) -> int:
            taken = 0
            while await queue.claim(worker, pick) is not None:
                taken += 1
                if taken % 5 == 0:
                    await release_worker(queue._database, chance.choice(("w0", "w1", "w2", "w3")))
                    await RunRepository(queue._database).expire(0.0, "Too late.")
                    await RunRepository(queue._database).anonymize(f"test:p{chance.randrange(4)}")
                if taken == 40:
                    break
            return taken

        await asyncio.gather(*(work(queues[number % 2], f"w{number}") for number in range(4)))  # raises nothing


async def test_changes_take_turns_with_processes_of_earlier_versions(postgres: str) -> None:
    """Those let nobody change anything meanwhile, and count on it."""
    url = new_postgres(postgres)
    async with Database(url) as ours, Database(url) as theirs:
        queue = RunQueue(ours, ConcurrencyLimits())
        earlier = text(f"SELECT pg_advisory_xact_lock({named_locks.LOCK})")
        async with theirs._engine.connect() as connection:
            await connection.execute(earlier)
            joining = asyncio.create_task(queue.enqueue(new()))
            await until(partial(_is_waiting, theirs))
            assert await queue.waiting() == []
        await joining

        async def change() -> None:
            async with theirs._engine.connect() as connection:
                await connection.execute(earlier)

        async with ours.change():
            changing = asyncio.create_task(change())
            await until(partial(_is_waiting, ours))
        await changing


async def _is_waiting(database: Database) -> bool:
    async with database.read() as connection:
        return bool((await connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one())
