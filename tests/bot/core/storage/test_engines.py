"""Transactions that are functions: SQLite does each in a thread of its own, and they come to their end there."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.core.errors import StorageAway
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from tests.bot.databases import new_postgres
from tests.patience import PATIENCE

_NOTED = text("SELECT turn FROM line")
_NOTE = text("UPDATE line SET turn = :value")


def _noted(connection: Connection) -> object:
    return connection.execute(_NOTED).scalar_one()


async def test_sqlite_does_a_transaction_in_the_thread_of_its_connection(tmp_path: Path) -> None:
    threads = set[int]()

    def write(connection: Connection) -> None:
        threads.add(threading.get_ident())
        connection.execute(_NOTE, {"value": 1})
        assert _noted(connection) == 1

    async with Database.in_folder(tmp_path) as database:
        await database.write(write)
        assert await database.ask(_noted) == 1
    assert threading.get_ident() not in threads


@pytest.mark.long
async def test_a_function_that_fails_changes_nothing(tmp_path: Path, postgres: str) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(_NOTE, {"value": 1})
        raise ValueError("on purpose")

    for database in (Database.in_folder(tmp_path), Database(new_postgres(postgres))):
        async with database:
            rung = list[frozenset[Topic]]()
            database.bells.on_change.add(rung.append)
            with pytest.raises(ValueError, match="on purpose"):
                await database.write(fail, Topic.LINE)
            assert await database.ask(_noted) == 0
            assert rung == []
            with pytest.raises(StorageAway):
                await database.ask(lambda connection: connection.execute(text("SELECT 1 FROM nowhere")))
            await database.write(lambda connection: connection.execute(_NOTE, {"value": 2}), Topic.LINE)
            assert await database.ask(_noted) == 2
            assert rung == [{Topic.LINE}]


async def test_a_transaction_whose_caller_is_cancelled_comes_to_its_end_before_the_next_one(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def write(connection: Connection) -> None:
        connection.execute(_NOTE, {"value": 1})
        begun.set()
        assert go_on.wait(PATIENCE)
        connection.execute(_NOTE, {"value": 2})

    async with Database.in_folder(tmp_path) as database:
        rung = list[frozenset[Topic]]()
        database.bells.on_change.add(rung.append)
        writing = asyncio.create_task(database.write(write, Topic.LINE))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        for _twice in range(2):
            writing.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert rung == [{Topic.LINE}]
        async with database.change() as connection:
            assert await connection.run_sync(_noted) == 2


async def test_what_an_error_keeps_of_a_transaction_holds_up_no_other(tmp_path: Path) -> None:
    def stop(connection: Connection) -> None:
        rows = connection.execute(text("SELECT turn FROM line UNION ALL SELECT turn FROM line"))
        raise ValueError(f"on purpose: {rows.fetchmany(1)}")

    async with Database.in_folder(tmp_path) as database, Database.in_folder(tmp_path) as other:
        with pytest.raises(ValueError, match="on purpose") as kept:
            await database.write(stop)
        await other.write(lambda connection: connection.execute(_NOTE, {"value": 3}))
        assert await database.write(_noted) == 3
        assert kept.tb is not None


async def test_who_is_cancelled_while_others_have_the_turn_begins_nothing(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path) as database:
        async with database.change():
            waiting = asyncio.create_task(database.write(lambda connection: connection.execute(_NOTE, {"value": 1})))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        assert await database.write(_noted) == 0
