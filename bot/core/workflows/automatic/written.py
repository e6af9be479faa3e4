"""Write the form that a workflow gets by itself as a sidecar, for its author to start from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.core.workflows.auto_form import declared_fields, prompt_of, results
from bot.core.workflows.saved import ConvertedFile
from bot.core.workflows.sidecar_edit import new
from bot.core.workflows.workflow import Declared
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt


def sidecar_of(file: ConvertedFile) -> str:
    """Return the automatic form of a file as the text of a sidecar. Raises `BadWorkflowFile`."""
    prompt = prompt_of(file)
    declared = declared_fields(prompt, ObjectInfo(file.definitions), file.surface)
    return written_form(file.name, prompt, declared, results(prompt, file.surface))


def written_form(title: str, prompt: Prompt, declared: Iterable[Declared], outputs: Iterable[str]) -> str:
    """Return a sidecar with these fields of a prompt, and the nodes whose results are delivered."""
    tables = {each.name: _table(prompt, each) for each in declared}
    return new(title, tables, [named_node(prompt, node_id) for node_id in outputs])


def _table(prompt: Prompt, field: Declared) -> dict[str, Any]:
    """A field as a table of a sidecar, without what goes without saying."""
    targets = [f"{named_node(prompt, each.node_id)}.{each.input}" for each in field.targets]
    choices: Any = {name: list(values) for name, values in field.sets} or list(field.choices or ())
    said = {
        "target": targets[0] if len(targets) == 1 else targets,
        "kind": str(field.kind) if field.kind is not None and not field.sets else None,
        "title": field.title,
        "help": field.help or None,
        "required": field.required,
        "default": field.default,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "step": field.step,
        "choices": choices or None,
        "multiline": field.multiline,
        "seed": field.seed,
        "more": field.more or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def named_node(prompt: Prompt, node_id: str) -> str:
    """A node as a sidecar names it: by its title if that is unique, else by its id."""
    title = prompt[node_id].title
    is_plain = len(prompt.titled(title)) == 1 and not title.startswith("#")
    return title if is_plain else f"#{node_id}"
