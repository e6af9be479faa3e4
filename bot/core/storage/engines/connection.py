"""Connections for tasks: SQLAlchemy's own, at work where the event loop does not wait for them.

SQLAlchemy has asyncio connections, too, but they load its whole object mapper, which nothing here uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Row
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

_Made = TypeVar("_Made")
_Rows: TypeAlias = CursorResult[*tuple[Any, ...]]
_Given = ParamSpec("_Given")
_PART = 500  # rows of many that are taken at once


class AsyncEngine(Protocol):
    """Works with the connections of a pool. Everything here raises the database's own errors."""

    @property
    def sync_engine(self) -> Engine:
        """The engine, as SQLAlchemy has it for threads."""

    async def run(self, work: Callable[[], _Made]) -> _Made:
        """Return what a function makes, where connections are at work."""

    async def make(self, work: Callable[[Connection], _Made]) -> _Made:
        """Return what a function makes of a connection of its own."""

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection; what is not committed at the end is taken back."""

    async def dispose(self) -> None:
        """Close the connections; who needs one later opens it anew."""


class AsyncConnection:
    """A connection that opens with its first statement. Everything here raises the database's own errors."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self.is_committed = False  #: even if the task was cancelled before it heard of it

    async def execute(self, statement: Executable, parameters: Any = None) -> _Rows:
        """Execute a statement; its rows are there at once."""
        return await self._engine.run(partial(self._execute, statement, parameters))

    async def partitions(self, statement: Executable, size: int) -> AsyncGenerator[list[Row[*tuple[Any, ...]]]]:
        """Yield the rows of a statement, so many at a time, as they come from the database."""
        streamed = statement.execution_options(stream_results=True, max_row_buffer=size)
        result = await self._engine.run(lambda: self._open().execute(streamed))
        try:
            while rows := await self._engine.run(partial(result.fetchmany, size)):
                yield list(rows)
        finally:
            await self._engine.run(result.close)

    async def each(self, statement: Executable, make: Callable[[Row[*tuple[Any, ...]]], _Made]) -> list[_Made]:
        """Return what a function makes of each row; while it is made of many, other tasks have a turn."""
        made: list[_Made] = []
        async with aclosing(self.partitions(statement, _PART)) as parts:
            async for rows in parts:
                made += map(make, rows)
                await asyncio.sleep(0)
        return made

    async def run_sync(
        self, work: Callable[Concatenate[Connection, _Given], _Made], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Made:
        """Return what a function makes of the connection."""
        return await self._engine.run(lambda: work(self._open(), *args, **kwargs))

    async def commit(self) -> None:
        """Keep what was done, if anything was."""
        if self._connection is None:
            self.is_committed = True
        else:
            await self._engine.run(partial(self._commit, self._connection))

    async def close(self) -> None:
        """Take back what was not committed, and give the connection back to the pool."""
        if self._connection is not None:
            await self._engine.run(self._connection.close)

    async def invalidate(self) -> None:
        """Close the database's connection, so that nobody gets it again."""
        if self._connection is not None:
            await self._engine.run(self._connection.invalidate)

    @property
    def opened(self) -> Connection | None:
        """The connection, if anything was asked over it."""
        return self._connection

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.sync_engine.connect()
        return self._connection

    def _commit(self, connection: Connection) -> None:
        connection.commit()
        self.is_committed = True

    def _execute(self, statement: Executable, parameters: Any) -> _Rows:
        result = self._open().execute(statement, parameters)
        if result.returns_rows and result.cursor is not None:
            result.cursor_strategy = FullyBufferedCursorFetchStrategy(result.cursor)
        return result


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection of an engine, closed at the end."""
    connection = AsyncConnection(engine)
    try:
        yield connection
    except BaseException:
        with suppress(DBAPIError):  # what was raised before says more
            await connection.close()
        raise
    await connection.close()
