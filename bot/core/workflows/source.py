"""The file that a workflow is made of: what the editor saved, from which a prompt is made for each server."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import convert

_MOST_MADE = 8  # prompts that are kept of one workflow: servers mostly have the same definitions


class NoDefinitions(Exception):
    """A saved workflow cannot be read before a server was seen."""


class SavedSource:
    """A workflow as the editor saved it. It is kept packed: the prompts that are made of it are mostly there."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        self.digest = sha256(text).hexdigest()
        self._packed = zlib.compress(text)
        self._class_types = frozenset(_class_types(data))
        self._made: dict[str, Prompt] = {}

    @property
    def data(self) -> dict[str, Any]:
        """The file's content, read once more."""
        data: dict[str, Any] = json.loads(zlib.decompress(self._packed))
        return data

    def prompt_for(self, info: ObjectInfo) -> Prompt:
        """Return the prompt that the editor would send to a server with these definitions. The same definitions of its
        nodes give the same prompt: of texts such as `{cat|dog}` it has the first word.

        Raises `UnreadableWorkflow` and `PromptRejected`.
        """
        key = self.edition(info)
        if (found := self._made.get(key)) is not None:
            return found
        made = Prompt(convert(self.data, info.data, lambda _count: 0).prompt)
        made = next((each for each in self._made.values() if each == made), made)
        if len(self._made) >= _MOST_MADE:
            self._made.clear()
        self._made[key] = made
        return made

    def edition(self, info: ObjectInfo) -> str:
        """Return a text that is another where the prompt may be another."""
        return info.digest(self._class_types)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SavedSource) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def _class_types(data: Any) -> Iterator[str]:
    """Yield the types of all nodes, those within subgraphs and groups too."""
    left = [data]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if isinstance(each.get("type"), str):
                yield each["type"]
            left += (value for value in each.values() if isinstance(value, dict | list))
        elif isinstance(each, list):
            left += (value for value in each if isinstance(value, dict | list))


@dataclass(frozen=True)
class SourcePrompt:
    """A file's prompt, made with what is known, and the saved workflow if it is one."""

    prompt: Prompt
    source: SavedSource | None = None
