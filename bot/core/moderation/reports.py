"""Reports: people point out results to the reviewers of their place, who take them away or leave them.

No one is told who reported a result: it stands neither in the audit log nor in what reviewers see.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import DeliveryFailed, MessageGone, NotAllowed, StorageFailed, TooMany, UserError
from bot.core.media.blob_store import BlobStore
from bot.core.model import Failed, Person, Place, Result, StoredFile
from bot.core.moderation.reviews import own_run, result_to_see
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.permissions import Permissions
from bot.core.policy.scope import asked_in
from bot.core.port import ReportAsker, ResultRemover
from bot.core.retry import Pauses
from bot.core.run import RunRecord, State, person_of, unknown_person
from bot.core.runs.history.reports import Heard, ReportStage
from bot.core.runs.locks import RunLocks
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.storage.bells import Topic
from bot.i18n import _

_log = logging.getLogger(__name__)
_EVERY = 1.0  # seconds between two checks while something could not be sent
_PAUSES = Pauses(5.0, 600.0)  # before it is sent again
_A_DAY = 10  # results that one person may report


class Reports:
    """In `async with`, it asks reviewers about each reported result in the channel that they have named, on the
    platforms that support it (`ReportAsker`), and removes the messages of those that are taken away.
    """

    def __init__(
        self,
        records: RunRepository,
        media: BlobStore,
        replies: RunReplies,
        audit: Audit,
        permissions: Permissions,
        enforcer: PolicyEnforcer,
        locks: RunLocks,
        tasks: TaskHealth,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records, self._media, self._replies = records, media, replies
        self._audit, self._permissions, self._enforcer = audit, permissions, enforcer
        self._locks, self._clock = locks, clock
        self._pauses: dict[str, tuple[float, Iterator[float]]] = {}  # when to try again, and the pauses after that
        self._bell = records.bells.bell(Topic.HELD)
        self._chore = BackgroundTask("reports", tasks)

    async def __aenter__(self) -> Reports:
        self._chore.repeat(self._go_on, until=self._rest)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()

    async def report(self, by: Person, here: Place, run: RunRecord) -> str:
        """Report a result that a person sees, as `RunService.check_press` has found. Returns the answer for that person
        alone. Raises `UserError`.
        """
        # The message shows it before the record says so, and has files of a run that could not be delivered whole.
        is_there = run.state in (State.DONE, State.DELIVERING, State.FAILED)
        if not is_there or not (run.shown.files or run.shown.texts):
            raise UserError(_("There is no result here to report."))
        if run.person.key in self._enforcer.accounts.of(by.key):
            raise UserError(_("This is your own result: Delete removes it."))
        if self._enforcer.block(by, here) is not None:
            raise NotAllowed(_("You are blocked here, so you cannot report results."))
        match await self._records.reports.add(run.id, by.key, _A_DAY):
            case Heard.AGAIN:
                return _("You have reported this result already.")
            case Heard.TOO_MANY:
                words = _("You can report {most} results a day. Please write to a moderator.")
                raise TooMany(words.format(most=_A_DAY))
            case Heard.SETTLED:
                return _("Thank you. A moderator has looked at this result before, and left it.")
            case _:
                return _("Thank you. Moderators will look at this result. They are not told that it was you.")

    async def open(self, by: Person, here: Place) -> list[tuple[RunRecord, int]]:
        """Return the reported results of a place's community that wait for a decision, each with its number of reports,
        oldest first.
        """
        await self._permissions.moderator(by, here, "reports")
        return await self._records.reports.open_in(asked_in(here))

    async def leave(self, by: Person, here: Place, run_id: str) -> bool:
        """Leave a reported result as it is. False if someone has decided already."""
        run = await own_run(self._records, self._permissions, by, here, "leave a result", run_id)
        if not await self._settled(run_id, ReportStage.SETTLED):
            return False
        await self._audit.decided(by, here, "leave", self._words(_("Left a reported result of “{title}”."), run))
        return True

    async def take_away(self, by: Person, here: Place, run_id: str) -> bool:
        """Delete a reported result, with its files and its message. False if someone has decided already."""
        run = await own_run(self._records, self._permissions, by, here, "take a result away", run_id)
        if not await self._settled(run_id, ReportStage.TAKEN):
            return False
        await self._take_back(run)
        words = _("Took away a reported result of “{title}” by {name}.")
        await self._audit.decided(by, here, "take away", self._words(words, run))
        return True

    async def file(self, by: Person, here: Place, run_id: str, number: int) -> StoredFile | None:
        """Return a file of a reported result for a reviewer, counted from 0; None if there is none."""
        run = next((each for each, _count in await self.open(by, here) if each.id == run_id), None)
        files = run.shown.files if run is not None else ()
        return files[number] if 0 <= number < len(files) else None

    @asynccontextmanager
    async def result(self, by: Person, here: Place, run_id: str) -> AsyncIterator[tuple[RunRecord, Result]]:
        """Return a reported run and its result for a reviewer. Raises `UserError` if it waits for no decision."""
        run = await own_run(self._records, self._permissions, by, here, "look at a result", run_id)
        if all(each.id != run_id for each, _count in await self.open(by, run.place)):
            raise UserError(_("This result waits for no decision."))
        async with result_to_see(run, run.shown, self._media) as result:
            yield run, result

    async def _settled(self, run_id: str, stage: ReportStage) -> bool:
        return await self._records.reports.move(run_id, stage, ReportStage.NEW, ReportStage.ASKED)

    def _words(self, words: str, run: RunRecord) -> str:
        return words.format(title=self._replies.brief(run).title, name=run.person.name or run.person.id)

    async def _rest(self) -> None:
        await (self._bell.wait(_EVERY) if self._pauses else self._bell.wait())

    async def _go_on(self) -> None:
        """Ask about results that were reported, and remove those that were taken away. What fails is tried again."""
        asking = await self._records.reports.at(ReportStage.NEW, self._replies.platforms)
        going = await self._records.reports.at(ReportStage.TAKEN, self._replies.platforms)
        waiting = {run.id for run in (*asking, *going)}
        self._pauses = {run_id: each for run_id, each in self._pauses.items() if run_id in waiting}
        for work, before, after, each in (
            *((self._ask, ReportStage.NEW, ReportStage.ASKED, run) for run in asking),
            *((self._remove, ReportStage.TAKEN, ReportStage.SETTLED, run) for run in going),
        ):
            due, pauses = self._pauses.get(each.id) or (0.0, iter(_PAUSES))
            if self._clock() < due:
                continue
            async with self._locks.hold(each.id):  # so that no other process does it too
                if all(run.id != each.id for run in await self._records.reports.at(before, [each.person.platform])):
                    continue
                try:
                    await work(each)
                    await self._records.reports.move(each.id, after, before)
                except (DeliveryFailed, StorageFailed) as fault:
                    _log.warning("reports: run %s: a message was not sent or removed: %s", each.id, fault)
                    self._pauses[each.id] = self._clock() + next(pauses), pauses

    async def _ask(self, run: RunRecord) -> None:
        channel = self._enforcer.policy(run.person, run.place, run.workflow).review.channel
        nobody = replace(person_of(unknown_person(run.person.platform)), name=_("someone"))
        asker: object = self._replies.platforms[run.person.platform]
        if channel and isinstance(asker, ReportAsker):
            async with result_to_see(run, run.shown, self._media) as result:
                await asker.ask_about_report(self._replies.brief(run), result, channel)
        said = self._words(_("A result of “{title}” by {name} was reported."), run)
        await self._audit.decided(nobody, run.place, "report", said)

    async def _take_back(self, run: RunRecord) -> None:
        """End a run without its result; once more after a crash."""
        keys = await self._records.take_back(run, _removed())
        if keys is not None:
            await self._media.forget(keys)
            await self._records.scrub()

    async def _remove(self, run: RunRecord) -> None:
        await self._take_back(run)
        remover: object = self._replies.platforms[run.address.platform]
        try:
            if isinstance(remover, ResultRemover):
                await remover.remove(run.address, self._replies.brief(run))
            if not isinstance(remover, ResultRemover) or run.group_id is not None:  # others of a group stay
                await self._replies.to(run).show(Failed(_removed()))
        except MessageGone:
            pass


def _removed() -> str:
    return _("A moderator has removed this result.")
