"""All records as they were at one moment, in one SQLite file, taken while others read and write.

SQLite: writing stands still until all of its files are open at the same moment, and goes on while they are copied.
PostgreSQL: a transaction sees one moment, and nobody waits.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, create_engine

from bot.core.errors import ConfigError
from bot.core.storage import private, transfer
from bot.core.storage.database import Database, in_short
from bot.core.storage.upgrade import refuse_newer, upgrade
from bot.i18n import _

#: The notes of these platforms are in files of their own, where the database is SQLite.
APART = ("discord", "telegram")

_TRIES, _PATIENCE, _PAUSE = 40, 0.25, 0.25  # in which others may end their transactions: 20 seconds in all
_NO_LIMITS = ("idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout")


@dataclass(frozen=True)
class Snapshot:
    """A file with the records of a moment. Writing stood still for `paused` seconds."""

    path: Path
    moment: float
    revision: str
    paused: float


def take(database: Database, path: Path) -> Snapshot:
    """Write the records to a new file, without upgrading them. Raises `ConfigError` if there are none, and `OSError`
    if there is no room for the file.
    """
    private.make_file(path)
    try:
        taken = _of_server(database, path) if database.is_shared else _of_files(database, path)
    except (sqlite3.Error, psycopg.Error) as fault:
        if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, str(fault)) from fault
        raise ConfigError(_("The records cannot be read: {reason}").format(reason=in_short(fault))) from fault
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode=DELETE")
    return taken


def _of_files(database: Database, path: Path) -> Snapshot:
    main = Path(str(database.url.database))
    if not main.is_file():
        raise nothing_in(main.parent)
    paths = [main, *(other for name in APART if (other := main.with_name(f"{name}.db")).is_file())]
    with ExitStack() as stack:
        files = [stack.enter_context(closing(sqlite3.connect(each, isolation_level=None))) for each in paths]
        with _still(paths) as begun:
            moment = time.time()
            for file in files:
                file.execute("BEGIN")
                file.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from now on it sees this moment
        paused = time.monotonic() - begun
        revision = _revision(files[0], main)
        with closing(sqlite3.connect(path, isolation_level=None)) as copy:
            files[0].backup(copy)
        for file in files[1:]:
            _add_notes(path, file)
    return Snapshot(path, moment, revision, paused)


def nothing_in(folder: Path) -> ConfigError:
    """The error for a folder without records, in words."""
    return ConfigError(_("There is nothing to back up: {folder} has no records of Darkroom.").format(folder=folder))


@contextmanager
def _still(paths: Sequence[Path]) -> Iterator[float]:
    """Let nobody write to these files; since when, by the monotonic clock. Raises `sqlite3.OperationalError` if others
    never stop.
    """
    for left in reversed(range(_TRIES)):
        with ExitStack() as stack:
            try:
                begun = time.monotonic()
                for path in paths:
                    file = stack.enter_context(closing(sqlite3.connect(path, _PATIENCE, isolation_level=None)))
                    file.execute("BEGIN IMMEDIATE")
                    stack.callback(file.rollback)
            except sqlite3.OperationalError:
                if not left:
                    raise
            else:
                yield begun
                return
        time.sleep(_PAUSE)  # none is held meanwhile: what others do may need two of them


def _revision(file: sqlite3.Connection, path: Path) -> str:
    """Return the revision of the schema of a file. Raises `ConfigError` if it is not ours."""
    try:
        found = [str(row[0]) for row in file.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.DatabaseError:
        found = []
    if not found:
        raise ConfigError(_("{file} is not a database of Darkroom.").format(file=path))
    return max(found)


def _add_notes(path: Path, file: sqlite3.Connection) -> None:
    """Add the notes of a platform, whose names are its own."""
    has_notes = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone() is not None
    with closing(sqlite3.connect(path)) as made, made:
        rows = file.execute("SELECT name, value, at FROM notes") if has_notes else ()
        made.executemany("INSERT OR REPLACE INTO notes (name, value, at) VALUES (?, ?, ?)", rows)


def _of_server(database: Database, path: Path) -> Snapshot:
    with connected(database.driver_url) as server:
        server.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        server.read_only = True
        moment, revision = time.time(), _server_revision(server)
        make_tables(path, revision)
        transfer.to_sqlite(server, path)
    return Snapshot(path, moment, revision, 0.0)


def _server_revision(server: psycopg.Connection[Any]) -> str:
    if server.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        raise ConfigError(_("There is nothing to back up: the database has no records of Darkroom."))
    return max(str(row[0]) for row in server.execute("SELECT version_num FROM alembic_version"))


def make_tables(path: Path, revision: str = "head") -> None:
    """Make the tables of a revision of the schema in an SQLite file, or upgrade those that are there. Raises
    `ConfigError` where they are newer than the code.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        with engine.begin() as connection:
            refuse_newer(connection)
            upgrade(connection, revision)
    finally:
        engine.dispose()


def count_runs(path: Path) -> int:
    """Return how many runs a snapshot has."""
    with closing(sqlite3.connect(path)) as file:
        (runs,) = file.execute("SELECT count(*) FROM runs").fetchone()
    return int(runs)


@contextmanager
def connected(url: URL) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a PostgreSQL without limits of time. Its transaction ends with the context."""
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = " ".join(f"-c {name}=0" for name in _NO_LIMITS)
    with psycopg.connect(text, options=f"{options} {url.query.get('options', '')}".strip()) as server:
        yield server
