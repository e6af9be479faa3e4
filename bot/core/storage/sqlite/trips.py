"""Trips: functions that work on SQLite in threads of their own, where connections are got and given back too.

SQLAlchemy's asyncio does all of that in the event loop's thread, which costs more than what SQLite does. Here the event
loop passes a function on, and waits for one answer.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

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
        self._jobs = SimpleQueue[_Job[Any] | None]()
        self._threads: list[Thread] = []

    async def make(self, work: Callable[[Connection], _Made]) -> _Made:
        """Return what a function makes of a connection. Once it has begun it comes to its end, even if the caller is
        cancelled meanwhile: until then the connection is at work. Raises the database's own errors, and `TimeoutError`.
        """
        async with self.turn():
            while len(self._threads) < self._size:
                self._threads.append(Thread(target=_serve, args=(self._jobs,), name="sqlite", daemon=True))
                self._threads[-1].start()
            job = _Job(partial(_connected, self._engine, work))
            self._jobs.put(job)
            return await job.outcome()

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
        threads, self._threads = self._threads, []
        if threads:
            await asyncio.to_thread(self._end, threads)

    def _end(self, threads: list[Thread]) -> None:
        for _thread in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join()
        self._engine.dispose()


class _Job(Generic[_Made]):
    """Work for a thread; the task that waits for it learns its outcome, or at least that it has ended."""

    def __init__(self, work: Callable[[], _Made]) -> None:
        self._work, self._loop = work, asyncio.get_running_loop()
        self._answer: asyncio.Future[_Made] = self._loop.create_future()
        self._ended = asyncio.Event()

    def do(self) -> None:
        """Work, in the thread."""
        with self:
            self._loop.call_soon_threadsafe(self._end, self._answer.set_result, self._work())

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Pass a fault on to the task: it is none of the thread's."""
        if fault is not None:
            self._loop.call_soon_threadsafe(self._end, self._answer.set_exception, fault)
        return True

    async def outcome(self) -> _Made:
        """Return or raise what the work has come to; if the caller is cancelled, after it has ended."""
        try:
            return await self._answer
        except asyncio.CancelledError:
            while not self._ended.is_set():
                with suppress(asyncio.CancelledError):
                    await self._ended.wait()
            raise

    def _end(self, tell: Callable[[Any], None], outcome: Any) -> None:
        self._ended.set()
        if not self._answer.done():  # the caller may be cancelled
            tell(outcome)


def _serve(jobs: SimpleQueue[_Job[Any] | None]) -> None:
    while (job := jobs.get()) is not None:
        job.do()
        del job  # what it has made is the caller's


def _connected(engine: Engine, work: Callable[[Connection], _Made]) -> _Made:
    with engine.connect() as connection:
        return work(connection)
