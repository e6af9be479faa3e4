"""Nodes that only stand for a value until a client puts it in their place, as Krita and SwarmUI do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from comfy.prompt import Node, Prompt

_NUMBERS = {"number": float, "number (integer)": int}
_NO_FILE = "(Do Not Set Me)"
#: SwarmUI's inputs for files, each with the node that loads one of its kind, and that node's input.
_LOADERS = {
    "SwarmInputImage": ("LoadImage", "image"),
    "SwarmInputVideo": ("LoadVideo", "file"),
    "SwarmInputAudio": ("LoadAudio", "audio"),
}


def consumers_of(prompt: Prompt, node_id: str) -> Iterator[tuple[Node, str]]:
    """Return the inputs that are linked to a node."""
    for node in prompt:
        for name, value in node.inputs.items():
            if isinstance(value, list) and value and str(value[0]) == node_id:
                yield node, name


def with_values_in_place(prompt: Prompt) -> Prompt:
    """Put the value of each Krita parameter into the inputs that it leads to, since its node passes on only text; and
    load the file of a SwarmUI input by its name.
    """
    for node in prompt.of_class("ETN_Parameter"):
        value = _typed(node.inputs.get("default"), node.inputs.get("type"))
        for consumer, name in consumers_of(prompt, node.id):
            prompt = prompt.with_input(consumer.id, name, value)
        prompt = Prompt({key: each for key, each in prompt.to_json().items() if key != node.id})
    for node in prompt.of_class(*_LOADERS):
        file, (class_type, name) = node.inputs.get("value"), _LOADERS[node.class_type]
        if isinstance(file, str) and file not in ("", _NO_FILE):
            loader = {"class_type": class_type, "inputs": {name: file}, "_meta": {"title": node.title}}
            prompt = Prompt({**prompt.to_json(), node.id: loader})
    return prompt


def _typed(value: Any, kind: object) -> Any:
    """A parameter's text as the value that its type says; a text that is none stays."""
    if not isinstance(value, str):
        return value
    if kind == "toggle":
        return value.strip().lower() in ("true", "1", "yes", "on")
    try:
        return _NUMBERS[str(kind)](value) if str(kind) in _NUMBERS else value
    except ValueError:
        return value
