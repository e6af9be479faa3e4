"""Floor: who may speak about a run just now, so that what is older is never said after what is newer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from sqlalchemy import func, select

from bot.core.storage.database import Database

_AT_ONCE = 6  # runs of which one process has the locks in a shared database: each takes a connection


class RunLocks:
    """Whoever says something that may be outdated takes the locks first, and looks again; among all processes that
    share the database. A process that ends lets go.
    """

    def __init__(self, database: Database | None = None) -> None:
        self._database = database if database is not None and database.is_shared else None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def hold(self, run_id: str) -> AsyncIterator[None]:
        """Have the locks while the context lasts. Raises `StorageFailed`."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._locks.setdefault(run_id, asyncio.Lock()))
            if self._database is not None:
                await stack.enter_async_context(self._slots)
                connection = await stack.enter_async_context(self._database.read())
                await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"darkroom run {run_id}"))))
            yield

    async def wait_until_free(self, run_id: str) -> None:
        """Wait until nobody is still speaking of how a run waited."""
        async with self.hold(run_id):
            return
