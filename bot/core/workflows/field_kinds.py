"""The kind of field that an input gets: by a server's definitions, else by its node and its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bot.core.workflows.form import FieldKind
from comfy.messages.files import Kind, kind_of
from comfy.object_info import InputInfo, ObjectInfo
from comfy.prompt import Node, Prompt, is_link

#: Nodes with an input for a person's file, known without asking a server.
_LOADERS = {
    ("LoadImage", "image"): FieldKind.IMAGE,
    ("LoadImageMask", "image"): FieldKind.IMAGE,
    ("LoadVideo", "file"): FieldKind.VIDEO,
    ("LoadAudio", "audio"): FieldKind.AUDIO,
    ("Load3D", "model_file"): FieldKind.MODEL_3D,
    ("Load3DAdvanced", "model_file"): FieldKind.MODEL_3D,
}
#: Which output of a loader is the mask, known without asking a server.
_MASKS = {"LoadImage": 1, "LoadImageOutput": 1, "LoadImageMask": 0}
_BY_FILE = {
    Kind.IMAGE: FieldKind.IMAGE,
    Kind.VIDEO: FieldKind.VIDEO,
    Kind.AUDIO: FieldKind.AUDIO,
    Kind.MODEL_3D: FieldKind.MODEL_3D,
}
_VALUES = "Primitive"  # how the names of ComfyUI's own nodes for values begin
_NUMBERS = frozenset({"INT", "FLOAT"})
_FOLDER = re.compile(r" ?\[(input|output|temp)\]$")
_KINDS = {
    "INT": FieldKind.INTEGER,
    "FLOAT": FieldKind.NUMBER,
    "STRING": FieldKind.TEXT,
    "BOOLEAN": FieldKind.TOGGLE,
    "COMBO": FieldKind.CHOICE,
    "COLOR": FieldKind.COLOR,
}


def kind_of_input(node: Node, name: str, info: ObjectInfo | None) -> FieldKind:
    """Return the kind of field for an input: by the server's definitions, else by the graph's value."""
    literal = node.inputs.get(name)
    accepted = info.input(node.class_type, name) if info is not None else None
    if accepted is not None:
        return FieldKind(accepted.upload) if accepted.upload else _KINDS.get(accepted.type, kind_of_literal(literal))
    return loader_kind(node, name) or kind_of_literal(literal)


def has_used_mask(prompt: Prompt, node: Node, info: ObjectInfo | None) -> bool:
    """True if the graph uses the mask that a loader reads from what is transparent in a picture."""
    if node.class_type == "LoadImageMask" and node.inputs.get("channel", "alpha") != "alpha":
        return False  # it reads a colour
    declared = info.node(node.class_type) if info is not None else None
    if declared is not None:
        masks = {number for number, kind in enumerate(declared.outputs) if kind == "MASK"}
    else:
        masks = {_MASKS[node.class_type]} if node.class_type in _MASKS else set()
    links = (value for each in prompt for value in each.inputs.values() if is_link(value))
    return any(str(link[0]) == node.id and link[1] in masks for link in links)


def fed_with(prompt: Prompt, node: Node, name: str, info: ObjectInfo | None, *, seed: bool) -> Iterator[InputInfo]:
    """Return the inputs that get the number of this one, where its node only hands it on. ComfyUI does not check what
    comes through a link against their bounds, so their nodes fail. Of nodes with one number, those for a `seed` do so,
    and ComfyUI's own for values; any other may calculate.
    """
    declared = info.node(node.class_type) if info is not None else None
    if info is None or declared is None or not (seed or node.class_type.startswith(_VALUES)):
        return
    numbers = [each.name for each in declared.inputs.values() if each.type in _NUMBERS]
    outputs = {slot for slot, kind in enumerate(declared.outputs) if kind in _NUMBERS}
    if numbers != [name] or not outputs:
        return
    for other in prompt:
        for asked, value in other.inputs.items():
            if is_link(value) and value[0] == node.id and value[1] in outputs:
                accepted = info.input(other.class_type, asked)
                if accepted is not None and accepted.type in _NUMBERS:
                    yield accepted


def kind_of_file(filename: str, content_type: str | None) -> FieldKind:
    """Return the kind of field for a person's file, by its name and by what their client says of it."""
    kind = kind_of(filename, content_type)
    return FieldKind.FILE if kind is Kind.TEXT else FieldKind(kind)


def loader_kind(node: Node, name: str) -> FieldKind | None:
    """Return the kind of file that an input takes, without asking a server; None if it is not a file. A node that the
    list lacks takes files if it is called a loader and has the name of a picture, a video, a sound or a 3D file.
    """
    known, literal = _LOADERS.get((node.class_type, name)), node.inputs.get(name)
    if known is not None or not isinstance(literal, str) or "load" not in node.class_type.lower():
        return known
    return _BY_FILE.get(kind_of(_FOLDER.sub("", literal)))


def kind_of_literal(literal: Any) -> FieldKind:
    """Return the kind of a value that no declaration says more about."""
    match literal:
        case bool():
            return FieldKind.TOGGLE
        case int():
            return FieldKind.INTEGER
        case float():
            return FieldKind.NUMBER
        case _:
            return FieldKind.TEXT
