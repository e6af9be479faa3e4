"""The form that a person fills in, on every platform."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import randint
from typing import TypeAlias

from bot.core.errors import BadValue, all_of
from bot.core.similar import similar
from bot.core.workflows.languages import Translations, in_language
from bot.i18n import _

Value: TypeAlias = str | int | float | bool

_YES = frozenset({"yes", "on", "true", "1", "y"})
_NO = frozenset({"no", "off", "false", "0", "n"})
_LISTED = 12  # choices or names in a sentence
_LARGEST = 1e300  # the largest number; a larger one is a mistake, and breaks arithmetic
_FAR = 2**53  # larger bounds are not told beside a field: no person comes near them
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
_COLOR = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and halves of others
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")  # "1,000" means a thousand to some people and one to others


class FieldKind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    TOGGLE = "toggle"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    COLOR = "color"
    MODEL_3D = "3d"
    FILE = "file"


MEDIA = frozenset({FieldKind.IMAGE, FieldKind.VIDEO, FieldKind.AUDIO, FieldKind.MODEL_3D, FieldKind.FILE})
NUMERIC = frozenset({FieldKind.INTEGER, FieldKind.NUMBER})


@dataclass(frozen=True)
class Field:
    """One field of a form. If `choices` is None, any value is allowed; an empty tuple means that the server has no
    choices.

    A `seed` is random, between its bounds, unless the person gives one. Of an animated picture all `frames` are used,
    or the first one. Few people change a field of `more`. `sets` has for each choice the fields that it sets, by their
    names, unless a person gives these a value. `asks_count`: it asks for how many runs; `asks_matrix`:
    for the values of which each makes a run. Of a picture the workflow uses the `mask`, too. `unset` says what it means
    to choose nothing, where that is not the workflow's own value.
    """

    name: str
    kind: FieldKind
    title: str = ""
    help: str = ""
    required: bool = False
    frames: bool = False
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None
    max_length: int | None = None
    multiline: bool = False
    seed: bool = False
    more: bool = False
    sets: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...] = ()
    translations: Translations = ()
    asks_count: bool = False
    asks_matrix: bool = False
    mask: bool = False
    unset: str = ""

    def in_language(self, language: str) -> Field:
        """Return the field with its texts in a language, as far as its author has translated them."""
        if not self.translations:
            return self
        title, help_text = (in_language(self.translations, key, language) for key in ("title", "help"))
        return replace(self, title=title or self.title, help=help_text or self.help)

    @property
    def is_media(self) -> bool:
        return self.kind in MEDIA

    @property
    def is_rare(self) -> bool:
        """True if a form can have it apart, because few people change it."""
        return self.more or self.asks_matrix

    @property
    def seeds(self) -> tuple[int, int]:
        """The smallest and the largest random seed."""
        low = 0 if self.minimum is None else math.ceil(self.minimum)
        high = 2**63 - 1 if self.maximum is None else math.floor(self.maximum)
        return min(low, high), high

    @property
    def drawn_seeds(self) -> tuple[int, int]:
        """The smallest and the largest seed that is drawn: many nodes take none below zero."""
        low, high = self.seeds
        return (max(0, low) if high > 0 else low), high

    @property
    def range_text(self) -> str:
        """The bounds in words, such as "2 to 32"; empty if there are none. Very large ones are left out."""
        return _range(
            *(None if bound is None or abs(bound) >= _FAR else bound for bound in (self.minimum, self.maximum))
        )

    def parse(self, given: object) -> Value:
        """Parse what a person typed or a platform sent. Raises `BadValue`."""
        if not isinstance(given, str) and not (isinstance(given, int | float) and abs(given) <= _LARGEST):
            raise self._bad(_("give a text or a number."))
        match self.kind:
            case FieldKind.TEXT:
                return self._text(str(given))
            case FieldKind.INTEGER:
                return self._integer(given)
            case FieldKind.NUMBER:
                return float(self._in_range(self._read(given, _("a number")), given))
            case FieldKind.CHOICE:
                return self._choice(str(given))
            case FieldKind.TOGGLE:
                return self._toggle(str(given))
            case FieldKind.COLOR:
                return self._color(given)
            case _:
                raise self._bad(_("give a file."))

    def _text(self, given: str) -> str:
        text = given.replace("\r\n", "\n").replace("\r", "\n")
        text = _UNWRITABLE.sub("", text)
        if not self.multiline:
            text = text.strip("\n").replace("\n", " ")
        if self.max_length is not None and len(text) > self.max_length:
            words = _("at most {limit} characters are allowed, and this has {length}.")
            raise self._bad(words.format(limit=self.max_length, length=len(text)))
        return text

    def _integer(self, given: str | float) -> int:
        """Parse an integer; "7.0" means 7. Long integers, such as seeds, never become floats."""
        number = self._read(given, _("a whole number"))
        if number != int(number):
            raise self._bad(_("{given} is not a whole number; {hint}").format(given=shown(given), hint=self._hint()))
        return self._on_step(int(self._in_range(number, given)))

    def _read(self, given: str | float, wanted: str) -> float:
        text = str(given).strip()
        if _GROUPED.fullmatch(text):
            words = _("{given} can mean two numbers; leave out the comma, or use a point.")
            raise self._bad(words.format(given=shown(text)))
        number = _number(text)
        if not -_LARGEST <= number <= _LARGEST:
            words = _("{given} is not {wanted}; {hint}")
            raise self._bad(words.format(given=shown(given), wanted=wanted, hint=self._hint()))
        return number

    def _in_range(self, number: float, given: object) -> float:
        low = self.minimum is not None and number < self.minimum
        high = self.maximum is not None and number > self.maximum
        if low or high:
            words = _("{given} is too small; {hint}") if low else _("{given} is too large; {hint}")
            raise self._bad(words.format(given=shown(given), hint=self._hint()))
        return number

    def _on_step(self, number: int) -> int:
        """Check the step, counted from the minimum. It applies only to integers; for fractions it is a hint for
        sliders.
        """
        step = int(self.step or 1)
        over = (number - math.ceil(self.minimum or 0)) % step if step > 1 else 0
        if over:
            near = number - over
            if over * 2 > step and (self.maximum is None or near + step <= self.maximum):
                near += step
            words = _("{given} does not fit the step of {step}; try {near}.")
            raise self._bad(words.format(given=shown(number), step=step, near=shown(near)))
        return number

    def _hint(self) -> str:
        if exactly := _range(self.minimum, self.maximum):
            return _("use {range}.").format(range=exactly)
        return _("for example {example}.").format(example=_plain(self.default if _is_number(self.default) else 1))

    def _choice(self, given: str) -> str:
        text = given.strip()
        if self.choices is None or text in self.choices:
            return text
        if not self.choices:
            raise self._bad(_("the server has nothing to choose from. Please tell the operator."))
        if given in self.choices:
            return given
        folded = [choice for choice in self.choices if choice.casefold() == text.casefold()]
        if len(folded) == 1:
            return folded[0]
        words = _("{given} is not one of the choices: {choices}.")
        raise self._bad(words.format(given=shown(given), choices=listed(self.choices, like=text)))

    def _toggle(self, given: str) -> bool:
        text = given.strip().casefold()
        if text not in _YES | _NO:
            raise self._bad(_("{given} is not yes or no.").format(given=shown(given)))
        return text in _YES

    def _color(self, given: str | float) -> str:
        """Return a colour as "#rrggbb". Some nodes take it as a number."""
        text = f"#{given:06x}" if isinstance(given, int) and 0 <= given < 1 << 24 else str(given).strip()
        if (found := _COLOR.fullmatch(text)) is None:
            raise self._bad(_("{given} is not a colour; write it as #ff8800.").format(given=shown(given)))
        digits = found[1].lower()
        return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))

    def _bad(self, reason: str) -> BadValue:
        return BadValue(self.name, reason)


@dataclass(frozen=True)
class Form:
    """The fields of a workflow, in order."""

    fields: tuple[Field, ...]

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def without(self, name: str) -> Form:
        """Return the form without a field."""
        return Form(tuple(field for field in self.fields if field.name != name))

    def in_language(self, language: str) -> Form:
        """Return the form with its texts in a language, as far as its author has translated them."""
        return Form(tuple(field.in_language(language) for field in self.fields))

    def faults(self, given: Mapping[str, object]) -> tuple[BadValue, ...]:
        """Return all mistakes in the values, in the order of the fields."""
        unknown = [self._unknown(name) for name in given if name not in self.names]
        found = []
        for field in self.fields:
            try:
                _value(field, given.get(field.name))
            except BadValue as fault:
                found.append(fault)
        return (*unknown, *found)

    def check(self, given: Mapping[str, object], *, random: Callable[[int, int], int] = randint) -> dict[str, object]:
        """Return the values to run with: parsed, with defaults and a random seed. Files are returned unchanged.

        Raises all `faults` as one `BadValue`.
        """
        if faults := self.faults(given):
            raise all_of(faults)
        values = {field.name: _value(field, given.get(field.name)) for field in self.fields}
        for field in self.fields:
            if field.seed and values[field.name] is None:
                values[field.name] = random(*field.drawn_seeds)
        return {name: value for name, value in values.items() if value is not None}

    def _unknown(self, name: str) -> BadValue:
        if not self.fields:
            return BadValue(name, _("there is no such field; this workflow has no fields."))
        near = similar(name.lower(), self.names)
        if near:
            words = _("there is no such field. Did you mean “{near}”? The fields are {fields}.")
        else:
            words = _("there is no such field. The fields are {fields}.")
        return BadValue(name, words.format(near=near[0] if near else "", fields=listed(self.names, like=name)))


def _value(field: Field, given: object) -> object:
    """Return one field's value; None if it is left out and has no default."""
    absent = given is None or (isinstance(given, str) and not given.strip())
    if absent and isinstance(given, str) and field.kind is FieldKind.TEXT and not field.required:
        return field.parse(given)
    value = None if absent else given if field.is_media else field.parse(given)
    emptied = isinstance(value, str) and not value.strip()  # it had only control characters
    if value is not None and not (emptied and field.required):
        return value
    if field.required:
        raise BadValue(field.name, _missing(field))
    return None if field.seed else field.default


def _missing(field: Field) -> str:
    match field.kind:
        case FieldKind.IMAGE:
            return _("a picture is required.")
        case FieldKind.VIDEO:
            return _("a video is required.")
        case FieldKind.AUDIO:
            return _("a sound file is required.")
        case FieldKind.MODEL_3D:
            return _("a 3D file is required.")
        case FieldKind.FILE:
            return _("a file is required.")
        case _:
            return _("a value is required.")


def listed(names: Iterable[str], like: str = "") -> str:
    """List names for a sentence. If there are too many, list the most similar ones and the number of others."""
    every = list(names)
    if len(every) <= _LISTED:
        return ", ".join(every)
    near = similar(like, every, _LISTED, 0.3) if like else []
    shown = near or every[:_LISTED]
    return _("{names} and {count} more").format(names=", ".join(shown), count=len(every) - len(shown))


def shown(given: object) -> str:
    """Quote what a person typed, on one line and not too long."""
    text = " ".join(str(given).split())
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        return math.nan
    try:
        return int(text)
    except ValueError:
        return float(text.replace(",", "."))


def _range(minimum: float | None, maximum: float | None) -> str:
    low, high = _plain(minimum), _plain(maximum)
    match minimum, maximum:
        case None, None:
            return ""
        case _, None:
            return _("{low} or more").format(low=low)
        case None, _:
            return _("{high} or less").format(high=high)
        case _:
            return _("{low} to {high}").format(low=low, high=high)


def _plain(number: object) -> str:
    return f"{number:.0f}" if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else str(number)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
