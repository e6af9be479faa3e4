"""The database's limits: a process that stands still stops no other, and every fault of it has our words."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bot.core.errors import StorageFailed
from bot.core.storage import upgrade
from bot.core.storage.database import Database
from bot.core.storage.engines import postgres as module
from tests.bot.databases import new_postgres
from tests.patience import PATIENCE


async def test_a_process_that_stands_still_in_a_transaction_lets_the_others_go_on(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgres(postgres)
    async with Database(url) as other:
        limits = module.TIME_LIMITS | {"idle_in_transaction_session_timeout": 200}
        monkeypatch.setattr(module, "TIME_LIMITS", limits)
        async with Database(url) as still:
            held, gone_on = asyncio.Event(), asyncio.Event()

            async def stand_still() -> None:
                async with still.change(locks=("one",)):
                    held.set()
                    await gone_on.wait()

            standing = asyncio.create_task(stand_still())
            await held.wait()
            async with asyncio.timeout(PATIENCE), other.change(locks=("one",)) as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
            gone_on.set()
            with pytest.raises(StorageFailed):
                await standing
            async with still.change() as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_a_transaction_that_waits_too_long_for_its_turn_says_so(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgres(postgres)
    async with Database(url) as other:
        monkeypatch.setattr(module, "TIME_LIMITS", module.TIME_LIMITS | {"lock_timeout": 100})
        async with Database(url) as hasty, other.change(locks=("one", "two")):
            with pytest.raises(StorageFailed):
                async with hasty.change(locks=("two",)):
                    raise AssertionError("two had the turn at once")


async def test_a_pool_without_a_free_connection_is_a_fault_of_the_storage(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path, wait=0.01) as database, database.change():
        with pytest.raises(StorageFailed):
            async with database.change():
                raise AssertionError("one connection was given twice")
        with pytest.raises(StorageFailed):
            await database.write(lambda _connection: None)


@pytest.mark.long
async def test_a_task_that_is_cancelled_in_the_middle_of_a_statement_lets_go_of_the_database(tmp_path: Path) -> None:
    insert = text("INSERT INTO notes (name, value, at) VALUES (:name, '1', 0) RETURNING name")
    kept: list[BaseException | None] = []  # what a cancelled task leaves refers to its cursors

    async def work() -> None:
        async with database.change() as connection:
            for number in range(20):
                await connection.execute(insert, {"name": f"{turns} {number}"})

    for turns in range(100):
        async with Database.in_folder(tmp_path) as database:
            task = asyncio.create_task(work())
            for _turn in range(turns):
                await asyncio.to_thread(int)  # a moment, in which the database's thread works too
            task.cancel()
            kept += await asyncio.gather(task, return_exceptions=True)
        with closing(sqlite3.connect(tmp_path / "darkroom.db", timeout=PATIENCE)) as other:
            other.execute("BEGIN IMMEDIATE")


def test_a_start_knows_the_newest_revision_without_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade._MIGRATIONS))
    known = ScriptDirectory.from_config(config)
    assert upgrade.revisions() == sorted(each.revision for each in known.walk_revisions())
    assert known.get_heads() == [upgrade.revisions()[-1]]
