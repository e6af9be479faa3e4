"""What SQLite is told to do, past all that stands before it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Told:
    """A statement with its values in it, the file that it was for, and a number of its connection."""

    words: str
    file: str
    connection: int


@dataclass
class SqlTrace:
    """Notes what is told while it is `on`, to connections that were opened in its context."""

    on: bool = False
    told: list[Told] = field(default_factory=list)

    def noter(self, file: str, connection: int) -> Callable[[str], None]:
        def note(statement: str) -> None:
            if self.on:
                self.told.append(Told(" ".join(statement.split()), file, connection))

        return note


@contextmanager
def sql_trace() -> Iterator[SqlTrace]:
    """Trace the connections that are opened from now on."""
    trace = SqlTrace()

    def opened(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            ((_number, _name, file),) = connection.execute("PRAGMA database_list").fetchall()
            connection.set_trace_callback(trace.noter(Path(file).name, id(connection)))

    event.listen(Engine, "connect", opened)
    try:
        yield trace
    finally:
        event.remove(Engine, "connect", opened)
