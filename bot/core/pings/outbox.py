"""Note, in the transaction that ends a run, that its person is to be told; `pinger` tells them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select, update

from bot.core.pings.wishes import NEVER, STANDARD, PingWish, forget_wish, has_early, wish_of
from bot.core.run import RunRecord
from bot.core.storage.database import Database
from bot.core.storage.schema import pings

_MINUTE = 60.0
_LOOK = 30.0  # seconds between two looks whether a person wants to be told early
_GIVEN_UP = 60.0  # seconds after which a process that began to tell a person has ended
_OLD = 86_400.0  # seconds after which a person is not told any longer


@dataclass(frozen=True)
class DuePing:
    """A person is to be told of a run. With `again` another process may have told them, and ended before it said so."""

    run_id: str
    direct: bool
    again: bool


class PingOutbox:
    """The people who are to be told. A process takes each of them for itself before it tells them."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, standard: int | None = None) -> None:
        """`standard` is the number of minutes after which people are told where neither they nor moderators have
        decided, or `NEVER`; None is `STANDARD`.
        """
        self._database, self._clock, self._standard = database, clock, STANDARD if standard is None else standard
        self._early, self._looked = False, float("-inf")
        self._noted = False
        self.on_news: Callable[[], None] = lambda: None

    def note(self, connection: Connection, run: RunRecord) -> None:
        """Note that a person is to be told of a run that ends in this transaction, if they want to be. Of the runs of
        one request, call it with the last one. Of a run that comes from a backup they may have been told before.
        """
        if run.restored:
            return
        now = self._clock()
        waited = now - run.asked_at if run.asked_at else 0.0
        standard = self._standard if run.display.ping is None else run.display.ping
        if waited < STANDARD * _MINUTE and standard != 0 and not self._is_early(connection):
            return
        wish = wish_of(connection, run.person.key) or PingWish()
        after = standard if wish.after is None else wish.after
        if after == NEVER or waited < after * _MINUTE:
            return
        row = {"run_id": run.id, "direct": int(wish.direct), "at": now}
        if connection.execute(select(pings.c.run_id).where(pings.c.run_id == run.id)).first() is None:
            connection.execute(pings.insert(), row)
        self._noted = True

    def wake(self) -> None:
        """Say that a transaction has ended in which something may have been noted."""
        if self._noted:
            self._noted = False
            self.on_news()

    async def due(self) -> list[DuePing]:
        """Return who is to be told, oldest first. Raises `StorageFailed`."""
        now = self._clock()
        free = or_(pings.c.tried_at.is_(None), pings.c.tried_at < now - _GIVEN_UP)
        question = select(pings).where(free, pings.c.at > now - _OLD).order_by(pings.c.at)
        async with self._database.read() as connection:
            rows = list(await connection.execute(question))
        return [DuePing(row.run_id, bool(row.direct), row.tried_at is not None) for row in rows]

    async def take(self, ping: DuePing) -> bool:
        """Take a person for this process; False if another one has. Raises `StorageFailed`."""
        now = self._clock()
        tried = pings.c.tried_at < now - _GIVEN_UP if ping.again else pings.c.tried_at.is_(None)
        change = update(pings).where(pings.c.run_id == ping.run_id, tried).values(tried_at=now)
        return await self._database.write(lambda connection: connection.execute(change).rowcount > 0)

    async def leave(self, ping: DuePing) -> None:
        """Let a person be told later, who has surely not been told. Raises `StorageFailed`."""
        change = update(pings).where(pings.c.run_id == ping.run_id).values(tried_at=None)
        await self._database.write(lambda connection: connection.execute(change))

    async def drop(self, run_ids: Collection[str]) -> None:
        """Note that nothing is left to be told of these, or of old ones. Raises `StorageFailed`."""
        gone = or_(pings.c.run_id.in_(run_ids), pings.c.at < self._clock() - _OLD)
        await self._database.write(lambda connection: connection.execute(delete(pings).where(gone)))

    async def clear(self) -> None:
        """Note that all have been told, as they may have been by a bot that is gone. Raises `StorageFailed`."""
        await self._database.write(lambda connection: connection.execute(delete(pings)))

    async def forget(self, person: str) -> None:
        """Delete the choice of a person, given as "platform:id". Raises `StorageFailed`."""
        await self._database.write(lambda connection: forget_wish(connection, person))

    def _is_early(self, connection: Connection) -> bool:
        """True if a person wants to be told of short requests too."""
        now = self._clock()
        if now - self._looked > _LOOK:
            self._early, self._looked = has_early(connection), now
        return self._early

    def look_again(self) -> None:
        """Say that a person has chosen anew."""
        self._looked = float("-inf")
