"""The herald: tells other processes of changes in the database, and this one of theirs.

PostgreSQL passes on what is said. Of SQLite's file it sees that it has been written to.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database, in_words

_CHANNEL = "darkroom"
_TOGETHER = 0.01  # seconds in which changes are told together
_LOOK = 1.0  # seconds between two looks at SQLite's file


class Herald:
    """Use it in `async with`."""

    def __init__(self, database: Database, tasks: TaskHealth) -> None:
        self._database, self._bells = database, database.bells
        self._name = secrets.token_hex(8)
        self._untold = set[Topic]()
        self._news = asyncio.Event()
        self._own, self._seen = 0, (0, self._mark())
        self._in_doubt = False  # whether another process may have written at a time when this one did too
        self._hearing, self._telling = BackgroundTask("herald", tasks), BackgroundTask("herald's news", tasks)

    async def __aenter__(self) -> Herald:
        self._bells.on_change.add(self._note)
        if self._database.is_shared:
            self._hearing.start(self._hear)
            self._telling.repeat(self._tell)
        else:
            self._hearing.repeat(self._look, _LOOK)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._hearing.stop()
        await self._telling.stop()

    def _note(self, topics: frozenset[Topic]) -> None:
        self._own += 1
        if self._database.is_shared and topics:
            self._untold |= topics
            self._news.set()

    async def _tell(self) -> None:
        await self._news.wait()
        await asyncio.sleep(_TOGETHER)
        self._news.clear()
        told = " ".join(sorted(self._untold))
        self._untold.clear()  # first: what changes meanwhile is told next; what is lost, others see a little later
        with in_words():
            connection = self._database.session()
            try:
                await connection.execute(select(func.pg_notify(_CHANNEL, f"{self._name} {told}")))
            finally:
                await connection.close()

    async def _hear(self) -> None:
        with in_words():
            connection = self._database.session()
            try:
                await connection.execute(text(f"LISTEN {_CHANNEL}"))
                self._bells.ring(Topic)  # what was said before
                driver, lost = await connection.run_sync(_driver)
                async with aclosing(_told(driver.pgconn, lost)) as news:
                    async for told in news:
                        name, *topics = told.split(" ")
                        if name != self._name:
                            self._bells.ring(topic for topic in Topic if topic in topics)
            finally:
                await connection.invalidate()
                await connection.close()

    async def _look(self) -> None:
        """See whether another process has written to the file. Where this one has too, that cannot be told apart: then
        those who wait look as soon as it writes no longer.
        """
        seen, self._seen = self._seen, (self._own, self._mark())
        if seen[0] != self._own:
            self._in_doubt = True
        elif self._in_doubt or seen[1] != self._seen[1]:
            self._in_doubt = False
            self._bells.ring(Topic)

    def _mark(self) -> tuple[int, int]:
        """Return what changes whenever SQLite writes."""
        if self._database.is_shared:
            return 0, 0
        journal = Path(f"{self._database.url.database}-wal")
        try:
            found = journal.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size


def _driver(connection: Connection) -> tuple[Any, type[Exception]]:
    """Return the driver's own connection, and the error that it raises."""
    dialect: Any = connection.dialect
    return connection.connection.driver_connection, dialect.loaded_dbapi.Error


async def _told(connection: Any, lost: type[Exception]) -> AsyncGenerator[str]:
    """Yield what is said on a connection. Raises `ConnectionError` when it is lost, for which the driver has `lost`.

    psycopg's own way wakes ten times a second to look whether something has come.
    """
    loop, number, readable = asyncio.get_running_loop(), connection.socket, asyncio.Event()
    loop.add_reader(number, readable.set)
    try:
        while True:
            while (told := connection.notifies()) is not None:
                yield told.extra.decode()
            await readable.wait()
            readable.clear()
            try:
                connection.consume_input()
            except lost as fault:
                raise ConnectionError(str(fault).strip()) from fault
    finally:
        loop.remove_reader(number)
