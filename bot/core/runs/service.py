"""The front desk: takes requests in, so that they are on disk before anybody hears "queued"; and cancels them."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bot.core.errors import BadValue, DeliveryFailed, NotAllowed, StorageFailed, TooMany, UserError
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import (
    Address,
    Cancelled,
    DisplayOptions,
    Held,
    Person,
    Place,
    RunRequest,
    Status,
    StoredFile,
    UploadedFile,
)
from bot.core.moderation.service import ModerationService
from bot.core.policy.evaluate import Decision
from bot.core.policy.quota import QuotaStatus
from bot.core.policy.scope import community_of
from bot.core.port import MessageOpening, Replier
from bot.core.run import RunRecord, State, key_of, person_of
from bot.core.runs.erasure import delete_runs, forget_person
from bot.core.runs.locks import RunLocks
from bot.core.runs.queue import NewRun, RunQueue
from bot.core.runs.replies import show_status
from bot.core.runs.repository import RunRepository
from bot.core.runs.validation import RequestValidator, ValidatedRequest
from bot.core.workflows.catalog import Workflows, title_of
from bot.core.workflows.form import Form
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.schedule import models_of

_log = logging.getLogger(__name__)
_LOOKS, _PAUSE = 100, 0.05  # seconds between them


@dataclass(frozen=True)
class WorkflowOffer:
    """A workflow that a person may run in a place; `lacks` says why it cannot run just now, in words."""

    workflow: Workflow
    lacks: str | None = None


class RunService:
    """What platforms speak to. `wake` tells this process's worker of a new run, `stop` of one to cancel."""

    def __init__(
        self,
        validator: RequestValidator,
        queue: RunQueue,
        records: RunRepository,
        media: BlobStore,
        platforms: Mapping[str, Replier],
        moderation: ModerationService,
        links: SignedLinks,
        *,
        locks: RunLocks | None = None,
        operators: Collection[str] = (),
        servers: Callable[[], Mapping[str, bool]] = dict,
        version: Callable[[], int] = lambda: 0,
        wake: Callable[[], None] = lambda: None,
        stop: Callable[[str], None] = lambda run_id: None,
    ) -> None:
        """`operators` are people as "platform:id"; theirs go first. `servers` tells by name which can be reached;
        `version` is another whenever one of them has other nodes or models.
        """
        self.servers, self.version = servers, version
        self.validator, self.records, self.queue, self.media = validator, records, queue, media
        self.moderation, self._enforcer, self.links = moderation, moderation.enforcer, links
        self._platforms, self._locks = platforms, locks or RunLocks()
        self._operators, self._wake, self._stop = frozenset(operators), wake, stop
        self._opening: set[str] = set()  # runs whose message is being posted just now
        self.open = True

    @property
    def catalog(self) -> Workflows:
        return self.validator.catalog

    async def offers(self, person: Person, place: Place) -> list[WorkflowOffer]:
        """The workflows that a person may run in a place."""
        return [WorkflowOffer(each, await self.validator.lacks(each)) for each in self.allowed(person, place)]

    def allowed(self, person: Person, place: Place) -> list[Workflow]:
        """The workflows that a person may run in a place, whatever the servers lack; nothing is asked of anybody."""
        return [each for each in self.catalog.workflows.values() if self.decide(person, place, each.name).allowed]

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """Whether a person may run a workflow in a place, and which rule says so; nothing is asked of the database."""
        return self._enforcer.decide(person, place, workflow)

    def display(self, person: Person, place: Place, workflow: str) -> DisplayOptions:
        """How the run of a workflow is to be shown there: where its message goes, which a platform asks before it posts
        one; previews and spoilers stand in its `Brief`.
        """
        return self._enforcer.policy(person, place, workflow).display

    async def allowance(self, person: Person, place: Place, workflow: str) -> list[QuotaStatus]:
        """How a person stands with the limits there: as text, each says what it is, what is left, and until when."""
        limits = self._enforcer.policy(person, place, workflow).limits
        return await self.queue.quota_statuses(key_of(person), workflow, limits)

    async def form(self, workflow: str, person: Person, place: Place) -> Form:
        """What a person fills in there. Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words."""
        self.check(workflow, person, place)
        return self.narrowed(await self.validator.form(self.catalog.get(workflow)), workflow, person, place)

    def check(self, workflow: str, person: Person, place: Place) -> None:
        """Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words."""
        self.catalog.get(workflow)
        if not (decision := self.decide(person, place, workflow)).allowed:
            raise NotAllowed(decision.why)

    def narrowed(self, form: Form, workflow: str, person: Person, place: Place) -> Form:
        """A form of a workflow as it is filled in there."""
        return self._enforcer.restriction(person, place, self.catalog.get(workflow)).shown(form)

    async def submit(self, request: RunRequest, message: Address | MessageOpening) -> str:
        """Take a request in, whose message stands somewhere, or is posted once the run is on disk; the run's id. Raises
        `UserError`, `StorageFailed`, and `DeliveryFailed` where it cannot be posted.
        """
        if not self.open:
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
        workflow = self.catalog.get(request.workflow)
        policy = await self._enforcer.admit(request)
        await self.queue.check_limits(key_of(request.person), workflow.name, policy.limits)
        if workflow.spoiler:
            policy = policy.covered()
        restriction = self._enforcer.restriction(request.person, request.place, workflow)
        with _room(), tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
            whole = await self._with_files(request, Path(folder))
            checked = await self.validator.check(whole, Path(folder), restriction)
            held = await self._enforcer.reads(request, checked.values)
            inputs = {
                name: StoredFile(await self.media.keep(given.path), given.filename, given.kind)
                for name, given in checked.media.items()
            }
        opened = isinstance(message, Address)
        where = message if isinstance(message, Address) else message.draft
        new = replace(self._new(checked, inputs, request, where), policy=policy, held=held, opened=opened)
        await self.queue.enqueue(new)
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
        for run in await self.records.unopened(platform, before):
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
            run = await self.records.get(run_id)
            if run is not None and await self.records.end(run, State.FAILED):
                await delete_runs([run_id], self.records, self.media)
            raise
        finally:
            self._opening.discard(run_id)
        if not await self.queue.open(run_id, address):
            run = await self.records.get(run_id)
            if run is not None and run.cancelled_by is not None:
                await self._say_cancelled(run, person_of(run.cancelled_by))

    async def again(self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any]) -> RunRequest:
        """The request that a run was, for a person who wants it again: with these changes, and with a new seed unless
        they give one. Raises `UserError` where the run is forgotten, or where its files are not theirs to use.
        """
        request, withheld = await self._repeated(run_id, person, place, changes)
        if withheld:
            words = _("The files that this run was given are private. Please press Change and give your own.")
            raise await self.moderation.permissions.refused(person, place, "again", words)
        return request

    async def changed(self, run_id: str, person: Person, place: Place) -> RunRequest:
        """The request that a run was, as a form begins with it: without the files that are not this person's to use."""
        request, _withheld = await self._repeated(run_id, person, place, {})
        return request

    async def _repeated(
        self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any]
    ) -> tuple[RunRequest, bool]:
        """A request once more; and whether files of it were left out."""
        run = await self.records.get(run_id)
        if run is None:
            raise UserError(_("This run has been deleted. Please ask for it anew."))
        form = await self.form(run.workflow, person, place)
        seeds = {field.name for field in form.fields if field.seed}
        kept = {name: value for name, value in run.values.items() if name in form.names and name not in seeds}
        given = {name: file for name, file in run.inputs.items() if name in form.names and name not in changes}
        usable = self.inputs_for(run, person, place)
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

    def _is_own(self, run: RunRecord, person: Person) -> bool:
        return key_of(person) == key_of(run.person) or self.is_operator(person)

    async def cancel(self, run_id: str, by: Person) -> bool:
        """Stop a run, wherever it waits or is executed; whether there was anything to stop. Raises `NotAllowed`."""
        run = await self.records.get(run_id)
        if run is not None:
            await self.check_change(by, run, "cancel")
        run = await self.records.request_cancel(run_id, f"{key_of(by)}:{by.name}")
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
            raise await self.moderation.permissions.refused(by, run.place, act, words)

    @property
    def operators(self) -> frozenset[str]:
        """The people whose bot it is, as "platform:id"."""
        return self._operators

    def is_operator(self, person: Person) -> bool:
        return key_of(person) in self._operators

    def title(self, workflow: str) -> str:
        """What people call a workflow."""
        return title_of(self.catalog, workflow)

    async def delete(self, run_id: str, by: Person) -> None:
        """Delete a run that has ended, and its files. Raises `NotAllowed`, and `UserError` while it has not ended."""
        run = await self.records.get(run_id)
        if run is None:
            return
        await self.check_change(by, run, "delete")
        if not await self._has_ended(run):
            raise UserError(_("This run has not ended yet: cancel it first."))
        await delete_runs([run_id], self.records, self.media)

    async def _has_ended(self, run: RunRecord) -> bool:
        """Whether a run has ended, or does so at once: its message shows the result before that is written down."""
        for _try in range(_LOOKS):
            found = await self.records.get(run.id)
            if found is None or found.state is not State.DELIVERING:
                return found is None or found.ended_at is not None
            await asyncio.sleep(_PAUSE)
        return False

    async def forget(self, person: Person) -> int:
        """Cancel what somebody has asked for, delete all their ended runs, with the files, and take their name out of
        the audit; how many runs there were. A run that is being executed ends first, and is deleted within the hour.
        """
        for run in await self.records.unfinished_of(key_of(person)):
            await self.cancel(run.id, person)
        audit, book = self.moderation.audit, self.moderation.book
        return await forget_person(key_of(person), self.records, self.media, audit, book)

    async def _with_files(self, request: RunRequest, folder: Path) -> RunRequest:
        """The request with the files that it names from earlier runs brought back."""
        values = dict(request.values)
        for number, (name, value) in enumerate(request.values.items()):
            if isinstance(value, StoredFile):
                path = await self.media.fetch(value.key, folder / f"given-{number}{Path(value.key).suffix}")
                values[name] = UploadedFile(path, value.filename)
        return replace(request, values=values)

    async def _say(self, run_id: str, status: Status) -> None:
        run = await self.records.get(run_id)
        if run is not None and (platform := self._platforms.get(run.address.platform)) is not None:
            await show_status(platform.reply(run.address, run.brief(self.title(run.workflow))), status)

    async def _say_cancelled(self, run: RunRecord, by: Person) -> None:
        if (platform := self._platforms.get(run.address.platform)) is not None:
            async with self._locks.hold(run.id):
                await show_status(platform.reply(run.address, run.brief(self.title(run.workflow))), Cancelled(by))

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
            priority=1 if self.is_operator(request.person) else 0,
        )


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        sentence = _("There is no room to keep the files of this run, or they cannot be written.")
        raise StorageFailed(sentence) from fault
