"""Styles: pieces of text that moderators name, and that people choose for what they write. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.core.workflows.arguments import main_field
from bot.core.workflows.form import Field, FieldKind, Form
from bot.i18n import _

_AVOID = ("avoid", "negative", "negative_prompt")  # names of a field for what shall not be there
_CLOSING = (",", ".", ";", ":", "!", "?", ")")
_LONGEST_NAME, _LONGEST = 40, 500  # characters


@dataclass(frozen=True)
class Style:
    """Text that goes before and after what a person writes, and into the field for what to avoid."""

    before: str = ""
    after: str = ""
    avoid: str = ""

    def around(self, text: str) -> str:
        """Return a text in this style."""
        begun = " ".join(part for part in (self.before.strip(), text.strip()) if part)
        return _joined(begun, self.after.strip())


#: The styles of a place, by their names.
Styles: TypeAlias = Mapping[str, Style]


def styled(form: Form, style: Style, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a form that are others in a style."""
    main, avoided = _main(form), _avoided(form)
    changed = dict[str, str]()
    if main is not None and (style.before or style.after):
        changed[main.name] = style.around(str(values.get(main.name) or ""))
    if avoided is not None and style.avoid:
        changed[avoided.name] = _joined(str(values.get(avoided.name) or "").strip(), style.avoid.strip())
    return changed


def style_field(form: Form, styles: Styles) -> Field | None:
    """Return the field in which people choose a style; None if there is nothing to choose, or no text for it."""
    if not styles or _main(form) is None:
        return None
    name = next(name for name in ("style", "house_style", "darkroom_style") if name not in form.names)
    names = tuple(sorted(styles, key=str.casefold))
    help_text = _("A style of this place, for your words.")
    return Field(name, FieldKind.CHOICE, _("Style"), help_text, choices=names, unset=_("No style"))


def faults(name: str, style: Style) -> str | None:
    """Say in words what is wrong with a style, for moderators; None if it is fine."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        return _("a style needs a name, of at most {most} characters").format(most=_LONGEST_NAME)
    if any(len(text) > _LONGEST for text in (style.before, style.after, style.avoid)):
        return _("a text of a style can have at most {count} characters").format(count=_LONGEST)
    return None


def _main(form: Form) -> Field | None:
    return main_field(Form(tuple(each for each in form.fields if each.name not in _AVOID)))


def _avoided(form: Form) -> Field | None:
    return next((each for each in form.fields if each.kind is FieldKind.TEXT and each.name in _AVOID), None)


def _joined(text: str, more: str) -> str:
    """Put a comma between two pieces that have no sign there."""
    if not text or not more:
        return text or more
    between = "" if more.startswith(_CLOSING) else " " if text.endswith(_CLOSING) else ", "
    return f"{text}{between}{more}"
