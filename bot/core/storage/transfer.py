"""Copy all rows from an SQLite file to a PostgreSQL, and back. Values go as they are stored, and none is made again.

Both have the same tables, at the same revision of the schema.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_AT_ONCE = 1000  # rows
_REVISION = "alembic_version"  # who makes the tables writes it
_COLUMNS = """
    SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = %s
    """


@dataclass(frozen=True)
class _Table:
    """A table of both databases: its columns, and which of them PostgreSQL keeps as JSON."""

    name: str
    columns: tuple[str, ...]
    json: frozenset[str]

    @property
    def quoted(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)


def to_postgresql(path: Path, server: psycopg.Connection[Any]) -> None:
    """Copy an SQLite file into the new tables of a PostgreSQL, within the caller's transaction."""
    with closing(sqlite3.connect(path)) as file:
        file.text_factory = _text
        for table in list(_tables(file, server)):
            server.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))  # what new tables begin with
            _fill_server(file, server, table)
            _go_on_counting(server, table)


def to_sqlite(server: psycopg.Connection[Any], path: Path) -> None:
    """Copy a PostgreSQL, as the caller's transaction sees it, into the new tables of an SQLite file."""
    with closing(sqlite3.connect(path)) as file, file:
        for table in list(_tables(file, server)):
            file.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - a name of our own
            _fill_file(server, file, table)


def _tables(file: sqlite3.Connection, server: psycopg.Connection[Any]) -> Iterator[_Table]:
    names = file.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (name,) in sorted(names.fetchall()):
        kinds = dict(server.execute(_COLUMNS, [name]).fetchall())
        columns = tuple(row[1] for row in file.execute(f'PRAGMA table_info("{name}")') if row[1] in kinds)
        if columns and name != _REVISION:
            yield _Table(name, columns, frozenset(each for each in columns if kinds[each] == "json"))


def _fill_server(file: sqlite3.Connection, server: psycopg.Connection[Any], table: _Table) -> None:
    rows = file.execute(f'SELECT {table.quoted} FROM "{table.name}"')  # noqa: S608 - names of our own
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    json = [column in table.json for column in table.columns]
    with server.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_sent(value, is_json=each) for value, each in zip(row, json, strict=True)])


def _go_on_counting(server: psycopg.Connection[Any], table: _Table) -> None:
    """Let the next row get the number after the last one."""
    for column in table.columns:
        found = server.execute("SELECT pg_get_serial_sequence(quote_ident(%s), %s)", [table.name, column]).fetchone()
        if found is not None and found[0] is not None:
            last = sql.SQL("SELECT setval(%s, coalesce(max({}), 0) + 1, false) FROM {}")
            server.execute(last.format(sql.Identifier(column), sql.Identifier(table.name)), [found[0]])


def _fill_file(server: psycopg.Connection[Any], file: sqlite3.Connection, table: _Table) -> None:
    columns = [
        sql.SQL("{}::text" if column in table.json else "{}").format(sql.Identifier(column)) for column in table.columns
    ]
    question = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(columns), sql.Identifier(table.name))
    marks = ", ".join("?" * len(columns))
    insert = f'INSERT INTO "{table.name}" ({table.quoted}) VALUES ({marks})'  # noqa: S608 - names of our own
    with server.cursor("darkroom_copy") as cursor:
        cursor.execute(question)
        while rows := cursor.fetchmany(_AT_ONCE):
            file.executemany(insert, rows)


def _sent(value: Any, *, is_json: bool) -> Any:
    """A value as PostgreSQL takes it: SQLite has numbers for those in JSON, and texts with a character that is none."""
    if is_json and value is not None:
        return str(value)
    return value.replace("\0", "") if isinstance(value, str) else value


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", errors="replace")
