"""A line of runs by a clock that tests set, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.core.caps import Caps
from bot.core.database import Database
from bot.core.line import Line
from bot.core.records import Records
from tests.bot.core.counting import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


@pytest.fixture
def line(database: Database, clock: Clock) -> Line:
    return Line(database, Caps(2, 1000), clock)


@pytest.fixture
def records(database: Database, clock: Clock) -> Records:
    return Records(database, clock)
