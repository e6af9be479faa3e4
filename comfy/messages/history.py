"""Parse a `/history` entry into a `Record`: the end of a prompt and its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from comfy.messages.events import ExecutionError, ExecutionInterrupted, ExecutionSuccess, execution_error
from comfy.messages.files import FileRef, Kind, kind_of

_FOLDER = re.compile(r" ?\[(input|output|temp)\]$")

End: TypeAlias = ExecutionSuccess | ExecutionError | ExecutionInterrupted


@dataclass(frozen=True)
class FileOutput:
    """A file that a node made, with its media type if the node gives one."""

    node_id: str
    file: FileRef
    kind: Kind
    content_type: str | None = None


@dataclass(frozen=True)
class TextOutput:
    """A text that a node made."""

    node_id: str
    text: str


Output: TypeAlias = FileOutput | TextOutput


@dataclass(frozen=True)
class Record:
    """The server's record of an ended prompt. It has `outputs` even if a later node failed. `targets` are the output
    nodes that were to run; empty if the server does not say.
    """

    prompt_id: str
    end: End
    outputs: tuple[Output, ...]
    targets: frozenset[str] = frozenset()

    @property
    def files(self) -> tuple[FileOutput, ...]:
        return tuple(output for output in self.outputs if isinstance(output, FileOutput))

    @property
    def texts(self) -> tuple[TextOutput, ...]:
        return tuple(output for output in self.outputs if isinstance(output, TextOutput))


def read_entry(prompt_id: str, entry: dict[str, Any]) -> Record:
    """Read one entry of `/history`. Raises `ValueError` if it is not ComfyUI's."""
    try:
        outputs = tuple(dict.fromkeys(_outputs(entry.get("outputs") or {})))
        return Record(prompt_id, _end(prompt_id, entry), outputs, _targets(entry))
    except (KeyError, TypeError, AttributeError, IndexError) as fault:
        raise ValueError(f"the history of prompt {prompt_id} cannot be read") from fault


def _end(prompt_id: str, entry: dict[str, Any]) -> End:
    """Read the end. An execution_error in the messages wins over `status_str`, which may say "success" (§3)."""
    status = entry.get("status") or {}
    messages = {str(name): data for name, data in status.get("messages") or ()}
    if (failure := messages.get("execution_error")) is not None:
        read = execution_error({"prompt_id": prompt_id, **failure})
        if isinstance(read, ExecutionError):
            return read
    if "execution_interrupted" in messages:
        return ExecutionInterrupted(prompt_id)
    if status.get("status_str") == "error":
        return ExecutionError(prompt_id, "", "", "Exception", "the server gave no reason")
    return ExecutionSuccess(prompt_id, cached=_all_cached(entry, messages))


def _all_cached(entry: dict[str, Any], messages: dict[str, Any]) -> bool:
    cached, targets = set((messages.get("execution_cached") or {}).get("nodes") or ()), _targets(entry)
    return bool(targets) and cached.issuperset(targets)


def _targets(entry: dict[str, Any]) -> frozenset[str]:
    return frozenset(node_id for ids in (entry.get("prompt") or [])[4:5] for node_id in ids)


def _outputs(by_node: dict[str, Any]) -> Iterator[Output]:
    for node_id, ui in by_node.items():
        for key, values in (ui or {}).items():
            if isinstance(values, list):
                read = _result if key == "result" else _values
                yield from read(str(node_id), list(_flat(values)))


def _flat(values: list[Any]) -> Iterator[Any]:
    """Yield the values of a nested list."""
    todo = values[::-1]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value[::-1]
        else:
            yield value


def _values(node_id: str, values: list[Any]) -> Iterator[Output]:
    """Recognize files and texts by their content, not by their key, because each node pack has its own keys."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values) > 1 and all(len(text) == 1 for text in texts):
        texts = values = ["".join(texts)]  # ComfyUI splits a bare string into characters (§7)
    for value in values:
        if isinstance(value, dict) and value.get("filename"):
            file = FileRef.from_json(value)
            content_type = value.get("format") if isinstance(value.get("format"), str) else None
            yield FileOutput(node_id, file, kind_of(file.filename, content_type), content_type)
        elif isinstance(value, str):
            yield TextOutput(node_id, value)


def _result(node_id: str, values: list[Any]) -> Iterator[Output]:
    """Read a result of Preview3D: a path such as "3d/cup.glb [output]", with the camera beside it (§7)."""
    for value in values:
        if isinstance(value, str) and kind_of(path := _FOLDER.sub("", value)) is not Kind.FILE:
            folder = _FOLDER.search(value)
            subfolder, _, filename = path.replace("\\", "/").rpartition("/")
            file = FileRef(filename, subfolder, folder[1] if folder else "output")
            yield FileOutput(node_id, file, kind_of(filename))
