"""Find the workflow in a file: plain JSON, wrapped, or kept by ComfyUI within a picture, a video, sound or a model.

ComfyUI writes it as JSON text into the metadata of what it saves. All of these formats keep the text as it is, but for
compressed texts of PNG and the pages of Ogg; so it is looked for by what JSON looks like, whatever the format.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy.json_text import read_json
from comfy.saved.definitions import ABSENT, read_spec
from comfy.saved.document import UnreadableWorkflow, is_saved_workflow, mapping

_MOST = 32 << 20  # bytes of JSON text, after it is unpacked
_LARGEST = 1 << 30  # bytes of a file that is no JSON
_OBJECT = re.compile(rb'\{\s*"(?:[^"\\\x00-\x1f]|\\.){1,200}"\s*:')
_WIDE_OBJECT = re.compile(rb'\{\x00"\x00')
_PIECES = (1 << 16, 1 << 21, _MOST)  # bytes that are tried as JSON
_MOST_IN_VAIN = 2 * _MOST  # bytes that are tried and only begin like JSON
_WRAPPED_IN = (
    *("workflow", "prompt", "input", "output", "extra_pnginfo", "extra_data"),
    *("extras", "asset", "__metadata__"),
)


@dataclass(frozen=True)
class WorkflowFile:
    """The content of a file: a workflow as the editor saves it, or a prompt for the API."""

    data: dict[str, Any]

    @property
    def is_saved(self) -> bool:
        return is_saved_workflow(self.data)


def read_workflow(path: Path) -> WorkflowFile:
    """Read a file. Raises `UnreadableWorkflow` and `OSError`."""
    size = path.stat().st_size
    if size > _LARGEST:
        raise UnreadableWorkflow("it is too large")
    with path.open("rb") as file:
        head = file.read(64)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        if size > _MOST:
            raise UnreadableWorkflow(f"it is larger than {_MOST >> 20} MB")
        return parse_workflow(path.read_bytes())
    return _best(_objects(path.read_bytes()), "there is no ComfyUI workflow in it")


def parse_workflow(text: bytes | str) -> WorkflowFile:
    """Read JSON. Raises `UnreadableWorkflow`."""
    try:
        data = read_json(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except UnicodeDecodeError as fault:
        raise UnreadableWorkflow("it is not text in UTF-8") from fault
    except json.JSONDecodeError as fault:
        raise UnreadableWorkflow(f"it is not JSON: line {fault.lineno}, column {fault.colno}") from fault
    except (RecursionError, ValueError) as fault:
        raise UnreadableWorkflow("it is not JSON that can be read") from fault
    return _best([data], _reason(data))


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
    return WorkflowFile(prompt)


def _unwrapped(data: Any, depth: int) -> Iterator[Any]:
    """Walk all that may be a workflow: the data itself, and what others wrap in it, as JSON or as its text."""
    if isinstance(data, str) and data.lstrip().startswith("{"):
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


def _objects(data: bytes) -> Iterator[Any]:
    """All JSON objects in a file."""
    for text in (data, *_unpacked(data)):
        yield from _scanned(text)


def _scanned(data: bytes) -> Iterator[Any]:
    for pattern, encoding in ((_OBJECT, "utf-8"), (_WIDE_OBJECT, "utf-16-le")):
        at, in_vain = 0, 0
        while in_vain < _MOST_IN_VAIN and (match := pattern.search(data, at)) is not None:
            found, length = _decoded(data, match.start(), encoding)
            if found is None:
                at, in_vain = match.start() + 1, in_vain + length
            else:
                at = match.start() + length
                yield found


def _decoded(data: bytes, at: int, encoding: str) -> tuple[Any, int]:
    """The JSON object at a place, and how many bytes it takes; None if there is none, and how many bytes were tried."""
    tried = 0
    for size in _PIECES:
        tried += min(size, len(data) - at)
        text = data[at : at + size].decode(encoding, "replace")
        try:
            found, end = json.JSONDecoder().raw_decode(text)
        except json.JSONDecodeError as fault:
            if fault.msg.startswith("Unterminated") or fault.pos > len(text) - 16:
                continue  # it may go on behind this piece
            break
        except (ValueError, RecursionError):
            break
        return found, len(text[:end].encode(encoding))
    return None, tried


def _unpacked(data: bytes) -> Iterator[bytes]:
    """The texts that a format does not keep as they are. Raises `UnreadableWorkflow` where one is too long."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from _png_texts(data)
    elif data.startswith(b"OggS"):
        yield b"".join(_ogg_pages(data))


def _png_texts(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"zTXt":
            yield _inflated(body.partition(b"\0")[2][1:])
        elif kind == b"iTXt":
            rest = body.partition(b"\0")[2]
            if rest[:1] == b"\1":
                yield _inflated(rest[2:].partition(b"\0")[2].partition(b"\0")[2])


def _inflated(data: bytes) -> bytes:
    decoder = zlib.decompressobj()
    try:
        text = decoder.decompress(data, _MOST)
    except zlib.error:
        return b""
    if decoder.unconsumed_tail:
        raise UnreadableWorkflow("a text in it is too long when it is unpacked")
    return text


def _ogg_pages(data: bytes) -> Iterator[bytes]:
    """The bodies of the pages, whose heads may stand within a text."""
    at = 0
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= len(data):
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        body = at + 27 + len(sizes)
        yield data[body : body + sum(sizes)]
        at = body + sum(sizes)


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
