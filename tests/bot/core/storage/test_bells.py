"""Who waits for a change in the database is woken by it, in whatever process it was made."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from bot.core.background import TaskHealth
from bot.core.errors import StorageFailed
from bot.core.storage.bell_wire import BellWire
from bot.core.storage.bells import Bell, Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.sqlite import SqliteEngine
from bot.core.storage.herald import Herald
from tests.bot.databases import new_postgres
from tests.patience import PATIENCE

_NOTE = text("INSERT INTO notes (name, value, at) VALUES (:name, '1', 0)")


async def _rings(bell: Bell, change: Callable[[], Awaitable[None]]) -> None:
    """Make the change until the bell rings: what was changed before the other one listened is no news to it."""
    waiting = asyncio.create_task(bell.wait(PATIENCE))
    async with asyncio.timeout(PATIENCE / 2):
        while not waiting.done():
            await change()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(waiting), 0.1)


async def _note(database: Database, name: str, *topics: Topic) -> None:
    async with database.change(*topics) as connection:
        await connection.execute(_NOTE, {"name": name})


async def test_a_bell_rings_after_a_change_of_its_topic_and_for_what_came_before_the_wait(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        line, rules = database.bells.bell(Topic.LINE), database.bells.bell(Topic.RULES)
        await _note(database, "one", Topic.LINE)
        async with asyncio.timeout(PATIENCE):
            await line.wait(PATIENCE * 2)
        assert not rules._rung.is_set()


async def test_a_change_that_was_taken_back_rings_no_bell(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        bell = database.bells.bell(Topic.LINE)
        with suppress(StorageFailed, RuntimeError):
            async with database.change(Topic.LINE):
                raise RuntimeError
        assert not bell._rung.is_set()


async def test_a_transaction_that_changes_nothing_is_no_news(tmp_path: Path) -> None:
    """A worker that looks at the line in vain would wake itself, again and again."""
    async with Database.in_folder(tmp_path) as database:
        told = list[frozenset[Topic]]()
        database.bells.on_change.add(told.append)
        async with database.change() as connection:
            await connection.execute(text("UPDATE line SET turn = 1 WHERE turn = 7"))
        await database.write(lambda connection: connection.execute(text("SELECT 1")))
        assert told == []
        async with database.change() as connection:
            await connection.execute(text("UPDATE line SET turn = 1 RETURNING turn"))
        await database.write(lambda connection: connection.execute(text("UPDATE line SET turn = 2")))
        assert told == [frozenset()] * 2


@pytest.mark.long
async def test_a_change_of_another_process_rings_the_bells_of_sqlite(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as mine, Database.in_folder(tmp_path) as other:
        numbers = iter(range(10_000))
        async with Herald(mine, TaskHealth()):
            await _rings(mine.bells.bell(Topic.RULES), lambda: _note(other, f"note {next(numbers)}"))


async def test_what_a_command_changes_is_heard_without_a_look(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends right after the change, and may be the last to write for hours."""
    monkeypatch.setattr("bot.core.storage.herald._LOOK", 2 * PATIENCE)
    numbers = iter(range(10_000))

    async def command() -> None:
        async with Database(database_url) as its, Herald(its, TaskHealth(), hears=False):
            await _note(its, f"note {next(numbers)}", Topic.RULES)

    async with Database(database_url) as mine, Herald(mine, TaskHealth()):
        bell = mine.bells.bell(Topic.RULES)
        for _command in range(2):  # what one of them said is all read
            await _rings(bell, command)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it always looks soon")
@pytest.mark.parametrize("writes", [False, True])
async def test_a_process_that_writes_looks_soon_for_what_others_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, writes: bool
) -> None:
    """A command in another container cannot tell it."""
    monkeypatch.setattr("bot.core.storage.herald._LOOK", 0.0)
    async with Database.in_folder(tmp_path) as mine, Herald(mine, TaskHealth()) as herald:
        await herald._look()
        resting = asyncio.create_task(herald._rest())
        await asyncio.sleep(0)
        if writes:
            await _note(mine, "a note")
        for _turn in range(20):
            await asyncio.sleep(0)
        assert resting.done() == writes
        resting.cancel()
        await asyncio.wait({resting})


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no names for sockets that are no files")
async def test_one_process_listens_until_it_ends_and_then_the_next_one(tmp_path: Path) -> None:
    first, second, told = BellWire(tmp_path / "a.db"), BellWire(tmp_path / "a.db"), asyncio.Event()
    second.tell()  # nobody listens
    first.listen(told.set)
    second.listen(lambda: None)
    assert (first.is_heard, second.is_heard) == (True, False)
    BellWire(tmp_path / "another.db").tell()
    for _telling in range(3):
        second.tell()
    async with asyncio.timeout(PATIENCE):
        await told.wait()
    first.close()
    second.listen(lambda: None)
    assert second.is_heard
    second.close()
    assert list(tmp_path.iterdir()) == []  # a file of an odd kind would surprise who reads or copies the folder


async def test_where_nobody_can_tell_the_file_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.storage.herald._LOOK", 0.5)  # it never sees a pause in what it writes itself
    taken, numbers = BellWire(tmp_path / "darkroom.db"), iter(range(10_000))
    taken.listen(lambda: None)

    async def both_write() -> None:
        await _note(mine, f"note {next(numbers)}")
        await _note(other, f"note {next(numbers)}", Topic.RULES)

    databases = Database.in_folder(tmp_path), Database.in_folder(tmp_path)
    async with databases[0] as mine, databases[1] as other, Herald(mine, TaskHealth()):
        await _rings(mine.bells.bell(Topic.RULES), both_write)
    taken.close()


async def test_a_change_of_another_process_rings_the_bells_of_its_topic_on_postgresql(postgres: str) -> None:
    url, tasks, numbers = new_postgres(postgres), TaskHealth(), iter(range(10_000))
    async with Database(url) as mine, Database(url) as other, Herald(mine, tasks), Herald(other, tasks):
        line, rules = mine.bells.bell(Topic.LINE), mine.bells.bell(Topic.RULES)
        await _rings(line, lambda: _note(other, f"note {next(numbers)}", Topic.LINE))
        await rules.wait(PATIENCE)  # it listens since then
        await _rings(line, lambda: _note(other, f"note {next(numbers)}", Topic.LINE))
        assert not rules._rung.is_set()


async def test_bells_ring_again_after_the_connection_to_postgresql_was_lost(postgres: str) -> None:
    url, tasks, numbers = new_postgres(postgres), TaskHealth(), iter(range(10_000))
    others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN darkroom%'")
    async with Database(url) as mine, Database(url) as other, Herald(other, tasks), Herald(mine, tasks):
        await _rings(mine.bells.bell(Topic.LINE), lambda: _note(other, f"note {next(numbers)}", Topic.LINE))
        async with other.read() as connection:
            assert all((await connection.execute(others)).scalars())
        lost = mine.bells.bell(Topic.RULES)
        await _rings(lost, lambda: _note(other, f"note {next(numbers)}", Topic.RULES))


async def test_a_statement_takes_one_trip_to_sqlites_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trips, run = 0, SqliteEngine.run

    async def counted(self: SqliteEngine, work: Callable[[], Any]) -> Any:
        nonlocal trips
        trips += 1
        return await run(self, work)

    async with Database.in_folder(tmp_path) as database:
        async with database.read() as connection:  # it opens its connections at the first use
            await connection.execute(text("SELECT 1"))
        monkeypatch.setattr(SqliteEngine, "run", counted)
        async with database.read() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        assert trips == 2  # the statement, and the connection is given back
        async with database.change() as connection:
            await connection.execute(_NOTE, {"name": "one"})
            assert (await connection.execute(text("SELECT name FROM notes"))).scalars().all() == ["one"]
        assert trips == 6  # two statements, and the commit, too


async def test_what_is_asked_while_the_records_are_closed_leaves_no_file_open(tmp_path: Path) -> None:
    go, database = threading.Event(), Database.in_folder(tmp_path)
    await database.__aenter__()
    event.listen(database._askers.sync_engine, "connect", lambda *_connected: go.wait(PATIENCE))
    asked = [asyncio.create_task(database.ask(lambda it: it.execute(text("SELECT 1")).scalar_one())) for _ in range(3)]
    closing = asyncio.create_task(database.__aexit__(None, None, None))
    await asyncio.sleep(0)  # all of them have begun
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(go.set)
    await closing
    assert await asyncio.gather(*asked) == [1, 1, 1]
    if sys.platform == "linux":
        files = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        assert not [each for each in files if each.is_relative_to(tmp_path)]


async def test_a_transaction_without_a_statement_takes_no_trip(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        async with database.change():
            pass
        async with database.change() as connection:
            parts = connection.partitions(text("SELECT 1 UNION SELECT 2 UNION SELECT 3"), 2)
            assert [[row[0] for row in rows] async for rows in parts] == [[1, 2], [3]]
