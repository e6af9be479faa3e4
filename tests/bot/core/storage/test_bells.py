"""Who waits for a change in the database is woken by it, in whatever process it was made."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.core.background import TaskHealth
from bot.core.errors import StorageFailed
from bot.core.storage.bells import Bell, Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.sqlite import SqliteEngine
from bot.core.storage.herald import BellPipe, Herald
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
async def test_the_pipe_of_a_killed_process_is_replaced_and_an_ended_one_leaves_none(tmp_path: Path) -> None:
    told = asyncio.Event()
    pipe, path = BellPipe(tmp_path / "darkroom.db"), tmp_path / "darkroom.db-bell"
    pipe.tell()  # nobody listens
    os.mkfifo(path)
    pipe.tell()
    pipe.listen(told.set)
    assert pipe.is_heard
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    BellPipe(tmp_path / "darkroom.db").tell()
    async with asyncio.timeout(PATIENCE):
        await told.wait()
    pipe.close()
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
async def test_a_second_start_takes_the_pipe_only_until_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused a moment later, since the first one is at work; or the first one is about to end."""
    monkeypatch.setattr("bot.core.storage.herald._LOOK", 0.05)
    second, path = BellPipe(tmp_path / "darkroom.db"), tmp_path / "darkroom.db-bell"
    async with Database.in_folder(tmp_path) as database, Herald(database, TaskHealth()):
        second.listen(lambda: None)
        assert second.is_heard
        async with asyncio.timeout(PATIENCE):
            while second.is_heard:  # noqa: ASYNC110 - the herald tells nobody
                await asyncio.sleep(0)
        second.close()
        assert path.exists()
    assert not path.exists()


def test_a_file_in_the_place_of_the_pipe_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "darkroom.db-bell"
    path.write_bytes(b"mine")
    BellPipe(tmp_path / "darkroom.db").tell()
    assert path.read_bytes() == b"mine"


async def test_a_folder_that_takes_no_pipe_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mkfifo", refuse)
    monkeypatch.setattr("bot.core.storage.herald._LOOK", 0.5)  # it never sees a pause in what it writes itself
    numbers = iter(range(10_000))

    async def both_write() -> None:
        await _note(mine, f"note {next(numbers)}")
        await _note(other, f"note {next(numbers)}", Topic.RULES)

    databases = Database.in_folder(tmp_path), Database.in_folder(tmp_path)
    async with databases[0] as mine, databases[1] as other, Herald(mine, TaskHealth()):
        await _rings(mine.bells.bell(Topic.RULES), both_write)


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


async def test_a_transaction_without_a_statement_takes_no_trip(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        async with database.change():
            pass
        async with database.change() as connection:
            parts = connection.partitions(text("SELECT 1 UNION SELECT 2 UNION SELECT 3"), 2)
            assert [[row[0] for row in rows] async for rows in parts] == [[1, 2], [3]]
