"""A worker's name is held by one process at a time, or two of them would execute the same runs."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import ConfigError
from bot.core.storage import private
from bot.core.storage.database import DATABASE_FAULTS, Database, in_short
from bot.i18n import _

_log = logging.getLogger(__name__)
_TRIES, _PAUSE = 10, 0.5  # a process that was killed may be a moment in going
_LOOK = 5.0  # seconds between two looks whether the name is still held


@asynccontextmanager
async def held(database: Database, folder: Path, worker: str, tasks: TaskHealth) -> AsyncIterator[None]:
    """Hold a worker's name; the end of the process lets go of it, however it comes. Raises `ConfigError`."""
    if database.is_shared:
        lock, keeping = _Lock(database, worker), BackgroundTask("worker's name", tasks)
        try:
            await _take(lock.take, _shared_words().format(name=worker))
            keeping.start(lock.keep)
            yield
        finally:
            await keeping.stop()
            await lock.let_go()
    else:
        path = folder / f"{worker}.lock"
        with open(path, "w", opener=private.opener) as file:  # noqa: ASYNC230 - an empty file
            await _take(lambda: _locked(file), _folder_words().format(folder=folder))
            yield


async def in_use(database: Database, folder: Path, worker: str) -> str | None:
    """Return in words that another process holds a worker's name; None if no process does."""
    if database.is_shared:
        lock = _Lock(database, worker)
        try:
            return None if await lock.take() else _shared_words().format(name=worker)
        finally:
            await lock.let_go()
    path = folder / f"{worker}.lock"
    if not path.exists():
        return None
    with open(path, "a", opener=private.opener) as file:  # noqa: ASYNC230 - an empty file
        return None if await _locked(file) else _folder_words().format(folder=folder)


def _shared_words() -> str:
    return _(
        "Another process already works with this database under the worker name “{name}”. "
        "Stop it first, or give this one its own name: darkroom start --worker NAME."
    )


def _folder_words() -> str:
    return _(
        "Darkroom is already running with the data folder {folder}. "
        "Stop it first, or set DARKROOM_DATA_DIR to another folder."
    )


async def _take(take: Callable[[], Awaitable[bool]], refusal: str) -> None:
    for _try in range(_TRIES):
        if await take():
            return
        await asyncio.sleep(_PAUSE)
    raise ConfigError(refusal)


class _Lock:
    """A lock of the database's server. It lasts as long as the connection that it was taken on."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database, self._worker = database, worker
        self._connection: AsyncConnection | None = None

    async def take(self) -> bool:
        """Take the lock; true if we hold it now, or held it before. Raises the database's own errors."""
        if self._connection is None:
            self._connection = await self._database.session()
        name = func.hashtext(f"darkroom worker {self._worker}")
        return bool((await self._connection.execute(select(func.pg_try_advisory_lock(name)))).scalar_one())

    async def keep(self) -> None:
        """Take the lock again after the database server restarts."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                if not await self.take():
                    _log.error("another process works as “%s” as well: end one of the two", self._worker)
            except DATABASE_FAULTS as fault:
                _log.warning("lost the lock on the name “%s”, taking it again: %s", self._worker, in_short(fault))
                await self.let_go()

    async def let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()


async def _locked(file: TextIO) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
