"""Keep the files of runs within limits of room: the oldest originals go first, and the operator hears of it before.

Runs stay on record, and their messages stay as they are. Only their files are deleted.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.media.blob_store import BlobStore
from bot.core.runs.repository import RunRepository
from bot.i18n import _

_EVERY = 600.0  # seconds between two looks; what is near its limit at one is deleted at the next
_NEAR = 0.9  # of a limit, from which on the operator is told; this far it is emptied, too
_AT_ONCE = 100  # runs
_TASK = "room for files"


@dataclass(frozen=True)
class RoomLimits:
    """Bytes that all files may have, and bytes that stay free on their disk; None is no limit."""

    most: int | None = None
    free: int | None = None


class Retention:
    """Use it in `async with`."""

    def __init__(
        self,
        records: RunRepository,
        media: BlobStore,
        limits: RoomLimits,
        tasks: TaskHealth,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records, self._media, self._limits, self._tasks = records, media, limits, tasks
        self._free, self._clock = free, clock
        self._told_at: float | None = None
        self._task = BackgroundTask(_TASK, tasks)

    async def __aenter__(self) -> Retention:
        self._task.repeat(self.look, _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._task.stop()

    async def look(self) -> None:
        """Tell the operator that room gets short, or make room if they were told before. Raises `StorageFailed`."""
        sizes = await self._media.sizes() if self._limits.most is not None else {}
        used, free = sum(sizes.values()), await asyncio.to_thread(self._free_now)
        if not self._exceeds(used, free, _NEAR):
            self._told_at = None
            self._tasks.settle(_TASK)
        elif self._told_at is None:
            self._told_at = self._clock()
            self._tasks.remark(_TASK, _("Room for the files of runs gets short. The oldest originals will be deleted."))
            events_log.room_short(used, free)
        elif self._exceeds(used, free, 1.0) and self._clock() - self._told_at >= _EVERY:
            await self._make_room(used, free)

    def _exceeds(self, used: int, free: int | None, part: float) -> bool:
        """True if more than this part of a limit is used."""
        most, least = self._limits.most, self._limits.free
        return (most is not None and used > most * part) or (
            least is not None and free is not None and free * part < least
        )

    def _free_now(self) -> int | None:
        folder = self._media.path("")
        return self._free(folder) if folder is not None and folder.exists() else None

    async def _make_room(self, used: int, free: int | None) -> None:
        runs = files = freed = 0
        while self._exceeds(used - freed, None if free is None else free + freed, _NEAR):
            oldest = await self._records.oldest_with_files(_AT_ONCE)
            if not oldest:
                break
            for run_id in oldest:
                keys = await self._records.let_files_go([run_id])
                freed += sum([await self._media.delete(key) for key in keys])
                runs, files = runs + 1, files + len(keys)
                if not self._exceeds(used - freed, None if free is None else free + freed, _NEAR):
                    break
        events_log.originals_deleted(runs, files, freed)
