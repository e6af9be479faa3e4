"""Workflows that trusted people add, edit and remove in the chat.

A workflow is code that runs on the servers. It may use only nodes that the servers have, and only ComfyUI's own nodes
or packs that the operator allows.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import tomllib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.errors import UserError, WorkerFailed
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import Permissions
from bot.core.policy.rule_store import By, Change, RuleStore
from bot.core.policy.rules import Rule, Trial
from bot.core.policy.scope import Scope, community_of
from bot.core.pool.pool import run_apart
from bot.core.runs.validation import RequestValidator
from bot.core.sources.needs import packs_of, refused_packs
from bot.core.storage import private
from bot.core.storage.temporary import work_folder
from bot.core.workflows import sidecar_edit
from bot.core.workflows.field_kinds import loader_kind
from bot.core.workflows.form import listed
from bot.core.workflows.identity.authors import VersionAuthors
from bot.core.workflows.identity.slugs import slug_of
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.sidecar import FIELD_KEYS
from bot.core.workflows.source import Layer, SavedSource
from bot.core.workflows.verdict_text import needed
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link
from comfy.saved import UnreadableWorkflow
from comfy.saved.files import WorkflowFile, read_workflow
from comfy.saved.needs import FileNeeds, read_needs, with_notes
from comfy.verdict import MissingNode

_LARGEST = 8 * 2**20  # bytes of a file
_SECONDS = 10.0  # for reading one; a hostile one is refused within one
_NO_WORKFLOW = _(
    "This file cannot be used: {reason}. Send a workflow that ComfyUI saved or exported, or a picture that it made."
)
_LONG = 40  # characters of the graph's value, shown beside its input
_TEXTS = frozenset({"CLIPTextEncode", "PrimitiveStringMultiline"})
_SEEDS = frozenset({"seed", "noise_seed"})


@dataclass(frozen=True)
class WorkflowInput:
    """An input in a graph that a field could set. `target` is its name in a sidecar."""

    target: str
    value: str


def settings_from(text: str) -> dict[str, Any]:
    """Parse text such as `target=KSampler.steps minimum=1 help="More is slower"` into the keys of a field.

    Lists are separated by commas. Raises `UserError`.
    """
    try:
        said = shlex.split(text)
    except ValueError as fault:
        raise UserError(_("A closing quote is missing.")) from fault
    found = {}
    for word in said:
        key, equals, value = word.partition("=")
        if not equals or key not in FIELD_KEYS:
            words = _("“{word}” does not look like NAME=VALUE. The names are {names}.")
            raise UserError(words.format(word=word, names=", ".join(FIELD_KEYS)))
        several = key == "choices" or (key == "target" and "," in value)
        found[key] = [each.strip() for each in value.split(",")] if several else _typed(key, value)
    return found


def _typed(key: str, value: str) -> Any:
    if FIELD_KEYS[key] is str:
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


class WorkflowEditor:
    """Stores the workflows of trusted people in a folder that the live catalog reads."""

    def __init__(
        self,
        folders: Mapping[Layer, Path],
        live_catalog: LiveCatalog,
        validator: RequestValidator,
        book: RuleStore,
        audit: Audit,
        permissions: Permissions,
        packs: Collection[str],
        authors: VersionAuthors,
    ) -> None:
        """`folders` are those of what is added in the chat, and of the operator; `packs` the allowed packs of nodes."""
        self.folders, self._live_catalog, self._validator = folders, live_catalog, validator
        self._rule_store, self._audit, self._permissions = book, audit, permissions
        self._packs, self._authors = frozenset(packs), authors
        self.one_by_one = asyncio.Lock()

    async def add(self, by: Person, here: Place, name: str, data: bytes) -> str:
        """Add a workflow from a file that ComfyUI saved, exported or made, with fields for common inputs. The answer
        says what the servers lack. The person who adds it can try it at once; other people can run it after `open`.
        Raises `UserError` with all mistakes.
        """
        await self._permissions.trusted(by, here, "workflow add")
        content, info = await _opened(data), await self.nodes()
        if info is None:
            raise UserError(_("No server can be reached to check the workflow. Try again when one is back."))
        prompt = await asyncio.to_thread(prompt_of_file, content, info)
        self.check_nodes(prompt, info, with_notes(read_needs(content.data), content.data))
        graph = json.dumps(content.data, indent=1)
        async with self.one_by_one:
            path = await self.free_path(name)
            sidecar = sidecar_edit.new(name.strip().capitalize(), suggested(prompt))
            files = self._files(path, sidecar, graph)
            await asyncio.to_thread(_try, files, info)
            workflow = await self.foreseen(path, prompt)
            await self._begin_trial(by, here, workflow)
            await self._write(by, workflow, files)
        added = self._live_catalog.get(workflow)
        lacks = await self._validator.lacks(added)
        fields = listed(added.form().names) or _("none")
        words = _("Added “{name}”. You can try it now; “workflow open” lets others run it. People fill in: {fields}.")
        words = words.format(name=added.name, fields=fields)
        where = await self._validator.where_to_get(added)
        return " ".join((words, *([lacks] if lacks else ()), *where))

    async def open(self, by: Person, here: Place, name: str) -> str:
        """Open a workflow on trial to a community. In private, an operator opens it everywhere. Only the person who
        added it and operators may do that. Raises `NotAllowed`.
        """
        await self._permissions.trusted(by, here, "workflow open")
        workflow = self._live_catalog.find(name).id
        everywhere = Rule(Scope(workflow=workflow), Trial(open=True))
        trial = self._rule_store.of("").get(everywhere.slot)
        if trial is None or not isinstance(trial.body, Trial) or trial.body.open:
            raise UserError(_("“{name}” is not on trial, so it is open already.").format(name=name))
        if trial.body.by != by.key or not here.community:
            await self._permissions.operator(by, here, "workflow open")
        opened = Rule(Scope(community_of(here), workflow=workflow), Trial(trial.body.by, open=True))
        words = _("Opened “{name}” {where}. The moderators' rules decide who may run it.")
        words = words.format(name=name, where=opened.scope.where)
        await self._rule_store.change(
            opened.scope.community, By(by, here, "workflow open", words), [Change.put(opened)]
        )
        return words

    async def inputs(self, by: Person, here: Place, name: str) -> list[WorkflowInput]:
        """Return all inputs that could become a field of a workflow, with their current values."""
        await self._permissions.trusted(by, here, "workflow inputs")
        return inputs_of(self._live_catalog.find(name).prompt)

    async def field(self, by: Person, here: Place, name: str, field: str, settings: Mapping[str, Any] | None) -> str:
        """Set a field of a workflow, with `target` and the other keys in docs/workflows.md; None removes the field."""
        await self._permissions.trusted(by, here, "workflow field")
        async with self.one_by_one:
            workflow, sidecar, graph = await self._read(by, name)
            if settings is None:
                changed = sidecar_edit.remove_field(sidecar, field)
            else:
                given = {key: value for key, value in settings.items() if value is not None}
                changed = sidecar_edit.set_field(sidecar, field, given)
            await self._write(by, workflow.id, self._files_of(workflow, changed, graph))
        words = _("Set “{field}” of “{name}”.") if settings is not None else _("Removed “{field}” of “{name}”.")
        return await self.note(by, here, "workflow field", words.format(field=field, name=name))

    async def describe(self, by: Person, here: Place, name: str, title: str, description: str) -> str:
        """Set the title and the description of a workflow."""
        await self._permissions.trusted(by, here, "workflow describe")
        async with self.one_by_one:
            workflow, sidecar, graph = await self._read(by, name)
            changed = sidecar_edit.describe(sidecar, title, description)
            await self._write(by, workflow.id, self._files_of(workflow, changed, graph))
        return await self.note(
            by, here, "workflow describe", _("Set the title and description of “{name}”.").format(name=name)
        )

    async def rename(self, by: Person, here: Place, old: str, new: str) -> str:
        """Rename a workflow."""
        await self._permissions.trusted(by, here, "workflow rename")
        async with self.one_by_one:
            workflow, sidecar, graph = await self._read(by, old)
            path = await self.free_path(new)
            files = self._files(path, sidecar, graph)
            await asyncio.to_thread(_try, files, await self.nodes())
            renamed = await self.foreseen(path, workflow.prompt)
            await self._rule_store.copy(workflow.id, renamed)  # so neither of them ever exists without its rules
            await self._write(by, renamed, files)
            await asyncio.to_thread(delete_files, self._paths_of(workflow))
            await self._live_catalog.refresh()
            await self._rule_store.forget_workflow(workflow.id)
        words = _("Renamed “{old}” to “{new}”.").format(old=old, new=new)
        return await self.note(by, here, "workflow rename", words)

    async def remove(self, by: Person, here: Place, name: str) -> str:
        """Remove a workflow. Runs that have started are finished."""
        await self._permissions.trusted(by, here, "workflow remove")
        async with self.one_by_one:
            workflow, _sidecar, _graph = await self._read(by, name)
            await asyncio.to_thread(delete_files, self._paths_of(workflow))
            await self._live_catalog.refresh()
            await self._rule_store.forget_workflow(workflow.id, trial=True)
        return await self.note(by, here, "workflow remove", _("Removed “{name}”.").format(name=name))

    async def nodes(self) -> ObjectInfo | None:
        """Return the nodes of all servers; None if none is known."""
        known = await self._validator.known()
        return ObjectInfo.union(known.values()) if known else None

    def check_nodes(self, prompt: Prompt, info: ObjectInfo, needs: FileNeeds) -> None:
        """Raise `UserError` that names the nodes that no server has, or the packs that are not allowed."""
        classes = sorted({node.class_type for node in prompt})
        if unknown := [each for each in classes if each not in info]:
            words = _("No server has the nodes {nodes}. The operator must install their packs first.")
            told = needed(needs, (MissingNode("", each) for each in unknown))
            raise UserError(" ".join((words.format(nodes=listed(unknown)), *told)))
        if refused := refused_packs(packs_of(info, classes), self._packs):
            raise UserError(refused)

    async def _read(self, by: Person, name: str) -> tuple[Workflow, str, str]:
        """Read the sidecar and the graph of a workflow that a person may change: one that was added in the chat, and
        any for operators. Raises `UserError` for all others.
        """
        workflow = self._live_catalog.find(name)
        if workflow.steps:
            words = _("“{name}” is a recipe: the operator changes it in its file, {name}.recipe.toml.")
            raise UserError(words.format(name=name))
        graph, text = "", None
        if workflow.layer in self.folders:
            with suppress(FileNotFoundError):
                graph, text = await asyncio.to_thread(_texts, self._paths_of(workflow))
        if text is None or not self.may_change(by, workflow):
            words = _("“{name}” was not added in the chat, so only the operator can change it.")
            raise UserError(words.format(name=name))
        return workflow, text, graph

    def may_change(self, by: Person, workflow: Workflow) -> bool:
        """True if a trusted person may change a workflow: one that was added in a chat, or any for operators. A draft
        that somebody tries is changed in the studio alone.
        """
        if self._rule_store.is_draft(workflow.id):
            return False
        return self.was_added_here(workflow) or self._permissions.is_operator(by)

    def was_added_here(self, workflow: Workflow) -> bool:
        """True for a workflow that was added in the chat: its trial stays on record, even when it is open."""
        return self._rule_store.of("").get(Rule(Scope(workflow=workflow.id), Trial()).slot) is not None

    def may_regraph(self, by: Person, workflow: Workflow) -> bool:
        """True if a person may give a workflow another graph: operators, and who added it until it is open everywhere.
        Else an author would change what an operator has opened.
        """
        trial = self._rule_store.of("").get(Rule(Scope(workflow=workflow.id), Trial()).slot)
        own = trial is not None and isinstance(trial.body, Trial) and trial.body.by == by.key and not trial.body.open
        return own or self._permissions.is_operator(by)

    async def free_path(self, name: str) -> str:
        """Return the path of a new workflow. Raises `UserError` if there are files of this name, even faulty ones."""
        if not name.strip():
            raise UserError(_("Give the workflow a name."))
        path = slug_of(name)
        taken = await asyncio.to_thread(
            lambda: any(file.exists() for folder in self.folders.values() for file in beside(folder / path))
        )
        taken = taken or any(path in (each.name, each.id) for each in self._live_catalog.workflows.values())
        if taken:
            raise UserError(_("There is a workflow “{name}” already: remove or rename it first.").format(name=name))
        return path

    async def foreseen(self, path: str, prompt: Prompt) -> str:
        """Return the id that a workflow will have, so that its rules are there before it is."""
        return await self._live_catalog.foreseen(SourceFile.of(Layer.ADDED, path, path, prompt))

    async def _write(self, by: Person, workflow: str, files: Mapping[Path, str]) -> None:
        """Write both files if they are valid. Otherwise raise `UserError` with the mistakes and change nothing."""
        await asyncio.to_thread(_try, files, await self.nodes())
        await asyncio.to_thread(put_files, files)
        await self._live_catalog.refresh()
        if (written := self._live_catalog.workflows.get(workflow)) is not None:
            await self._authors.note(written.version, by)

    async def _begin_trial(self, by: Person, here: Place, workflow: str) -> None:
        """Put a new workflow on trial, so that other people cannot run it."""
        trial = Rule(Scope(workflow=workflow), Trial(by.key))
        words = _("Added “{name}” on trial.").format(name=workflow)
        await self._rule_store.change("", By(by, here, "workflow add", words), [Change.put(trial)])
        await self.note(by, here, "workflow add", words)

    def _files(self, path: str, sidecar: str, graph: str) -> dict[Path, str]:
        return dict(zip(beside(self.folders[Layer.ADDED] / path), (graph, sidecar), strict=True))

    def _files_of(self, workflow: Workflow, sidecar: str, graph: str) -> dict[Path, str]:
        return dict(zip(self._paths_of(workflow), (graph, sidecar), strict=True))

    def _paths_of(self, workflow: Workflow) -> tuple[Path, Path]:
        """Return the graph and the sidecar of a workflow that lies in one of the folders."""
        return beside(self.folders[workflow.layer] / workflow.path)

    async def note(self, by: Person, here: Place, act: str, words: str) -> str:
        """Write into the audit what somebody did. Returns the words."""
        await self._audit.decided(by, here, act, words)
        return words


def inputs_of(prompt: Prompt) -> list[WorkflowInput]:
    """Return all inputs of a graph that a field could set."""
    return [
        WorkflowInput(_target(prompt, node, name), str(value)[:_LONG])
        for node in prompt
        for name, value in node.inputs.items()
        if isinstance(value, str | int | float) and not is_link(value)
    ]


def suggested(prompt: Prompt) -> dict[str, dict[str, Any]]:
    """Suggest fields for common inputs: pictures, texts and seeds."""
    fields: dict[str, dict[str, Any]] = {}
    for node in prompt:
        for name, value in node.inputs.items():
            if is_link(value) or (kind := _kind(node, name, value)) is None:
                continue
            number = sum(field.startswith(kind) for field in fields)
            fields[f"{kind}{number + 1}" if number else kind] = {"target": _target(prompt, node, name)}
    return fields


def _kind(node: Node, name: str, value: Any) -> str | None:
    if (loader := loader_kind(node, name)) is not None:
        return {"image": "picture"}.get(loader, str(loader))
    if node.class_type in _TEXTS and isinstance(value, str):
        return "text"
    return "seed" if name in _SEEDS and isinstance(value, int) else None


def _target(prompt: Prompt, node: Node, name: str) -> str:
    title = node.title if len(prompt.titled(node.title)) == 1 and "." not in node.title else f"#{node.id}"
    return f"{title}.{name}"


async def _opened(data: bytes) -> WorkflowFile:
    """Read a file in a process of its own, because it may be hostile. Raises `UserError`."""
    if len(data) > _LARGEST:
        raise UserError(_("The file is too large for a workflow."))
    with work_folder() as folder:
        path = folder / "file"
        await asyncio.to_thread(path.write_bytes, data)
        try:
            return await run_apart(read_workflow, path, timeout=_SECONDS)
        except UnreadableWorkflow as fault:
            raise UserError(_NO_WORKFLOW.format(reason=fault)) from fault
        except WorkerFailed as fault:
            raise UserError(str(fault)) from fault


def prompt_of_file(file: WorkflowFile, info: ObjectInfo) -> Prompt:
    """Make the prompt of a file with the nodes of all servers. Raises `UserError`."""
    try:
        return SavedSource(file.data).prompt_for(info) if file.is_saved else Prompt(file.data)
    except UnreadableWorkflow as fault:
        raise UserError(_NO_WORKFLOW.format(reason=fault)) from fault
    except PromptRejected as fault:
        reason = fault.node_errors[0].message if fault.node_errors else fault.message
        raise UserError(_NO_WORKFLOW.format(reason=reason)) from fault


def beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.json"), path.with_name(f"{path.name}.toml")


def _texts(paths: tuple[Path, Path]) -> tuple[str, str]:
    graph, sidecar = (path.read_text("utf-8") for path in paths)
    return graph, sidecar


def _try(files: Mapping[Path, str], info: ObjectInfo | None) -> None:
    """Read the files as the catalog does, in a temporary folder."""
    from bot.core.workflows.catalog import Catalog

    with work_folder() as folder:
        for path, text in files.items():
            (folder / path.name).write_text(text, "utf-8")
        read = Catalog.read(folder, info=info)
    if read.faults:
        raise UserError(" ".join(f"{fault}." for fault in read.faults))


def put_files(files: Mapping[Path, str]) -> None:
    """Write files so that no reader sees a half-written one, and all of them before the first takes its place."""
    parts = {path.with_name(f".{path.name}"): path for path in files}
    for part, path in parts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(files[path], "utf-8")
        part.chmod(private.as_folder(path.parent))  # the operator's own folder may be open to others
    for part, path in parts.items():
        part.replace(path)


def delete_files(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
