"""Workflows that people save at servers: operators are asked about them, open them, close them, and go back to earlier
versions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import DeliveryFailed, StorageFailed, UserError
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import Permissions
from bot.core.port import OperatorAsker, WorkflowQuestion
from bot.core.retry import Pauses
from bot.core.runs.locks import RunLocks
from bot.core.sources.holdings import one_line
from bot.core.sources.publication import Publication, Stage, accepted, back_to, closed, declined
from bot.core.sources.publisher import Shelf, offered, saved_id
from bot.core.sources.store import SavedState, SavedStore, SavedVersion, SavedWorkflow
from bot.core.storage.bells import Topic
from bot.core.workflows.form import listed, shown
from bot.core.workflows.identity.store import WorkflowStore
from bot.i18n import _, ngettext

_log = logging.getLogger(__name__)
_EVERY = 1.0  # seconds between two looks while something waits
_AGE = 3.0  # seconds after which they are asked: what is copied from server to server may be gone by then
_STAGES = {Stage.OPEN: _("open"), Stage.TRIAL: _("waits for an operator"), Stage.CLOSED: _("closed")}
_PAUSES = Pauses(5.0, 600.0)  # before a question that was not sent is sent again


@dataclass(frozen=True)
class SavedEntry:
    """A saved workflow for operators: its id, its title, how far it is offered, and what they should know, in lines."""

    id: str
    title: str
    stage: Stage
    newest: str
    lines: tuple[str, ...]

    @property
    def waits(self) -> bool:
        return self.stage is Stage.TRIAL

    @property
    def is_open(self) -> bool:
        return self.stage is Stage.OPEN

    @property
    def stage_words(self) -> str:
        """The people to whom it is offered, in words."""
        return _STAGES[self.stage]


@dataclass(frozen=True)
class SavedOverview:
    """All saved workflows, those that wait first; what cannot be read; and which process looks after which server."""

    entries: tuple[SavedEntry, ...]
    faults: tuple[str, ...]
    servers: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in lines."""
        lines = [f"{each.title}: {each.stage_words}" for each in self.entries]
        lines = lines or [_("Nothing is saved at a server.")]
        if self.faults:
            lines += [_("These files cannot be used:"), *self.faults]
        return "\n".join([*lines, *self.servers])


class SavedWorkflows:
    """In `async with`, it asks the operators about what waits for them, on the platforms that can (`OperatorAsker`)."""

    def __init__(
        self,
        store: SavedStore,
        identities: WorkflowStore,
        shelf: Shelf,
        audit: Audit,
        permissions: Permissions,
        askers: Mapping[str, object],
        locks: RunLocks,
        tasks: TaskHealth,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._identities, self._shelf = store, identities, shelf
        self._audit, self._permissions = audit, permissions
        self._askers = {name: each for name, each in askers.items() if isinstance(each, OperatorAsker)}
        self._locks, self._clock = locks, clock
        self._pauses: dict[tuple[str, str, str], tuple[float, Iterator[float]]] = {}
        self._bell, self._waits = store.database.bells.bell(Topic.SAVED), False
        self._task = BackgroundTask("questions about saved workflows", tasks)

    async def __aenter__(self) -> SavedWorkflows:
        if self._askers and self._operators:
            self._task.repeat(self.ask, until=self._rest)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._task.stop()

    async def overview(self, by: Person, here: Place) -> SavedOverview:
        """Return all saved workflows. Raises `NotAllowed` for all but operators."""
        await self._permissions.operator(by, here, "workflow saved")
        state = await self._store.state()
        newest = await self._store.newest()
        entries = [_entry(each, newest.get(each.id)) for each in state.present.values()]
        ordered = sorted(entries, key=lambda each: (not each.waits, each.title.casefold()))
        return SavedOverview(tuple(ordered), tuple(faults_of(state)), tuple(pollers_of(state)))

    async def answer(self, by: Person, here: Place, key: str, newest: str, *, yes: bool) -> str:
        """Open a workflow that waits, or not. `newest` begins the digest of the version that the operator was asked
        about. Raises `NotAllowed`, and `UserError` if there is another version by now.
        """
        await self._permissions.operator(by, here, "workflow publish" if yes else "workflow unpublish")
        found = (await self._store.state()).present.get(key)
        if found is None:
            raise UserError(_("This workflow is no longer saved at any server."))
        if not newest or not found.publication.newest.startswith(newest):
            words = _("“{title}” has been saved again since then: look at the question about the newer version.")
            raise UserError(words.format(title=found.title))
        if found.publication.stage is not Stage.TRIAL:
            raise UserError(_("Another operator has already decided this."))
        if yes:
            return await self._decide(by, here, "workflow publish", found, accepted, _("Opened “{title}” to others."))
        words = _("Did not open “{title}”. It stays closed when it is saved again; “workflow publish” opens it.")
        if found.publication.approved:
            words = _("The new version of “{title}” stays closed. The version before it is open again.")
        return await self._decide(by, here, "workflow unpublish", found, declined, words)

    async def publish(self, by: Person, here: Place, name: str) -> str:
        """Open a saved workflow that is on trial or closed."""
        found = await self._found(by, here, "workflow publish", name)
        if found.publication.stage is Stage.OPEN and found.publication.shown == found.publication.newest:
            raise UserError(_("“{title}” is open already.").format(title=found.title))
        return await self._decide(by, here, "workflow publish", found, accepted, _("Opened “{title}” to others."))

    async def unpublish(self, by: Person, here: Place, name: str) -> str:
        """Close a saved workflow, whatever is saved, until an operator opens it again."""
        found = await self._found(by, here, "workflow unpublish", name)
        words = _("Closed “{title}”. It stays closed when it is saved again; “workflow publish” opens it.")
        return await self._decide(by, here, "workflow unpublish", found, closed, words)

    async def versions(self, by: Person, here: Place, name: str) -> list[str]:
        """Describe the versions of a saved workflow, newest first."""
        found = await self._found(by, here, "workflow versions", name)
        return [_version_words(each, found.publication) for each in await self._store.versions(found.id)]

    async def back(self, by: Person, here: Place, name: str, number: int | None = None) -> str:
        """Offer an earlier version of a saved workflow until it is saved again: by its number, or the one before."""
        found = await self._found(by, here, "workflow back", name)
        versions = await self._store.versions(found.id)
        wanted = _earlier(versions, found.publication.shown, number)
        if wanted is None:
            words = _("“{title}” has no such version. It has {numbers}.")
            raise UserError(words.format(title=found.title, numbers=listed(str(each.number) for each in versions)))
        words = _("“{title}” is version {number} again, until it is saved once more.")
        words = words.format(title=found.title, number=wanted.number)
        return await self._decide(
            by, here, "workflow back", found, lambda before: back_to(before, wanted.digest), words
        )

    async def ask(self) -> None:
        """Ask each operator about each workflow that waits, once. A question that was not sent is tried again."""
        state = await self._store.state()
        waiting = [each for each in state.workflows.values() if each.publication.stage is Stage.TRIAL]
        unasked = [(each, operator) for each in waiting for operator in self._operators - set(each.asked)]
        self._waits = bool(unasked)
        due = [
            (each, operator)
            for each, operator in unasked
            if self._store.clock() - each.at >= _AGE and self._is_due(each, operator)
        ]
        wanted = {(each.id, each.publication.newest) for each in waiting}
        self._pauses = {mark: pause for mark, pause in self._pauses.items() if mark[:2] in wanted}
        for each, operator in due:
            async with self._locks.hold(f"saved {each.id}"):  # so that no other process asks as well
                await self._ask(each.id, each.publication.newest, operator)

    async def _rest(self) -> None:
        await (self._bell.wait(_EVERY) if self._waits else self._bell.wait())

    async def _ask(self, key: str, newest: str, operator: str) -> None:
        state = await self._store.state()
        found = state.workflows.get(key)
        if found is None or found.publication.newest != newest or operator in found.asked:
            return
        platform, _colon, person = operator.partition(":")
        entry = _entry(found, (await self._store.newest()).get(key))
        words = _("“{title}” waits for you: until you open it, only operators can see and run it.")
        text = "\n".join((words.format(title=entry.title), *entry.lines))
        mark = (key, newest, operator)
        try:
            await self._askers[platform].ask_operator(person, WorkflowQuestion(key, newest[:8], text))
        except (DeliveryFailed, StorageFailed) as fault:
            _log.warning("saved workflows: cannot ask an operator on %s: %s", platform, fault)
            pauses = self._pauses[mark][1] if mark in self._pauses else iter(_PAUSES)
            self._pauses[mark] = self._clock() + next(pauses), pauses
            return
        self._pauses.pop(mark, None)
        await self._store.note_asked(key, newest, operator)

    @property
    def _operators(self) -> frozenset[str]:
        """The operators who can be asked."""
        return frozenset(each for each in self._permissions.operators if each.partition(":")[0] in self._askers)

    def _is_due(self, workflow: SavedWorkflow, operator: str) -> bool:
        key = (workflow.id, workflow.publication.newest, operator)
        return key not in self._pauses or self._clock() >= self._pauses[key][0]

    async def _found(self, by: Person, here: Place, act: str, name: str) -> SavedWorkflow:
        """Find a saved workflow by what people type to run it, its title or its id. Raises `NotAllowed` for all but
        operators.
        """
        await self._permissions.operator(by, here, act)
        workflows = (await self._store.state()).present
        wanted = name.strip().casefold()
        typed = {saved_id(each) for each in await self._identities.all() if each.name == wanted.replace("-", "_")}
        found = [workflows[each] for each in typed & workflows.keys()]
        found = found or [each for each in workflows.values() if wanted in (each.id, each.title.casefold())]
        if len(found) == 1:
            return found[0]
        if found:
            words = _("Several saved workflows are called {name}: say which one by its id, {ids}.")
            raise UserError(words.format(name=shown(name), ids=listed(each.id for each in found)))
        words = _("No workflow {name} is saved at a server. There are {names}.")
        names = listed((each.title for each in workflows.values()), like=name) or _("none")
        raise UserError(words.format(name=shown(name), names=names))

    async def _decide(
        self,
        by: Person,
        here: Place,
        act: str,
        found: SavedWorkflow,
        to: Callable[[Publication], Publication],
        words: str,
    ) -> str:
        words = words.format(title=found.title)
        if await self._store.decide(found, to) is None:
            told = _("“{title}” has been saved again or deleted meanwhile, so nothing was decided: look at it again.")
            raise UserError(told.format(title=found.title))
        await self._audit.decided(by, here, act, words)
        await self._shelf.offer(offered(await self._store.state()))
        return words


def _entry(workflow: SavedWorkflow, newest: SavedVersion | None) -> SavedEntry:
    lines = tuple(_lines(newest, workflow)) if newest is not None else ()
    offered = workflow.publication
    return SavedEntry(workflow.id, workflow.title, offered.stage, offered.newest[:8], lines)


def _lines(version: SavedVersion, workflow: SavedWorkflow) -> Iterator[str]:
    """Say who saved a version where, and what it needs."""
    where, needs = version.where, version.needs
    who, path = one_line(where.user) or _("someone"), one_line(where.path)
    words = _("{who} saved {path} at {server}, {when} UTC.")
    yield words.format(who=who, path=path, server=where.server, when=_when(version.at))
    if workflow.approved is not None and (new := needs.classes - workflow.approved.classes):
        yield _("Its nodes that the open version does not have: {names}.").format(names=listed(sorted(new)))
    else:
        yield _("Its nodes: {names}.").format(names=listed(sorted(needs.classes)))
    if needs.packs:
        yield _("They are from these packs: {names}.").format(names=listed(sorted(needs.packs)))
    if needs.paid:
        yield _("These cost money at each run: {names}.").format(names=listed(sorted(needs.paid)))
    if needs.lacks:
        yield needs.lacks


def saved_lines(state: SavedState) -> list[str]:
    """Say in lines what is saved, who looks after it, and what cannot be used; nothing if no server was looked at."""
    if not state.servers:
        return []
    count, waiting = (
        len(state.workflows),
        sum(each.publication.stage is Stage.TRIAL for each in state.workflows.values()),
    )
    words = ngettext("{count} workflow is saved at servers", "{count} workflows are saved at servers", count)
    waits = ngettext("{count} waits for an operator", "{count} wait for an operator", waiting).format(count=waiting)
    first = ", ".join([words.format(count=count), *([waits] if waiting else [])])
    unusable = _("cannot be used: {fault}")
    return [first, *pollers_of(state), *(unusable.format(fault=each) for each in faults_of(state))]


def faults_of(state: SavedState) -> Iterator[str]:
    """Say what cannot be read at which server, why, and what to do."""
    for server in state.servers.values():
        for path, reason in server.faults:
            yield f"{server.name}: {one_line(path)}: {reason}" if path else f"{server.name}: {reason}"
    for at, reason in state.faults.items():
        yield f"{at.server}: {one_line(f'{at.user}/{at.path}' if at.user else at.path)}: {reason}"


def pollers_of(state: SavedState) -> Iterator[str]:
    """Say which process looks after which server, and who may publish there."""
    for server in sorted(state.servers.values(), key=lambda each: each.name):
        words = _("{server}: worker {worker} looks after it, publish = {publish}")
        yield words.format(server=server.name, worker=server.worker, publish=server.publish.value)


def _version_words(version: SavedVersion, offered: Publication) -> str:
    marks = [
        _("offered") if version.digest == offered.shown else "",
        _("newest") if version.digest == offered.newest else "",
    ]
    told = ", ".join(mark for mark in marks if mark)
    who = f" {version.where.user}" if version.where.user else ""
    line = f"{version.number}. {_when(version.at)} UTC, {version.where.server}{who}"
    return f"{line} ({told})" if told else line


def _earlier(versions: Collection[SavedVersion], now: str, number: int | None) -> SavedVersion | None:
    """Return the version with a number; without one, that before the version which is offered now."""
    if number is not None:
        return next((each for each in versions if each.number == number), None)
    current = next((each.number for each in versions if each.digest == now), None)
    older = [each for each in versions if each.digest != now and (current is None or each.number < current)]
    return max(older, key=lambda each: each.number, default=None)


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
