"""Nobody says what is outdated: while one process speaks of how a run waited, another does not begin it."""

from __future__ import annotations

import asyncio

from bot.core.runs.locks import RunLocks
from bot.core.storage.database import Database
from tests.bot.databases import new_postgres


async def test_the_floor_is_one_among_all_processes_and_for_each_run(postgres: str) -> None:
    url = new_postgres(postgres)
    async with Database(url) as here, Database(url) as there:
        speaker, worker = RunLocks(here), RunLocks(there)
        async with speaker.hold("one"):
            begun = asyncio.create_task(worker.wait_until_free("one"))
            for _ in range(3):
                await worker.wait_until_free("two")
            assert not begun.done()
        await begun


async def test_many_have_the_floor_of_their_runs_at_once(postgres: str) -> None:
    async with Database(new_postgres(postgres)) as database:
        floor = RunLocks(database)

        async def speak(number: int) -> int:
            async with floor.hold(str(number)), database.read():
                return number

        assert await asyncio.gather(*map(speak, range(50))) == list(range(50))
