"""The replies of a worker, which say nothing of a run once another worker may have it.

A worker that stood still does not know it. So it looks at its lease before each message, which costs nothing, and
asks the record only where the lease has lapsed since it last did. It looks again afterwards, because it may have stood
still in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.core.errors import DeliveryFailed, NotNow, StorageFailed
from bot.core.execution.results import result_of
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Done, Held, Queued, Result, Status
from bot.core.port import Limits, Reply, show_status
from bot.core.run import RunRecord, State
from bot.core.runs.repository import RunRepository
from bot.core.servers.lease import Lease
from bot.core.storage.temporary import work_folder

_log = logging.getLogger(__name__)
_EVERY, _LOOKS = 1.0, 120  # seconds between two looks whether the other worker has delivered, and how many


class AttemptLost(Exception):
    """Another worker has the run, or may have ended it."""


class AttemptLease:
    """A check that an attempt is still the one that the record names."""

    def __init__(self, lease: Lease, records: RunRepository, run: RunRecord) -> None:
        self._lease, self._records, self._run = lease, records, run
        self._checked = 0 if lease.is_endless else None  # the term in which it was last known to be ours

    async def holds(self) -> bool:
        """True if the run is still ours. Raises `StorageFailed`."""
        term = self._lease.term
        if term is not None and term == self._checked:
            return True
        run = await self._records.get(self._run.id)
        if run is None or run.attempt != self._run.attempt:
            return False
        self._checked = term
        return True

    async def hold(self) -> None:
        """Raises `AttemptLost` if the run is no longer ours, and `StorageFailed`."""
        if not await self.holds():
            raise AttemptLost


class LeasedReply:
    """The message of a run for one attempt: it is silent once the attempt is lost. If it then finds that it has spoken
    too late, it shows what the record says, once.
    """

    def __init__(
        self,
        reply: Reply,
        run: RunRecord,
        lease: AttemptLease,
        records: RunRepository,
        media: BlobStore,
        links: SignedLinks,
    ) -> None:
        self._reply, self._run, self._lease = reply, run, lease
        self._records, self._media, self._links = records, media, links
        self._in_doubt = False  # whether something was said that may have come too late

    @property
    def limits(self) -> Limits:
        return self._reply.limits

    async def show(self, status: Status) -> None:
        """See `Reply.show`. Nothing is shown where the record cannot be asked: that is for later."""
        try:
            if await self._lease.holds():
                await self._say(lambda: self._reply.show(status))
        except StorageFailed as fault:
            raise NotNow(str(fault)) from fault

    async def deliver(self, result: Result) -> None:
        """See `Reply.deliver`. Raises `AttemptLost` and `StorageFailed` too."""
        await self._lease.hold()
        await self._say(lambda: self._reply.deliver(result))

    async def correct(self) -> None:
        """If something was said that came too late, show what the record says."""
        if not self._in_doubt:
            return
        if not await self._lease.holds():
            _log.warning("run %s: a message came too late, after another worker had taken the run", self._run.id)
            await self._show_record()
        self._in_doubt = False

    async def _say(self, speak: Callable[[], Awaitable[None]]) -> None:
        self._in_doubt = True
        try:
            await speak()
        except DeliveryFailed:
            await self._settle()
            raise
        await self._settle()

    async def _settle(self) -> None:
        try:
            await self.correct()
        except StorageFailed as fault:  # the next message, or the end of the attempt, asks again
            _log.warning("run %s: whether a message came in time is not known yet: %s", self._run.id, fault)

    async def _show_record(self) -> None:
        run = await self._delivered()
        match run.state if run is not None else None:
            case State.DONE if run is not None:
                with work_folder() as folder:
                    result = await result_of(run, run.shown, self._media, self._links, folder)
                    await self._reply.deliver(result)
                await show_status(self._reply, Done())
            case State.CANCELLED | State.FAILED if run is not None and run.end is not None:
                await show_status(self._reply, run.end)
            case State.HELD:
                await show_status(self._reply, Held())
            case State.WAITING if run is not None:
                await show_status(self._reply, Queued(reason=run.reason))
            case _:  # it is deleted, or its worker speaks for it next
                return

    async def _delivered(self) -> RunRecord | None:
        """The record, after the other worker has delivered if it is just about to."""
        run = await self._records.get(self._run.id)
        for _look in range(_LOOKS):
            if run is None or run.state is not State.DELIVERING:
                break
            await asyncio.sleep(_EVERY)
            run = await self._records.get(self._run.id)
        return run
