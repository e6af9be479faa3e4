"""Read any workflow file as a prompt: what ComfyUI's editor saves is converted with a server's definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.errors import BadWorkflowFile
from bot.core.workflows.verdict_text import needed
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import Surface, UnreadableWorkflow, convert
from comfy.saved.files import read_workflow, with_defaults
from comfy.saved.needs import FileNeeds, read_needs, with_notes
from comfy.verdict import judge


@dataclass(frozen=True)
class ConvertedFile:
    """The prompt of a file, made with these definitions, the nodes that those lack, and what a saved workflow shows."""

    name: str
    prompt: dict[str, Any]
    definitions: Mapping[str, Any]
    unknown: tuple[str, ...]
    surface: Surface = field(default_factory=Surface)
    needs: FileNeeds = field(default_factory=FileNeeds)


def convert_file(path: Path, definitions: Mapping[str, Any]) -> ConvertedFile:
    """Read a file in any format that ComfyUI writes. Raises `BadWorkflowFile`."""
    try:
        file = read_workflow(path)
        if file.is_saved:
            made = convert(file.data, definitions)
            needs = with_notes(read_needs(file.data), file.data)
            return ConvertedFile(path.stem, made.prompt, definitions, made.unknown, made.surface, needs)
    except (UnreadableWorkflow, OSError) as fault:
        raise _bad_file(path, fault) from fault
    prompt = with_defaults(file.data, definitions)
    unknown = dict.fromkeys(
        str(node["class_type"]) for node in prompt.values() if node["class_type"] not in definitions
    )
    return ConvertedFile(path.stem, prompt, definitions, tuple(unknown))


def converted(workflow: Workflow, definitions: Mapping[str, Any]) -> ConvertedFile:
    """Return a workflow of the catalog as its file is without a sidecar. Raises `BadWorkflowFile`."""
    info, source = ObjectInfo(definitions), workflow.source
    try:
        prompt = workflow.prompt_for(info)
        surface = source.surface_for(info) if source is not None else Surface()
    except (UnreadableWorkflow, PromptRejected) as fault:
        words = _("{file} cannot be used: {reason}.").format(file=workflow.name, reason=fault)
        raise BadWorkflowFile(words) from fault
    unknown = dict.fromkeys(node.class_type for node in prompt if node.class_type not in definitions)
    needs = source.told_needs if source is not None else FileNeeds()
    return ConvertedFile(workflow.name, dict(prompt.to_json()), definitions, tuple(unknown), surface, needs)


def content_of(path: Path) -> str:
    """Return the workflow that is in a file of any format, as JSON. Raises `BadWorkflowFile`."""
    try:
        return json.dumps(read_workflow(path).data, indent=1, ensure_ascii=False)
    except (UnreadableWorkflow, OSError) as fault:
        raise _bad_file(path, fault) from fault


def _bad_file(path: Path, fault: UnreadableWorkflow | OSError) -> BadWorkflowFile:
    reason = (fault.strerror or str(fault)) if isinstance(fault, OSError) else str(fault)
    return BadWorkflowFile(_("{file} cannot be used: {reason}.").format(file=path.name, reason=reason))


def lacking(converted: ConvertedFile) -> str:
    """Return in words what the definitions lack for a file; empty if they lack nothing."""
    told = []
    if converted.unknown:
        words = _("{file}: the server does not have these nodes: {nodes}.")
        told.append(words.format(file=converted.name, nodes=", ".join(converted.unknown)))
    with suppress(PromptRejected):
        found = judge(Prompt(converted.prompt), ObjectInfo(converted.definitions))
        told += needed(converted.needs, found.faults)
    return "\n".join(told)
