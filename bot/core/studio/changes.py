"""Write what an author has changed in a form into its sidecar, whose comments stay. Pure."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.workflows import sidecar_edit
from bot.core.workflows.languages import with_quoted_languages
from bot.core.workflows.sidecar import FIELD_KEYS

_EXACT = 2**53  # a browser rounds whole numbers from here on
_NUMBERS = frozenset({"minimum", "maximum", "default"})
_LONG_NUMBER = re.compile(r"-?[0-9]{16,30}")


@dataclass(frozen=True)
class FieldChange:
    """A field as it shall be, with the keys in docs/workflows.md. `was` is its name until now; empty for a new one."""

    name: str
    settings: Mapping[str, Any]
    was: str = ""


@dataclass(frozen=True)
class DraftChange:
    """The whole form as it shall be, with its fields in order. `edition` is that of the draft which the author saw, if
    it is known.
    """

    title: str
    description: str
    fields: tuple[FieldChange, ...]
    edition: int | None = None


def changed(sidecar: str, change: DraftChange) -> str:
    """Return a sidecar with a change in it. What is as it was keeps its place and its comments."""
    data = read_toml(sidecar)
    if (data.get("title"), data.get("description", "")) != (change.title, change.description):
        sidecar = sidecar_edit.describe(sidecar, change.title, change.description)
    kept = {each.was for each in change.fields}
    for name in [name for name in tables(data) if name not in kept]:
        sidecar = sidecar_edit.remove_field(sidecar, name)
    moves = [(each.was, each.name) for each in change.fields if each.was and each.was != each.name]
    for number, (was, _name) in enumerate(moves):  # by way of names that no field has, so that two can swap theirs
        sidecar = sidecar_edit.rename_field(sidecar, was, f"studio-moves-{number}")
    for number, (_was, name) in enumerate(moves):
        sidecar = sidecar_edit.rename_field(sidecar, f"studio-moves-{number}", name)
    now = tables(read_toml(sidecar))
    for each in change.fields:
        settings = {key: _plain(key, value) for key, value in each.settings.items() if key in FIELD_KEYS}
        settings = {key: value for key, value in settings.items() if value is not None}
        if {key: now.get(each.name, {}).get(key) for key in FIELD_KEYS if key in now.get(each.name, {})} != settings:
            sidecar = sidecar_edit.set_field(sidecar, each.name, settings)
    return sidecar_edit.arrange(sidecar, [each.name for each in change.fields])


def read_toml(sidecar: str) -> dict[str, Any]:
    """Return what a sidecar says. Raises `ValueError`."""
    return tomllib.loads(with_quoted_languages(sidecar))


def tables(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tables of the fields, by their names, in order."""
    fields = data.get("fields", {})
    given = fields.items() if isinstance(fields, Mapping) else ()
    return {name: table for name, table in given if isinstance(table, dict)}


def said(value: Any) -> Any:
    """Return a value of a sidecar as JSON and a browser can hold it: numbers that a browser would round are texts."""
    match value:
        case bool() | str():
            return value
        case int() | float():
            return value if math.isfinite(value) and abs(value) < _EXACT else str(value)
        case list():
            return [said(each) for each in value]
        case dict():
            return {key: said(each) for key, each in value.items()}
        case _:
            return str(value)


def _plain(key: str, value: Any) -> Any:
    """Return a value as people write it: 5 for 5.0, and a long number as a number again."""
    if key in _NUMBERS and isinstance(value, str) and _LONG_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
