"""The service for runs: it saves requests to disk before the chat says "queued", and cancels and deletes runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Insert

from bot.core import events_log
from bot.core.errors import (
    BadPicture,
    BadValue,
    DeliveryFailed,
    DeniedValue,
    MessageGone,
    NotAllowed,
    TooMany,
    UserError,
)
from bot.core.masks.links import MaskLinks
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import (
    Address,
    Cancelled,
    DisplayOptions,
    Held,
    Person,
    Place,
    Resume,
    RunRequest,
    RunSummary,
    Status,
    StoredFile,
)
from bot.core.people.accounts import LinkedAccounts
from bot.core.policy import buttons
from bot.core.policy.audit import PRIVATE, Audit
from bot.core.policy.buttons import ButtonPress
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.permissions import Permissions
from bot.core.policy.scope import community_of
from bot.core.port import MessageOpening
from bot.core.presets.store import PresetStore
from bot.core.run import RunRecord, State, person_of
from bot.core.runs.erasure import delete_runs, forget_person
from bot.core.runs.history.details import RunDetails
from bot.core.runs.locks import RunLocks
from bot.core.runs.making.cells import CellMaker, MadeCell
from bot.core.runs.prices import PriceEstimator
from bot.core.runs.queue import GroupPlace, NewRun, RunQueue
from bot.core.runs.recipes import plan
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunListener, RunRepository
from bot.core.runs.validation import RequestValidator, ValidatedRequest
from bot.core.runs.workflow_service import WorkflowService
from bot.core.several.count import count_name, matrix_name, most_at_once
from bot.core.storage.bells import Bell, Topic
from bot.core.storage.ledger import ErasureLedger
from bot.core.storage.temporary import work_folder
from bot.core.traces.spans import requested
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.prices import Price
from comfy.scheduling.schedule import models_of

_log = logging.getLogger(__name__)
_LOOKS, _PAUSE = 100, 0.05  # seconds between them
_TOLD = 300  # characters of a private request in the audit log


class _RulesChanged(Exception):
    """Other rules are on record than those by which a request was checked."""


class RunService:
    """Accepts requests, and returns what a person may see of runs. `wake` tells this process's worker about a new run,
    `stop` about one to cancel.
    """

    def __init__(
        self,
        workflows: WorkflowService,
        validator: RequestValidator,
        queue: RunQueue,
        records: RunRepository,
        media: BlobStore,
        ledger: ErasureLedger,
        replies: RunReplies,
        enforcer: PolicyEnforcer,
        permissions: Permissions,
        audit: Audit,
        links: SignedLinks,
        locks: RunLocks,
        prices: PriceEstimator,
        presets: PresetStore,
        accounts: LinkedAccounts,
        masks: MaskLinks,
        wake: Callable[[], None],
        stop: Callable[[str], None],
    ) -> None:
        self._prices, self._presets, self._accounts, self._masks = prices, presets, accounts, masks
        self._workflows, self._validator, self._queue, self._records = workflows, validator, queue, records
        self._media, self._links, self._replies, self._locks = media, links, replies, locks
        self._ledger = ledger
        self._enforcer, self._permissions, self._audit = enforcer, permissions, audit
        self._maker = CellMaker(workflows, validator, enforcer, media)
        self._wake, self._stop = wake, stop
        self._opening: set[str] = set()  # runs whose message is being posted now
        self.accepting = True

    async def get(self, run_id: str) -> RunRecord | None:
        return await self._records.get(run_id)

    def when_written(self, platform: str, listener: RunListener) -> None:
        """Have a listener told of the runs of a platform that this process writes: see `RunRepository`."""
        self._records.when_written(platform, listener)

    async def at(self, address: Address) -> RunRecord | None:
        """Return the latest run of a message."""
        return await self._records.at(address)

    def summary(self, run: RunRecord) -> RunSummary:
        """Return the summary of a run that its message shows."""
        return self._replies.brief(run)

    def details(self, run: RunRecord) -> RunDetails:
        """Return everything that is known of a run, for people who may press Details."""
        return self._replies.details(run)

    async def last_of(self, person: Person, count: int = 10) -> list[RunRecord]:
        """Return a person's latest runs, newest first."""
        return await self._records.last_of(person, count, self._accounts.in_order(person.key)[1:])

    async def developed_of(
        self, person: Person, count: int, ends: Mapping[str, tuple[State, float]]
    ) -> list[RunRecord]:
        """Return a person's latest runs, newest first, but for those that ended as `ends` says."""
        return await self._records.developed_of([person.key, *self._accounts.in_order(person.key)[1:]], count, ends)

    async def unfinished_in(self, community: str, count: int = 50) -> list[RunRecord]:
        """Return the unfinished runs of a community, given as "platform:id", oldest first."""
        return await self._records.unfinished_in(community, count)

    async def ended_since(self, moment: float) -> list[RunRecord]:
        """Return the runs that ended after a moment, in any process, earliest first."""
        return await self._records.ended_since(moment)

    async def used_in(self, community: str, since: float) -> dict[str, int]:
        """Count the requests of a community, given as "platform:id", since a moment, by workflow."""
        return await self._records.used_in(community, since)

    async def unfinished_shown_in(self, platform: str, chat: str) -> list[RunRecord]:
        """Return the unfinished runs whose message is in a chat, oldest first."""
        return await self._records.unfinished_shown_in(platform, chat)

    def news_of_requests(self) -> Bell:
        """Return a bell that rings when a run joins the line, in this process or another."""
        return self._records.bells.bell(Topic.LINE)

    async def counts(self) -> dict[State, int]:
        """Count the runs that have not ended, by state."""
        return await self._records.counts()

    async def position(self, run_id: str) -> int | None:
        """A waiting run's place in the queue, counted from 1; None if it does not wait."""
        return await self._queue.position(run_id)

    async def submit(self, request: RunRequest, message: Address | MessageOpening) -> str:
        """Accept a request and return the run's id. `message` is the address of its message, or an opening that posts
        it once the run is on disk. Raises `UserError`, `StorageFailed`, and `DeliveryFailed` if it cannot be posted.
        """
        if not self.accepting:
            raise UserError(_("The bot is restarting. Please try again in a minute."))
        async with self._noted(request):
            return await self._submit(request, message)

    async def check_private(self, request: RunRequest) -> None:
        """Raise `NotAllowed` if a private request may not be made in its place. A platform asks before it writes to the
        person.
        """
        async with self._noted(request):
            await self._enforcer.book.refresh()
            self._enforcer.admit(request, await self._workflows.pinned(request.workflow, request.version))

    def may_be_private(self, place: Place) -> bool:
        """True if private runs may be asked for in a place, or somewhere in its community."""
        rules = self._enforcer.rules_of(place)
        return any(isinstance(rule.body, DisplayOptions) and rule.body.private for rule in rules)

    @asynccontextmanager
    async def _noted(self, request: RunRequest) -> AsyncIterator[None]:
        """Write a refusal by a moderators' rule to the audit log."""
        try:
            yield
        except (NotAllowed, TooMany) as fault:
            await self._enforcer.refused(request, fault)
            raise
        except BadValue as fault:
            if any(
                isinstance(each, DeniedValue) or self._enforcer.has_narrowed(request, each.field) for each in fault.each
            ):
                await self._enforcer.refused(request, fault)
            raise

    async def _submit(self, request: RunRequest, message: Address | MessageOpening) -> str:
        begun, opened = time.time_ns(), isinstance(message, Address)
        where = message if isinstance(message, Address) else message.draft
        every = await self._accepted(request, where, opened=opened)
        new, group = every[0], every[0].group
        for each in every:
            events_log.run_taken(each.id, each.workflow, request.person.platform, held=new.held)
        if not isinstance(message, Address):
            together = group.id if group is not None else None
            await self._open(new.id, partial(message.post, together or new.id, len(every)), together)
        if new.held:
            await self._say(new.id, Held())
        self._wake()
        for each in every:
            requested(each.id, each.workflow, request.person.platform, begun)
        return new.id

    async def _accepted(self, request: RunRequest, where: Address, *, opened: bool) -> list[NewRun]:
        """Check a request, and let its runs join the line. It is checked again where the rules of its place have
        changed meanwhile, in whatever process.
        """
        book, community = self._enforcer.book, community_of(request.place)
        while True:
            edition = book.edition
            try:
                return await self._joined(request, where, edition, opened=opened)
            except _RulesChanged:
                await book.refresh()
            except UserError:
                if await book.hold(community, edition):
                    raise

    async def _joined(self, request: RunRequest, where: Address, edition: int, *, opened: bool) -> list[NewRun]:
        """Let the runs of a request join the line, if it is allowed by the rules in memory, and these are those on
        record. Raises `_RulesChanged` where the record says something else than it did at an edition.
        """
        workflow = await self._workflows.pinned(request.workflow, request.version)
        check = self._planned if workflow.steps else self._checked
        every = [replace(each, opened=opened) for each in await check(request, workflow, where)]
        news = self._records.announcement(request.person, *(each.id for each in every))
        lines = self._lines_of(request, every) if request.private else []

        def also(connection: Connection) -> None:
            if not self._enforcer.book.are_current(connection, community_of(request.place), edition):
                raise _RulesChanged
            for line in lines:
                connection.execute(line)
            news.read(connection)

        await self._queue.enqueue(*every, also=also)
        news.tell()
        return every

    async def _planned(self, request: RunRequest, recipe: Workflow, where: Address) -> list[NewRun]:
        """Return the runs of a recipe, after all of its steps were checked. Raises `UserError`."""
        policy = self._enforcer.admit(request, recipe)
        restriction = await self._workflows.restriction(request.person, request.place, recipe)
        request = await self._validator.recipe(request, recipe, restriction)
        held = await self._read(request, [request.values])
        first, made = request.resume.step if request.resume is not None else 0, list[NewRun]()
        for step, own in zip(recipe.steps[first:], plan.requests(request, recipe), strict=True):
            version = await self._workflows.pinned(own.workflow, "")
            try:
                made += await self._checked(own, version, where, step.into if made else "")
            except (BadValue, BadPicture) as fault:
                raise plan.in_words_of(step, fault) from fault
        drawn = self._replies.draws_groups(request.place.platform)
        made[0] = replace(made[0], held=made[0].held or held)
        return plan.planned(recipe, first, made, policy, str(uuid4()), drawn=drawn)

    async def _checked(self, request: RunRequest, workflow: Workflow, where: Address, later: str = "") -> list[NewRun]:
        """Return the runs that a request asks for, as they may join the line. Raises `UserError`. The field `later` of
        a step of a recipe gets its file from the run before.
        """
        policy = self._enforcer.admit(request, workflow)
        restriction = await self._workflows.restriction(request.person, request.place, workflow)
        several = await self._maker.plan(request, workflow, policy, restriction)
        await self._queue.check_limits(request.person.key, workflow.id, policy.limits, several.count)
        if workflow.spoiler:
            policy = policy.covered()
        with work_folder() as folder:
            cells = await self._maker.make(request, several, workflow, restriction, folder, later)
            prices = await self._prices_of(request, cells, alike=not several.cells)
            held = await self._read(request, [each.checked.values for each in cells])
            inputs = await self._inputs(cells)
        every = [
            replace(
                self._new(each.checked, kept, request, where),
                policy=policy,
                held=held,
                price=price,
                wording=each.wording,
                private=request.private,
            )
            for each, kept, price in zip(cells, inputs, prices, strict=True)
        ]
        return self._grouped(every, several.labels(), request.place.platform)

    def _lines_of(self, request: RunRequest, runs: Sequence[NewRun]) -> list[Insert]:
        """Return what writes a private request to the audit log, so that moderators know of it: a line for each of its
        runs with other texts.
        """
        words = dict.fromkeys(f"{run.workflow}: {_texts_of(run)[:_TOLD]}" for run in runs)
        return [self._audit.line(request.person, request.place, PRIVATE, each) for each in words]

    async def _inputs(self, cells: Sequence[MadeCell]) -> list[dict[str, StoredFile]]:
        """Keep the files of each run, which many may share."""
        kept: dict[int, dict[str, StoredFile]] = {}
        for each in cells:
            if id(each.checked.media) not in kept:
                kept[id(each.checked.media)] = await self._maker.kept(each.checked.media)
        return [kept[id(each.checked.media)] for each in cells]

    async def _prices_of(self, request: RunRequest, cells: Sequence[MadeCell], *, alike: bool) -> list[Price | None]:
        """Return what each run costs, which is the same where they are alike."""
        found = [await self._price(request, each.checked) for each in (cells[:1] if alike else cells)]
        return found * len(cells) if alike else found

    async def _read(self, request: RunRequest, cells: Sequence[Mapping[str, Any]]) -> bool:
        """Check the final texts of each run for blocked words, as `PolicyEnforcer.reads` does."""
        texts = [{name: value for name, value in values.items() if isinstance(value, str)} for values in cells]
        different = [each for number, each in enumerate(texts) if each not in texts[:number]]
        return any([await self._enforcer.reads(request, each) for each in different])

    def most_at_once(self, request: RunRequest) -> int:
        """Return how many runs a person may ask for at once."""
        return most_at_once(self._enforcer.policy(request.person, request.place, request.workflow).limits)

    def _grouped(self, every: Sequence[NewRun], labels: Sequence[str], platform: str) -> list[NewRun]:
        """Make several runs a group."""
        if len(every) == 1:
            return list(every)
        group, drawn = str(uuid4()), self._replies.draws_groups(platform)
        return [
            replace(each, group=GroupPlace(group, number, len(every), label, drawn=drawn))
            for number, (each, label) in enumerate(zip(every, labels, strict=True))
        ]

    async def _price(self, request: RunRequest, checked: ValidatedRequest) -> Price | None:
        """Return what a run costs; None if it costs no money. Raises `NotAllowed` if that cannot be said."""
        if not self._prices.has_paid(checked.workflow):
            return None
        if not self._prices.is_paid(checked.workflow.id):
            words = _("An earlier version of “{title}” costs money, and the newest one does not. Run the newest one.")
            raise NotAllowed(words.format(title=checked.workflow.title))
        names = {name: given.filename for name, given in checked.media.items()}
        declared = await self._prices.price(checked.workflow, {**checked.values, **names})
        return self._enforcer.agree(request, declared)

    async def reopen(self, platform: str, before: float, post: Callable[[RunRecord], Awaitable[Address]]) -> None:
        """Continue runs from before a moment whose message was not posted or recorded, because the program stopped.
        `post` finds or posts each message. Raises `StorageFailed`.
        """
        groups = set[str]()
        for run in await self._records.unopened(platform, before):
            if run.id in self._opening or run.group_id in groups:
                continue
            groups |= {run.group_id} if run.group_id is not None else set()
            try:
                await self._open(run.id, partial(post, run), run.group_id)
            except DeliveryFailed as fault:
                _log.info("run %s: withdrawn, because its message cannot be posted: %s", run.id, fault)
            self._wake()

    async def _open(self, run_id: str, post: Callable[[], Awaitable[Address]], group: str | None) -> None:
        """Post the message of a run that is on disk, or of its group. If that fails, withdraw what it is of."""
        self._opening.add(run_id)
        try:
            address = await post()
        except DeliveryFailed:
            found = await self._records.get(run_id)
            every = await self._records.group(group) if group is not None else [found] if found is not None else []
            cause = "its message cannot be posted"
            ended = [run.id for run in every if await self._records.end(run, State.FAILED, cause=cause)]
            await delete_runs(ended, self._records, self._media)
            raise
        finally:
            self._opening.discard(run_id)
        if not await self._queue.open(run_id, address, group):
            run = await self._records.get(run_id)
            if run is not None and run.cancelled_by is not None:
                await self._say_cancelled(run, person_of(run.cancelled_by))

    async def again(self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any]) -> RunRequest:
        """Return a run's request again, for the same version of its workflow, with these changes, and with a new seed
        unless the changes have one. Raises `UserError` if the run is deleted, or if the person may not use its files.
        """
        request, withheld = await self._repeated(run_id, person, place, changes, pinned=True)
        if withheld:
            words = _("The input files of this run are private. Please press Change and add your own.")
            raise await self._permissions.refused(person, place, "again", words)
        return request

    def varies(self, workflow: str) -> bool:
        """True unless runs of the workflow with this id make the same of the same values."""
        found = self._workflows.catalog.workflows.get(workflow)
        return found is None or found.varies

    def wake(self) -> None:
        """Tell this process's worker that there is something to do."""
        self._wake()

    async def recipe_again(
        self, runs: Sequence[RunRecord], first: RunRecord, person: Person, place: Place
    ) -> RunRequest:
        """Return the request for a recipe again, from the step of the run `first` on. Raises `UserError` if the person
        may not use its files.
        """
        request = await self.recipe_changed(runs, person, place)
        usable = first.inputs if self._may_repeat(first, place) else self.inputs_for(first, person, place)
        into = first.step.into if first.step is not None else ""
        if first.inputs.keys() - usable.keys():
            words = _("The input files of this run are private. Please press Change and add your own.")
            raise await self._permissions.refused(person, place, "again", words)
        number = first.step.number if first.step is not None else 0
        return replace(request, resume=Resume(number, first.inputs.get(into)) if number else None)

    async def recipe_changed(self, runs: Sequence[RunRecord], person: Person, place: Place) -> RunRequest:
        """Return the request for a recipe as the start of a form, without the files that this person may not use and
        without seeds.
        """
        recipe = runs[0].step.recipe if runs[0].step is not None else ""
        workflow = self._workflows.catalog.get(recipe)
        form = await self._workflows.form(recipe, person, place)
        values = dict[str, Any]()
        for run in reversed(runs):
            if run.step is not None and run.step.number < len(workflow.steps):
                usable = run.inputs if self._may_repeat(run, place) else self.inputs_for(run, person, place)
                values |= workflow.steps[run.step.number].named({**run.written, **usable})
        seeds = {field.name for field in form.fields if field.seed}
        kept = {name: value for name, value in values.items() if name in form.names and name not in seeds}
        return RunRequest(recipe, kept, person, place, private=runs[0].private)

    async def changed(self, run_id: str, person: Person, place: Place) -> RunRequest:
        """Return a run's request as the start of a form of the newest version of its workflow, without the files that
        this person may not use.
        """
        request, _withheld = await self._repeated(run_id, person, place, {}, pinned=False)
        return request

    async def together(self, request: RunRequest, run: RunRecord) -> RunRequest:
        """Return a request for all that was asked for together with a run: as many as may be, or its matrix."""
        most = self.most_at_once(request)
        form = await self._validator.form(await self._workflows.pinned(request.workflow, request.version))
        matrix = run.wording.matrix if run.wording is not None else ""
        name, value = (matrix_name(form), matrix) if matrix else (count_name(form), min(run.cells, most))
        return replace(request, values={**request.values, name: value}) if most > 1 else request

    async def _repeated(
        self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any], *, pinned: bool
    ) -> tuple[RunRequest, bool]:
        """Return a request again, and True if files were left out."""
        run = await self._records.get(run_id)
        if run is None:
            raise UserError(_("This run has been deleted. Please send a new request."))
        if run.state is State.DELIVERING and await self._has_ended(run):
            run = await self._records.get(run_id) or run
        version = await self._workflows.usable(run.workflow, run.version, person) if pinned else ""
        form = await self._workflows.form(run.workflow, person, place, version)
        seeds = {field.name for field in form.fields if field.seed} if not _is_owed(run) else ()
        kept = {name: value for name, value in run.written.items() if name in form.names and name not in seeds}
        given = {name: file for name, file in run.inputs.items() if name in form.names and name not in changes}
        usable = run.inputs if self._may_repeat(run, place) else self.inputs_for(run, person, place)
        files = {name: file for name, file in given.items() if name in usable}
        none = {
            name: text
            for name, text in (await self._workflows.unasked(run.workflow, person)).items()
            if name in form.names
        }
        values = {**none, **kept, **files, **changes}
        request = RunRequest(run.workflow, values, person, place, version, private=run.private)
        return request, len(files) < len(given)

    def may_see(self, run: RunRecord, person: Person, here: Place) -> bool:
        """True if a person may know what a run was made of: their own, and those whose results are shown here."""
        return self._is_own(run, person) or self._may_repeat(run, here)

    def files_for(self, run: RunRecord, person: Person, *, present: bool) -> tuple[StoredFile, ...]:
        """Return the results that a person may have: of their own runs, and of runs with a message where they are (the
        platform sets `present`). Held results are only in `moderation.reviews`.
        """
        return run.shown.files if present or self._is_own(run, person) else ()

    def inputs_for(self, run: RunRecord, person: Person, here: Place) -> Mapping[str, StoredFile]:
        """Return the input files that a person may use, by field. No message shows them. They are for the person who
        sent them, for operators, and for moderators of the community.
        """
        home = bool(here.community) and community_of(here) == community_of(run.place)
        return run.inputs if self._is_own(run, person) or (home and person.moderator) else {}

    def _may_repeat(self, run: RunRecord, here: Place) -> bool:
        """True if everyone here sees the result. They may run it again with its files, but do not get the files."""
        if run.private:
            return False
        home = bool(here.community) and community_of(here) == community_of(run.place)
        return run.state is State.DONE and (home or here.key == run.place.key)

    async def check_present(self, by: Person, run: RunRecord, here: Place, act: str, *, present: bool) -> None:
        """Raise `NotAllowed` for a button that was pressed outside the place of its message, because rights belong to a
        place. A person's own runs, and operators, are exempt.
        """
        if not present and not self._is_own(run, by):
            words = _("This button belongs to another chat.")
            raise await self._permissions.refused(by, here, act, words, run.place)

    async def check_press(self, press: ButtonPress, run: RunRecord | None = None) -> None:
        """Raise `NotAllowed` if a person may not press a button; of a `run`, if it is the button of one."""
        if run is not None:
            press = replace(press, owner=press.by.key if self.is_of(run, press.by) else run.person.key)
        if words := buttons.refusal(press, operator=self._permissions.is_operator(press.by)):
            beside = () if run is None else (run.place,)
            raise await self._permissions.refused(press.by, press.here, press.button, words, *beside)

    async def link(self, run_id: str, number: int, filename: str) -> str:
        """Return the link to a run's file, counted from 1; empty if the page has no public address."""
        return await self._links.url(run_id, number, filename)

    async def linked_file(self, run_id: str, number: int, mark: str) -> StoredFile | None:
        """Return the file of a link; None if the link is forged, or its run is gone or held."""
        if not await self._links.is_genuine(run_id, number, mark):
            return None
        run = await self._records.get(run_id)
        files = run.shown.files if run is not None else ()
        return files[number - 1] if 0 < number <= len(files) else None

    def is_of(self, run: RunRecord, person: Person) -> bool:
        """True if a person has asked for a run, from whichever of their accounts."""
        return run.person.key in self._accounts.of(person.key)

    def _is_own(self, run: RunRecord, person: Person) -> bool:
        return self.is_of(run, person) or self._permissions.is_operator(person)

    async def cancel(self, run_id: str, by: Person) -> bool:
        """Cancel a waiting or running run. Returns True if there was something to cancel. Raises `NotAllowed`."""
        run = await self._records.get(run_id)
        if run is not None:
            await self.check_change(by, run, "cancel")
        run = await self._records.request_cancel(run_id, f"{by.key}:{by.name}")
        if run is None:
            return False
        if run.state is State.CANCELLED and run.opened:
            await self._say_cancelled(run, by)
        self._stop(run_id)
        return True

    async def message_deleted(self, run: RunRecord) -> None:
        """Cancel a run because a person deleted its message. Nothing is posted in its place."""
        for stopped in await self._replies.message_deleted(run):
            self._stop(stopped.id)

    def may_change(self, person: Person, run: RunRecord) -> bool:
        """True if a person may cancel or delete a run: their own, or as a moderator of its place.

        The platform sets `Person.moderator` for the place of the run's message.
        """
        return self._is_own(run, person) or (person.moderator and person.platform == run.person.platform)

    async def check_change(self, by: Person, run: RunRecord, act: str) -> None:
        """Raise `NotAllowed` if a person may not change a run."""
        if not self.may_change(by, run):
            words = _("Only the person who asked for this run, or a moderator, can do that.")
            raise await self._permissions.refused(by, run.place, act, words)

    async def delete(self, run_id: str, by: Person) -> None:
        """Delete an ended run and its files. Raises `NotAllowed`, and `UserError` if it has not ended."""
        await self.delete_all([run_id], by)

    async def delete_all(self, run_ids: Sequence[str], by: Person) -> None:
        """Delete ended runs and their files. Raises `NotAllowed`, and `UserError` if one has not ended."""
        found = [run for run_id in run_ids if (run := await self._records.get(run_id)) is not None]
        for run in found:
            await self.check_change(by, run, "delete")
            if not await self._has_ended(run):
                raise UserError(_("This run has not ended yet. Cancel it first."))
        ids = [run.id for run in found]
        if ids:
            await self._ledger.note_runs(ids)
            await delete_runs(ids, self._records, self._media)
            await self._records.scrub()

    async def _has_ended(self, run: RunRecord) -> bool:
        """Wait a moment for a run to end. Its message shows the result shortly before the end is recorded."""
        for _try in range(_LOOKS):
            found = await self._records.get(run.id)
            if found is None or found.state is not State.DELIVERING:
                return found is None or found.ended_at is not None
            await asyncio.sleep(_PAUSE)
        return False

    async def forget(self, person: Person) -> int:
        """Cancel the runs of a person's account, delete its ended runs with the files, and its presets, part it from
        their other accounts, and remove their name from the audit log. Returns the number of runs. A running run ends
        first, and is deleted within the hour.
        """
        for run in await self._records.unfinished_of(person.key):
            await self.cancel(run.id, person)
        await self._masks.forget(person.key)
        rules = self._enforcer.book
        return await forget_person(
            person.key, self._records, self._media, self._audit, rules, self._presets, self._accounts, self._ledger
        )

    async def _say(self, run_id: str, status: Status) -> None:
        run = await self._records.get(run_id)
        if run is not None:
            await self._replies.show(run, status)

    async def show_end(self, run_id: str) -> bool:
        """Show again how a run ended, where its message may still say something else. Returns False if the platform
        did not take it.
        """
        run = await self._records.get(run_id)
        if run is None or run.end is None:
            return True
        try:
            await self._replies.to(run).show(run.end)
        except DeliveryFailed as fault:
            _log.info("run %s: its message does not say yet how it ended: %s", run_id, fault)
            return isinstance(fault, MessageGone)
        return True

    async def _say_cancelled(self, run: RunRecord, by: Person) -> None:
        async with self._locks.hold(run.id):
            await self._replies.show(run, Cancelled(by))

    def _new(
        self, checked: ValidatedRequest, inputs: dict[str, StoredFile], request: RunRequest, address: Address
    ) -> NewRun:
        workflow = checked.workflow
        return NewRun(
            id=str(checked.id),
            workflow=workflow.id,
            version=workflow.version,
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


def _is_owed(run: RunRecord) -> bool:
    """True for a run of a matrix without a result: Again means the same one, seeds included."""
    return run.end is not None and run.wording is not None and bool(run.wording.matrix)


def _texts_of(run: NewRun) -> str:
    return " · ".join(value for value in run.values.values() if isinstance(value, str) and value)
