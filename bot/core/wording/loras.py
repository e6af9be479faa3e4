"""LoRAs in words, as `<lora:name:0.8>`, and as a field. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.core.errors import BadValue
from bot.core.similar import similar
from bot.core.wording.model_names import names_of, without_ending
from bot.core.workflows.form import Field, FieldKind, Form, listed
from bot.i18n import _
from comfy.models.loras import TAG, Lora, read_tags

_MOST, _STRONGEST = 10, 10.0  # LoRAs of a run, and the strength of one
_NEAR = 5  # names that are told in place of one that there is not


class LoraTags:
    """Takes the LoRAs out of the words of a run. `files` are those that servers have, and only those that `permits`
    admits are named to people who wrote another one.
    """

    def __init__(self, files: Sequence[str], permits: Callable[[str], bool] = lambda _file: True) -> None:
        self._files, self._permits = files, permits
        self.found: list[Lora] = []
        self.fields: dict[str, str] = {}  # of each file: where it was written or chosen

    def without(self, field: str, text: str) -> str:
        """Return the text of a field without its LoRAs, and without those that taking others out leaves. Raises
        `BadValue`.
        """
        left = text
        while tags := list(read_tags(left)) if "<" in left else []:
            for name, rest in tags:
                self.add(field, Lora(self._file(field, name), *_strengths(field, rest)))
            left = TAG.sub("", left)
        return text if left == text else re.sub(r"[ \t]{2,}", " ", left).strip()

    def add(self, field: str, lora: Lora) -> None:
        self.found.append(lora)
        self.fields.setdefault(lora.file, field)
        if len(self.found) > _MOST:
            raise BadValue(field, _("at most {count} LoRAs can be used at once.").format(count=_MOST))

    def _file(self, field: str, name: str) -> str:
        """Return the file that a name means: its whole name, or a part of its path, without its ending too."""
        wanted = name.casefold().replace("\\", "/")
        found = [each for each in self._files if wanted in names_of(each)]
        exact = [each for each in found if wanted == each.casefold().replace("\\", "/")]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            words = _("“{name}” is the name of several LoRAs: {names}.")
            raise BadValue(field, words.format(name=name, names=listed(found)))
        near = self._near(without_ending(wanted))
        words = _("there is no LoRA “{name}”. Did you mean: {names}?") if near else _("there is no LoRA “{name}”.")
        raise BadValue(field, words.format(name=name, names=listed(near)))

    def _near(self, wanted: str) -> list[str]:
        """Return the files that have the most similar names: with their folders where there is one in `wanted`."""
        names = dict[str, str]()
        for each in filter(self._permits, self._files):
            name = without_ending(each.casefold().replace("\\", "/"))
            names.setdefault(name if "/" in wanted else name.rpartition("/")[2], each)
        return [names[each] for each in similar(wanted, names, _NEAR, 0.3)]


def lora_fields(form: Form, files: Sequence[str]) -> tuple[Field, Field] | None:
    """Return the fields for a LoRA and its strength; None if there is none to choose."""
    if not files:
        return None
    name = next(name for name in ("lora", "more_lora", "darkroom_lora") if name not in form.names)
    strength = next(each for each in (f"{name}_strength", f"darkroom_{name}_strength") if each not in form.names)
    help_text = _("Also in words, more than one too: {example}").format(example="<lora:NAME:0.8>")
    return (
        Field(name, FieldKind.CHOICE, _("LoRA"), help_text, choices=tuple(files), more=True, unset=_("No LoRA")),
        Field(
            strength,
            FieldKind.NUMBER,
            _("Strength of the LoRA"),
            default=1.0,
            minimum=-_STRONGEST,
            maximum=_STRONGEST,
            step=0.05,
            more=True,
        ),
    )


def chosen_lora(fields: tuple[Field, Field] | None, values: Mapping[str, Any]) -> tuple[Lora | None, dict[str, Any]]:
    """Return the LoRA that was chosen in the fields, and what was given there. Raises `BadValue`."""
    if fields is None:
        return None, {}
    file, strength = fields
    given = {each.name: values[each.name] for each in fields if str(values.get(each.name) or "").strip()}
    if file.name not in given:
        return None, {}
    name = str(file.parse(given[file.name]))
    amount = float(strength.parse(given.get(strength.name, 1.0)))
    return Lora(name, amount), {file.name: name, strength.name: amount}


def _strengths(field: str, text: str) -> tuple[float, float | None]:
    try:
        amounts = [float(each) for each in text.split(":")[1:] if each.strip()]
    except ValueError:
        raise BadValue(field, _("the strength of a LoRA is a number, as in <lora:NAME:0.8>.")) from None
    if not all(-_STRONGEST <= each <= _STRONGEST for each in amounts):
        words = _("the strength of a LoRA is a number from {least:g} to {most:g}.")
        raise BadValue(field, words.format(least=-_STRONGEST, most=_STRONGEST))
    return (amounts[0] if amounts else 1.0), (amounts[1] if len(amounts) > 1 else None)
