"""SQLite: connections at work in threads of their own, while the event loop waits for one answer.

SQLAlchemy's asyncio does all but the statement in the event loop's thread, which costs more than what SQLite does.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from bot.core.storage.engines.connection import AsyncConnection, connected

_Made = TypeVar("_Made")
#: How a transaction begins. One that reads keeps no other from writing.
TO_READ, TO_WRITE = "BEGIN", "BEGIN IMMEDIATE"
#: What is deleted is overwritten; a crash loses nothing, and no step waits for the disk.
_SETTINGS = ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON")


class SqliteConnection(sqlite3.Connection):
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

    def close(self) -> None:
        """End the transaction, too. Otherwise SQLite holds the lock until the last cursor is gone, which a task that
        was cancelled in the middle of a statement may keep for long.
        """
        with suppress(sqlite3.Error):  # it is closed, or has lost its file
            self.rollback()
        super().close()


class SqliteEngine:
    """At most `size` connections at work at a time; others wait for their turn. Everything here raises the database's
    own errors, and `TimeoutError`. What has begun in a thread comes to its end there, even if the caller is cancelled
    meanwhile.
    """

    def __init__(self, url: URL, size: int, how: str, patience: float, wait: float) -> None:
        """`how` its transactions begin; SQLite waits `patience` seconds for another process to let go; `wait` is how
        long, in seconds, one waits for one's turn.
        """
        self.sync_engine: Engine = create_engine(
            url.set(drivername="sqlite"),
            max_overflow=0,
            pool_size=2 * size,  # one for each thread, and for who has it for several statements
            pool_use_lifo=True,  # the one that still has what was read last
            connect_args={"factory": SqliteConnection, "check_same_thread": False},
            hide_parameters=True,  # people's words stay out of errors
        )
        _tune(self.sync_engine, patience, how)
        self._size, self._wait = size, wait
        self._turns = asyncio.Semaphore(size)
        self._threads = _Threads(size, self.sync_engine)

    async def run(self, work: Callable[[], _Made]) -> _Made:
        """Return what a function makes in a thread. The caller has a turn."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        trip = self._threads.executor.submit(work)
        trip.add_done_callback(lambda _trip: loop.call_soon_threadsafe(ended.set))
        try:
            await ended.wait()
        except asyncio.CancelledError:
            while not ended.is_set():
                with suppress(asyncio.CancelledError):
                    await ended.wait()
            raise
        return trip.result()

    async def make(self, work: Callable[[Connection], _Made]) -> _Made:
        """Return what a function makes of a connection of its own."""
        await self._await_turn()
        try:
            return await self.run(partial(self._threads.make, work))
        finally:
            self._turns.release()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection; what is not committed at the end is taken back."""
        await self._await_turn()
        try:
            async with connected(self) as connection:
                yield connection
        finally:
            self._turns.release()

    async def _await_turn(self) -> None:
        if self._turns.locked():
            async with asyncio.timeout(self._wait):
                await self._turns.acquire()
        else:
            await self._turns.acquire()

    async def dispose(self) -> None:
        """End the threads, after what they were given, and close the connections; who comes later opens others."""
        threads, self._threads = self._threads, _Threads(self._size, self.sync_engine)
        await asyncio.to_thread(threads.close)
        await asyncio.to_thread(self.sync_engine.dispose)


class _Threads:
    """Threads with a connection each: to take one from the pool each time costs as much as a statement."""

    def __init__(self, size: int, engine: Engine) -> None:
        self.executor, self._engine = ThreadPoolExecutor(size, "sqlite"), engine
        self._own, self._opened = threading.local(), list[Connection]()

    def make(self, work: Callable[[Connection], _Made]) -> _Made:
        """Return what a function makes of the connection of this thread."""
        connection = self._connection()
        try:
            return work(connection)
        finally:
            _clear(connection)

    def close(self) -> None:
        """End the threads, after what they were given, and close their connections."""
        self.executor.shutdown()
        for connection in self._opened:
            connection.close()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is None or connection.closed:
            connection = self._own.connection = self._engine.connect()
            self._opened.append(connection)
        return connection


def _clear(connection: Connection) -> None:
    """Take back what was not committed. A connection that cannot is closed for good."""
    try:
        connection.rollback()
        connection.connection.rollback()  # closes cursors, too, where nothing is left to be taken back
    except (DBAPIError, sqlite3.Error):
        connection.invalidate()
        connection.close()


def _tune(engine: Engine, patience: float, how: str) -> None:
    """Let SQLite survive a crash without waiting for the disk at each step, and let us begin transactions ourselves."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        try:
            for pragma in (f"busy_timeout={patience * 1000:.0f}", *_SETTINGS):
                connection.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            connection.close()
            raise
        connection.how = how
