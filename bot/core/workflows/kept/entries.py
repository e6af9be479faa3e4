"""Workflows as they were made of their files, as bytes: what a later start need not work out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bot.core.workflows.auto_form import AutomaticForm
from bot.core.workflows.source import MadePrompt, SavedSource
from comfy.errors import PromptRejected
from comfy.prompt import Prompt
from comfy.saved import Surface
from comfy.saved.needs import FileNeeds


@dataclass(frozen=True)
class _KeptPrompt:
    shape: str
    graph: dict[str, Any]
    surface: Surface
    changing: tuple[tuple[str, str], ...]
    firsts: tuple[tuple[str, str, Any], ...]
    form: AutomaticForm | None


@dataclass(frozen=True)
class _KeptSource:
    packed: bytes
    is_packed: bool
    needs: FileNeeds
    made: tuple[_KeptPrompt, ...]


def written(source: SavedSource) -> bytes | None:
    """Return all of it, for `read`; None if that would be another when it is read, such as one with a date."""
    if any(each.day is not None for each in source.made):
        return None
    kept = _KeptSource(*source.content, source.needs, tuple(map(_kept, source.made)))
    try:
        text = msgspec.msgpack.encode(kept)
        return text if _read(text) == kept else None
    except (msgspec.MsgspecError, ValueError, OverflowError, TypeError, RecursionError):
        return None


def read(digest: str, text: bytes) -> SavedSource | None:
    """Return the source with this digest; None if this is not one."""
    try:
        kept = _read(text)
        made = tuple(map(_made, kept.made))
    except (msgspec.MsgspecError, PromptRejected, RecursionError):
        return None
    return SavedSource.restored(digest, kept.packed, kept.needs, made, is_packed=kept.is_packed)


def _read(text: bytes) -> _KeptSource:
    return msgspec.msgpack.decode(text, type=_KeptSource)


def _kept(made: MadePrompt) -> _KeptPrompt:
    firsts = tuple((*place, value) for place, value in made.firsts.items())
    form = made.form if isinstance(made.form, AutomaticForm) else None
    return _KeptPrompt(made.shape, dict(made.prompt.to_json()), made.surface, made.changing, firsts, form)


def _made(kept: _KeptPrompt) -> MadePrompt:
    firsts = {(class_type, name): value for class_type, name, value in kept.firsts}
    return MadePrompt(Prompt(kept.graph), kept.surface, kept.changing, kept.shape, firsts, kept.form)
