"""A program that takes runs from the line until there is none that it may take, and prints what it saw.

Its words are a database, how many runs of a person may be on servers, and whether it ends what it has taken, so that
others may start. It begins when the note `BEGIN` is there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import and_, func, or_, select

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import RunRecord, State
from bot.core.runs.queue import Assignment, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.schema import runs

BEGIN = "begin"
_SEEN = (runs.c.turn, runs.c.depth, runs.c.seq)


@dataclass
class Seen:
    """The runs that were taken, and at most at once, just after: how many were on servers, of a person and of all, and
    how many still waited that were before the one taken.
    """

    taken: list[str] = field(default_factory=list)
    own: int = 0
    together: int = 0
    before: int = 0


async def _look(database: Database, run: RunRecord, seen: Seen) -> None:
    async with database.read() as connection:
        turn, depth, seq = (await connection.execute(select(*_SEEN).where(runs.c.id == run.id))).one()
        earlier = or_(
            runs.c.turn < turn,
            and_(runs.c.turn == turn, runs.c.depth < depth),
            and_(runs.c.turn == turn, runs.c.depth == depth, runs.c.seq < seq),
        )

        async def count(*where: Any) -> int:
            return int((await connection.execute(select(func.count()).select_from(runs).where(*where))).scalar_one())

        running = runs.c.state == State.RUNNING
        seen.own = max(seen.own, await count(running, runs.c.person == run.person.key))
        seen.together = max(seen.together, await count(running))
        seen.before = max(seen.before, await count(runs.c.state == State.WAITING, earlier))


async def _main(url: str, most: int, *, ends: bool) -> Seen:
    seen = Seen()
    async with Database(url) as database:
        queue, records, notes = (
            RunQueue(database, ConcurrencyLimits(most)),
            RunRepository(database),
            KeyValueStore(database),
        )
        print("ready", flush=True)  # noqa: T201
        while await notes.get(BEGIN) is None:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
        while (run := await queue.claim("me", lambda heads: Assignment(heads[0].id, "gpu"))) is not None:
            seen.taken.append(run.id)
            await _look(database, run, seen)
            if ends:
                assert await records.end(run, State.DONE)
    return seen


def main() -> None:
    url, most, ends = sys.argv[1:]
    print(json.dumps(asdict(asyncio.run(_main(url, int(most), ends=ends == "ends")))), flush=True)  # noqa: T201
