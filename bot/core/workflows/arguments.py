"""The arguments of a command: words for the main field, and `name=value` for the others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import BadValue
from bot.core.workflows.form import Field, FieldKind, Form
from bot.i18n import _

_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“”", "”": "”", "«": "»"}
_PAIR = re.compile(r"(?<!\S)([^\W\d][\w-]*)=", re.UNICODE)
_SWITCHES = ("spoiler", "private", "each")
_MATRIX = r"(?<!\S){name}:\s*"  # "vary: seed=1;2" as well


@dataclass(frozen=True)
class Typed:
    """The values as texts, by field. `hidden` says that the result is to be covered until it is touched, and `private`
    that it is for the person alone. `each` says if several files shall have a run each; None if nothing was said of it.
    """

    values: Mapping[str, str]
    faults: tuple[BadValue, ...] = ()
    hidden: bool = False
    private: bool = False
    each: bool | None = None


def read_arguments(text: str, form: Form) -> Typed:
    """Sort out what was typed. Only values that are there are checked: what is missing can be asked for."""
    main = main_field(form)
    for each in form.fields:
        if each.asks_matrix:
            text = re.sub(_MATRIX.format(name=each.name), f"{each.name}=", text, count=1, flags=re.IGNORECASE)
    names = {name.casefold(): name for name in form.names}
    values, rest, unknown = dict[str, str](), list[str](), list[BadValue]()
    switches, at = dict[str, bool](), 0
    while (found := _PAIR.search(text, at)) is not None:
        name = names.get(found[1].casefold())
        value, end = _value(text, found.end(), whole=name is not None and form[name].asks_matrix)
        if name is None and found[1].casefold() in _SWITCHES:
            switches[found[1].casefold()] = value.casefold() not in ("no", "off", "false", "0")
        elif name is not None:
            values[name] = value
        elif main is not None and not difflib.get_close_matches(found[1].casefold(), names, n=1):
            rest.append(text[at:end])  # an equals sign within what the person says
            at = end
            continue
        else:
            unknown.extend(form.faults({found[1]: value})[:1])
        rest.append(text[at : found.start()])
        at = end
    words = "".join([*rest, text[at:]]).strip()
    if words and main is not None and main.name in values:
        unknown.append(BadValue(main.name, _("it is there twice, by its name and without.")))
    elif words and main is not None:
        values[main.name] = words
    elif words:
        unknown.append(BadValue(_one_line(words), _("words belong to no field here; give them as name=value.")))
    faults = (*unknown, *_faults(form, values))
    hidden, private = switches.get("spoiler", False), switches.get("private", False)
    return Typed(values, faults, hidden, private, switches.get("each"))


def main_field(form: Form) -> Field | None:
    """The text that a command is about: the first that is needed, else the first there is."""
    texts = [field for field in form.fields if field.kind is FieldKind.TEXT and not field.asks_matrix]
    return next((field for field in texts if field.required), texts[0] if texts else None)


def example(command: str, form: Form, name: str = "") -> str:
    """A command that works, with a good value for the field of this name."""
    main, shown = main_field(form), next((field for field in form.fields if field.name == name), None)
    words = [f"/{command}"]
    if main is not None and (main.required or main.name == name):
        words.append(_("a lighthouse at dusk"))
    if shown is None and name:
        shown = next((field for field in form.fields if not field.is_media and field is not main), None)
    if shown is not None and shown is not main and not shown.is_media:
        words.append(f"{shown.name}={_quoted(good_value(shown))}")
    return " ".join(words)


def good_value(field: Field) -> str:
    """A value that the field takes."""
    match field.kind:
        case FieldKind.TOGGLE:
            return _("yes") if field.default is False else "no"
        case FieldKind.CHOICE:
            return str(field.default if field.default is not None else next(iter(field.choices or ()), "…"))
        case FieldKind.COLOR:
            return str(field.default or "#ff8800")
        case FieldKind.INTEGER | FieldKind.NUMBER:
            number = field.default if field.default is not None else field.minimum or 1
            return f"{number:g}" if isinstance(number, float) else str(number)
        case _:
            return str(field.default or "…")


def _faults(form: Form, values: Mapping[str, str]) -> list[BadValue]:
    faults = []
    for name, value in values.items():
        try:
            if value.strip():
                form[name].parse(value)
        except BadValue as fault:
            faults.append(fault)
    return faults


def _value(text: str, at: int, *, whole: bool = False) -> tuple[str, int]:
    """The value that starts at a place, and where it ends: in quotes it may have spaces, and `whole` it has all that
    comes in its line.
    """
    closing = _QUOTES.get(text[at : at + 1], "")
    if closing:
        ends = [place for mark in closing if (place := text.find(mark, at + 1)) >= 0]
        if ends:
            return text[at + 1 : min(ends)], min(ends) + 1
    ends_it = (lambda letter: letter == "\n") if whole else str.isspace
    end = next((place for place in range(at, len(text)) if ends_it(text[place])), len(text))
    return text[at:end], end


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"\s", value) or not value else value


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words[:39] + "…" if len(words) > 40 else words
