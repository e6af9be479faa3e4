"""PostgreSQL: psycopg's asynchronous connections in the event loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from select import POLLIN, poll
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Dialect, Engine, Update, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.util import greenlet_spawn

from bot.core.storage.engines.connection import AsyncConnection, connected

_Made = TypeVar("_Made")
_TO_ANSWER = 3.0  # seconds that a server has to answer one who was cancelled
#: In milliseconds: a process that stands still in a transaction loses it, before others give up.
TIME_LIMITS = {"idle_in_transaction_session_timeout": 8_000, "lock_timeout": 12_000, "statement_timeout": 30_000}


class PostgresEngine:
    """A pool of `size` connections. Everything here raises the database's own errors."""

    def __init__(self, url: URL, size: int, wait: float, **more: Any) -> None:
        """`wait` is how long, in seconds, one waits for a free connection."""
        limits = [f"-c {name}={milliseconds}" for name, milliseconds in TIME_LIMITS.items()]
        options = " ".join([*limits, str(url.query.get("options", ""))]).strip()
        self.sync_engine: Engine = create_engine(
            url.set(drivername="postgresql+psycopg_async"),
            max_overflow=0,
            pool_size=size,
            pool_timeout=wait,
            connect_args={"options": options},
            hide_parameters=True,  # people's words stay out of errors
            **more,
        )
        event.listen(self.sync_engine, "checkout", _look)

    async def run(self, work: Callable[[], _Made]) -> _Made:
        """Return what a function makes; where it waits for the database, the event loop goes on."""
        return await greenlet_spawn(work)

    async def make(self, work: Callable[[Connection], _Made]) -> _Made:
        """Return what a function makes of a connection of its own."""
        return await greenlet_spawn(self._make, work)

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection; what is not committed at the end is taken back."""
        return connected(self)

    async def dispose(self) -> None:
        """Close the connections; who needs one later opens it anew."""
        await greenlet_spawn(self.sync_engine.dispose)

    def _make(self, work: Callable[[Connection], _Made]) -> _Made:
        with self.sync_engine.connect() as connection:
            return work(connection)


def written_out(dialect: Dialect, change: Update) -> str:
    """Return a statement with its values in it, for `in_one_message`."""
    kind: Any = type(dialect)
    plain = kind(paramstyle="named")  # with the driver's own, each “%” would be doubled
    return str(change.compile(dialect=plain, compile_kwargs={"literal_binds": True}))


def driver_of(connection: Connection) -> tuple[Any, type[Exception]]:
    """Return psycopg's own connection, and the error that it raises."""
    dialect: Any = connection.dialect
    return connection.connection.driver_connection, dialect.loaded_dbapi.Error


async def in_one_message(driver: Any, message: bytes) -> int:
    """Have the server make one transaction of some statements, over a connection without transactions; return how many
    rows the last one changed. Raises psycopg's own errors.
    """
    # Past all that SQLAlchemy and psycopg do around a statement: a process at rest would feel it at each heartbeat.
    async with driver.lock:
        driver.pgconn.send_query(message)  # the system takes it whole: it is short, and the one before was answered
        try:
            results = await _results(driver.pgconn)
        except asyncio.CancelledError:
            await _drain(driver.pgconn)
            raise
    return _changed(results)


async def _results(pgconn: Any) -> list[Any]:
    """Return the results of what was sent."""
    loop, readable, results = asyncio.get_running_loop(), asyncio.Event(), list[Any]()
    loop.add_reader(pgconn.socket, readable.set)
    try:
        while True:
            while pgconn.is_busy():
                await readable.wait()
                readable.clear()
                pgconn.consume_input()
            if (result := pgconn.get_result()) is None:
                return results
            results.append(result)
    finally:
        loop.remove_reader(pgconn.socket)


async def _drain(pgconn: Any) -> None:
    """Let a connection have its answer, or close it: it cannot be used before."""
    from psycopg import Error

    try:
        async with asyncio.timeout(_TO_ANSWER):
            await _results(pgconn)
    except (Error, TimeoutError):
        pgconn.finish()
    except asyncio.CancelledError:
        pgconn.finish()
        raise


def _changed(results: Sequence[Any]) -> int:
    """Return how many rows the last statement changed. Raises psycopg's own errors."""
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    for result in results:
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise error_from_result(result)
    return int(results[-1].command_tuples or 0) if results else 0


def _look(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool give out no connection that the server has closed. It says so on the connection, where we look; to
    ask it would cost as much as a question.
    """
    said = poll()
    said.register(connection.driver_connection.fileno(), POLLIN)
    if said.poll(0):
        raise DisconnectionError
