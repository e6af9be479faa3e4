"""Locks between the processes of one PostgreSQL. Each is a lease: its holder gives signs of life on the connection that
has the lock, and a process that waits ends the connection of a holder that has long been silent. That one stands still,
or its machine cannot be reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Update, func, select, text
from sqlalchemy.exc import DBAPIError

from bot.core.storage import named_locks
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.engines.postgres import driver_of, in_one_message, written_out

_BEAT = 3.0  # seconds between two signs of life
_SILENT = 10.0  # seconds without one after which a holder loses the lock
#: The server's name of a lock is a number of 64 bits, which it lists in two halves.
_HOLDER = text("""
    SELECT pid, state_change, clock_timestamp() AS now FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database()
    AND database = datid AND (classid::bigint << 32 | objid::bigint) = hashtext(:name)::bigint
    """)


class SessionLock:
    """A lock that lasts as long as the connection that it was taken on."""

    def __init__(self, connect: Callable[[], AsyncConnection], what: str) -> None:
        """`connect` opens a connection without transactions. Locks of the same `what` exclude each other."""
        self._connect, self._name = connect, f"darkroom {what}"
        self._connection: AsyncConnection | None = None
        self._last_sign: datetime | None = None
        self._driver: tuple[Any, type[Exception]] | None = None  # the driver's connection, and its errors
        self._written: tuple[Update, bytes] | None = None  # the last change, and its message
        #: True if the holder, which is another process, has given a sign of life since we began to wait.
        self.is_held_elsewhere = False
        #: True if we have ended the connection of a silent holder.
        self.has_ended_holder = False

    async def take(self) -> bool:
        """Take the lock; true if we have it. Where we had it already, this is the sign of life. Raises the database's
        own errors; then the lock may be lost, and `let_go` comes before another try.
        """
        connection = self._open()
        if taken := await self._try(connection):
            self._last_sign, self.is_held_elsewhere = None, False
        elif (holder := await self._silent_holder(connection)) is not None:
            await connection.execute(select(func.pg_terminate_backend(holder)))
            self.has_ended_holder = True
        return taken

    async def write(self, change: Update, locks: Collection[str]) -> int:
        """Change rows if we have the lock, in a transaction with more locks, as `Database.change` has them; return how
        many. It is one message, and a sign of life. The same object, again and again, costs least. Raises the
        database's own errors, as `take` does.
        """
        if self._driver is None:
            self._driver = await self._open().run_sync(driver_of)
        driver, error = self._driver
        if self._written is None or self._written[0] is not change:
            message = await self._open().run_sync(self._message, change, locks)
            self._written = change, message.encode(driver.info.encoding)
        try:
            return await in_one_message(driver, self._written[1])
        except error as fault:
            raise DBAPIError("a change under a lock", None, fault, hide_parameters=True) from fault

    async def is_free(self) -> bool:
        """True if `take` would get the lock, at once or after it has ended a silent holder. Takes it if it can. Raises
        the database's own errors.
        """
        connection = self._open()
        return await self._try(connection) or await self._silent_holder(connection) is not None

    async def beat(self) -> None:
        """Give signs of life until cancelled. Raises the database's own errors."""
        while True:
            await asyncio.sleep(_BEAT)
            await self.take()

    async def let_go(self) -> None:
        """Give the lock back, if we have it."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    def _open(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _message(self, connection: Connection, change: Update, locks: Collection[str]) -> str:
        ours = select(func.pg_try_advisory_lock(func.hashtext(self._name))).scalar_subquery()
        taking = named_locks.in_words(named_locks.SHARED, locks)
        return f"{taking}; {written_out(connection.dialect, change.where(ours))}"

    async def _try(self, connection: AsyncConnection) -> bool:
        lock = select(func.pg_try_advisory_lock(func.hashtext(self._name)))
        return bool((await connection.execute(lock)).scalar_one())

    async def _silent_holder(self, connection: AsyncConnection) -> int | None:
        """Look at the holder; return the number of its process in the server if it has been silent for too long."""
        holder = (await connection.execute(_HOLDER, {"name": self._name})).first()
        if holder is None or holder.state_change is None:  # it has just ended, or we may not see it
            return None
        if self._last_sign is not None and holder.state_change > self._last_sign:
            self.is_held_elsewhere = True
        self._last_sign = holder.state_change
        return int(holder.pid) if holder.now - holder.state_change > timedelta(seconds=_SILENT) else None
