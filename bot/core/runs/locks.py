"""Locks on the messages of runs, so that an older status never replaces a newer one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from sqlalchemy import func, select, text

from bot.core.errors import StorageFailed
from bot.core.retry import Pauses, retry
from bot.core.storage.database import Database

_PAUSES = Pauses(1.0, 5.0)  # before the database is asked again
_AT_ONCE = 6  # locks that one process may hold in a shared database; each uses a connection


class RunLocks:
    """Before you show a status that may be outdated, take the run's lock and check again. The locks work across all
    processes that share the database. A process that ends releases its locks.
    """

    def __init__(self, database: Database | None = None) -> None:
        self._database = database if database is not None and database.is_shared else None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def hold(self, run_id: str) -> AsyncIterator[None]:
        """Hold the run's lock in the context. Raises `StorageFailed`."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._locks.setdefault(run_id, asyncio.Lock()))
            if self._database is not None:
                await stack.enter_async_context(self._slots)
                connection = await stack.enter_async_context(self._database.read(begun=True))
                await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
                await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"darkroom run {run_id}"))))
            yield

    async def wait_until_free(self, run_id: str) -> None:
        """Wait until no other task holds the run's lock, and until the database can be asked."""

        async def look() -> None:
            async with self.hold(run_id):
                pass

        await retry(look, StorageFailed, _PAUSES, f"run {run_id} waits for its lock")
