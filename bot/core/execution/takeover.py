"""Take the runs of workers over that no longer answer: each worker looks after all others."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.run import RunRecord
from bot.core.runs.handover import take_over
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.servers.registry import ServerRegistry, is_silent
from bot.core.storage.bells import Bell
from bot.core.storage.database import Database

_EVERY = 1.0  # seconds
_LONGEST_START = 15.0  # seconds in which a worker that starts beside this one is in the registry
_UNKNOWN_EVERY = 120.0  # seconds between two looks for runs of workers that have not been here for long


class Takeover:
    """Use it in `async with`. `wake` is called when runs wait again."""

    def __init__(
        self,
        database: Database,
        registry: ServerRegistry,
        records: RunRepository,
        replies: RunReplies,
        tasks: TaskHealth,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._registry, self._records, self._replies = database, registry, records, replies
        self._wake, self._clock = wake, clock
        self._next_unknown = clock() + _LONGEST_START
        self._looking, self._changes = BackgroundTask("takeover", tasks), Bell(None)
        registry.on_change.add(self._changes.ring)

    async def __aenter__(self) -> Takeover:
        if self._database.is_shared:
            self._looking.repeat(self._look, _EVERY, until=self._until_others)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._looking.stop()

    async def _look(self) -> None:
        lost: dict[str, float | None] = {**self._registry.lost}
        if not lost and not self._looks_for_unknown:
            return
        owners = {run.worker for run in await self._records.active() if run.worker is not None}
        if self._looks_for_unknown:
            lost |= dict.fromkeys(owners - self._registry.workers)
            self._next_unknown = self._clock() + _UNKNOWN_EVERY
        for worker in sorted(lost.keys() & owners):
            await self._take_over(worker, lost[worker])

    async def _until_others(self) -> None:
        """Wait while no other worker is known, until it is time to look for runs of unknown ones."""
        if not self._registry.has_others:
            await self._changes.wait(max(_EVERY, self._next_unknown - self._clock()))

    @property
    def _looks_for_unknown(self) -> bool:
        """True if it is time to look for runs of workers that the registry has forgotten, or never knew: of a database
        that was restored or moved here. They have had the time to come back.
        """
        return self._clock() >= self._next_unknown

    async def _take_over(self, worker: str, at: float | None) -> None:
        runs = await take_over(self._database, worker, partial(is_silent, worker=worker, at=at))
        if runs:
            events_log.worker_lost(worker, len(runs))
        self._wake()
        for run in runs:
            await self._tell(run)

    async def _tell(self, run: RunRecord) -> None:
        """Tell the person of an end; of a place in the queue they hear as always."""
        if run.end is not None:
            await self._replies.show(run, run.end)
