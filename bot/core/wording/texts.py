"""The texts of a run, from what its person wrote to what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.wording.choosing import Chooser, Lists
from bot.core.workflows.form import FieldKind, Form


@dataclass(frozen=True)
class WordedValues:
    """The values to run with, and of the texts among them that are not as they were written, what was written."""

    values: Mapping[str, Any]
    written: Mapping[str, str] = field(default_factory=dict)


def worded(form: Form, values: Mapping[str, Any], lists: Lists, seed: str) -> WordedValues:
    """Make the choices in the texts of a form, which has what a person may fill in. Raises `BadValue`."""
    chooser, changed = Chooser(lists, seed), dict[str, str]()
    for each in form.fields:
        text = values.get(each.name)
        if each.kind is FieldKind.TEXT and isinstance(text, str) and (final := chooser.final(each.name, text)) != text:
            changed |= {name: str(value) for name, value in Form((each,)).check({each.name: final}).items()}
    return WordedValues({**values, **changed}, {name: values[name] for name in changed})
