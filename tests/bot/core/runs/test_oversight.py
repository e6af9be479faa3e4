"""Runs of all people are found, and the line is reordered, on SQLite and on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import update

from bot.core.run import State
from bot.core.runs.oversight.finder import RunFilter, RunFinder
from bot.core.runs.oversight.order import LineOrder
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from tests.bot.core.runs.test_queue import first, join, turns


async def test_a_run_that_is_put_first_is_the_next_to_be_claimed(
    database: Database, queue: RunQueue, records: RunRepository
) -> None:
    ids = await join(queue, "ann", "ann", "ben", "cat")
    order = LineOrder(database)
    assert await order.put_first(ids[1])
    assert [run.person.id for run in await queue.waiting()] == ["ann", "ann", "ben", "cat"]
    assert (await queue.waiting())[0].id == ids[1]
    assert await order.put_first(ids[3])
    taken = await queue.claim("me", first)
    assert taken is not None
    assert taken.id == ids[3]
    assert not await order.put_first(ids[3])
    assert not await order.put_first("no such run")
    assert await records.end(taken, State.DONE)
    assert (await queue.waiting())[0].id == ids[1]
    (late,) = await join(queue, "dan")  # the turns of others go on as before
    assert (await turns(queue, records))[-1] == "dan"
    assert not await order.put_first(late)


async def test_runs_are_found_by_state_person_workflow_and_error(
    database: Database, queue: RunQueue, records: RunRepository
) -> None:
    finder, ids = RunFinder(database), await join(queue, "ann", "ben", "ann")
    taken = await queue.claim("me", first)
    assert taken is not None
    assert await records.end(taken, State.FAILED, "100% of the memory is used")

    async def found(**wanted: object) -> list[str]:
        return [run.id for run in await finder.find(RunFilter(**wanted), 10)]  # type: ignore[arg-type]

    assert await found() == ids[::-1]
    assert await found(states=(State.FAILED,)) == [taken.id]
    assert await found(person="ANN", states=(State.WAITING,)) == [ids[2]]
    assert await found(workflows=frozenset({"other"})) == []
    assert await found(fault="100%") == [taken.id]
    assert await found(fault="1_0%") == []
    async with database.change() as connection:
        hidden = update(runs).where(runs.c.id == ids[2]).values(private=1, reason="a secret name")
        await connection.execute(hidden)
    assert await found(fault="secret") == []
    assert [run.id for run in await finder.find(RunFilter(), 1, 1)] == [ids[1]]
    failed = await finder.last_failures([("me", "gpu"), ("me", "other")])
    assert {place: run.id for place, run in failed.items()} == {("me", "gpu"): taken.id}
    for community in ("test:guild", None):
        people = await finder.people(community, 0.0, 10)
        assert [(run.person.id, count) for run, count in people] == [("ann", 2), ("ben", 1)]
    assert await finder.people("test:other", 0.0, 10) == []
    assert [run.id for run in await finder.of_person("test:guild", "test:ann", 10)] == [ids[0]]
