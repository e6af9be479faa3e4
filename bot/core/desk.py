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

from bot.core.catalog import Workflows, title_of
from bot.core.chat import (
    Address,
    Attachment,
    Cancelled,
    Held,
    Opening,
    Person,
    Place,
    Platform,
    RunRequest,
    Status,
    Stored,
)
from bot.core.check import Checked, Checker
from bot.core.errors import BadValue, DeliveryFailed, NotAllowed, StorageFailed, TooMany, UserError
from bot.core.floor import Floor
from bot.core.forgetting import delete_runs, forget_person
from bot.core.form import Form
from bot.core.line import Line, NewRun
from bot.core.links import Links
from bot.core.media import Media
from bot.core.moderation import Moderation
from bot.core.policy import Decision
from bot.core.records import Records
from bot.core.rules import Manner
from bot.core.run import RunRecord, State, key_of, person_of
from bot.core.standing import Standing
from bot.core.story import say
from bot.core.workflow import Workflow
from bot.words import _
from comfy.schedule import models_of

_log = logging.getLogger(__name__)
_LOOKS, _PAUSE = 100, 0.05  # seconds between them


@dataclass(frozen=True)
class Offer:
    """A workflow that a person may run in a place; `lacks` says why it cannot run just now, in words."""

    workflow: Workflow
    lacks: str | None = None


class Desk:
    """What platforms speak to. `wake` tells this process's worker of a new run, `stop` of one to cancel."""

    def __init__(
        self,
        checker: Checker,
        line: Line,
        records: Records,
        media: Media,
        platforms: Mapping[str, Platform],
        moderation: Moderation,
        links: Links,
        *,
        floor: Floor | None = None,
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
        self.checker, self.records, self.line, self.media = checker, records, line, media
        self.moderation, self._gate, self.links = moderation, moderation.gate, links
        self._platforms, self._floor = platforms, floor or Floor()
        self._operators, self._wake, self._stop = frozenset(operators), wake, stop
        self._opening: set[str] = set()  # runs whose message is being posted just now
        self.open = True

    @property
    def catalog(self) -> Workflows:
        return self.checker.catalog

    async def offers(self, person: Person, place: Place) -> list[Offer]:
        """The workflows that a person may run in a place."""
        return [Offer(each, await self.checker.lacks(each)) for each in self.allowed(person, place)]

    def allowed(self, person: Person, place: Place) -> list[Workflow]:
        """The workflows that a person may run in a place, whatever the servers lack; nothing is asked of anybody."""
        return [each for each in self.catalog.workflows.values() if self.decide(person, place, each.name).allowed]

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """Whether a person may run a workflow in a place, and which rule says so; nothing is asked of the database."""
        return self._gate.decide(person, place, workflow)

    def manner(self, person: Person, place: Place, workflow: str) -> Manner:
        """How the run of a workflow is to be shown there: where its message goes, which a platform asks before it posts
        one; previews and spoilers stand in its `Brief`.
        """
        return self._gate.terms(person, place, workflow).manner

    async def allowance(self, person: Person, place: Place, workflow: str) -> list[Standing]:
        """How a person stands with the limits there: as text, each says what it is, what is left, and until when."""
        limits = self._gate.terms(person, place, workflow).limits
        return await self.line.standings(key_of(person), workflow, limits)

    async def form(self, workflow: str, person: Person, place: Place) -> Form:
        """What a person fills in there. Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words."""
        self.check(workflow, person, place)
        return self.narrowed(await self.checker.form(self.catalog.get(workflow)), workflow, person, place)

    def check(self, workflow: str, person: Person, place: Place) -> None:
        """Raises `UnknownWorkflow`, and `NotAllowed` with the rule in words."""
        self.catalog.get(workflow)
        if not (decision := self.decide(person, place, workflow)).allowed:
            raise NotAllowed(decision.why)

    def narrowed(self, form: Form, workflow: str, person: Person, place: Place) -> Form:
        """A form of a workflow as it is filled in there."""
        return self._gate.restriction(person, place, self.catalog.get(workflow)).shown(form)

    async def take(self, request: RunRequest, message: Address | Opening) -> str:
        """Take a request in, whose message stands somewhere, or is posted once the run is on disk; the run's id. Raises
        `UserError`, `StorageFailed`, and `DeliveryFailed` where it cannot be posted.
        """
        if not self.open:
            raise UserError(_("I am being restarted. Please try again in a minute."))
        try:
            return await self._take(request, message)
        except (NotAllowed, TooMany) as fault:
            await self._gate.refused(request, fault)
            raise
        except BadValue as fault:
            if self._gate.has_narrowed(request, fault.field):
                await self._gate.refused(request, fault)
            raise

    async def _take(self, request: RunRequest, message: Address | Opening) -> str:
        workflow = self.catalog.get(request.workflow)
        terms = await self._gate.admit(request)
        await self.line.ask(key_of(request.person), workflow.name, terms.limits)
        if workflow.spoiler:
            terms = terms.covered()
        restriction = self._gate.restriction(request.person, request.place, workflow)
        with _room(), tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
            whole = await self._with_files(request, Path(folder))
            checked = await self.checker.check(whole, Path(folder), restriction)
            held = await self._gate.reads(request, checked.values)
            inputs = {
                name: Stored(await self.media.keep(given.path), given.filename, given.kind)
                for name, given in checked.media.items()
            }
        opened = isinstance(message, Address)
        where = message if isinstance(message, Address) else message.draft
        new = replace(self._new(checked, inputs, request, where), terms=terms, held=held, opened=opened)
        await self.line.join(new)
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
        if not await self.line.open(run_id, address):
            run = await self.records.get(run_id)
            if run is not None and run.cancelled_by is not None:
                await self._say_cancelled(run, person_of(run.cancelled_by))

    async def again(self, run_id: str, person: Person, place: Place, changes: Mapping[str, Any]) -> RunRequest:
        """The request that a run was, for somebody who wants it again: with these changes, and with a new seed unless
        they give one. Raises `UserError` where the run is forgotten.
        """
        run = await self.records.get(run_id)
        if run is None:
            raise UserError(_("This run has been deleted. Please ask for it anew."))
        form = await self.form(run.workflow, person, place)
        seeds = {field.name for field in form.fields if field.seed}
        kept = {name: value for name, value in run.values.items() if name in form.names and name not in seeds}
        files = {name: file for name, file in run.inputs.items() if name in form.names}
        return RunRequest(run.workflow, {**kept, **files, **changes}, person, place)

    async def cancel(self, run_id: str, by: Person) -> bool:
        """Stop a run, wherever it waits or is executed; whether there was anything to stop. Raises `NotAllowed`."""
        run = await self.records.get(run_id)
        if run is not None:
            await self.check_change(by, run, "cancel")
        run = await self.records.ask_to_cancel(run_id, f"{key_of(by)}:{by.name}")
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
        own = key_of(person) == key_of(run.person)
        return own or self.is_operator(person) or (person.moderator and person.platform == run.person.platform)

    async def check_change(self, by: Person, run: RunRecord, act: str) -> None:
        """Raises `NotAllowed` for whoever may not change a run."""
        if not self.may_change(by, run):
            words = _("Only the one who asked for this run, or a moderator, can do that.")
            raise await self.moderation.authority.refused(by, run.place, act, words)

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
            if isinstance(value, Stored):
                path = await self.media.fetch(value.key, folder / f"given-{number}{Path(value.key).suffix}")
                values[name] = Attachment(path, value.filename)
        return replace(request, values=values)

    async def _say(self, run_id: str, status: Status) -> None:
        run = await self.records.get(run_id)
        if run is not None and (platform := self._platforms.get(run.address.platform)) is not None:
            await say(platform.reply(run.address, run.brief(self.title(run.workflow))), status)

    async def _say_cancelled(self, run: RunRecord, by: Person) -> None:
        if (platform := self._platforms.get(run.address.platform)) is not None:
            async with self._floor.of(run.id):
                await say(platform.reply(run.address, run.brief(self.title(run.workflow))), Cancelled(by))

    def _new(self, checked: Checked, inputs: dict[str, Stored], request: RunRequest, address: Address) -> NewRun:
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
