"""A worker's name is held by one process at a time, or two of them would execute the same runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from sqlalchemy import Update

from bot.core.errors import ConfigError, StorageAway
from bot.core.runs.handover import release_worker
from bot.core.servers.lease import HeldName
from bot.core.storage import private
from bot.core.storage.database import DATABASE_FAULTS, Database, in_short
from bot.core.storage.session_lock import SessionLock
from bot.i18n import _

_log = logging.getLogger(__name__)
_TRIES, _PAUSE = 10, 0.5  # a process that was killed may be a moment in going


class WorkerName:
    """The name of a worker, as this process holds it on a shared database."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database, self._worker = database, worker
        self._lock = SessionLock(database.session, f"worker {worker}")
        self._holder = asyncio.current_task()
        #: True once another process has taken the name, because this one stood still; then this one ends.
        self.is_lost = False

    async def take(self) -> None:
        """Take the name. A process that stands still loses it, and its runs are released. Raises `ConfigError` where
        another one is at work, and the database's own errors.
        """
        tries = 0
        while not await self._lock.take():
            tries += 1
            if tries >= _TRIES and self._lock.is_held_elsewhere:
                raise ConfigError(_shared_words().format(name=self._worker))
            await asyncio.sleep(_PAUSE)
        if self._lock.has_ended_holder:  # that process may go on, and would take these runs for its own
            await release_worker(self._database, self._worker)

    async def confirm(self) -> None:
        """Give a sign of life: the name is ours for the next seconds. Raises `StorageAway` where that is not sure, and
        ends this process where another one has taken the name.
        """
        try:
            confirmed = await self._lock.take()
        except DATABASE_FAULTS as fault:
            _log.warning("lost the lock on the name “%s”, taking it again: %s", self._worker, in_short(fault))
            await self._lock.let_go()
            raise StorageAway(_("The records of runs cannot be read or written just now.")) from fault
        if not confirmed:
            if self._lock.is_held_elsewhere and not self.is_lost and self._holder is not None:
                self.is_lost = True
                self._holder.cancel()
            raise StorageAway(_shared_words().format(name=self._worker))

    async def write(self, change: Update, locks: Collection[str]) -> int:
        """See `HeldName.write`."""
        try:
            return await self._lock.write(change, locks)
        except DATABASE_FAULTS as fault:
            await self.confirm()  # the change alone may have failed
            raise StorageAway(_("The records of runs cannot be read or written just now.")) from fault

    async def let_go(self) -> None:
        await self._lock.let_go()


class OwnName:
    """The name of a worker whom no other process can take it from, or no name at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def confirm(self) -> None:
        """See `HeldName.confirm`."""

    async def write(self, change: Update, locks: Collection[str]) -> int:
        """See `HeldName.write`."""
        return await self._database.write(lambda connection: connection.execute(change).rowcount, locks=locks)


@asynccontextmanager
async def held(database: Database, folder: Path, worker: str) -> AsyncIterator[HeldName]:
    """Hold a worker's name; the end of the process lets go of it, however it comes. It needs a sign of life every few
    seconds. Raises `ConfigError`, later too, where another process has taken the name.
    """
    if not database.is_shared:
        with _lock_of(folder, worker) as file:
            await _lock_file(file, _folder_words().format(folder=folder))
            yield OwnName(database)
        return
    name = WorkerName(database, worker)
    try:
        await name.take()
        yield name
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if name.is_lost and task is not None and task.uncancel() == 0:
            raise ConfigError(_shared_words().format(name=worker)) from None
        raise
    finally:
        await name.let_go()


async def in_use(database: Database, folder: Path, worker: str) -> str | None:
    """Return in words that another process holds a worker's name; None if no process does, or if it stands still."""
    if database.is_shared:
        lock = SessionLock(database.session, f"worker {worker}")
        try:
            return None if await lock.is_free() else _shared_words().format(name=worker)
        finally:
            await lock.let_go()
    if not (folder / f"{worker}.lock").exists():
        return None
    with _lock_of(folder, worker) as file:
        return None if private.lock(file) else _folder_words().format(folder=folder)


def _lock_of(folder: Path, worker: str) -> TextIO:
    """Open the empty file that a worker locks. Raises `ConfigError`."""
    path = folder / f"{worker}.lock"
    try:
        return open(path, "a", opener=private.opener)
    except OSError as fault:
        words = _("DARKROOM_DATA_DIR: {folder} cannot be written: {reason}")
        raise ConfigError(words.format(folder=path, reason=fault.strerror)) from fault


async def _lock_file(file: TextIO, refusal: str) -> None:
    for _try in range(_TRIES):
        if private.lock(file):
            return
        await asyncio.sleep(_PAUSE)
    raise ConfigError(refusal)


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
