"""Write drafts where the catalog reads them: on trial for their author alone, for others, or over what they change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.errors import EditedMeanwhile, UserError
from bot.core.model import Person, Place
from bot.core.moderation.workflow_editor import WorkflowEditor, beside, delete_files, put_files
from bot.core.policy.rule_store import By, Change, RuleStore
from bot.core.policy.rules import Rule, Trial
from bot.core.policy.scope import Scope
from bot.core.studio.drafts import Draft
from bot.core.studio.view import prompt_of, source_of, workflow_in
from bot.core.workflows.identity.authors import VersionAuthors
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.source import Layer, SavedSource
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.prompt import Prompt
from comfy.saved.needs import read_needs, with_notes

_EDITED = _(
    "The files of “{title}” have been changed since you opened it, so nothing was written over them. "
    "Load the newer version, and make your changes there."
)


@dataclass(frozen=True)
class Shelved:
    """The content of a workflow as it shall be: without a graph, that stays; without a sidecar, there is none."""

    sidecar: str | None
    graph: Prompt | SavedSource | None = None


class WorkflowShelf:
    """Writes workflows. Whoever calls it has made sure that the person may do that."""

    def __init__(
        self,
        editor: WorkflowEditor,
        catalog: LiveCatalog,
        store: WorkflowStore,
        rules: RuleStore,
        authors: VersionAuthors,
    ) -> None:
        self._editor, self._catalog, self._store = editor, catalog, store
        self._rules, self._authors = rules, authors

    async def put(self, by: Person, here: Place, draft: Draft, graph: bytes, path: str, trial: Trial, act: str) -> str:
        """Write a draft under a path, on trial. Returns the workflow's id. Raises `UserError` with all mistakes."""
        await self.check(draft, graph)
        async with self._editor.one_by_one:
            info = await self._editor.nodes()
            prompt = await asyncio.to_thread(lambda: prompt_of(source_of(graph), info))
            files = await asyncio.to_thread(self._files, path, draft.sidecar, graph)
            identity = await self._editor.foreseen(path, prompt)
            rule = Rule(Scope(workflow=identity), trial)
            words = _("Put “{name}” on trial.").format(name=identity)
            await self._rules.change("", By(by, here, act, words), [Change.put(rule)])  # before it is there
            await asyncio.to_thread(put_files, files)
            await self._catalog.refresh()
        await self._note(by, identity)
        return identity

    async def check(self, draft: Draft, graph: bytes) -> None:
        """Raise `UserError` for mistakes, and for nodes that no server has or the operator does not allow."""
        info = await self._editor.nodes()
        if info is None:
            raise UserError(_("No server can be reached to check the workflow. Try again when one is back."))
        source = await asyncio.to_thread(source_of, graph)
        prompt = await asyncio.to_thread(prompt_of, source, info)
        data = _data(source)
        self._editor.check_nodes(prompt, info, with_notes(read_needs(data), data))
        made = await asyncio.to_thread(workflow_in, draft, source, info)
        if not isinstance(made, Workflow):
            raise UserError(" ".join(f"{fault}." for fault in made))

    async def over(self, by: Person, workflow: str, version: str, content: Shelved) -> str:
        """Write over the files of a workflow, unless they are no longer those of this version: then raise
        `EditedMeanwhile`. Returns the new version.
        """
        async with self._editor.one_by_one:
            await self._catalog.refresh()
            found = self._catalog.workflows.get(workflow)
            if found is None or not await self._is_as_seen(found, version, content):
                raise EditedMeanwhile(_EDITED.format(title=self._catalog.title(workflow)))
            source = await self.source(found)
            await asyncio.to_thread(self._over, found, source, content)
            await self._catalog.refresh()
        await self._note(by, workflow)
        return self._catalog.get(workflow).version

    async def is_old(self, draft: Draft, graph: Prompt | SavedSource) -> bool:
        """True if the files that a draft with this graph changes are no longer as they were when it read them."""
        if not draft.base:
            return False
        found = self._catalog.workflows.get(draft.base)
        content = Shelved(draft.sidecar, graph if draft.graph else None)
        return found is None or not await self._is_as_seen(found, draft.version, content)

    async def _is_as_seen(self, found: Workflow, version: str, content: Shelved) -> bool:
        """True if the files of a workflow are those of a version, or in part already those that shall be written: a
        process may end between two files.
        """
        if found.version == version:
            return True
        files = await self._store.versions([version, found.version])
        seen, now = files.get(version), files.get(found.version)
        if seen is None or now is None:
            return False
        graphs = (seen.graph, *([content.graph] if content.graph is not None else []))
        return now.sidecar in (seen.sidecar, content.sidecar) and any(same_graph(now.graph, each) for each in graphs)

    async def source(self, workflow: Workflow) -> SourceFile:
        """Return the files of a workflow as they were read. Raises `UserError`."""
        found = (await self._store.versions([workflow.version])).get(workflow.version)
        if found is None:
            words = _("The files of “{title}” could not be read. Try again in a moment.")
            raise UserError(words.format(title=workflow.title))
        return found

    async def take_back(self, draft: Draft) -> None:
        """Remove what its author tried of a draft. Runs that have started are finished."""
        if not draft.tried:
            return
        async with self._editor.one_by_one:
            await asyncio.to_thread(delete_files, beside(self._editor.folders[Layer.ADDED] / draft.path))
            await self._catalog.refresh()
            await self._rules.forget_workflow(draft.tried)

    def can_write(self, by: Person, workflow: Workflow) -> bool:
        """True if a trusted person may change a workflow here: no recipe, and no file that people saved at a server."""
        if workflow.steps or workflow.layer is Layer.SAVED:
            return False
        return self._editor.may_change(by, workflow)

    def _over(self, workflow: Workflow, source: SourceFile, content: Shelved) -> None:
        layer = workflow.layer if workflow.layer in self._editor.folders else Layer.FOLDER
        folder = self._editor.folders[layer]
        ours = layer is workflow.layer
        graph = folder / source.graph_name if ours else folder / f"{workflow.path}.json"
        sidecar = folder / (source.sidecar_name if ours and source.sidecar_name else f"{workflow.path}.toml")
        if _text(sidecar) != (source.sidecar if ours else None):
            raise EditedMeanwhile(_EDITED.format(title=workflow.title))
        files: dict[Path, str] = {}
        if content.graph is not None and not same_graph(content.graph, source.graph):
            is_media = graph.suffix.lower() != ".json"  # a picture that a workflow was in stays, as its picture
            files[graph.with_name(f"{folder.joinpath(workflow.path).name}.json") if is_media else graph] = _json(
                content.graph
            )
        elif not ours:
            files[graph] = graph_text(source)
        if content.sidecar is not None:
            files[sidecar] = content.sidecar
        put_files(files)
        if content.sidecar is None:
            delete_files([sidecar])

    def _files(self, path: str, sidecar: str, graph: bytes) -> Mapping[Path, str]:
        named = beside(self._editor.folders[Layer.ADDED] / path)
        return dict(zip(named, (graph.decode("utf-8", "surrogatepass"), sidecar), strict=True))

    async def _note(self, by: Person, workflow: str) -> None:
        found = self._catalog.workflows.get(workflow)
        if found is not None:
            await self._authors.note(found.version, by)


def graph_text(source: SourceFile) -> str:
    """Return the graph of a workflow as JSON."""
    return _json(source.graph)


def same_graph(one: Prompt | SavedSource, other: Prompt | SavedSource) -> bool:
    """True if two workflows have the same graph, in whatever way it is written."""
    return _data(one) == _data(other)


def _data(graph: Prompt | SavedSource) -> Mapping[str, Any]:
    return graph.data if isinstance(graph, SavedSource) else graph.to_json()


def _json(graph: Prompt | SavedSource) -> str:
    return json.dumps(_data(graph), indent=1)


def _text(path: Path) -> str | None:
    with suppress(FileNotFoundError):
        return path.read_text("utf-8-sig", "replace")
    return None
