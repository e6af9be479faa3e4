"""The front desk: takes requests in, so that they are on disk before anybody hears "queued"; and cancels them."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bot.core import events_log
from bot.core.errors import BadValue, DeliveryFailed, NotAllowed, StorageFailed, TooMany, UserError
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import (
    Address,
    Cancelled,
    Held,
    Person,
    Place,
    RunRequest,
    Status,
    StoredFile,
    UploadedFile,
)
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.permissions import Permissions
from bot.core.policy.scope import community_of
from bot.core.port import MessageOpening
from bot.core.run import RunRecord, State, key_of, person_of
from bot.core.runs.erasure import delete_runs, forget_person
from bot.core.runs.locks import RunLocks
from bot.core.runs.queue import NewRun, RunQueue
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.runs.validation import RequestValidator, ValidatedRequest
from bot.core.runs.workflow_service import WorkflowService
from bot.i18n import _
from comfy.schedule import models_of

_log = logging.getLogger(__name__)
_LOOKS, _PAUSE = 100, 0.05  # seconds between them


class RunService:
    """Takes requests in, and gives out what a person may see of runs. `wake` tells this process's worker of a new run,
    `stop` of one to cancel.
    """

    def __init__(
        self,
        workflows: WorkflowService,
        validator: RequestValidator,
        queue: RunQueue,
        records: RunRepository,
        media: BlobStore,
        replies: RunReplies,
        enforcer: PolicyEnforcer,
        permissions: Permissions,
        audit: Audit,
        links: SignedLinks,
        locks: RunLocks,
        wake: Callable[[], None],
        stop: Callable[[str], None],
    ) -> None:
        self._workflows, self._validator, self._queue, self._records = workflows, validator, queue, records
        self._media, self._links, self._replies, self._locks = media, links, replies, locks
        self._enforcer, self._permissions, self._audit = enforcer, permissions, audit
        self._wake, self._stop = wake, stop
        self._opening: set[str] = set()  # runs whose message is being posted just now
        self.accepting = True

    async def get(self, run_id: str) -> RunRecord | None:
        return await self._records.get(run_id)

    async def at(self, address: Address) -> RunRecord | None:
        """The latest run whose message this is."""
        return await self._records.at(address)

    async def last_of(self, person: Person, count: int = 10) -> list[RunRecord]:
        """A person's latest runs, the newest first."""
        return await self._records.last_of(person, count)

    async def unfinished_in(self, community: str, count: int = 50) -> list[RunRecord]:
        """The runs of a community, as "platform:id", that have not ended, the oldest first."""
        return await self._records.unfinished_in(community, count)

    async def ended_since(self, moment: float) -> list[RunRecord]:
        """Runs that ended after a moment, the earliest first, in whichever process."""
        return await self._records.ended_since(moment)

    async def unfinished_at(self, place: Place) -> list[RunRecord]:
        """The runs of a place that have not ended, the oldest first."""
        return await self._records.unfinished_at(place)

    async def counts(self) -> dict[State, int]:
        """How many runs have not ended, by their state."""
        return await self._records.counts()

    async def position(self, run_id: str) -> int | None:
        """A waiting run's place in the queue, counted from 1; None if it does not wait."""
        return await self._queue.position(run_id)

    async def submit(self, request: RunRequest, message: Address | MessageOpening) -> str:
        """Take a request in, whose message stands somewhere, or is posted once the run is on disk; the run's id. Raises
        `UserError`, `StorageFailed`, and `DeliveryFailed` where it cannot be posted.
        """
        if not self.accepting:
            raise UserError(_("I am being restarted. Please try again in a minute."))
        try:
            return await self._submit(request, message)
        except (NotAllowed, TooMany) as fault:
            await self._enforcer.refused(request, fault)
            raise
        except BadValue as fault:
            if self._enforcer.has_narrowed(request, fault.field):
                await self._enforcer.refused(request, fault)
            raise

    async def _submit(self, request: RunRequest, message: Address | MessageOpening) -> str:
        workflow = self._workflows.catalog.get(request.workflow)
        policy = await self._enforcer.admit(request)
        await self._queue.check_limits(key_of(request.person), workflow.name, policy.limits)
        if workflow.spoiler:
            policy = policy.covered()
        restriction = self._enforcer.restriction(request.person, request.place, workflow)
        with _room(), tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
            whole = await self._with_files(request, Path(folder))
            checked = await self._validator.check(whole, Path(folder), restriction)
            held = await self._enforcer.reads(request, checked.values)
            inputs = {
                name: StoredFile(await self._media.keep(given.path), given.filename, given.kind)
                for name, given in checked.media.items()
            }
        opened = isinstance(message, Address)
        where = message if isinstance(message, Address) else message.draft
        new = replace(self._new(checked, inputs, request, where), policy=policy, held=held, opened=opened)
        await self._queue.enqueue(new)
        events_log.run_taken(new.id, workflow.name, request.person.platform, held=held)
        if not isinstance(message, Address):
            await self._open(new.id, partial(message.post, new.id))
        if held:
            await self._say(new.id, Held())
        self._wake()
        return new.id

    async def reopen(self, platform: str, before: float, post: Callable[[RunRecord], Awaitable[Address]]) -> None:
        """Let runs that were asked for before a moment go on, whose messages the program did not come to post, or to
        note: `post` finds each, or posts it. Raises `StorageFailed`.
        """
        for run in await self._records.unopened(platform, before):
            if run.id in self._opening:
                continue
            try:
                await self._open(run.id, partial(post, run))
            except DeliveryFailed as fault:
                _log.info("run %s is withdrawn, for it has no message: %s", run.id, fault)
            self._wake()

    async def _open(self, run_id: str, post: Callable[[], Awaitable[Address]]) -> None:
        """Post the message of a run that is on disk; where it cannot be, it is as if it had not been asked for."""
        self._opening.add(run_id)
        try:
            address = await post()
        except DeliveryFailed:
            run = await self._records.get(run_id)
            if run is not None and await self._records.end(run, State.FAILED):
                await delete_runs([run_id], self._records, self._media)
            raise
        finally:
            self._opening.discard(run_id)
        if not await self._queue.open(run_id, address):
            run = await self._records.get(run_id)
            if run is not None and run.cancelled_by is not None:
                await self._say_cancelled(run, person_of(run.cancelled_by))

    async def again(self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any]) -> RunRequest:
        """The request that a run was, for a person who wants it again: with these changes, and with a new seed unless
        they give one. Raises `UserError` where the run is forgotten, or where its files are not theirs to use.
        """
        request, withheld = await self._repeated(run_id, person, place, changes)
        if withheld:
            words = _("The files that this run was given are private. Please press Change and give your own.")
            raise await self._permissions.refused(person, place, "again", words)
        return request

    async def changed(self, run_id: str, person: Person, place: Place) -> RunRequest:
        """The request that a run was, as a form begins with it: without the files that are not this person's to use."""
        request, _withheld = await self._repeated(run_id, person, place, {})
        return request

    async def _repeated(
        self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any]
    ) -> tuple[RunRequest, bool]:
        """A request once more; and whether files of it were left out."""
        run = await self._records.get(run_id)
        if run is None:
            raise UserError(_("This run has been deleted. Please ask for it anew."))
        form = await self._workflows.form(run.workflow, person, place)
        seeds = {field.name for field in form.fields if field.seed}
        kept = {name: value for name, value in run.values.items() if name in form.names and name not in seeds}
        given = {name: file for name, file in run.inputs.items() if name in form.names and name not in changes}
        usable = run.inputs if self._may_repeat(run, place) else self.inputs_for(run, person, place)
        files = {name: file for name, file in given.items() if name in usable}
        return RunRequest(run.workflow, {**kept, **files, **changes}, person, place), len(files) < len(given)

    def files_for(self, run: RunRecord, person: Person, *, present: bool) -> tuple[StoredFile, ...]:
        """The results of a run that a person may have: of their own runs, and of those whose message stands where they
        are (`present`: the platform knows). What moderators hold is seen in `moderation.reviews` alone.
        """
        return run.shown.files if present or self._is_own(run, person) else ()

    def inputs_for(self, run: RunRecord, person: Person, here: Place) -> Mapping[str, StoredFile]:
        """The files that a run was given, by field, as far as a person may use them. No message shows them: they
        are for the person who gave them, for operators, and for moderators of the community.
        """
        home = bool(here.community) and community_of(here) == community_of(run.place)
        return run.inputs if self._is_own(run, person) or (home and person.moderator) else {}

    def _may_repeat(self, run: RunRecord, here: Place) -> bool:
        """True where everyone sees the result: they may run it again with its files, which they do not get."""
        home = bool(here.community) and community_of(here) == community_of(run.place)
        return run.state is State.DONE and (home or key_of(here) == key_of(run.place))

    async def check_present(self, by: Person, run: RunRecord, here: Place, act: str, *, present: bool) -> None:
        """Raises `NotAllowed` for a button of a run whose message does not stand where it was pressed: rights are those
        of the place. A person's own runs, and operators, are free everywhere.
        """
        if not present and not self._is_own(run, by):
            words = _("This button belongs to another chat.")
            raise await self._permissions.refused(by, here, act, words, run.place)

    async def link(self, run_id: str, number: int, filename: str) -> str:
        """The address of a run's file, counted from 1; empty where the page has no public address."""
        return await self._links.url(run_id, number, filename)

    async def linked_file(self, run_id: str, number: int, mark: str) -> StoredFile | None:
        """The file of a link; None where the link is forged, or its run is gone or held."""
        if not await self._links.is_genuine(run_id, number, mark):
            return None
        run = await self._records.get(run_id)
        files = run.shown.files if run is not None else ()
        return files[number - 1] if 0 < number <= len(files) else None

    def _is_own(self, run: RunRecord, person: Person) -> bool:
        return key_of(person) == key_of(run.person) or self._permissions.is_operator(person)

    async def cancel(self, run_id: str, by: Person) -> bool:
        """Stop a run, wherever it waits or is executed; whether there was anything to stop. Raises `NotAllowed`."""
        run = await self._records.get(run_id)
        if run is not None:
            await self.check_change(by, run, "cancel")
        run = await self._records.request_cancel(run_id, f"{key_of(by)}:{by.name}")
        if run is None:
            return False
        if run.state is State.CANCELLED and run.opened:
            await self._say_cancelled(run, by)
        self._stop(run_id)
        return True

    def may_change(self, person: Person, run: RunRecord) -> bool:
        """Whether somebody may cancel or delete a run: their own; and moderators those of their place.

        A platform says in `Person.moderator` what somebody is in the place where the run's message stands.
        """
        return self._is_own(run, person) or (person.moderator and person.platform == run.person.platform)

    async def check_change(self, by: Person, run: RunRecord, act: str) -> None:
        """Raises `NotAllowed` for whoever may not change a run."""
        if not self.may_change(by, run):
            words = _("Only the one who asked for this run, or a moderator, can do that.")
            raise await self._permissions.refused(by, run.place, act, words)

    async def delete(self, run_id: str, by: Person) -> None:
        """Delete a run that has ended, and its files. Raises `NotAllowed`, and `UserError` while it has not ended."""
        run = await self._records.get(run_id)
        if run is None:
            return
        await self.check_change(by, run, "delete")
        if not await self._has_ended(run):
            raise UserError(_("This run has not ended yet: cancel it first."))
        await delete_runs([run_id], self._records, self._media)

    async def _has_ended(self, run: RunRecord) -> bool:
        """Whether a run has ended, or does so at once: its message shows the result before that is written down."""
        for _try in range(_LOOKS):
            found = await self._records.get(run.id)
            if found is None or found.state is not State.DELIVERING:
                return found is None or found.ended_at is not None
            await asyncio.sleep(_PAUSE)
        return False

    async def forget(self, person: Person) -> int:
        """Cancel what somebody has asked for, delete all their ended runs, with the files, and take their name out of
        the audit; how many runs there were. A run that is being executed ends first, and is deleted within the hour.
        """
        for run in await self._records.unfinished_of(key_of(person)):
            await self.cancel(run.id, person)
        rules = self._enforcer.book
        return await forget_person(key_of(person), self._records, self._media, self._audit, rules)

    async def _with_files(self, request: RunRequest, folder: Path) -> RunRequest:
        """The request with the files that it names from earlier runs brought back."""
        values = dict(request.values)
        for number, (name, value) in enumerate(request.values.items()):
            if isinstance(value, StoredFile):
                path = await self._media.fetch(value.key, folder / f"given-{number}{Path(value.key).suffix}")
                values[name] = UploadedFile(path, value.filename)
        return replace(request, values=values)

    async def _say(self, run_id: str, status: Status) -> None:
        run = await self._records.get(run_id)
        if run is not None:
            await self._replies.show(run, status)

    async def _say_cancelled(self, run: RunRecord, by: Person) -> None:
        async with self._locks.hold(run.id):
            await self._replies.show(run, Cancelled(by))

    def _new(
        self, checked: ValidatedRequest, inputs: dict[str, StoredFile], request: RunRequest, address: Address
    ) -> NewRun:
        workflow = checked.workflow
        return NewRun(
            id=str(checked.id),
            workflow=workflow.name,
            values=dict(checked.values),
            inputs=inputs,
            stem=checked.stem,
            person=request.person,
            place=request.place,
            address=address,
            kind=checked.kind,
            models=models_of(workflow.fill(checked.values)),
            priority=1 if self._permissions.is_operator(request.person) else 0,
        )


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        sentence = _("There is no room to keep the files of this run, or they cannot be written.")
        raise StorageFailed(sentence) from fault
