"""A program that asks for fifty runs at once and prints how many it got.

Its words are a database, whose limit it is, and a person.
"""

from __future__ import annotations

import asyncio
import sys

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.policy.rules import Measure
from bot.core.runs.queue import RunQueue
from bot.core.storage.database import Database
from tests.bot.core.runs.counting import budget, limit, new


async def _main(url: str, whose: str, person: str) -> None:
    async with Database(url) as database:
        line, most = RunQueue(database, ConcurrencyLimits(2, 1000)), budget if whose == "together" else limit
        asks = (line.enqueue(new(most(Measure.HOUR, 3), person=person)) for _ in range(50))
        print(list(await asyncio.gather(*asks, return_exceptions=True)).count(None), flush=True)  # noqa: T201


def main() -> None:
    asyncio.run(_main(*sys.argv[1:]))
