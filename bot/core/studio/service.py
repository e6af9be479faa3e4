"""The studio: authors turn a workflow into a form, try it, publish it, and go back to earlier versions.

Authors are those who may do `workflow add` in a chat. What they write is code that runs on the servers, so the same
nodes and packs are permitted as there.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

from bot.core.errors import EditedMeanwhile, UserError
from bot.core.model import Person, Place
from bot.core.moderation.workflow_editor import WorkflowEditor
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import OPERATOR, Permissions
from bot.core.policy.rules import Trial
from bot.core.runs.validation import RequestValidator
from bot.core.studio.changes import DraftChange, changed
from bot.core.studio.drafts import TRIED, Draft, DraftStore, NewGraph
from bot.core.studio.history import VersionLine, changes_between
from bot.core.studio.new_graph import Refitted, refitted
from bot.core.studio.publishing import Shelved, WorkflowShelf, graph_text, same_graph
from bot.core.studio.sources import DraftSources, GivenGraph, Openable
from bot.core.studio.view import DraftFault, DraftView, earlier_prompt, located, prompt_of, source_of, view_of
from bot.core.workflows.auto_form import declared_fields, results
from bot.core.workflows.automatic.written import written_form
from bot.core.workflows.catalog import Versions
from bot.core.workflows.form import listed
from bot.core.workflows.identity.authors import VersionAuthors
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.reader import printable
from bot.core.workflows.source import Layer, SavedSource
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import Surface

_READ = 16  # files of drafts that are kept in memory
_VERSIONS = 20  # of a workflow that are shown
_LONGEST = 60  # characters of a name
_LONGEST_SIDECAR = 500_000  # characters


@dataclass(frozen=True)
class StudioOverview:
    """All that an author can open: their drafts, workflows that they may change, and those that people saved in a
    ComfyUI; and the mistakes in the files of workflows. Those who may `open_everywhere` publish for all places.
    """

    drafts: tuple[Openable, ...]
    workflows: tuple[Openable, ...]
    saved: tuple[Openable, ...]
    faults: tuple[DraftFault, ...]
    open_everywhere: bool


class StudioService:
    """All methods raise `NotAllowed` for people who are no authors, and `UserError` with what to do."""

    def __init__(
        self,
        drafts: DraftStore,
        shelf: WorkflowShelf,
        editor: WorkflowEditor,
        catalog: LiveCatalog,
        versions: Versions,
        identities: WorkflowStore,
        authors: VersionAuthors,
        validator: RequestValidator,
        permissions: Permissions,
        audit: Audit,
        sources: DraftSources,
        packs: Collection[str],
    ) -> None:
        self._drafts, self._shelf, self._editor = drafts, shelf, editor
        self._catalog, self._versions, self._identities, self._authors = catalog, versions, identities, authors
        self._validator, self._permissions, self._packs = validator, permissions, frozenset(packs)
        self._audit, self._given = audit, sources
        self._sources = OrderedDict[tuple[str, int], Prompt | SavedSource]()
        self._locks = WeakValueDictionary[str, asyncio.Lock]()

    def is_author(self, person: Person) -> bool:
        """True if a person may use the studio."""
        return self._permissions.is_trusted(person)

    async def overview(self, by: Person, here: Place) -> StudioOverview:
        await self._admit(by, here)
        for old in await asyncio.to_thread(self._drafts.old):
            await self._end(old)
        drafts = await asyncio.to_thread(self._drafts.all, by)
        workflows = [
            Openable(each.id, each.title or each.name, each.group)
            for each in self._catalog.workflows.values()
            if not each.path.startswith(TRIED) and self._shelf.can_write(by, each)
        ]
        sees_all = self._permissions.is_operator(by)
        saved = await self._given.saved_ones(by)
        faults = await asyncio.to_thread(self._faults) if sees_all else []
        return StudioOverview(
            tuple(Openable(each.id, each.name, self._catalog.title(each.base) if each.base else "") for each in drafts),
            tuple(sorted(workflows, key=lambda each: each.title.casefold())),
            tuple(sorted(saved, key=lambda each: each.title.casefold())),
            tuple(faults),
            sees_all,
        )

    async def templates(self, by: Person, here: Place, text: str) -> list[Openable]:
        """Return the workflows of ComfyUI's own library with these words."""
        await self._admit(by, here)
        return await self._given.templates(text)

    async def from_file(self, by: Person, here: Place, path: Path, filename: str) -> DraftView:
        """Make a draft of a file that an author gave."""
        await self._admit(by, here)
        return await self._new(by, await self._given.file(path, filename))

    async def from_workflow(self, by: Person, here: Place, workflow: str) -> DraftView:
        """Make a draft that changes a workflow that there is."""
        found = await self._own(by, here, workflow)
        draft = await self._opened(by, found)
        return await self._view(draft)

    async def from_saved(self, by: Person, here: Place, key: str) -> DraftView:
        """Make a draft of what somebody saved in a ComfyUI."""
        await self._admit(by, here)
        return await self._new(by, await self._given.saved(by, key))

    async def saved_elsewhere(self, by: Person, here: Place) -> list[Openable]:
        """Return what people saved in other folders of a ComfyUI. Raises `NotAllowed` for all but operators."""
        await self._admit(by, here)
        found = await self._given.saved_elsewhere(by, here)
        return sorted(found, key=lambda each: each.title.casefold())

    async def from_elsewhere(self, by: Person, here: Place, key: str) -> DraftView:
        """Make a draft of what somebody saved in another folder of a ComfyUI."""
        await self._admit(by, here)
        return await self._new(by, await self._given.elsewhere(by, here, key))

    async def from_template(self, by: Person, here: Place, name: str) -> DraftView:
        """Make a draft of a workflow of ComfyUI's library."""
        await self._admit(by, here)
        return await self._new(by, await self._given.template(name))

    async def graph_from_file(self, by: Person, here: Place, draft: str, path: Path, filename: str) -> DraftView:
        """Give a draft the graph of a file; the form stays, as far as it fits."""
        await self._mine(by, here, draft)
        return await self._regraph(by, here, draft, await self._given.file(path, filename))

    async def graph_from_saved(self, by: Person, here: Place, draft: str, key: str) -> DraftView:
        """Give a draft the graph that somebody saved in a ComfyUI; the form stays, as far as it fits."""
        await self._mine(by, here, draft)
        return await self._regraph(by, here, draft, await self._given.saved(by, key))

    async def graph_from_elsewhere(self, by: Person, here: Place, draft: str, key: str) -> DraftView:
        """Give a draft the graph that somebody saved in another folder of a ComfyUI."""
        await self._mine(by, here, draft)
        return await self._regraph(by, here, draft, await self._given.elsewhere(by, here, key))

    async def graph_before(self, by: Person, here: Place, draft: str) -> DraftView:
        """Give a draft the graph and the form back that it had before its new graph."""
        async with self._one_by_one(draft):
            found = await self._mine(by, here, draft)
            if found.replaced is None:
                raise UserError(_("This draft has the graph that it began with."))
            before = found.replaced
            back = replace(_edited(found), graph=before.graph, sidecar=before.sidecar, replaced=None)
            return await self._view(await asyncio.to_thread(self._drafts.keep, back))

    async def view(self, by: Person, here: Place, draft: str) -> DraftView:
        return await self._view(await self._mine(by, here, draft))

    async def change(self, by: Person, here: Place, draft: str, change: DraftChange) -> DraftView:
        """Write what an author changed into the draft's sidecar. Mistakes stand in the answer. Raises
        `EditedMeanwhile` if the draft is no longer as the author saw it.
        """
        async with self._one_by_one(draft):
            return await self._view(await self._changed(await self._mine(by, here, draft), change))

    async def _changed(self, found: Draft, change: DraftChange) -> Draft:
        names = [each.name for each in change.fields]
        if twice := {name for name in names if names.count(name) > 1}:
            words = _("Two fields have the name {names}: give one of them another name.")
            raise UserError(words.format(names=listed(sorted(twice))))
        if not change.title.strip():
            raise UserError(_("Give the workflow a title."))
        try:
            sidecar = await asyncio.to_thread(changed, found.sidecar, change)
        except (ValueError, TypeError) as fault:
            _check_edition(found, change.edition)
            raise UserError(_("This cannot be written into the sidecar: {fault}.").format(fault=fault)) from fault
        if len(sidecar) > _LONGEST_SIDECAR:
            raise UserError(_("The form is too large: remove some fields or choices."))
        if sidecar == found.sidecar:
            return found  # also where the answer to a change was lost on its way
        _check_edition(found, change.edition)
        return await asyncio.to_thread(self._drafts.keep, replace(_edited(found), sidecar=sidecar))

    async def try_out(self, by: Person, here: Place, draft: str, runner: Person, edition: int | None = None) -> str:
        """Let an author run a draft as it is now, and nobody else. Returns the workflow as which it can be run. Raises
        `EditedMeanwhile` if that is another edition than the author saw.
        """
        found = await self._mine(by, here, draft)
        _check_edition(found, edition)
        graph = await asyncio.to_thread(self._drafts.graph, found)
        trial = Trial(runner.key, alone=True)
        tried = await self._shelf.put(by, here, found, graph, found.path, trial, "workflow try")
        async with self._one_by_one(draft):
            now = await self._mine(by, here, draft)
            await asyncio.to_thread(self._drafts.keep, replace(now, tried=tried))
        return tried

    async def publish(
        self,
        by: Person,
        here: Place,
        draft: str,
        name: str,
        where: Place | None,
        runner: Person,
        edition: int | None = None,
    ) -> str:
        """Publish a draft. One that changes a workflow is written over its files, unless these have changed meanwhile,
        or the draft is of another edition than the author saw (`EditedMeanwhile`). A new one gets a name, and is opened
        `where`: in a community, everywhere if it has none; or stays on trial for its author and operators. Returns what
        was done, in a sentence.
        """
        found = await self._mine(by, here, draft)
        _check_edition(found, edition)
        graph = await asyncio.to_thread(self._drafts.graph, found)
        if found.base:
            workflow = await self._own(by, here, found.base)
            await self._shelf.check(found, graph)
            if found.graph:
                await self._may_regraph(by, here, workflow)
            new = await self._source(found) if found.graph else None
            await self._shelf.over(by, found.base, found.version, Shelved(found.sidecar, new))
            words = _("Published the changes of “{title}”.").format(title=self._catalog.title(found.base))
            await self._editor.note(by, here, "workflow field", words)
            await self._end(found)
            return (
                words
                if workflow.layer is not Layer.BUNDLED
                else _("{words} They are in your own folder.").format(words=words)
            )
        if where is not None and (where != here or not where.community):
            await self._permissions.operator(by, here, "workflow open")
        path = await self._editor.free_path(name)
        await self._shelf.check(found, graph)
        made = await self._shelf.put(by, here, found, graph, path, Trial(runner.key), "workflow add")
        await self._end(found)
        if where is not None:
            return await self._editor.open(by, where, made)
        words = _("Published “{title}” for you and the operators. An operator opens it to others.")
        return words.format(title=self._catalog.title(made))

    async def reload(self, by: Person, here: Place, draft: str) -> DraftView:
        """Read the files of the workflow that a draft changes once more, in the place of what the draft has."""
        found = await self._mine(by, here, draft)
        await self._catalog.refresh()
        fresh = await self._opened(by, await self._own(by, here, found.base))
        await self._end(found)
        return await self._view(fresh)

    async def discard(self, by: Person, here: Place, draft: str) -> None:
        await self._end(await self._mine(by, here, draft))

    async def versions(self, by: Person, here: Place, workflow: str) -> tuple[VersionLine, ...]:
        """Return the versions of a workflow, newest first."""
        found = await self._own(by, here, workflow)
        kept = await self._identities.history(found.id, _VERSIONS + 1)
        at = dict(kept)
        order = [found.version, *(each for each, _at in kept if each != found.version)]
        made: dict[str, Workflow] = {}
        for each in order:
            version = await self._versions.get(found.id, each)
            if version.version == each:
                made[each] = version
        who = await self._authors.of(made)
        lines = []
        for number, each in enumerate(list(made)[:_VERSIONS]):
            older = list(made)[number + 1 :][:1]
            changes = await asyncio.to_thread(changes_between, made[older[0]], made[each]) if older else ()
            name = await self._name(who.get(each, ""), by)
            lines.append(VersionLine(each, at.get(each, 0.0), name, changes, each == found.version))
        return tuple(lines)

    async def back(self, by: Person, here: Place, workflow: str, version: str, newest: str) -> str:
        """Go back to a version of a workflow; `newest` is the one that the author saw as the newest. Raises
        `EditedMeanwhile` if there is another one by now.
        """
        found = await self._own(by, here, workflow)
        file = (await self._identities.versions([version])).get(version)
        if file is None or version not in dict(await self._identities.history(found.id, _VERSIONS + 1)):
            raise UserError(_("This version is no longer kept."))
        if not same_graph(file.graph, (await self._shelf.source(found)).graph):
            await self._may_regraph(by, here, found)
        content = Shelved(file.sidecar, file.graph)
        await self._shelf.over(by, found.id, newest, content)
        words = _("“{title}” is as it was in the version that you chose.").format(title=self._catalog.title(found.id))
        return await self._editor.note(by, here, "workflow back", words)

    async def _new(self, by: Person, given: GivenGraph) -> DraftView:
        info, title = self._catalog.info, _title(given.name)
        sidecar = await asyncio.to_thread(_first_sidecar, title, given.content, info)
        draft = await asyncio.to_thread(self._drafts.new, by, title, sidecar, given.content)
        return await self._view(draft)

    async def _opened(self, by: Person, workflow: Workflow) -> Draft:
        source = await self._shelf.source(workflow)
        graph = graph_text(source).encode("utf-8", "surrogatepass")
        title = workflow.title or workflow.name
        info = self._catalog.info
        sidecar = source.sidecar
        if sidecar is None:
            sidecar = await asyncio.to_thread(_first_sidecar, title, graph, info)
        return await asyncio.to_thread(self._drafts.new, by, title, sidecar, graph, workflow.id, workflow.version)

    async def _regraph(self, by: Person, here: Place, draft: str, given: GivenGraph) -> DraftView:
        async with self._one_by_one(draft):
            found, info = await self._mine(by, here, draft), self._catalog.info
            if found.base:
                await self._may_regraph(by, here, await self._own(by, here, found.base))
            old = await self._source(found)
            new = await asyncio.to_thread(source_of, given.content)
            fitted = await asyncio.to_thread(_refitted, found.sidecar, old, new, info)
            before = NewGraph(_title(given.name), found.graph, found.sidecar, fitted.moved, fitted.results)
            number = max(found.graph, found.replaced.graph if found.replaced else 0) + 1
            kept = replace(_edited(found), graph=number, sidecar=fitted.sidecar, replaced=before)
            return await self._view(await asyncio.to_thread(self._drafts.keep, kept, given.content))

    async def _view(self, draft: Draft) -> DraftView:
        source, known, info = await self._source(draft), await self._validator.known(), self._catalog.info
        before = await self._source(draft, draft.replaced.graph) if draft.replaced is not None else None
        base = self._catalog.title(draft.base) if draft.base else ""
        is_old = await self._shelf.is_old(draft, source)
        return await asyncio.to_thread(view_of, draft, source, info, known, self._packs, base, before, is_old=is_old)

    async def _source(self, draft: Draft, number: int | None = None) -> Prompt | SavedSource:
        """Return the workflow's file of a draft, or the one with a number, which never changes. The last ones are
        kept.
        """
        key = draft.id, draft.graph if number is None else number
        source = self._sources.pop(key, None)
        if source is None:
            source = await asyncio.to_thread(lambda: source_of(self._drafts.graph(draft, number)))
        self._sources[key] = source
        while len(self._sources) > _READ:
            self._sources.popitem(last=False)
        return source

    async def _end(self, draft: Draft) -> None:
        await self._shelf.take_back(draft)
        await asyncio.to_thread(self._drafts.delete, draft)

    async def _mine(self, by: Person, here: Place, draft: str) -> Draft:
        await self._admit(by, here)
        return await asyncio.to_thread(self._drafts.get, by, draft)

    async def _own(self, by: Person, here: Place, workflow: str) -> Workflow:
        """Return a workflow that an author may change."""
        await self._admit(by, here)
        found = self._catalog.get(workflow)
        if not self._shelf.can_write(by, found):
            words = _("“{title}” was not added in a chat or here, so only the operator can change it.")
            raise UserError(words.format(title=found.title or found.name))
        return found

    async def _may_regraph(self, by: Person, here: Place, workflow: Workflow) -> None:
        if self._editor.may_regraph(by, workflow):
            return
        words = _(
            "Only an operator can give “{title}” another graph: it is open to everyone, or another person added it. "
            "Publish yours as a new workflow."
        )
        raise await self._permissions.refused(by, here, "workflow graph", words.format(title=workflow.title))

    def _one_by_one(self, draft: str) -> asyncio.Lock:
        """Return what keeps two changes of a draft apart."""
        return self._locks.setdefault(draft, asyncio.Lock())

    async def _admit(self, by: Person, here: Place) -> None:
        await self._permissions.trusted(by, here, "workflow add")

    async def _name(self, key: str, by: Person) -> str:
        """Return how a person is called, who is given as "platform:id"."""
        if not key or key == by.key:
            return _("you") if key else ""
        return _("the operator") if key == OPERATOR.key else await self._audit.name_of(key) or key

    def _faults(self) -> list[DraftFault]:
        """Return the mistakes in the files of workflows, with their lines."""
        texts: dict[str, str] = {}
        for fault in self._catalog.faults:
            paths = (folder / fault.file for folder in self._editor.folders.values())
            text = next((each.read_text("utf-8", "replace") for each in paths if each.is_file()), "")
            texts[fault.file] = text if fault.file.endswith(".toml") else ""
        return [located(texts[each.file], each) for each in self._catalog.faults]


def _edited(draft: Draft) -> Draft:
    return replace(draft, edition=draft.edition + 1)


def _check_edition(draft: Draft, seen: int | None) -> None:
    if seen is not None and seen != draft.edition:
        words = _(
            "This draft was changed in another tab or browser. Load it as it is now, and make your changes there."
        )
        raise EditedMeanwhile(words)


def _title(name: str) -> str:
    return (printable(name).replace("_", " ").strip() or _("Workflow"))[:_LONGEST]


def _refitted(sidecar: str, old: Prompt | SavedSource, new: Prompt | SavedSource, info: ObjectInfo | None) -> Refitted:
    prompt = prompt_of(new, info)
    if (before := earlier_prompt(old, info)) is None:
        return Refitted(sidecar)
    return refitted(sidecar, before, prompt)


def _first_sidecar(title: str, graph: bytes, info: ObjectInfo | None) -> str:
    """Return a sidecar with the form that a workflow has by itself."""
    source = source_of(graph)
    prompt = prompt_of(source, info)
    surface = source.surface_for(info) if isinstance(source, SavedSource) and info is not None else Surface()
    declared = declared_fields(prompt, info, surface)
    return written_form(title, prompt, declared, results(prompt, surface))
