"""Database: SQLite in the data folder, or PostgreSQL; upgraded at start, refused where it is newer than the code."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as NoConnection

from bot.core.errors import ConfigError, StorageAway, StorageFailed
from bot.core.storage import named_locks, private
from bot.core.storage.bells import Bells, Topic
from bot.core.storage.engines.connection import AsyncConnection, AsyncEngine
from bot.core.storage.engines.postgres import TIME_LIMITS, PostgresEngine
from bot.core.storage.engines.sqlite import TO_READ, TO_WRITE, SqliteConnection, SqliteEngine
from bot.core.storage.session_lock import SessionLock
from bot.core.storage.upgrade import UNCHANGED, refuse_newer, revision, revisions, try_upgrade, upgrade
from bot.i18n import _

_Made = TypeVar("_Made")
_READERS = 3
_PAUSE = 0.1  # seconds between two tries to be alone
_PATIENCE = 10.0  # seconds that SQLite waits for another process to let go
_WAIT = 30.0  # seconds that a task waits for a connection while others use them all
_SCRUB = 0.5  # seconds that others may have to wait while SQLite empties its journal
#: All that a connection may say. Not the driver's are that the pool has none free, and that an earlier statement on the
#: connection was cancelled.
DATABASE_FAULTS = (DBAPIError, sqlite3.Error, NoConnection, PendingRollbackError, OSError)


class Database:
    """Use it in `async with`. Raises `ConfigError` where it cannot be opened, read or upgraded."""

    def __init__(self, url: str, patience: float = _PATIENCE, wait: float = _WAIT) -> None:
        """`url` is `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; `patience` is how long, in seconds,
        SQLite waits for another process to let go, and `wait` how long a task waits for a free connection.
        """
        self.url = _checked(url)
        self.bells = Bells(shared=self.is_shared)
        self._engine: AsyncEngine
        self._readers: AsyncEngine
        self._askers: AsyncEngine
        if self.is_shared:
            self._engine = PostgresEngine(self.url, 12, wait)
            self._readers = PostgresEngine(self.url, 10, wait, isolation_level="AUTOCOMMIT")
            self._askers = self._readers
        else:  # one writes at a time, whom those who read need not wait for; and who reads may ask meanwhile
            self._engine = SqliteEngine(self.url, 1, TO_WRITE, patience, wait)
            self._readers, self._askers = (
                SqliteEngine(self.url, _READERS, TO_READ, patience, wait) for _way in range(2)
            )

    @classmethod
    def in_folder(cls, folder: Path, name: str = "darkroom", **limits: float) -> Database:
        """`limits` are `patience` and `wait`."""
        return cls(f"sqlite:///{folder / name}.db", **limits)

    @property
    def is_shared(self) -> bool:
        """True if several processes can work on it at the same time."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def driver_url(self) -> URL:
        """The address with the driver that is not asynchronous."""
        return self.url.set(drivername="postgresql+psycopg" if self.is_shared else "sqlite")

    async def __aenter__(self) -> Database:
        if not self.is_shared:
            await asyncio.to_thread(_probe, self.url)
        try:
            await self._upgrade()
        except StorageFailed as fault:
            await self._dispose()
            raise ConfigError(_unusable(self.url, fault.__cause__ or fault)) from fault
        except BaseException:
            await self._dispose()
            raise
        return self

    async def _upgrade(self) -> None:
        """Upgrade the tables, while nobody else changes them. Mostly there is nothing to upgrade, and nobody waits."""
        if self.is_shared:
            async with self._transaction() as connection:
                if await connection.run_sync(refuse_newer) == revisions()[-1]:
                    await connection.execute(text(UNCHANGED))  # or it is read only, or full
                    await connection.commit()
                    return
        async with self._transaction(alone=True) as connection:
            await connection.run_sync(upgrade)
            await connection.commit()

    async def examine(self) -> None:
        """Find out whether the database can be opened and upgraded, and leave it as it is. Raises `ConfigError`."""
        try:
            if self.is_shared or await asyncio.to_thread(Path(str(self.url.database)).exists):
                await self._try_out()
            else:
                await asyncio.to_thread(_try_folder, Path(str(self.url.database)).parent)
        except TimeoutError:
            raise ConfigError(_unusable(self.url, TimeoutError(_("it does not answer")))) from None
        except DATABASE_FAULTS as fault:
            raise ConfigError(_unusable(self.url, fault)) from fault
        finally:
            await self._dispose()

    @asynccontextmanager
    async def as_it_is(self, *, older: bool = False) -> AsyncIterator[AsyncConnection | None]:
        """A connection for questions to a database that stays as it is; None if there is none of this version, or with
        `older` of this or an earlier one. Raises `StorageFailed`.
        """
        try:
            if not self.is_shared and not await asyncio.to_thread(Path(str(self.url.database)).exists):
                yield None
                return
            async with self.read() as connection:
                current = await connection.run_sync(revision)
                is_known = current is not None and current in (revisions() if older else revisions()[-1:])
                yield connection if is_known else None
        finally:
            await self._dispose()

    async def _try_out(self) -> None:
        if not self.is_shared:
            await asyncio.to_thread(_probe, self.url)
        async with asyncio.timeout(_WAIT), self._engine.connect() as connection:
            await connection.run_sync(try_upgrade)  # what is not committed is taken back

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._dispose()

    async def _dispose(self) -> None:
        for each in dict.fromkeys((self._engine, self._readers, self._askers)):
            await each.dispose()

    @asynccontextmanager
    async def read(self, *, begun: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection for questions; `begun` is for those that need a transaction on PostgreSQL, as streams do."""
        with in_words():
            async with (self._engine if begun and self.is_shared else self._readers).connect() as connection:
                yield connection

    async def ask(self, question: Callable[[Connection], _Made]) -> _Made:
        """Return what a function learns from a connection. It costs less than `read`: SQLite does all of it at once, in
        a thread of its own.
        """
        with in_words():
            return await self._askers.make(question)

    async def write(self, work: Callable[[Connection], _Made], *topics: Topic, locks: Collection[str] = ()) -> _Made:
        """Make a transaction as `change` does, all of it in a function. It costs less: see `ask`. On SQLite it comes to
        its end once it has begun, even if the caller is cancelled meanwhile.
        """
        committed, has_written = list[bool](), list[bool]()

        def write(connection: Connection) -> _Made:
            with connection.begin():
                if self.is_shared:
                    named_locks.take(connection, named_locks.SHARED, locks)
                made = work(connection)
                has_written.append(_has_written(connection))
            committed.append(True)
            return made

        try:
            with in_words():
                return await self._engine.make(write)
        finally:
            if committed and (topics or any(has_written)):
                self.bells.changed(topics)

    def session(self) -> AsyncConnection:
        """A connection of one's own to PostgreSQL, without transactions; the caller closes it."""
        return AsyncConnection(self._readers)

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        """Let no other process do the same meanwhile; none waits in a transaction. Raises the database's own errors."""
        if not self.is_shared:
            yield
            return
        lock = SessionLock(self.session, what)
        try:
            while not await lock.take():  # noqa: ASYNC110 - another process lets go of it
                await asyncio.sleep(_PAUSE)
            async with _kept(lock):
                yield
        finally:
            await lock.let_go()

    async def scrub(self) -> None:
        """Empty SQLite's journal, which has copies of what was deleted. If others are at work, a later call does it."""
        if not self.is_shared:
            await asyncio.to_thread(_empty_journal, Path(str(self.url.database)))

    @asynccontextmanager
    async def change(self, *topics: Topic, locks: Collection[str] = ()) -> AsyncIterator[AsyncConnection]:
        """A transaction. After it, the bells of these topics ring, in all processes.

        On PostgreSQL, transactions of all processes go on side by side. What one has read may have changed before it
        writes, unless it says in its statement what must still hold, or all who change that have a lock in common: then
        they take turns. SQLite has one transaction at a time.
        """
        async with self._transaction(locks) as connection:
            yield connection
            has_written = connection.opened is not None and _has_written(connection.opened)
            try:
                await connection.commit()
            finally:
                if connection.is_committed and (has_written or topics):
                    self.bells.changed(topics)

    @asynccontextmanager
    async def _transaction(self, locks: Collection[str] = (), *, alone: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction that the caller commits."""
        with in_words():
            async with self._engine.connect() as connection:
                if self.is_shared:
                    for name in TIME_LIMITS if alone else ():  # a migration takes as long as it takes
                        await connection.execute(text(f"SET LOCAL {name} = 0"))
                    of_all = named_locks.FOR_ALL if alone else named_locks.SHARED
                    await connection.run_sync(named_locks.take, of_all, locks)
                yield connection


def _has_written(connection: Connection) -> bool:
    """True if the transaction has changed something, as far as that is known."""
    driven: Any = connection.connection.dbapi_connection
    return driven.has_written if isinstance(driven, SqliteConnection) else True


def _try_folder(folder: Path) -> None:
    with TemporaryFile(dir=folder):
        pass


@asynccontextmanager
async def _kept(lock: SessionLock) -> AsyncIterator[None]:
    """Give signs of life; if the lock is lost, what is done under it is cancelled. Raises `StorageAway`."""
    holder = asyncio.current_task()

    def ended(task: asyncio.Task[None]) -> None:
        if holder is not None and not task.cancelled() and task.exception() is not None:
            holder.cancel()

    beating = asyncio.create_task(lock.beat())
    beating.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError as cancelled:
        is_lost = beating.done() and not beating.cancelled()
        if is_lost and holder is not None and holder.uncancel() == 0:
            raise StorageAway(_("The records of runs cannot be read or written just now.")) from cancelled
        raise
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


def _probe(url: URL) -> None:
    """Make the file and open it once."""
    make_private(url)
    try:
        sqlite3.connect(str(url.database)).close()
    except sqlite3.Error as fault:
        raise ConfigError(_unusable(url, fault)) from fault


def _empty_journal(path: Path) -> None:
    if path.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=_SCRUB)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def make_private(url: URL) -> None:
    """Make the file of an SQLite database, which gives its mode to those beside it; what is wrong, SQLite says."""
    if not str(url.database).startswith(("file:", ":")):
        with suppress(OSError):
            private.make_file(Path(str(url.database)))


def _checked(url: str) -> URL:
    example = _("it should look like postgresql://USER:PASSWORD@HOST/NAME")
    try:
        made = make_url(url)
        if made.get_backend_name() in ("sqlite", "postgresql") and made.database:
            return made
    except (ArgumentError, NoSuchModuleError, ValueError):
        pass
    raise ConfigError(_("DARKROOM_DATABASE_URL is no database's address: {example}").format(example=example))


@contextmanager
def in_words() -> Iterator[None]:
    """Raise `StorageAway` for the database's own errors."""
    try:
        yield
    except DATABASE_FAULTS as fault:
        raise StorageAway(_("The records of runs cannot be read or written just now.")) from fault


def _unusable(url: URL, fault: BaseException) -> str:
    shown = url.render_as_string(hide_password=True)
    return _("The database {url} cannot be used: {reason}").format(url=shown, reason=in_short(fault))


def in_short(fault: BaseException) -> str:
    """Shorten a database error to one line, without the statement."""
    return str(getattr(fault, "orig", None) or fault).strip().splitlines()[0]
