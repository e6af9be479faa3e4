"""The file that a workflow is made of: what the editor saved, from which a prompt is made for each server."""

from __future__ import annotations

import json
import marshal
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import Surface, UnreadableWorkflow, convert
from comfy.saved.needs import FileNeeds, read_needs, with_notes

_PLAIN = 100_000  # bytes up to which a workflow is not packed: that costs as much as to read it
_MOST_MADE = 8  # prompts that are kept of one workflow: servers mostly have the same definitions


class Layer(StrEnum):
    """The place that a workflow comes from. A file of a later layer replaces one of the same name in an earlier one."""

    BUNDLED = "bundled"
    SAVED = "saved"  #: in ComfyUI
    ADDED = "added"  #: in a chat
    FOLDER = "folder"  #: the operator's

    def __init__(self, _name: str) -> None:
        self.rank = len(type(self).__members__)

    __hash__ = str.__hash__  # quicker than that of other enums: it is asked for each file at each look


class NoDefinitions(Exception):
    """A saved workflow cannot be read before a server was seen."""


@dataclass
class MadePrompt:
    """A prompt, and the definitions for which it holds: `shape` is their digest. The editor takes the first choice
    where the file has no value; where a value may be one, it is in `firsts`, by class_type and input. `form` is what
    others have made of it. One with a date in it holds for that `day`.
    """

    prompt: Prompt
    surface: Surface = field(default_factory=Surface)
    changing: tuple[tuple[str, str], ...] = ()
    shape: str = ""
    firsts: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    form: object = None
    day: date | None = None

    def holds_for(self, info: ObjectInfo) -> bool:
        is_of_today = self.day is None or self.day == date.today()  # noqa: DTZ011 - the editor has the local one too
        firsts = self.firsts
        return is_of_today and (not firsts or all(_first(info, *place) == value for place, value in firsts.items()))


class SavedSource:
    """A workflow as the editor saved it. It is kept packed: the prompts that are made of it are mostly there."""

    def __init__(self, data: Mapping[str, Any], text: bytes | None = None, *, whole_file: str = "") -> None:
        """`text` is the same as JSON, if it is at hand; `whole_file` its digest, if it is all that a file has."""
        self.is_whole_file = bool(whole_file)
        self.digest = whole_file or _digest(data, text)
        plain = marshal.dumps(dict(data))
        self._is_packed = len(plain) > _PLAIN
        self._packed = zlib.compress(plain, 1) if self._is_packed else plain
        self.needs = read_needs(data)
        self.made: tuple[MadePrompt, ...] = ()
        self._fault: tuple[str, Exception] | None = None

    @classmethod
    def restored(
        cls, digest: str, packed: bytes, needs: FileNeeds, made: tuple[MadePrompt, ...], *, is_packed: bool
    ) -> SavedSource:
        """Return one as it was: its digest, its `content`, and what was made of it."""
        source = cls.__new__(cls)
        source.digest, source.needs, source.made, source.is_whole_file = digest, needs, made, True
        source._packed, source._is_packed, source._fault = packed, is_packed, None  # noqa: SLF001
        return source

    @property
    def content(self) -> tuple[bytes, bool]:
        """The file's content, and if it is packed."""
        return self._packed, self._is_packed

    @property
    def data(self) -> dict[str, Any]:
        """The file's content, made once more."""
        plain = zlib.decompress(self._packed) if self._is_packed else self._packed
        data: dict[str, Any] = marshal.loads(plain)  # noqa: S302 - this program wrote it
        return data

    @property
    def told_needs(self) -> FileNeeds:
        """The needs of the file, with what its notes say."""
        return with_notes(self.needs, self.data)

    def prompt_for(self, info: ObjectInfo) -> Prompt:
        """Return the prompt that the editor would send to a server with these definitions. The same definitions of its
        nodes give the same prompt: of texts such as `{cat|dog}` it has the first word.

        Raises `UnreadableWorkflow` and `PromptRejected`.
        """
        return self.made_for(info).prompt

    def surface_for(self, info: ObjectInfo) -> Surface:
        """Return what the editor shows outside with these definitions. Raises as `prompt_for` does."""
        return self.made_for(info).surface

    def made_for(self, info: ObjectInfo) -> MadePrompt:
        """Return the prompt with all that was made with it. Raises as `prompt_for` does."""
        key = info.digest(self.needs.class_types)
        if self._fault is not None and self._fault[0] == key:
            raise self._fault[1]
        for made in self.made:
            if made.shape == key and made.holds_for(info):
                return made
        now = datetime.now()  # noqa: DTZ005
        try:
            converted = convert(self.data, info.plans, lambda _count: 0, lambda: now)
            prompt = Prompt(converted.prompt)
        except (UnreadableWorkflow, PromptRejected) as fault:
            self._fault = key, fault
            raise
        prompt = next((each.prompt for each in self.made if each.prompt == prompt), prompt)
        day = now.date() if converted.is_dated else None
        firsts = _first_choices(prompt, info)
        fresh = MadePrompt(prompt, converted.surface, converted.changing, key, firsts, day=day)
        self.made = (fresh, *self.made[: _MOST_MADE - 1])
        return fresh

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SavedSource) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def _digest(data: Mapping[str, Any], text: bytes | None) -> str:
    text = text or json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return sha256(text).hexdigest()


def _first_choices(prompt: Prompt, info: ObjectInfo) -> Mapping[tuple[str, str], Any]:
    """Return the first choices that a prompt has as its values, and None where there is none to take."""
    return {
        (declared.class_type, name): first
        for node in prompt.to_json().values()
        if (declared := info.node(node["class_type"])) is not None
        for name, first in declared.first_choices
        if node["inputs"].get(name) == first
    }


def _first(info: ObjectInfo, class_type: str, name: str) -> Any:
    accepted = info.input(class_type, name)
    return accepted.choices[0] if accepted is not None and accepted.choices else None
