"""The texts of a run, from what its person wrote to what is sent: the style, then lists and braces, then LoRAs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.wording.choosing import Chooser, Lists
from bot.core.wording.loras import LoraTags
from bot.core.wording.styles import Style, styled
from bot.core.workflows.form import FieldKind, Form


@dataclass(frozen=True)
class WordedValues:
    """The values to run with, and of the texts among them that are not as they were written, what was written."""

    values: Mapping[str, Any]
    written: Mapping[str, str] = field(default_factory=dict)


def worded(
    form: Form,
    values: Mapping[str, Any],
    lists: Lists,
    seed: str,
    style: Style | None = None,
    loras: LoraTags | None = None,
) -> WordedValues:
    """Word the texts of a form, which has what a person may fill in. The LoRAs in them are taken out, if the run can
    use some. Raises `BadValue`.
    """
    chooser, changed = Chooser(lists, seed), dict[str, str]()
    before = {**values, **(styled(form, style, values) if style is not None else {})}
    for each in form.fields:
        text = before.get(each.name)
        if each.kind is not FieldKind.TEXT or not isinstance(text, str):
            continue
        final = chooser.final(each.name, text)
        final = loras.without(each.name, final) if loras is not None else final
        if final != values.get(each.name):
            changed |= {name: str(value) for name, value in Form((each,)).check({each.name: final}).items()}
    return WordedValues({**values, **changed}, {name: str(values.get(name, "")) for name in changed})
