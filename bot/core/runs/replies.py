"""Replies: the message of a run, rebuilt from its record, whatever its platform does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.core.errors import DeliveryFailed, DiskFull, MessageGone, NotNow, StorageFailed
from bot.core.model import Result, RunSummary, Status
from bot.core.port import GroupDrawer, Limits, Replier, Reply, RunPoster, RunWatcher, show_status
from bot.core.run import RunRecord, person_of, unknown_person
from bot.core.runs.history.details import RunDetails, arranged, details
from bot.core.workflows.catalog import Versions
from bot.i18n import _

if TYPE_CHECKING:  # `darkroom run` does without the database
    from bot.core.people.accounts import KnownAccounts
    from bot.core.policy.audit import Audit
    from bot.core.runs.repository import RunRepository

_log = logging.getLogger(__name__)


class RunReplies:
    """The replies of the platforms that this process has. A run whose message was deleted is cancelled on record."""

    def __init__(
        self,
        platforms: Mapping[str, Replier],
        versions: Versions,
        records: RunRepository,
        audit: Audit,
        accounts: KnownAccounts,
        *,
        has_page: bool = False,
    ) -> None:
        """With `has_page`, chats can hand out links to the page."""
        self._has_page, self._accounts = has_page, accounts
        self.platforms, self._versions, self._records, self._audit = platforms, versions, records, audit
        #: Makes the reply of a run whose group has one message.
        self.cell: Callable[[RunRecord], Reply] | None = None

    def has(self, run: RunRecord) -> bool:
        """True if this process has the platform of a run."""
        return run.address.platform in self.platforms

    def draws_groups(self, platform: str) -> bool:
        """True if a platform has one message for the runs of a group, which is drawn for all of them together."""
        return isinstance(self.platforms.get(platform), GroupDrawer)

    def brief(self, run: RunRecord) -> RunSummary:
        """The summary that a run's message shows."""
        workflow = self._versions.catalog.workflows.get(run.workflow)
        varies, form = workflow is None or workflow.varies, workflow.form() if workflow is not None else None
        brief = run.brief(self._versions.catalog.title(run.workflow))
        whole = self._versions.catalog.title(run.step.recipe) if run.step is not None else ""
        masks = self._has_page and bool(self.mask_fields(run))
        return replace(brief, varies=varies, values=arranged(brief.values, form), whole=whole, masks=masks)

    def poster(self, run: RunRecord) -> RunPoster | None:
        """The platform of a run, if it can post messages of runs that were asked for elsewhere."""
        here = (each for name, each in self.platforms.items() if name == run.address.platform)
        return next((each for each in here if isinstance(each, RunPoster)), None)

    def mask_fields(self, run: RunRecord) -> Mapping[str, str]:
        """The inputs of a run that a mask can be drawn on by a link, with their titles."""
        workflow = self._versions.catalog.workflows.get(run.workflow) if run.inputs and run.step is None else None
        poster = self.poster(run)
        if workflow is None or poster is None or not poster.posts_beside(run.address):
            return {}
        return {each.name: each.title for each in workflow.form().fields if each.mask and each.name in run.inputs}

    def details(self, run: RunRecord) -> RunDetails:
        """Everything that is known of a run, for those who may see its message."""
        workflow = self._versions.catalog.workflows.get(run.workflow)
        return details(run, self.brief(run), workflow.form() if workflow is not None else None)

    def to(self, run: RunRecord) -> Reply:
        """The message of a run; one that says nothing where this process does not have its platform."""
        reply, watching = self._own(run), self._watching(run)
        return WatchedReply(reply, watching) if watching else reply

    def _watching(self, run: RunRecord) -> list[Reply]:
        """Return the replies that show a run to its person at their other accounts."""
        return [
            GuardedReply(platform.watch(account.key.partition(":")[2], self.brief(run)), _nothing)
            for account in self._accounts.beside(run.person.key)
            for name, platform in self.platforms.items()
            if name == account.platform != run.address.platform and isinstance(platform, RunWatcher)
        ]

    def _own(self, run: RunRecord) -> Reply:
        platform = self.platforms.get(run.address.platform)
        if platform is None:
            return SilentReply()
        if run.group_id is not None and self.cell is not None and self.draws_groups(run.address.platform):
            return self.cell(run)
        return GuardedReply(platform.reply(run.address, self.brief(run)), partial(self.cancel_gone, run))

    async def message_deleted(self, run: RunRecord) -> list[RunRecord]:
        """Record that a run, or all of its group, is cancelled because a person deleted its message; the platform does
        not say who. Returns those that had not ended. Raises `StorageFailed`.
        """
        unknown, own = unknown_person(run.address.platform), [run]
        every = own if run.group_id is None else await self._records.group(run.group_id)
        stopped = [each for each in every if await self._records.request_cancel(each.id, unknown) is not None]
        if not stopped:
            return []
        _log.info("run %s: cancelled, because its message was deleted", run.id)
        words = _("The message of a run of {workflow} by {name} was deleted, so the run was cancelled.")
        said = words.format(workflow=run.workflow, name=run.person.name or run.person.id)
        by = replace(person_of(unknown), name=_("someone"))
        await self._audit.decided(by, run.place, "message deleted", said)
        return stopped

    async def cancel_gone(self, run: RunRecord) -> None:
        """Record that the message of a run, or of its group, is gone, as `message_deleted` does."""
        try:
            await self.message_deleted(run)
        except StorageFailed as fault:  # the next status finds it too
            _log.warning("run %s: its message was deleted, and that was not kept: %s", run.id, fault)

    async def show(self, run: RunRecord, status: Status) -> bool:
        """Show a status in the message of a run, as `show_status` does."""
        return await show_status(self.to(run), status)


class GuardedReply:
    """A reply whose platform may fail in any words: only `DeliveryFailed` and `DiskFull` leave it. `gone` is called if
    the message was deleted.
    """

    def __init__(self, reply: Reply, gone: Callable[[], Awaitable[None]]) -> None:
        self._reply, self._gone = reply, gone

    @property
    def limits(self) -> Limits:
        return self._reply.limits

    async def show(self, status: Status) -> None:
        try:
            async with guarded(self._gone):
                await self._reply.show(status)
        except DiskFull as fault:
            raise NotNow(str(fault)) from fault

    async def deliver(self, result: Result) -> None:
        async with guarded(self._gone):
            await self._reply.deliver(result)


@asynccontextmanager
async def guarded(gone: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Let a platform fail in any words: only `DeliveryFailed` and `DiskFull` leave it. `gone` is called if the message
    was deleted.
    """
    try:
        yield
    except MessageGone:
        await gone()
        raise
    except (DeliveryFailed, DiskFull, asyncio.CancelledError):
        raise
    except Exception as fault:
        raise _refused(fault) from fault


class WatchedReply:
    """The message of a run, and what shows its statuses elsewhere, which changes nothing for the message. A result is
    read from the record there.
    """

    def __init__(self, reply: Reply, watching: Sequence[Reply]) -> None:
        self._reply, self._watching = reply, watching
        self._shown: Status | None = None

    @property
    def limits(self) -> Limits:
        return self._reply.limits

    async def show(self, status: Status) -> None:
        if status is not self._shown:  # what the message had no room for is offered to it again
            self._shown = status
            for each in self._watching:
                await show_status(each, status)
        await self._reply.show(status)

    async def deliver(self, result: Result) -> None:
        await self._reply.deliver(result)


async def _nothing() -> None:
    return


class SilentReply:
    """The reply where this process does not have the platform: statuses are shown nowhere, and nothing is delivered."""

    limits = Limits(0, 0, 0, 1.0, previews=False)

    async def show(self, status: Status) -> None:
        return

    async def deliver(self, result: Result) -> None:
        raise DeliveryFailed(
            _("Darkroom is not connected to the chat of this result. It sends the result once it is connected again.")
        )


def _refused(fault: Exception) -> DeliveryFailed:
    _log.error("a chat refused a message in a way that its platform does not know", exc_info=fault)
    return DeliveryFailed(_("The chat did not take the message."))
