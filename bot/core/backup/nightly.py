"""A backup each night, of which the newest are kept. One that fails is told, counted, and made an hour later."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import ConfigError, StorageFailed
from bot.i18n import _

_HOUR, _MINUTE = 3, 30  # of the night, by the clock of this machine
_EVERY = 300.0  # seconds between two looks whether one is due
_AGAIN = timedelta(hours=1)  # after one that failed
_NAME, _NAMED = "darkroom-%Y-%m-%d-%H%M.tar", re.compile(r"darkroom-\d{4}-\d\d-\d\d-\d{4}\.tar")
_TASK = "nightly backup"


class NightlyBackups:
    """Use it in `async with`. The backup of a night in which no process ran is made after the start."""

    def __init__(
        self,
        folder: Path,
        keep: int,
        make: Callable[[Path], Awaitable[object]],
        tasks: TaskHealth,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """`folder` has the backups, of which `keep` stay. Files there with other names are left alone. `make` writes a
        backup to a new file.
        """
        self._folder, self._keep, self._make, self._tasks, self._now = folder, keep, make, tasks, now
        self._task = BackgroundTask(_TASK, tasks)
        self._failed_at: datetime | None = None

    async def __aenter__(self) -> NightlyBackups:
        self._task.repeat(self.look, _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._task.stop()

    async def look(self) -> None:
        """Make the backup of the last night if it is missing."""
        now = self._now()
        rests = self._failed_at is not None and now < self._failed_at + _AGAIN
        if rests or not await asyncio.to_thread(self._is_due, now):
            return
        try:
            await self._make(self._folder / now.strftime(_NAME))
        except (ConfigError, StorageFailed) as fault:
            self._failed_at = now
            self._tasks.failures[_TASK] += 1
            self._tasks.remark(_TASK, _("it failed, and is tried again an hour later."), str(fault))
            events_log.backup_failed(str(fault))
            return
        self._tasks.settle(_TASK)
        await asyncio.to_thread(self._prune)

    def _is_due(self, now: datetime) -> bool:
        night = now.replace(hour=_HOUR, minute=_MINUTE, second=0, microsecond=0)
        night = night if night <= now else night - timedelta(days=1)
        made = self._made()
        return not made or datetime.strptime(made[-1].name, _NAME) < night  # noqa: DTZ007 - both are local times

    def _made(self) -> list[Path]:
        """Return the backups of earlier nights, oldest first: their names are their times."""
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAMED.fullmatch(path.name))

    def _prune(self) -> None:
        for path in self._made()[: -self._keep]:
            path.unlink(missing_ok=True)
