"""Take the runs of workers over that no longer answer: each worker looks after all others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.run import RunRecord
from bot.core.runs.handover import take_over
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.servers.registry import ServerRegistry, is_silent
from bot.core.storage.database import Database

_EVERY = 1.0  # seconds


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
    ) -> None:
        self._database, self._registry, self._records, self._replies = database, registry, records, replies
        self._wake = wake
        self._looking = BackgroundTask("takeover", tasks)

    async def __aenter__(self) -> Takeover:
        self._looking.repeat(self._look, _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._looking.stop()

    async def _look(self) -> None:
        lost = self._registry.lost
        if not lost:
            return
        owners = {run.worker for run in await self._records.active()}
        for worker in sorted(lost.keys() & owners):
            await self._take_over(worker, lost[worker])

    async def _take_over(self, worker: str, at: float) -> None:
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
