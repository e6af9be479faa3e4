"""Fair turns, caps and places in line, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy

from bot.core.errors import ConfigError, TooMany
from bot.core.model import Address, Person, Place, StoredFile
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import Outcome, QueuedRun, State
from bot.core.runs.queue import Assignment, NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from bot.core.storage.upgrade import upgrade

CAPS = ConcurrencyLimits(running=2, waiting=50)


def new(person: str = "ann", priority: int = 0, inputs: dict[str, StoredFile] | None = None) -> NewRun:
    who, where = Person("test", person, person.title()), Place("test", "here", "Here", "guild")
    address = Address("test", "chat", "message")
    models = frozenset({"m.ckpt"})
    return NewRun(str(uuid4()), "poster", {"n": 1}, inputs or {}, "x", who, where, address, "poster", models, priority)


def first(heads: Sequence[QueuedRun]) -> Assignment:
    return Assignment(heads[0].id, "gpu")


async def join(queue: RunQueue, *people: str) -> list[str]:
    made = [new(person) for person in people]
    for run in made:
        await queue.enqueue(run)
    return [run.id for run in made]


async def turns(queue: RunQueue, records: RunRepository, count: int = 99) -> list[str]:
    """Take runs one after the other, each ending before the next, and return their people."""
    people = []
    while len(people) < count and (taken := await queue.claim("me", first)) is not None:
        people.append(taken.person.id)
        run = await records.get(taken.id)
        assert run is not None
        assert await records.end(run, State.DONE)
    return people


async def test_a_run_comes_back_as_it_went_in(queue: RunQueue, records: RunRepository) -> None:
    photo = StoredFile("ab/abc.png", "cat.png", "image")
    run = new(inputs={"photo": photo})
    await queue.enqueue(run)
    (waiting,) = await queue.waiting()
    assert (waiting.id, waiting.values, waiting.inputs) == (run.id, {"n": 1}, {"photo": photo})
    assert (waiting.person, waiting.place, waiting.address) == (run.person, run.place, run.address)
    assert (waiting.state, waiting.attempt, waiting.models) == (State.WAITING, 1, run.models)
    assert await records.get("nothing") is None


async def test_people_take_turns_however_many_runs_each_has(queue: RunQueue, records: RunRepository) -> None:
    await join(queue, *["ann"] * 5)
    assert await turns(queue, records, 2) == ["ann", "ann"]
    await join(queue, "ben", "cleo", "cleo")
    assert await turns(queue, records) == ["ben", "cleo", "ann", "cleo", "ann", "ann"]


@pytest.mark.long
async def test_one_who_comes_new_starts_within_two_runs(queue: RunQueue, records: RunRepository) -> None:
    await join(queue, *["ann"] * 50)
    assert await turns(queue, records, 7) == ["ann"] * 7
    await join(queue, "ben")
    assert "ben" in await turns(queue, records, 2)


async def test_nobody_waits_for_ever_behind_people_who_come_new(queue: RunQueue, records: RunRepository) -> None:
    await join(queue, "ann", "ann")
    seen = []
    for number in range(6):
        await join(queue, f"new{number}")
        seen += await turns(queue, records, 1)
    assert seen.count("ann") == 2


async def test_the_operators_own_go_first(queue: RunQueue, records: RunRepository) -> None:
    await join(queue, "ann", "ben")
    await queue.enqueue(new("op", priority=1))
    assert await turns(queue, records, 1) == ["op"]


@pytest.mark.long
async def test_what_a_person_may_have_with_servers_and_in_line(database: Database, records: RunRepository) -> None:
    queue = RunQueue(database, CAPS)
    await join(queue, *["ann"] * 50, "ben")
    with pytest.raises(TooMany, match="50 waiting runs"):
        await queue.enqueue(new())
    taken = [await queue.claim("me", first) for _ in range(4)]
    assert [each.person.id if each else None for each in taken] == ["ann", "ben", "ann", None]
    run = await records.get(taken[0].id) if taken[0] else None
    assert run is not None
    await records.executed(run)  # its files are still on their way, but its server is free
    assert await queue.claim("me", first) is not None


async def test_places_in_line(queue: RunQueue, records: RunRepository) -> None:
    one, two, three = await join(queue, "ann", "ann", "ben")
    assert [await queue.position(run) for run in (one, three, two)] == [1, 2, 3]
    assert [run.id for run in await queue.waiting()] == [one, three, two]
    await queue.claim("me", first)
    assert [await queue.position(run) for run in (one, three, two)] == [None, 1, 2]


@pytest.mark.long
async def test_several_workers_never_take_the_same_run(queue: RunQueue, database_url: str) -> None:
    await join(queue, *(f"p{number}" for number in range(20)))
    async with Database(database_url) as other:
        lines = [queue, RunQueue(other, CAPS)]
        taken = await asyncio.gather(*(lines[number % 2].claim(f"w{number % 2}", first) for number in range(30)))
    ids = [each.id for each in taken if each is not None]
    assert len(ids) == len(set(ids)) == 20


@pytest.mark.long
async def test_a_line_whose_head_is_for_others_leaves_nobody_idle(queue: RunQueue) -> None:
    *_, last = await join(queue, *(f"p{number}" for number in range(100)), "ben")

    def bens(heads: Sequence[QueuedRun]) -> Assignment | None:
        return next((Assignment(run.id, "gpu") for run in heads if run.id == last), None)

    taken = await queue.claim("me", bens)
    assert taken is not None
    assert taken.person.id == "ben"
    assert await queue.claim("me", bens) is None


async def test_what_is_put_off_is_counted(queue: RunQueue) -> None:
    one, two, _ = await join(queue, "ann", "ben", "cleo")

    def third(heads: Sequence[QueuedRun]) -> Assignment:
        return Assignment(heads[2].id, "gpu", (one, two))

    assert (await queue.claim("me", third)) is not None
    assert {run.id: run.put_off for run in await queue.waiting()} == {one: 1, two: 1}


async def test_an_attempt_that_failed_waits_again_at_its_turn_and_not_for_ever(
    queue: RunQueue, records: RunRepository
) -> None:
    await join(queue, "ann", "ben")
    for attempt in range(1, 5):
        taken = await queue.claim("me", first)
        assert taken is not None
        run = await records.get(taken.id)
        assert run is not None
        assert (run.person.id, run.attempt) == ("ann", attempt)
        assert await queue.requeue(run, "The server is gone.", f"gpu{attempt}") is (attempt < 4)
        executed = await records.executed(run)
        assert (executed is not None) is (attempt == 4)  # an attempt that is over changes nothing any more
    last = await records.get(run.id)
    assert last is not None
    assert (last.reason, last.avoid) == ("The server is gone.", {"gpu1", "gpu2", "gpu3"})


async def test_cancelling_what_waits_and_what_runs(queue: RunQueue, records: RunRepository) -> None:
    one, two = await join(queue, "ann", "ben")
    await queue.claim("me", first)
    assert await records.request_cancel("nothing", "test:mod") is None
    waiting = await records.request_cancel(two, "test:mod")
    assert waiting is not None
    assert waiting.state is State.CANCELLED
    running = await records.request_cancel(one, "test:mod")
    assert running is not None
    assert running.state is State.RUNNING
    assert await records.cancel_requests("me") == [one]
    assert await records.cancel_requests("another") == []
    assert await records.end(running, State.CANCELLED)
    assert not await records.end(running, State.DONE)
    assert await records.request_cancel(one, "test:mod") is None


async def test_what_came_out_is_kept_until_its_last_run_is_forgotten(queue: RunQueue, records: RunRepository) -> None:
    photo = StoredFile("ab/abc.png", "cat.png", "image")
    for person in ("ann", "ben"):
        await queue.enqueue(new(person, inputs={"photo": photo}))
        taken = await queue.claim("me", first)
        assert taken is not None
        outcome = Outcome((StoredFile(f"cd/{person}.png", "out.png", "image"),), ("text",), ("warning",), True)
        await records.save_outputs(taken, outcome)
        await records.end(taken, State.DONE)
        run = await records.get(taken.id)
        assert run is not None
        assert run.outcome == outcome
    assert await records.forget(await records.all_of("test:ann")) == ["cd/ann.png"]
    assert await records.forget(await records.older_than(2e9)) == ["ab/abc.png", "cd/ben.png"]
    assert await records.last_of(Person("test", "ben")) == []


@pytest.mark.long
async def test_an_old_database_keeps_its_rows_and_a_newer_one_is_refused(empty_database_url: str) -> None:
    async with Database(empty_database_url) as database:
        await RunQueue(database, CAPS).enqueue(new())
    async with Database(empty_database_url) as database:
        assert len(await RunQueue(database, CAPS).waiting()) == 1
        async with database.change() as connection:
            await connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="made by a newer Darkroom"):
        async with Database(empty_database_url):
            pass


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
@pytest.mark.long
async def test_a_database_of_an_earlier_version_is_upgraded_with_what_is_in_it(
    empty_database_url: str, tmp_path: Path, revision: str
) -> None:
    async with Database.in_folder(tmp_path, "sample") as sample:
        await RunQueue(sample, CAPS).enqueue(new())
        async with sample.read() as connection:
            row = (await connection.execute(sqlalchemy.select(runs))).one()._asdict()
    url = sqlalchemy.make_url(empty_database_url)
    driver = "postgresql+psycopg" if url.get_backend_name() == "postgresql" else "sqlite"
    engine = sqlalchemy.create_engine(url.set(drivername=driver))
    with engine.begin() as old:
        upgrade(old, revision)
        table = sqlalchemy.Table("runs", sqlalchemy.MetaData(), autoload_with=old)
        kept = {name: value for name, value in row.items() if name in table.c}
        needed = {column.name: 0 for column in table.c if column.name not in row}
        old.execute(table.insert().values(kept | needed))
    engine.dispose()
    async with Database(empty_database_url) as database:
        (run,) = await RunQueue(database, CAPS).waiting()
        assert (run.id, run.workflow, run.values, run.person.id) == (row["id"], row["workflow"], row["given"], "ann")
        taken = await RunQueue(database, CAPS).claim("me", first)
        assert taken is not None
        assert await RunRepository(database).end(taken, State.DONE)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://x/y", "DARKROOM_DATABASE_URL is no database's address"),
        ("nonsense", "DARKROOM_DATABASE_URL is no database's address"),
        ("postgresql://ann:secret@127.0.0.1:1/x", r"postgresql://ann:\*\*\*@127.0.0.1:1/x cannot be used"),
    ],
)
async def test_a_database_that_cannot_be_used(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        async with Database(url):
            pass


async def test_a_database_that_is_a_folder_or_no_database(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    for path in (tmp_path, tmp_path / "junk.db", tmp_path / "none" / "x.db"):
        with pytest.raises(ConfigError, match="cannot be used"):
            async with Database(f"sqlite:///{path}"):
                pass


async def test_a_database_that_another_process_holds(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConfigError, match="locked"):
        async with Database(f"sqlite:///{tmp_path / 'held.db'}", patience=0.05):
            pass
    holder.close()


async def test_what_ended_lately(database: Database, queue: RunQueue) -> None:
    now = [100.0]
    records = RunRepository(database, lambda: now[0])
    for run_id in await join(queue, "ann", "bob", "cid"):
        run = await records.get(run_id)
        assert run is not None
        now[0] += 10
        if run.person.id != "cid":
            await records.end(run, State.DONE)
    assert [run.person.id for run in await records.ended_since(0)] == ["ann", "bob"]
    assert [run.person.id for run in await records.ended_since(110)] == ["bob"]


@pytest.mark.long
async def test_many_waiting_runs_are_read_in_the_order_of_the_queue(database: Database) -> None:
    queue = RunQueue(database, ConcurrencyLimits(running=2, waiting=1000))
    asked = await join(queue, *(person for person in "abcde" for _run in range(130)))
    waiting = [run.id for run in await queue.waiting()]
    assert sorted(waiting) == sorted(asked)
    assert [await queue.position(waiting[at]) for at in (0, 299, 300, 649)] == [1, 300, 301, 650]


async def test_only_what_has_become_of_runs_is_read_again(queue: RunQueue, records: RunRepository) -> None:
    first_id, second_id, _third = await join(queue, "ann", "ann", "ben")
    run = await queue.claim("me", first)
    assert run is not None
    assert run.id == first_id
    seen = await records.seen_since(0.0, ())
    assert (seen.active, seen.done, seen.ended) == ([run], [], {})
    assert await records.end(run, State.DONE)
    seen = await records.seen_since(0.0, ())
    assert (seen.active, [each.id for each in seen.done]) == ([], [first_id])
    again = await records.seen_since(0.0, seen.ended)
    assert (again.done, again.ended) == ([], seen.ended)
    assert (await records.seen_since(seen.ended[first_id], ())).ended == {}

    latest = await records.developed_of(["test:ann"], 10, {})
    assert latest == await records.last_of(run.person)
    assert [each.id for each in latest] == [second_id, first_id]
    ends = {first_id: (State.DONE, seen.ended[first_id])}
    assert [each.id for each in await records.developed_of(["test:ann"], 10, ends)] == [second_id]
    otherwise = {first_id: (State.FAILED, seen.ended[first_id])}
    assert await records.developed_of(["test:ann"], 10, otherwise) == latest
    assert await records.developed_of(["test:ann"], 1, {}) == latest[:1]
