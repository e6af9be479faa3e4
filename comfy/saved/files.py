"""Find the workflow in a file: plain JSON, wrapped, or kept by ComfyUI within a picture, a video, sound or a model."""

from __future__ import annotations

import json
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from comfy.json_text import read_json
from comfy.saved.containers import MOST, TOO_MANY_PARTS, has_too_many_parts, json_objects
from comfy.saved.definitions import ABSENT, read_spec
from comfy.saved.document import MOST_NODES, TOO_MANY, UnreadableWorkflow, is_saved_workflow, mapping

_TOO_LARGE = f"it is larger than {MOST >> 20} MB"
_WRAPPED_IN = (
    *("workflow", "prompt", "input", "output", "extra_pnginfo", "extra_data"),
    *("extras", "asset", "__metadata__"),
)


#: Reads JSON as `json` does, in less time; None for what it cannot read, which `json` may.
QuickReader = Callable[[bytes], Any]


@dataclass(frozen=True)
class WorkflowFile:
    """The content of a file: a workflow as the editor saves it, or a prompt for the API. If it `is_whole`, the file has
    nothing else, and `text` is its JSON.
    """

    data: dict[str, Any]
    is_whole: bool = False
    text: bytes | None = None

    @property
    def is_saved(self) -> bool:
        return is_saved_workflow(self.data)


def read_workflow(path: Path) -> WorkflowFile:
    """Read a file. Raises `UnreadableWorkflow` and `OSError`."""
    text = read_text(path)
    return parse_file(text) if text is not None else _best(json_objects(path), "there is no ComfyUI workflow in it")


def read_text(path: Path) -> bytes | None:
    """Return the content of a file in JSON; None for another one. Raises `UnreadableWorkflow` and `OSError`."""
    with path.open("rb") as file:
        head = file.read(64)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
            return None
        size = os.fstat(file.fileno()).st_size  # to ask for `MOST` bytes takes longer than to read most files
        rest = file.read(min(size, MOST) or MOST)
        if len(rest) == MOST:
            raise UnreadableWorkflow(_TOO_LARGE)
        return head + rest


def parse_file(text: bytes, quick: QuickReader | None = None) -> WorkflowFile:
    """Read the content of a file in JSON. Raises `UnreadableWorkflow`."""
    found = parse_workflow(text, quick)
    return replace(found, text=text) if found.is_whole else found


def parse_workflow(text: bytes | str, quick: QuickReader | None = None) -> WorkflowFile:
    """Read JSON. Raises `UnreadableWorkflow`."""
    if len(text) > MOST:
        raise UnreadableWorkflow(_TOO_LARGE)
    data = None
    if quick is not None and isinstance(text, bytes) and not has_too_many_parts(text):
        data = quick(text)
    if data is None:
        data = _read(text)
    found = _best([data], _reason(data))
    return replace(found, is_whole=found.data is data)


def _read(text: bytes | str) -> Any:
    try:
        text = text.removeprefix(BOM_UTF8).decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as fault:
        raise UnreadableWorkflow("it is not text in UTF-8") from fault
    if has_too_many_parts(text):
        raise UnreadableWorkflow(TOO_MANY_PARTS)
    try:
        return read_json(text)
    except json.JSONDecodeError as fault:
        raise UnreadableWorkflow(f"it is not JSON: line {fault.lineno}, column {fault.colno}") from fault
    except (RecursionError, ValueError) as fault:
        raise UnreadableWorkflow("it is not JSON that can be read") from fault


def is_prompt(data: Any) -> bool:
    """True if this is a prompt for the API. Keys that begin with `_` are remarks."""
    nodes = [value for key, value in data.items() if not key.startswith("_")] if isinstance(data, dict) else []
    return bool(nodes) and all(isinstance(node, dict) and isinstance(node.get("class_type"), str) for node in nodes)


def _reason(data: Any) -> str:
    if isinstance(data, dict) and "templates" in data:
        return "it has templates of nodes, and no workflow"
    return "it is JSON, but no ComfyUI workflow"


def _best(found: Iterable[Any], reason: str) -> WorkflowFile:
    """A saved workflow before a prompt, which has less."""
    prompt = None
    for data in found:
        for each in _unwrapped(data, 0):
            if is_saved_workflow(each):
                return WorkflowFile(each)
            if prompt is None and is_prompt(each):
                prompt = {key: value for key, value in each.items() if not key.startswith("_")}
    if prompt is None:
        raise UnreadableWorkflow(reason)
    if len(prompt) > MOST_NODES:
        raise UnreadableWorkflow(TOO_MANY)
    return WorkflowFile(prompt)


def _unwrapped(data: Any, depth: int) -> Iterator[Any]:
    """Walk all that may be a workflow: the data itself, and what others wrap in it, as JSON or as its text."""
    if isinstance(data, str) and data.lstrip()[:1] == "{" and not has_too_many_parts(data):
        try:
            data = read_json(data)
        except (ValueError, RecursionError):
            return
    if not isinstance(data, dict):
        return
    yield data
    if depth < 5:
        for key in _WRAPPED_IN:
            if key in data:
                yield from _unwrapped(data[key], depth + 1)


def with_defaults(prompt: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Give a prompt the defaults of required inputs that it lacks, because their nodes got them later."""
    made: dict[str, Any] = {}
    for node_id, node in prompt.items():
        raw = definitions.get(node["class_type"])
        given = node.get("inputs") or {}
        if not isinstance(given, dict):  # no prompt will take it
            made[node_id] = node
            continue
        inputs = dict(given)
        if isinstance(raw, Mapping):
            required = mapping(mapping(raw.get("input")).get("required"))
            for spec in read_spec(node["class_type"], raw).inputs:
                if spec.name in required and spec.name not in inputs and spec.is_widget and spec.default is not ABSENT:
                    inputs[spec.name] = spec.default
        made[node_id] = {**node, "inputs": inputs}
    return made
