"""Update the messages of waiting runs with their place in line and estimated start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import StorageFailed, UnknownWorkflow
from bot.core.model import Failed, Paused, Queued, Status
from bot.core.port import Reply, show_status
from bot.core.run import RunRecord
from bot.core.runs.eta import LineOutlook
from bot.core.runs.locks import RunLocks
from bot.core.runs.queue import RunQueue
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.servers.condition import Condition
from bot.core.status_text import describe
from bot.core.storage.bells import Topic
from bot.core.together import together
from bot.core.workflows.catalog import Versions
from bot.i18n import _

_EVERY = 1.0  # seconds
_AT_FIRST = 0.25  # seconds after a run has joined an empty line: most begin before there is anything to tell
_FAREWELL = 3.0  # seconds that a shutdown waits for chats
_AT_ONCE = 16  # messages edited at the same time
_AT_WORK = frozenset({Condition.UP, Condition.ASLEEP, Condition.WAKING})
_NOTICEABLE = 0.1  # the part of a place or an estimate; smaller changes are not shown

#: The waiting runs in the order in which they start, and what is known of them.
Line = Callable[[], Awaitable[tuple[Sequence[RunRecord], LineOutlook]]]


@dataclass(frozen=True)
class _Told:
    status: Queued
    at: float


class QueueNotifier:
    """Updates messages on this process's platforms. Use it in `async with`."""

    def __init__(
        self,
        queue: RunQueue,
        records: RunRepository,
        versions: Versions,
        replies: RunReplies,
        line: Line,
        locks: RunLocks,
        tasks: TaskHealth,
        clock: Callable[[], float] = time.monotonic,
        *,
        farewell: bool = False,
    ) -> None:
        """With `farewell`, a shutdown tells the people who wait that their runs continue later."""
        self._farewell = farewell
        self._queue, self._records, self._versions, self._replies = queue, records, versions, replies
        self._line, self._locks, self._clock = line, locks, clock
        self._told: dict[str, _Told] = {}
        self._waits = False
        self._bell = records.bells.bell(Topic.LINE, Topic.ROOM)
        self._chore = BackgroundTask("queue notifier", tasks)

    async def __aenter__(self) -> QueueNotifier:
        self._chore.repeat(self._work)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()
        if self._farewell:
            with suppress(TimeoutError, StorageFailed):
                async with asyncio.timeout(_FAREWELL):
                    await self._say_farewell()

    async def _say_farewell(self) -> None:
        """Tell the people who saw their place that the bot is restarting."""
        waiting = [run for run in await self._queue.waiting() if run.id in self._told]
        slots = asyncio.Semaphore(_AT_ONCE)

        async def tell(run: RunRecord) -> None:
            async with slots:
                await self._say(run, self._replies.to(run), Paused())

        await together(*map(tell, waiting))

    async def announce(self) -> None:
        """Update the runs with a noticeable change of place or time."""
        waiting, outlook = await self._line()
        self._waits = bool(waiting)
        self._told = {run.id: told for run in waiting if (told := self._told.get(run.id)) is not None}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def tell(run: RunRecord, status: Queued) -> None:
            async with slots:
                await self._tell(run, status)

        mine = _one_a_message([(run, place) for place, run in enumerate(waiting, 1) if self._replies.has(run)])
        now = ((run, _status(run, place, outlook)) for run, place in mine)
        news = [(run, status) for run, status in now if is_news(self._status_told(run), status)]
        await together(*(tell(run, status) for run, status in news))

    async def _work(self) -> None:
        begun = self._clock()
        await self.announce()
        due, least = begun + max(_EVERY, 11 * (self._clock() - begun)), 0.0
        if not self._waits:
            await self._bell.wait()
            least = _AT_FIRST
        await asyncio.sleep(max(least, due - self._clock()))

    def _status_told(self, run: RunRecord) -> Queued | None:
        told = self._told.get(run.id)
        return None if told is None else told.status

    async def _tell(self, run: RunRecord, status: Queued) -> None:
        reply = self._replies.to(run)
        told = self._told.get(run.id)
        if told is not None and self._clock() - told.at < reply.limits.interval:
            return
        try:
            await self._versions.get(run.workflow, run.version)
        except UnknownWorkflow as gone:
            if await self._records.refuse(run, str(gone)):
                await show_status(reply, Failed(str(gone)))
            return
        self._told[run.id] = _Told(status, self._clock())  # first: a shutdown may come in between
        if not await self._say(run, reply, status):
            self._told.pop(run.id, None)

    async def _say(self, run: RunRecord, reply: Reply, status: Status) -> bool:
        """Show a status of a run if it still waits; False if the platform has no room for it now."""
        async with self._locks.hold(run.id):
            if await self._queue.is_queued(run.id):
                return await show_status(reply, status)
        return True


def _status(run: RunRecord, place: int, outlook: LineOutlook) -> Queued:
    reason = run.reason or _standstill(outlook.conditions)
    return Queued(place, outlook.starts.get(run.id), reason, outlook.running)


def _standstill(conditions: Set[Condition]) -> str:
    """Say why no run begins before something changes; nothing if one does."""
    if conditions <= {Condition.AWAY}:
        return _("No server can be reached. This starts as soon as one is back.")
    if conditions.isdisjoint(_AT_WORK):
        return _("No server takes runs at the moment. This starts as soon as one does.")
    return ""


def _one_a_message(runs: Sequence[tuple[RunRecord, int]]) -> list[tuple[RunRecord, int]]:
    """Leave out all but the first run of each group: a group has one place in line."""
    groups, kept = set[str](), []
    for run, place in runs:
        if run.group_id not in groups:
            kept.append((run, place))
            groups |= {run.group_id} if run.group_id is not None else set()
    return kept


def is_news(told: Queued | None, now: Queued) -> bool:
    """True if a status looks different from what was told, and by enough for people to care."""
    if told is None or told.reason != now.reason:
        return True
    if told.position == now.position and describe(told) == describe(now):
        return False
    if _differs(told.position, now.position, 0) or _differs(told.eta, now.eta, 2.0):
        return True
    return now.position != 1 and _differs(told.before, now.before, 0)


def _differs(told: float | None, now: float | None, least: float) -> bool:
    if told is None or now is None:
        return told is not now
    return abs(told - now) > max(least, _NOTICEABLE * min(told, now)) or (now == 1) is not (told == 1)
