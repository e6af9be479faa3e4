"""SQLite for SQLAlchemy's asyncio: aiosqlite, with one trip to the connection's thread for each statement.

aiosqlite takes four: for a cursor, the statement, its rows, and the cursor's end. Each wakes two threads, which costs
more than what SQLite does there. A transaction begins with its first statement, in the same trip. One that is a
function goes another way: see `trips`.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_ss_cursor
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util.concurrency import await_

_Made = TypeVar("_Made")
#: For a URL: `sqlite+one_trip:///PATH`.
NAME = "one_trip"
#: How a transaction begins. One that reads keeps no other from writing.
TO_READ, TO_WRITE = "BEGIN", "BEGIN IMMEDIATE"


class OneTripCursor:
    """Holds the rows of a statement that was executed and closed in the thread."""

    server_side = False
    arraysize = 1

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self.description: Any = None
        self.rowcount, self.lastrowid = -1, 0
        self._rows: deque[Any] = deque()

    def execute(self, operation: str, parameters: Any = ()) -> None:
        self._take(self._connection.do(partial(_executed, sqlite3.Connection.execute, operation, parameters or ())))

    def executemany(self, operation: str, parameters: Any) -> None:
        self._take(self._connection.do(partial(_executed, sqlite3.Connection.executemany, operation, parameters)))

    def _take(self, done: tuple[Any, int, int, list[Any]]) -> None:
        self.description, self.rowcount, self.lastrowid, rows = done
        self._rows = deque(rows)
        if self.rowcount > 0:
            self._connection.has_written = True

    async def _async_soft_close(self) -> None:
        """It is closed already; its rows are here."""

    def close(self) -> None:
        self._rows.clear()

    def setinputsizes(self, *_sizes: Any) -> None:
        """SQLite has no use for it."""

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> Sequence[Any]:
        rows, self._rows = list(self._rows), deque()
        return rows


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """Begins a transaction when it is asked for a first statement, and ends none that has not begun."""

    __slots__ = ("_has_begun", "has_written", "how")

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.how = ""  #: to begin a transaction; none begins before it is known
        self._has_begun = False
        self.has_written = False  #: in this transaction

    def cursor(self, server_side: bool = False) -> Any:
        return _Streaming(self) if server_side else OneTripCursor(self)

    def do(self, work: Callable[[sqlite3.Connection], _Made]) -> _Made:
        """Work in the connection's thread, within the transaction."""
        if self._has_begun or not self.how:
            return self._await(work)
        self._has_begun, self.has_written = True, False
        return self._await(partial(_begun, self.how, work))

    def commit(self) -> None:
        if self._has_begun:
            self._await(sqlite3.Connection.commit)
            self._has_begun = False

    def rollback(self) -> None:
        if self._has_begun and self._connection._connection:  # noqa: SLF001
            if self.how == TO_READ:  # none waits for it: the next statement comes after it in the thread
                self._connection._tx.put_nowait((None, self._connection._conn.rollback))  # noqa: SLF001
            else:
                self._await(sqlite3.Connection.rollback)
        self._has_begun = False

    def _await(self, work: Callable[[sqlite3.Connection], _Made]) -> _Made:
        """Work in the connection's thread, which aiosqlite offers for its own calls alone."""
        try:
            made: _Made = await_(self._connection._execute(work, self._connection._conn))  # noqa: SLF001
        except (sqlite3.Error, ValueError) as error:
            self._handle_exception(error)
        return made


class _Streaming(AsyncAdapt_dbapi_ss_cursor):
    """Reads rows little by little, as aiosqlite does."""

    __slots__ = ()

    def __init__(self, connection: OneTripConnection) -> None:
        connection.do(lambda _raw: None)  # begins the transaction
        super().__init__(connection)


def _begun(how: str, work: Callable[[sqlite3.Connection], _Made], raw: sqlite3.Connection) -> _Made:
    raw.execute(how)
    return work(raw)


def _executed(
    execute: Callable[[sqlite3.Connection, str, Any], sqlite3.Cursor],
    operation: str,
    parameters: Any,
    raw: sqlite3.Connection,
) -> tuple[Any, int, int, list[Any]]:
    cursor = execute(raw, operation, parameters)
    try:
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, cursor.rowcount, cursor.lastrowid or 0, rows
    finally:
        cursor.close()


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *args: Any, **kwargs: Any) -> OneTripConnection:
        connection = super().connect(*args, **kwargs)
        return OneTripConnection(self, connection.driver_connection)


class OneTripDialect(SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect for aiosqlite, with these connections."""

    driver = NAME
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> _Driver:
        return _Driver(__import__("aiosqlite"), sqlite3)


registry.register(f"sqlite.{NAME}", __name__, OneTripDialect.__name__)
