"""Read any workflow file as a prompt: what ComfyUI's editor saves is converted with a server's definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.errors import BadWorkflowFile
from bot.i18n import _
from comfy.saved import Surface, UnreadableWorkflow, convert
from comfy.saved.files import read_workflow, with_defaults


@dataclass(frozen=True)
class ConvertedFile:
    """The prompt of a file, made with these definitions, the nodes that those lack, and what a saved workflow shows."""

    name: str
    prompt: dict[str, Any]
    definitions: Mapping[str, Any]
    unknown: tuple[str, ...]
    surface: Surface = field(default_factory=Surface)


def convert_file(path: Path, definitions: Mapping[str, Any]) -> ConvertedFile:
    """Read a file in any format that ComfyUI writes. Raises `BadWorkflowFile`."""
    try:
        file = read_workflow(path)
        if file.is_saved:
            made = convert(file.data, definitions)
            return ConvertedFile(path.stem, made.prompt, definitions, made.unknown, made.surface)
    except (UnreadableWorkflow, OSError) as fault:
        reason = (fault.strerror or str(fault)) if isinstance(fault, OSError) else str(fault)
        words = _("{file} cannot be used: {reason}.")
        raise BadWorkflowFile(words.format(file=path.name, reason=reason)) from fault
    prompt = with_defaults(file.data, definitions)
    unknown = dict.fromkeys(
        str(node["class_type"]) for node in prompt.values() if node["class_type"] not in definitions
    )
    return ConvertedFile(path.stem, prompt, definitions, tuple(unknown))


def lacking(converted: ConvertedFile) -> str:
    """Return in words what the definitions lack for a file; empty if they lack nothing."""
    if not converted.unknown:
        return ""
    words = _("{file}: the server does not have these nodes: {nodes}.")
    return words.format(file=converted.name, nodes=", ".join(converted.unknown))
