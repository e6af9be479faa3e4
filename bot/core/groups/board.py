"""The messages of groups: each is drawn from the records of all its runs, in whatever process they are at work.

A run of a group says nothing by itself. What it is doing is shown with what the others do, no oftener than the platform
bears. Its result is on record before the message shows it, so after a crash the message is drawn from there. A group
stays open on record until its message says how all of it ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import DeliveryFailed, DiskFull, MessageGone, NotNow, PlatformAway, StorageFailed
from bot.core.execution.results import result_of
from bot.core.groups.summary import summarize
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Cell, GroupSummary, Paused, Queued, Result, Running, Status
from bot.core.port import GroupDrawer, GroupMessage, Limits
from bot.core.retry import Pauses, retry
from bot.core.run import RunRecord
from bot.core.runs.locks import RunLocks
from bot.core.runs.replies import RunReplies, guarded
from bot.core.runs.repository import RunRepository
from bot.core.storage.bells import Topic
from bot.core.storage.temporary import work_folder
from bot.core.traces.spans import since

_log = logging.getLogger(__name__)
_KNOWN = 1000  # groups of which it is kept what was said last
_PATIENCE = 2.0  # seconds that showing how far a group is may wait for its turn
_MOMENT = 0.05  # seconds
_LOOKS = Pauses(1.0, 5.0)  # before the database is asked again
_PAUSES = Pauses(5.0, 120.0)  # before a message is drawn again that could not be
_TRIES = 5  # before a message is given up that its chat refuses


@dataclass
class _Talk:
    """The last words on each run of a group, the summary that was drawn last, and the time of the next one."""

    said: dict[str, Status] = field(default_factory=dict)
    drawn: GroupSummary | None = None
    next: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class GroupBoard:
    """Draws the messages of groups. In `async with`, which a process that chats uses, it draws results too."""

    def __init__(
        self,
        replies: RunReplies,
        records: RunRepository,
        media: BlobStore,
        links: SignedLinks,
        locks: RunLocks,
        tasks: TaskHealth,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._replies, self._records, self._media, self._links = replies, records, media, links
        self._locks, self._clock = locks, clock
        self._drawers = {name: each for name, each in replies.platforms.items() if isinstance(each, GroupDrawer)}
        self._talks: OrderedDict[str, _Talk] = OrderedDict()
        self._stirred, self._busy = set[str](), set[str]()
        self._pauses: dict[str, tuple[float, Iterator[float]]] = {}  # when to draw again, and the pauses after that
        self._refused = Counter[str]()
        self._bell = records.bells.bell(Topic.GROUPS)
        self._chore = BackgroundTask("groups", tasks)
        replies.cell = partial(CellReply, self)

    async def __aenter__(self) -> GroupBoard:
        if self._drawers:
            self._chore.start(self._work)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()

    def limits(self, run: RunRecord) -> Limits:
        """Return the limits of the message of a run's group."""
        return self._message(run, self.summary([run])).limits

    async def show(self, run: RunRecord, status: Status) -> None:
        """Show a status of a run in the message of its group. Raises as `Reply.show` does."""
        group, talk = run.group_id or "", self._talk(run.group_id or "")
        if not isinstance(status, Running | Queued | Paused):
            talk.said.pop(run.id, None)
            self.stir(group)
            return
        talk.said[run.id] = status
        now = self._clock()
        if now < talk.next or talk.lock.locked():
            await asyncio.sleep(_MOMENT)  # it is offered again at once where a platform has no pace
            raise NotNow(after=max(_MOMENT, talk.next - now))
        try:
            async with asyncio.timeout(_PATIENCE), self._turn(group, talk):
                await self._show(group, talk)
        except TimeoutError:
            raise NotNow from None

    async def _show(self, group: str, talk: _Talk) -> None:
        runs = await self._read(group)
        if not runs:
            return
        summary = self.summary(runs, talk)
        if summary == talk.drawn or summary.has_ended:
            return
        message = self._message(runs[0], summary)
        talk.next = self._clock() + message.limits.interval
        async with guarded(partial(self._gone, runs[0])):
            await message.progress(summary)
        talk.drawn = summary

    async def _work(self) -> None:
        """Draw the groups that have changed, each in a task of its own: if one waits for its chat, the others go on."""
        self._busy.clear()
        self._stirred.update(await self._records.open_groups(self._drawers, ended=False))
        async with asyncio.TaskGroup() as tasks:
            while True:
                due = await retry(self._due, StorageFailed, _LOOKS, "the messages of groups wait for the database")
                for group in due:
                    self._busy.add(group)
                    tasks.create_task(self._attend(group), name=f"group {group}")
                soonest = min((at for at, _rest in self._pauses.values()), default=None)
                await self._bell.wait(None if soonest is None else max(0.1, soonest - self._clock()))

    async def _due(self) -> list[str]:
        """Return the groups to draw now."""
        now, ended = self._clock(), set(await self._records.open_groups(self._drawers))
        self._pauses = {group: each for group, each in self._pauses.items() if group in ended | self._stirred}
        resting = {group for group, (due, _rest) in self._pauses.items() if due > now}
        due = (ended | self._stirred) - self._busy - resting
        self._stirred -= due
        return sorted(due)

    async def _attend(self, group: str) -> None:
        try:
            await self._draw(group)
            self._pauses.pop(group, None)
            self._refused.pop(group, None)
        except (DeliveryFailed, StorageFailed, DiskFull) as fault:
            _log.info("group %s: its message cannot be drawn now: %s", group, fault)
            _due, rest = self._pauses.get(group) or (0.0, iter(_PAUSES))
            self._pauses[group] = self._clock() + next(rest), rest
            self._stirred.add(group)
        finally:
            self._busy.discard(group)
            if group in self._stirred:
                self._bell.ring()

    async def _draw(self, group: str) -> None:
        """Draw the results that are there, after a moment in which others may come, and close the group at its end."""
        talk, runs = self._talk(group), await self._read(group)
        if not runs:
            return
        summary = self.summary(runs, talk)
        if not summary.has_ended:
            if not summary.results:
                async with self._turn(group, talk):
                    await self._show(group, talk)
                return
            await asyncio.sleep(self._message(runs[0], summary).limits.interval)
        async with self._turn(group, talk):
            if not (runs := await self._read(group)):
                return
            await self._fill(runs, talk)

    async def _fill(self, runs: list[RunRecord], talk: _Talk) -> None:
        summary = self.summary(runs, talk)
        message, by_id, begun = self._message(runs[0], summary), {run.id: run for run in runs}, time.time()
        with work_folder() as folder:

            async def result(cell: Cell) -> Result:
                own = folder / str(cell.number)
                await asyncio.to_thread(own.mkdir, exist_ok=True)
                run = by_id[cell.run_id]
                return await result_of(run, run.shown, self._media, self._links, own)

            try:
                async with guarded(partial(self._gone, runs[0])):
                    await message.fill(summary, result)
            except (NotNow, PlatformAway):
                raise
            except DeliveryFailed as fault:
                self._refused[summary.id] += 1
                is_lost = isinstance(fault, MessageGone) or self._refused[summary.id] >= _TRIES
                if not (summary.has_ended and is_lost):
                    raise
                _log.warning("group %s: its message does not say how it ended: %s", summary.id, fault)
        talk.drawn, talk.next = summary, self._clock() + message.limits.interval
        if summary.has_ended:
            for run in runs:
                since(run.id, "show", begun)
            await self._records.close_group(summary.id)
            self._talks.pop(summary.id, None)

    @asynccontextmanager
    async def _turn(self, group: str, talk: _Talk) -> AsyncIterator[None]:
        """Draw alone, among all processes."""
        async with talk.lock, self._locks.hold(f"group {group}"):
            yield

    async def _read(self, group: str) -> list[RunRecord]:
        return await self._records.group(group)

    async def _gone(self, run: RunRecord) -> None:
        await self._replies.cancel_gone(run)

    def summary(self, runs: list[RunRecord], talk: _Talk | None = None) -> GroupSummary:
        """Return the summary of the runs of a group, as far as their records and the last words on them tell."""
        return summarize(runs, [*map(self._replies.brief, runs)], talk.said if talk is not None else {})

    def _message(self, run: RunRecord, summary: GroupSummary) -> GroupMessage:
        return self._drawers[run.address.platform].group(run.address, summary)

    def _talk(self, group: str) -> _Talk:
        talk = self._talks.setdefault(group, _Talk())
        self._talks.move_to_end(group)
        if len(self._talks) > _KNOWN:
            self._talks.popitem(last=False)
        return talk

    def stir(self, group: str) -> None:
        """Draw a group's message soon, because there is something new to show."""
        self._stirred.add(group)
        self._bell.ring()


class CellReply:
    """The reply of a run of a group, which shares the group's message. Its result is shown from the record."""

    def __init__(self, board: GroupBoard, run: RunRecord) -> None:
        self._board, self._run = board, run

    @property
    def limits(self) -> Limits:
        return self._board.limits(self._run)

    async def show(self, status: Status) -> None:
        await self._board.show(self._run, status)

    async def deliver(self, result: Result) -> None:
        return
