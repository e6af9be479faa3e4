"""Names of workers, and locks between processes: one process holds each, and none that stands still."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Update, insert, select, text, update

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import ConfigError, StorageAway
from bot.core.execution.worker_lock import held, in_use
from bot.core.servers.lease import HeldName
from bot.core.storage.database import DATABASE_FAULTS, Database
from bot.core.storage.schema import notes
from bot.core.storage.session_lock import SessionLock
from tests.bot.core.execution.test_worker import drop_others
from tests.bot.databases import new_postgres
from tests.bot.harness import until
from tests.patience import PATIENCE


async def test_two_processes_cannot_have_one_name(database_url: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.core.execution.worker_lock._PAUSE", 0.05)
    async with Database(database_url) as database, Database(database_url) as other:
        async with held(database, tmp_path, "garage") as name, beating(name.confirm):
            refusal = "the worker name “garage”" if database.is_shared else f"already running with .* {tmp_path}"
            assert re.search(refusal, str(await in_use(other, tmp_path, "garage")))
            with pytest.raises(ConfigError, match=refusal):
                async with held(other, tmp_path, "garage"):
                    pass
            assert await in_use(other, tmp_path, "attic") is None
            async with held(other, tmp_path, "attic"):
                pass
        async with held(other, tmp_path, "garage"):
            pass


async def test_a_name_is_still_held_after_the_database_has_been_restarted(
    postgres: str, tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    url = new_postgres(postgres)
    async with Database(url) as database, Database(url) as other, held(database, tmp_path, "garage") as name:
        await drop_others(other)
        with pytest.raises(StorageAway):
            await name.confirm()
        assert "lost the lock on the name “garage”" in caplog.text
        await name.confirm()
        monkeypatch.setattr("bot.core.execution.worker_lock._PAUSE", 0.05)
        with pytest.raises(ConfigError, match="the worker name “garage”"):
            async with beating(name.confirm), held(other, tmp_path, "garage"):
                pass


@pytest.mark.long
async def test_a_process_that_stands_still_loses_its_name_and_ends(
    postgres: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("bot.core.execution.worker_lock._PAUSE", 0.05)
    monkeypatch.setattr("bot.core.storage.session_lock._SILENT", 0.5)
    url, has_name, taken = new_postgres(postgres), asyncio.Event(), asyncio.Event()

    async def stands_still() -> None:
        async with Database(url) as database, held(database, tmp_path, "garage") as name:
            has_name.set()
            await taken.wait()
            async with beating(name.confirm):
                await asyncio.Event().wait()

    stale = asyncio.create_task(stands_still())
    await has_name.wait()
    async with Database(url) as database, held(database, tmp_path, "garage") as name, beating(name.confirm):
        assert await in_use(database, tmp_path, "garage")
        taken.set()
        with pytest.raises(ConfigError, match="the worker name “garage”"):
            await stale


async def test_what_only_one_process_does_is_not_held_up_by_one_that_stands_still(
    postgres: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("bot.core.storage.session_lock._SILENT", 0.5)
    url = new_postgres(postgres)
    async with Database(url) as database, Database(url) as other:
        silent = SessionLock(database.session, "engine")
        assert await silent.take()
        async with other.alone("engine"):
            pass
        with suppress(*DATABASE_FAULTS):  # the server has ended its connection
            await silent.let_go()


async def test_what_only_one_process_does_takes_as_long_as_it_takes(postgres: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.core.storage.session_lock._BEAT", 0.05)
    url = new_postgres(postgres)
    async with Database(url) as database, Database(url) as other:
        async with database.alone("engine"):
            waiting = SessionLock(other.session, "engine")
            while not waiting.is_held_elsewhere:  # until it has given a sign of life
                assert not await waiting.take()
            assert not waiting.has_ended_holder
        await until(waiting.take)  # the server hears of its end a moment later
        await waiting.let_go()


async def test_what_is_written_under_a_name_takes_its_turn(postgres: str, tmp_path: Path) -> None:
    odd = "100 % of “it's” \\ :name %s $1"
    async with noted(postgres, odd, "other") as database, held(database, tmp_path, odd) as name:
        renamed = update(notes).where(notes.c.name == odd).values(name=f"{odd}2")
        assert await name.write(renamed, ("one",)) == 1
        async with database.change(locks=("one",)) as connection:
            waiting = asyncio.create_task(name.write(update(notes).values(at=2.0), ("one",)))
            await connection.execute(update(notes).values(at=1.0))
            assert not waiting.done()
        assert await waiting == 2
        assert await found_in(database) == {(f"{odd}2", 2.0), ("other", 2.0)}


async def test_a_write_that_is_cancelled_has_its_answer_first(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.storage.engines.postgres._TO_ANSWER", PATIENCE)
    async with noted(postgres, "one") as database, held(database, tmp_path, "garage") as name:
        change = update(notes).values(at=notes.c.at + 1.0)
        async with waiting_for_a_lock(database, name, change) as waiting:
            waiting.cancel()
            await asyncio.sleep(0)
            assert not waiting.done()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await name.write(change, ()) == 1
        assert await found_in(database) == {("one", 2.0)}


async def test_a_write_that_is_cancelled_twice_ends_at_once(postgres: str, tmp_path: Path) -> None:
    async with noted(postgres, "one") as database, held(database, tmp_path, "garage") as name:
        change = update(notes).values(at=1.0)
        async with waiting_for_a_lock(database, name, change) as waiting:
            for _time in range(2):
                waiting.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await waiting
        with pytest.raises(StorageAway):
            await name.write(change, ())

        async def is_ours() -> bool:  # once the server has seen that the connection is closed
            with suppress(StorageAway):
                return await name.write(change, ()) == 1
            return False

        await until(is_ours)


@asynccontextmanager
async def waiting_for_a_lock(database: Database, name: HeldName, change: Update) -> AsyncIterator[asyncio.Task[int]]:
    """A write that waits until the context is left."""
    await name.write(change.where(notes.c.name == ""), ())  # the connection is open
    async with database.change(locks=("one",)) as connection:
        await connection.execute(select(1))
        task = asyncio.create_task(name.write(change, ("one",)))
        waits = text("""
            SELECT 1 FROM pg_locks JOIN pg_database ON oid = database
            WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
            """)

        async def is_waiting() -> bool:
            return await database.ask(lambda reader: reader.execute(waits).first()) is not None

        await until(is_waiting)
        yield task


async def test_nothing_is_written_under_a_name_that_another_process_holds(postgres: str, tmp_path: Path) -> None:
    async with noted(postgres, "one") as database, held(database, tmp_path, "garage") as name:
        change, other = update(notes).values(at=1.0), SessionLock(database.session, "worker garage")
        assert await other.write(change, ()) == 0
        await other.let_go()
        assert await name.write(change, ()) == 1


async def test_a_change_that_fails_says_so_and_the_name_is_kept(postgres: str, tmp_path: Path) -> None:
    async with noted(postgres, "one", "two") as database, held(database, tmp_path, "garage") as name:
        for _time in range(3):
            with pytest.raises(StorageAway):
                await name.write(update(notes).values(name="same"), ())
            assert await in_use(database, tmp_path, "garage")
        assert await name.write(update(notes).values(at=1.0), ()) == 2
        await drop_others(database)
        with pytest.raises(StorageAway):
            await name.write(update(notes).values(at=2.0), ())
        assert await name.write(update(notes).values(at=2.0), ()) == 2  # over another connection


@asynccontextmanager
async def noted(postgres: str, *names: str) -> AsyncIterator[Database]:
    async with Database(new_postgres(postgres)) as database:
        async with database.change() as connection:
            await connection.execute(insert(notes), [{"name": name, "value": {}, "at": 0.0} for name in names])
        yield database


async def found_in(database: Database) -> set[tuple[str, float]]:
    async with database.read() as connection:
        return {(row.name, row.at) for row in await connection.execute(select(notes.c.name, notes.c.at))}


@asynccontextmanager
async def beating(confirm: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Give signs of life all the time, as the registry does every few seconds."""
    task = BackgroundTask("heartbeat", TaskHealth())
    task.repeat(confirm, 0.02)
    try:
        yield
    finally:
        await task.stop()
