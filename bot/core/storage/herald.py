"""The herald: tells other processes of changes in the database, and this one of theirs.

PostgreSQL passes on what is said. With SQLite, processes of one machine tell each other; where that does not work, the
herald sees a little later that the file has been written to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from bot.core.background import BackgroundTask, TaskHealth, aligned, until_set
from bot.core.errors import StorageFailed
from bot.core.storage.bell_wire import BellWire
from bot.core.storage.bells import CHANNEL, Topic
from bot.core.storage.database import Database, in_words
from bot.core.storage.engines.postgres import driver_of

_TOGETHER = 0.01  # seconds in which changes are told together
_LOOK, _LOOK_SELDOM = 3.0, 30.0  # seconds between two looks at SQLite's file
_FAREWELL = 3.0  # seconds for the last news


class Herald:
    """Use it in `async with`. A command that only changes something hears nothing."""

    def __init__(self, database: Database, tasks: TaskHealth, *, hears: bool = True) -> None:
        self._database, self._bells, self._hears = database, database.bells, hears
        self._untold = set[Topic]()
        self._news = asyncio.Event()
        self._wire = BellWire(Path(str(database.url.database)))
        self._own, self._seen = 0, (0, self._mark())
        self._wrote = asyncio.Event()  # since the last look
        self._in_doubt = False  # whether another process may have written at a time when this one did too
        self._hearing, self._telling = BackgroundTask("herald", tasks), BackgroundTask("herald's news", tasks)

    async def __aenter__(self) -> Herald:
        self._bells.on_change.add(self._note)
        if self._database.is_shared:
            self._telling.repeat(self._tell)
        if self._hears and self._database.is_shared:
            self._hearing.start(self._hear)
        elif self._hears:
            self._wire.listen(self._ring)
            self._hearing.repeat(self._look, until=self._rest)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._hearing.stop()
        self._wire.close()
        await self._telling.stop()
        if self._untold:  # a command ends before it is told
            with suppress(StorageFailed, TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._tell_now()

    def _note(self, topics: frozenset[Topic]) -> None:
        self._own += 1
        self._wrote.set()
        if self._database.is_shared and topics:
            self._untold |= topics
            self._news.set()
        elif not self._database.is_shared and not self._hears:
            self._wire.tell()

    def _ring(self) -> None:
        self._bells.ring(topic for topic in Topic if topic is not Topic.EMPTY)  # which would only put off a look

    async def _tell(self) -> None:
        await self._news.wait()
        await asyncio.sleep(_TOGETHER)
        await self._tell_now()

    async def _tell_now(self) -> None:
        self._news.clear()
        untold, self._untold = self._untold, set()  # what changes meanwhile is told next
        try:
            with in_words():
                connection = self._database.session()
                try:
                    await connection.execute(select(func.pg_notify(CHANNEL, self._bells.in_words(untold))))
                    untold = set()
                finally:
                    await connection.close()
        finally:
            self._untold |= untold  # where it was not told, others look a little later

    async def _hear(self) -> None:
        with in_words():
            connection = self._database.session()
            try:
                await connection.execute(text(f"LISTEN {CHANNEL}"))
                self._ring()  # what was said before
                driver, lost = await connection.run_sync(driver_of)
                async with aclosing(_told(driver.pgconn, lost)) as news:
                    async for told in news:
                        self._bells.hear(told)
            finally:
                await connection.invalidate()
                await connection.close()

    async def _look(self) -> None:
        """See whether another process has written to the file, and ring the bells then. If this process has written
        too, the two cannot be told apart: the bells ring when it stops writing, or now if nobody can tell us.
        """
        self._wrote.clear()
        seen, self._seen, is_heard = self._seen, (self._own, self._mark()), self._wire.is_heard
        self._wire.listen(self._ring)  # the process before this one may have ended only now
        if seen[0] != self._own and is_heard:
            self._in_doubt = True
        elif self._in_doubt or seen[1] != self._seen[1]:
            self._in_doubt = False
            self._ring()

    async def _rest(self) -> None:
        """Wait for longer while nothing is in doubt and others tell us. A command in another container cannot."""
        is_calm = self._wire.is_heard and not self._in_doubt
        if not is_calm or await until_set(self._wrote, aligned(_LOOK_SELDOM, time.monotonic())):
            await asyncio.sleep(aligned(_LOOK, time.monotonic()))

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
