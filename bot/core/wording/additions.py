"""The fields that no workflow has itself: a style of the place, and a LoRA. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.errors import BadValue
from bot.core.wording.loras import chosen_lora, lora_fields
from bot.core.wording.styles import Style, Styles, style_field
from bot.core.workflows.form import Field, Form
from comfy.models.loras import Lora


@dataclass(frozen=True)
class Chosen:
    """The choices in these fields. `given` has them by the names of the fields, of which `lora_names` are a LoRA's."""

    given: Mapping[str, Any] = field(default_factory=dict)
    style: Style | None = None
    lora: Lora | None = None
    lora_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Additions:
    """The styles that a person may choose, and the LoRAs, for a form with the fields that they see. `own` has what they
    want where they choose nothing; an empty text is a choice too.
    """

    styles: Styles = field(default_factory=dict)
    loras: Sequence[str] = ()
    own: Mapping[str, Any] = field(default_factory=dict)

    def added(self, form: Form) -> Form:
        """Return a form with these fields."""
        style, lora = style_field(form, self.styles), lora_fields(form, self.loras)
        more: tuple[Field, ...] = ((style,) if style is not None else ()) + (lora or ())
        return Form((*form.fields, *more)) if more else form

    def taken(self, form: Form, values: Mapping[str, Any]) -> tuple[dict[str, Any], Chosen]:
        """Return the values of the form's own fields, and what was chosen in these. Raises `BadValue`."""
        style, lora = style_field(form, self.styles), lora_fields(form, self.loras)
        names = [each.name for each in ((style,) if style is not None else ()) + (lora or ())]
        own = {name: value for name, value in values.items() if name not in names}
        values = {**values, **self._defaults(style, lora, values)}
        found, given = chosen_lora(lora, values)
        named = ""
        if style is not None and str(values.get(style.name) or "").strip():
            named = str(style.parse(values[style.name]))
            given = {style.name: named, **given}
        lora_names = tuple(each.name for each in lora or ())
        return own, Chosen(given, self.styles[named] if named else None, found, lora_names)

    def _defaults(
        self, style: Field | None, lora: tuple[Field, Field] | None, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the person's own defaults for these fields, as far as they may be chosen here."""
        own = {name: value for name, value in self.own.items() if values.get(name) is None}
        first = [each for each in (style, lora[0] if lora is not None else None) if each is not None]
        found = {each.name: own[each.name] for each in first if each.name in own and _fits(each, own[each.name])}
        if lora is not None and lora[0].name in found and _fits(lora[1], own.get(lora[1].name)):
            found[lora[1].name] = own[lora[1].name]
        return found


def _fits(field: Field, value: object) -> bool:
    try:
        field.parse(value)
    except BadValue:
        return False
    return value is not None
