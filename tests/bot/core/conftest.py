"""A line of runs by a clock that tests set, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from tests.bot.core.runs.counting import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


@pytest.fixture
def queue(database: Database, clock: Clock) -> RunQueue:
    return RunQueue(database, ConcurrencyLimits(2, 1000), clock)


@pytest.fixture
def records(database: Database, clock: Clock) -> RunRepository:
    return RunRepository(database, clock)
