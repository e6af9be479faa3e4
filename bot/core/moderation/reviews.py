"""Reviews: requests and results that wait for a moderator's approval."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import DeliveryFailed, StorageFailed, UserError
from bot.core.media.blob_store import BlobStore
from bot.core.model import Failed, Held, Person, Place, Queued, Result, ResultFile, StoredFile
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import Permissions
from bot.core.policy.scope import asked_in, community_of
from bot.core.port import ReviewAsker
from bot.core.retry import Pauses
from bot.core.run import ACTIVE, Outcome, RunRecord, State
from bot.core.runs.locks import RunLocks
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.storage.bells import Topic
from bot.core.storage.temporary import work_folder
from bot.i18n import _

_log = logging.getLogger(__name__)
_EVERY = 1.0  # seconds between two checks while moderators could not be asked
_PAUSES = Pauses(5.0, 600.0)  # before a question that was not sent is sent again


class Reviews:
    """`wake` tells this process's worker that there is work. In `async with`, it asks the moderators about each held
    run, on the platforms that support it (`ReviewAsker`).
    """

    def __init__(
        self,
        records: RunRepository,
        media: BlobStore,
        replies: RunReplies,
        audit: Audit,
        permissions: Permissions,
        locks: RunLocks,
        tasks: TaskHealth,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records, self._media, self._replies = records, media, replies
        self._audit, self._permissions, self._wake = audit, permissions, wake
        self._asked = {name: each for name, each in replies.platforms.items() if isinstance(each, ReviewAsker)}
        self._locks, self._clock = locks, clock
        self._pauses: dict[str, tuple[float, Iterator[float]]] = {}  # when to ask again, and the pauses after that
        self._bell = records.bells.bell(Topic.HELD)
        self._chore = BackgroundTask("reviews", tasks)

    async def __aenter__(self) -> Reviews:
        if self._asked:
            self._chore.repeat(self._ask_all, until=self._rest)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()

    async def held(self, by: Person, here: Place) -> list[RunRecord]:
        """Return the runs that wait for the moderators of a place's community, oldest first."""
        await self._permissions.moderator(by, here, "held")
        return await self._records.held_in(asked_in(here))

    async def approve(self, by: Person, here: Place, run_id: str) -> bool:
        """Approve a run: the request joins the queue, or the result is shown. False if it was decided already. What was
        asked for with one request is decided as a whole, as far as it says the same.
        """
        run = await self._own(by, here, "approve", run_id)
        found = [await self._records.approve(each.id) for each in await self._alike(run)]
        approved = [each for each in found if each is not None]
        if not approved:
            return False
        await self._audit.decided(by, here, "approve", _("Approved a run of “{name}”.").format(name=run.workflow))
        for each in approved:
            if each.state is State.WAITING:
                await self._tell(each, Queued())
        self._wake()
        return True

    async def refuse(self, by: Person, here: Place, run_id: str, reason: str = "") -> bool:
        """Refuse a run: it ends, its result is deleted, and no limit counts it. False if it was decided already. A
        request for several is decided as a whole, as in `approve`.
        """
        run = await self._own(by, here, "refuse", run_id)
        sentence = _("A moderator refused this run.")
        sentence += " " + _("The reason: {reason}").format(reason=reason[:300]) if reason else ""
        refused = list[RunRecord]()
        for each in await self._alike(run):
            if (keys := await self._records.discard(each, sentence)) is not None:
                await self._media.forget(keys)
                refused.append(each)
        if not refused:
            return False
        await self._audit.decided(by, here, "refuse", _("Refused a run of “{name}”.").format(name=run.workflow))
        for each in refused:
            await self._tell(each, Failed(sentence))
        return True

    async def file(self, by: Person, here: Place, run_id: str, number: int) -> StoredFile | None:
        """Return a file of a held result for a moderator, counted from 0; None if there is none."""
        run = next((each for each in await self.held(by, here) if each.id == run_id), None)
        files = run.to_review.files if run is not None and run.to_review is not None else ()
        return files[number] if 0 <= number < len(files) else None

    @asynccontextmanager
    async def result(self, by: Person, here: Place, run_id: str) -> AsyncIterator[tuple[RunRecord, Result | None]]:
        """Return a held run and its result for a moderator. The result is None if the request itself is held."""
        run = await self._own(by, here, "look at a result", run_id)
        async with self._result(run) as result:
            yield run, result

    @asynccontextmanager
    async def _result(self, run: RunRecord) -> AsyncIterator[Result | None]:
        if (outcome := run.to_review) is None:
            yield None
            return
        every = await self._alike(run) if run.step is not None else [run]
        files = tuple(file for each in every if each.outcome is not None for file in each.outcome.files)
        async with result_to_see(run, replace(outcome, files=files), self._media) as result:
            yield result

    async def _own(self, by: Person, here: Place, act: str, run_id: str) -> RunRecord:
        return await own_run(self._records, self._permissions, by, here, act, run_id)

    async def _alike(self, run: RunRecord) -> list[RunRecord]:
        """Return the run, and if it is a held request of a group, those held with it that say the same. The steps of a
        recipe are decided together.
        """
        if run.group_id is None or (run.outcome is not None and run.step is None):
            return [run]
        group = await self._records.group(run.group_id)
        if run.step is not None:
            return [each for each in group if each.state is State.HELD] or [run]
        held = [each for each in group if each.state is State.HELD and each.outcome is None]
        return [each for each in held if each.id == run.id or _texts(each) == _texts(run)] or [run]

    async def _tell(self, run: RunRecord, status: Queued | Failed | Held) -> None:
        await self._replies.show(run, status)

    async def _rest(self) -> None:
        await (self._bell.wait(_EVERY) if self._pauses else self._bell.wait())

    async def _ask_all(self) -> None:
        """Ask about every held run that no question is on record for. A question that was not sent is tried again."""
        waiting = await self._ready(await self._records.to_ask(self._asked))
        self._pauses = {run.id: self._pauses[run.id] for run in waiting if run.id in self._pauses}
        for run in waiting:
            due, pauses = self._pauses.get(run.id) or (0.0, iter(_PAUSES))
            if self._clock() < due:
                continue
            async with self._locks.hold(run.id):  # so that no other process asks as well
                if await self._records.is_unasked(run.id):
                    if await self._ask(run):
                        for each in await self._alike(run):
                            await self._records.mark_asked(each.id)
                    else:
                        self._pauses[run.id] = self._clock() + next(pauses), pauses

    async def _ready(self, held: Sequence[RunRecord]) -> list[RunRecord]:
        """Leave out steps of recipes the other steps of which are under way: moderators are asked about all of them,
        and about the last one first.
        """
        ready = {each.id: each for each in held if each.step is None}
        for group in {each.group_id: each for each in held if each.step is not None}:
            steps = await self._records.group(group or "")
            if not any(each.state in (State.WAITING, *ACTIVE) for each in steps):
                last = [each for each in held if each.group_id == group][-1]
                ready[last.id] = last
        return list(ready.values())

    async def _ask(self, run: RunRecord) -> bool:
        """Ask the moderators about a held run; False if the question was not sent."""
        try:
            async with self._result(run) as result:
                brief = self._replies.brief(run)
                await self._asked[run.person.platform].ask(brief, result, run.review_in)
        except (DeliveryFailed, StorageFailed) as fault:
            _log.warning("reviews: cannot ask the moderators about run %s: %s", run.id, fault)
            return False
        return True


def _texts(run: RunRecord) -> dict[str, str]:
    """The texts that a person gave."""
    return {name: value for name, value in run.values.items() if isinstance(value, str)}


@asynccontextmanager
async def result_to_see(run: RunRecord, outcome: Outcome, media: BlobStore) -> AsyncIterator[Result]:
    """Return an outcome of a run as a result, with its files, for moderators."""
    with work_folder() as folder:
        files = []
        for number, file in enumerate(outcome.files, 1):
            path = await media.fetch(file.key, folder / f"result-{number}{Path(file.key).suffix}")
            files.append(ResultFile(path, file.filename, file.kind))
        yield Result(run.id, run.workflow, run.values, tuple(files), outcome.texts, outcome.warnings)


async def own_run(
    records: RunRepository, permissions: Permissions, by: Person, here: Place, act: str, run_id: str
) -> RunRecord:
    """Return a run of the moderator's own community. Raises `NotAllowed`, and `UserError` if there is none."""
    await permissions.moderator(by, here, act)
    run = await records.get(run_id)
    if run is None:
        raise UserError(_("This run no longer exists."))
    if community_of(run.place) != community_of(here) and not permissions.is_operator(by):
        words = _("This run belongs to another community.")
        raise await permissions.refused(by, here, act, words, run.place)
    return run
