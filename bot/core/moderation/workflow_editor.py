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

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import Permissions
from bot.core.policy.rule_store import By, Change, RuleStore
from bot.core.policy.rules import Rule, Trial
from bot.core.policy.scope import Scope, community_of
from bot.core.runs.validation import RequestValidator
from bot.core.sources.needs import packs_of, refused_packs
from bot.core.storage import private
from bot.core.storage.temporary import work_folder
from bot.core.workflows import sidecar_edit
from bot.core.workflows.form import listed
from bot.core.workflows.live_catalog import LiveCatalog
from bot.core.workflows.sidecar import FIELD_KEYS
from bot.core.workflows.slugs import slug_of
from bot.core.workflows.source_file import Layer, SourceFile
from bot.core.workflows.workflow import Workflow, loader_kind
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_LARGEST = 8 * 2**20  # bytes of a file
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
    ) -> None:
        """`folders` are those of what is added in the chat, and of the operator; `packs` the allowed packs of nodes."""
        self._folders, self._live_catalog, self._validator = folders, live_catalog, validator
        self._rule_store, self._audit, self._permissions = book, audit, permissions
        self._packs = frozenset(packs)
        self._one_by_one = asyncio.Lock()

    async def add(self, by: Person, here: Place, name: str, data: bytes) -> str:
        """Add a workflow that ComfyUI exported with “Export (API)”, with fields for common inputs. The answer says what
        the servers lack. The person who adds it can try it at once; other people can run it after `open`. Raises
        `UserError` with all mistakes.
        """
        await self._permissions.trusted(by, here, "workflow add")
        prompt = await asyncio.to_thread(_prompt, data)
        await self._check(prompt)
        async with self._one_by_one:
            path = await self._free_path(name)
            sidecar = sidecar_edit.new(name.strip().capitalize(), suggested(prompt))
            files = self._files(path, sidecar, prompt)
            await asyncio.to_thread(_try, files)
            workflow = await self._foreseen(path, files)
            await self._begin_trial(by, here, workflow)
            await self._write(files)
        added = self._live_catalog.get(workflow)
        lacks = await self._validator.lacks(added)
        fields = listed(added.form().names) or _("none")
        words = _("Added “{name}”. You can try it now; “workflow open” lets others run it. People fill in: {fields}.")
        words = words.format(name=added.name, fields=fields)
        return f"{words} {lacks}" if lacks else words

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
        async with self._one_by_one:
            workflow, sidecar, prompt = await self._read(by, name)
            if settings is None:
                changed = sidecar_edit.remove_field(sidecar, field)
            else:
                given = {key: value for key, value in settings.items() if value is not None}
                changed = sidecar_edit.set_field(sidecar, field, given)
            await self._write(self._files_of(workflow, changed, prompt))
        words = _("Set “{field}” of “{name}”.") if settings is not None else _("Removed “{field}” of “{name}”.")
        return await self._note(by, here, "workflow field", words.format(field=field, name=name))

    async def describe(self, by: Person, here: Place, name: str, title: str, description: str) -> str:
        """Set the title and the description of a workflow."""
        await self._permissions.trusted(by, here, "workflow describe")
        async with self._one_by_one:
            workflow, sidecar, prompt = await self._read(by, name)
            changed = sidecar_edit.describe(sidecar, title, description)
            await self._write(self._files_of(workflow, changed, prompt))
        return await self._note(
            by, here, "workflow describe", _("Set the title and description of “{name}”.").format(name=name)
        )

    async def rename(self, by: Person, here: Place, old: str, new: str) -> str:
        """Rename a workflow."""
        await self._permissions.trusted(by, here, "workflow rename")
        async with self._one_by_one:
            workflow, sidecar, prompt = await self._read(by, old)
            path = await self._free_path(new)
            files = self._files(path, sidecar, prompt)
            await asyncio.to_thread(_try, files)
            renamed = await self._foreseen(path, files)
            await self._rule_store.copy(workflow.id, renamed)  # so neither of them ever exists without its rules
            await self._write(files)
            await asyncio.to_thread(_delete, self._paths_of(workflow))
            await self._live_catalog.refresh()
            await self._rule_store.forget_workflow(workflow.id)
        words = _("Renamed “{old}” to “{new}”.").format(old=old, new=new)
        return await self._note(by, here, "workflow rename", words)

    async def remove(self, by: Person, here: Place, name: str) -> str:
        """Remove a workflow. Runs that have started are finished."""
        await self._permissions.trusted(by, here, "workflow remove")
        async with self._one_by_one:
            workflow, _sidecar, _prompt = await self._read(by, name)
            await asyncio.to_thread(_delete, self._paths_of(workflow))
            await self._live_catalog.refresh()
            await self._rule_store.forget_workflow(workflow.id, trial=True)
        return await self._note(by, here, "workflow remove", _("Removed “{name}”.").format(name=name))

    async def _check(self, prompt: Prompt) -> None:
        """Raise `UserError` that names the nodes that no server has, or the packs that are not allowed."""
        known = await self._validator.known()
        if not known:
            raise UserError(_("No server can be reached to check the workflow. Try again when one is back."))
        info = ObjectInfo.union(known.values())
        classes = sorted({node.class_type for node in prompt})
        if unknown := [each for each in classes if each not in info]:
            words = _("No server has the nodes {nodes}. The operator must install their packs first.")
            raise UserError(words.format(nodes=listed(unknown)))
        if refused := refused_packs(packs_of(info, classes), self._packs):
            raise UserError(refused)

    async def _read(self, by: Person, name: str) -> tuple[Workflow, str, Prompt]:
        """Read the files of a workflow that a person may change: one that was added in the chat, and any for operators.
        Raises `UserError` for all others.
        """
        workflow = self._live_catalog.find(name)
        text = None
        if workflow.layer in self._folders:
            _graph, sidecar = self._paths_of(workflow)
            with suppress(FileNotFoundError):
                text = await asyncio.to_thread(sidecar.read_text, "utf-8")
        if text is None or not (self._was_added_here(workflow) or self._permissions.is_operator(by)):
            words = _("“{name}” was not added in the chat, so only the operator can change it.")
            raise UserError(words.format(name=name))
        return workflow, text, workflow.prompt

    def _was_added_here(self, workflow: Workflow) -> bool:
        """True for a workflow that was added in the chat: its trial stays on record, even when it is open."""
        return self._rule_store.of("").get(Rule(Scope(workflow=workflow.id), Trial()).slot) is not None

    async def _free_path(self, name: str) -> str:
        """Return the path of a new workflow. Raises `UserError` if there are files of this name, even faulty ones."""
        if not name.strip():
            raise UserError(_("Give the workflow a name."))
        path = slug_of(name)
        taken = await asyncio.to_thread(
            lambda: any(file.exists() for folder in self._folders.values() for file in _beside(folder / path))
        )
        taken = taken or any(path in (each.name, each.id) for each in self._live_catalog.workflows.values())
        if taken:
            raise UserError(_("There is a workflow “{name}” already: remove or rename it first.").format(name=name))
        return path

    async def _foreseen(self, path: str, files: Mapping[Path, str]) -> str:
        """Return the id that a workflow will have, so that its rules are there before it is."""
        graph, sidecar = files.values()
        return await self._live_catalog.foreseen(SourceFile(Layer.ADDED, path, path, graph, path, sidecar))

    async def _write(self, files: Mapping[Path, str]) -> None:
        """Write both files if they are valid. Otherwise raise `UserError` with the mistakes and change nothing."""
        await asyncio.to_thread(_try, files)
        await asyncio.to_thread(_put, files)
        await self._live_catalog.refresh()

    async def _begin_trial(self, by: Person, here: Place, workflow: str) -> None:
        """Put a new workflow on trial, so that other people cannot run it."""
        trial = Rule(Scope(workflow=workflow), Trial(by.key))
        words = _("Added “{name}” on trial.").format(name=workflow)
        await self._rule_store.change("", By(by, here, "workflow add", words), [Change.put(trial)])
        await self._note(by, here, "workflow add", words)

    def _files(self, path: str, sidecar: str, prompt: Prompt) -> dict[Path, str]:
        return _content(_beside(self._folders[Layer.ADDED] / path), sidecar, prompt)

    def _files_of(self, workflow: Workflow, sidecar: str, prompt: Prompt) -> dict[Path, str]:
        return _content(self._paths_of(workflow), sidecar, prompt)

    def _paths_of(self, workflow: Workflow) -> tuple[Path, Path]:
        """Return the graph and the sidecar of a workflow that lies in one of the folders."""
        return _beside(self._folders[workflow.layer] / workflow.path)

    async def _note(self, by: Person, here: Place, act: str, words: str) -> str:
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


def _prompt(data: bytes) -> Prompt:
    if len(data) > _LARGEST:
        raise UserError(_("The file is too large for a workflow."))
    try:
        return Prompt.loads(data)
    except PromptRejected as rejected:
        words = _("This is not a workflow in the API format: {reason}. Export it with “Export (API)” in ComfyUI.")
        raise UserError(words.format(reason=rejected.message)) from None


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.json"), path.with_name(f"{path.name}.toml")


def _content(paths: tuple[Path, Path], sidecar: str, prompt: Prompt) -> dict[Path, str]:
    return dict(zip(paths, (json.dumps(prompt.to_json(), indent=1), sidecar), strict=True))


def _try(files: Mapping[Path, str]) -> None:
    """Read the files as the catalog does, in a temporary folder."""
    from bot.core.workflows.catalog import Catalog

    with work_folder() as folder:
        for path, text in files.items():
            (folder / path.name).write_text(text, "utf-8")
        read = Catalog.read(folder)
    if read.faults:
        raise UserError(" ".join(f"{fault}." for fault in read.faults))


def _put(files: Mapping[Path, str]) -> None:
    """Write files so that no reader sees a half-written one."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}")
        part.write_text(text, "utf-8")
        part.chmod(private.as_folder(path.parent))  # the operator's own folder may be open to others
        part.replace(path)


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
