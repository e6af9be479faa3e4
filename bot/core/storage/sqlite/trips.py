"""Trips: functions that work on SQLite in threads of their own, where connections are got and given back too.

SQLAlchemy's asyncio does all of that in the event loop's thread, which costs more than what SQLite does. Here the event
loop passes a function on, and waits for one answer.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

_Made = TypeVar("_Made")


class LettingGo(sqlite3.Connection):
    """Ends its transaction when it is closed. Otherwise SQLite holds the lock until the last cursor is gone, which a
    task that was cancelled in the middle of a statement may keep for long.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):  # it is closed, or has lost its file
            self.rollback()
        super().close()


class TripConnection(LettingGo):
    """Begins a transaction with a first statement. None of its cursors is open after it: an error that is kept keeps
    them too, and SQLite would go on to read what was true then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.how = ""  #: to begin a transaction; none begins before it is known
        self._before = 0
        self._cursors: list[sqlite3.Cursor] = []

    @property
    def has_written(self) -> bool:
        """True if this transaction has changed something."""
        return self.total_changes > self._before

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        made = super().cursor(factory)
        self._cursors.append(made)
        if self.how and not self.in_transaction:
            made.execute(self.how)
        return made

    def rollback(self) -> None:
        while self._cursors:
            self._cursors.pop().close()
        super().rollback()
        self._before = self.total_changes


class Trips:
    """Makes at most `size` trips at a time, with the connections of an engine; others wait for their turn."""

    def __init__(self, engine: Engine, size: int, wait: float) -> None:
        """`wait` is how long, in seconds, one waits for its turn."""
        self._engine, self._size, self._wait = engine, size, wait
        self._turns = asyncio.Semaphore(size)
        self._threads = ThreadPoolExecutor(size, "sqlite")

    async def make(self, work: Callable[[Connection], _Made]) -> _Made:
        """Return what a function makes of a connection. Once it has begun it comes to its end, even if the caller is
        cancelled meanwhile: until then the connection is at work. Raises the database's own errors, and `TimeoutError`.
        """
        async with self.turn():
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            trip = self._threads.submit(_connected, self._engine, work)
            trip.add_done_callback(lambda _trip: loop.call_soon_threadsafe(ended.set))
            try:
                await ended.wait()
            except asyncio.CancelledError:
                while not ended.is_set():
                    with suppress(asyncio.CancelledError):
                        await ended.wait()
                raise
            return trip.result()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Take the place of a trip, for work that goes another way. Raises `TimeoutError`."""
        if self._turns.locked():
            async with asyncio.timeout(self._wait):
                await self._turns.acquire()
        else:
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def dispose(self) -> None:
        """End the threads, after what they were given, and close the connections; a later trip opens others."""
        threads, self._threads = self._threads, ThreadPoolExecutor(self._size, "sqlite")
        await asyncio.to_thread(threads.shutdown)
        await asyncio.to_thread(self._engine.dispose)


def _connected(engine: Engine, work: Callable[[Connection], _Made]) -> _Made:
    with engine.connect() as connection:
        return work(connection)
