"""A matrix: a text such as `seed=1;2, steps=10..30/10`, and the combinations that it asks for. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from math import prod

from bot.core.errors import BadValue
from bot.core.similar import similar
from bot.core.workflows.form import NUMERIC, Field, Form, Value, listed, shown
from bot.i18n import _

# Lines that are empty are not read again from each of them.
_AXIS = re.compile(r"(?:\A\s*|(?<!\\)(?:,\s*|\n[^\S\n]*))([^\W\d][\w-]*)\s*=")
_BETWEEN = re.compile(r"(?<!\\);")
_LAST_COMMA = re.compile(r"(?<!\\),\s*\Z")
_ESCAPED = re.compile(r"\\([,;])")
_NUMBER = r"([+-]?\d{1,18}(?:[.,]\d{1,9})?)"
_RANGE = re.compile(rf"\s*{_NUMBER}\s*\.\.\s*{_NUMBER}\s*(?:/\s*{_NUMBER}\s*)?")
_LONGEST = 30  # characters of a value in a label


@dataclass(frozen=True)
class Axis:
    """A field, and the texts of the values that it takes one after the other, as they were written."""

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Combination:
    """The values of one run of a matrix, by field, and a `label` that says them."""

    values: dict[str, Value]
    label: str


def read_axes(text: str) -> list[Axis]:
    """Read the axes of a matrix. Nothing is checked but that there is a field at the beginning: then there is none."""
    marks = list(_AXIS.finditer(text))
    if not marks or marks[0].start() != 0:
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [Axis(mark[1], _parts(text[mark.end() : end])) for mark, end in zip(marks, ends, strict=True)]


def varied(text: str) -> frozenset[str]:
    """Return the names of the fields that a matrix gives values to."""
    return frozenset(axis.name for axis in read_axes(text))


def eased(form: Form, given: Mapping[str, object]) -> Form:
    """Return a form in which nothing is required that a matrix among the given values has values for."""
    texts = [str(given.get(each.name) or "") for each in form.fields if each.asks_matrix]
    names = {name.casefold() for text in texts for name in varied(text)}
    if not names:
        return form
    return Form(tuple(replace(each, required=False) if each.name.casefold() in names else each for each in form.fields))


def combinations(name: str, text: str, form: Form, kept_back: Iterable[str], most: int) -> list[Combination]:
    """Return all combinations, the last axis changing first. `form` has the fields that people see, and `kept_back`
    names those that moderators have set. Raises `BadValue` for the field `name`, which has the text.
    """
    axes = read_axes(text)
    if not axes:
        raise BadValue(name, _("write a field, “=” and its values, such as seed=1;2;3 or steps=10..30/10."))
    names = [axis.name for axis in axes]
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise BadValue(name, _("{field} is there twice; put all of its values behind one.").format(field=twice))
    fields = [_field(name, axis, form, kept_back) for axis in axes]
    expanded = [_expanded(name, axis, field, most) for axis, field in zip(axes, fields, strict=True)]
    count = prod(map(len, expanded))
    if count > most:
        raise BadValue(name, _("this makes {count} runs; at most {most} will do.").format(count=count, most=most))
    parsed = [_parsed(name, field, texts) for field, texts in zip(fields, expanded, strict=True)]
    return [_combination(fields, values) for values in product(*parsed)]


def _parts(text: str) -> tuple[str, ...]:
    parts = (_ESCAPED.sub(r"\1", part.strip()) for part in _BETWEEN.split(_LAST_COMMA.sub("", text)))
    return tuple(part for part in parts if part)


def _field(name: str, axis: Axis, form: Form, kept_back: Iterable[str]) -> Field:
    if axis.name in kept_back:
        words = _("{field}: moderators have set this for all runs here; leave it out.")
        raise BadValue(name, words.format(field=axis.name))
    fields = [each for each in form.fields if not (each.asks_count or each.asks_matrix)]
    found = next((each for each in fields if each.name == axis.name), None)
    found = found or next((each for each in fields if each.name.casefold() == axis.name.casefold()), None)
    if found is None:
        names = [each.name for each in fields if not each.is_media]
        words = _("{field}: there is no such field. The fields are {fields}.")
        if near := similar(axis.name.lower(), names):
            words = _("{field}: there is no such field. Did you mean “{near}”? The fields are {fields}.")
        told = listed(names, like=axis.name)
        raise BadValue(name, words.format(field=axis.name, near=near[0] if near else "", fields=told))
    if found.is_media:
        raise BadValue(name, _("{field} takes a file, which cannot be varied here.").format(field=axis.name))
    if len(axis.texts) < 2 and not (axis.texts and _range(found, axis.texts[0])):
        words = _("{field} needs two values at least, with “;” between them: {field}={first};…")
        raise BadValue(name, words.format(field=axis.name, first=axis.texts[0] if axis.texts else "…"))
    return found


def _expanded(name: str, axis: Axis, field: Field, most: int) -> list[str]:
    """Return the texts of all values, with those between the ends of a range."""
    texts = list[str]()
    for text in axis.texts:
        found = _range(field, text)
        texts += [text] if found is None else _between(name, axis.name, found)
        if len(texts) > most:
            words = _("{field} has too many values; at most {most} runs will do.")
            raise BadValue(name, words.format(field=axis.name, most=most))
    return texts


def _range(field: Field, text: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return the first number of a range, its last one and its step; None if the text is none."""
    if field.kind not in NUMERIC or (found := _RANGE.fullmatch(text)) is None:
        return None
    first, last, step = (Decimal(each.replace(",", ".")) for each in (found[1], found[2], found[3] or "1"))
    return first, last, step


def _between(name: str, field: str, found: tuple[Decimal, Decimal, Decimal]) -> list[str]:
    first, last, step = found
    if step <= 0:
        raise BadValue(name, _("{field}: the step behind “/” must be more than 0.").format(field=field))
    count = int(abs(last - first) // step) + 1
    way = step if last >= first else -step
    return [f"{(first + number * way).normalize():f}" for number in range(min(count, 100))]  # more are refused anyway


def _parsed(name: str, field: Field, texts: Sequence[str]) -> list[tuple[Field, Value]]:
    values = list[Value]()
    for text in texts:
        try:
            value = field.parse(text)
        except BadValue as fault:
            raise BadValue(name, f"{field.name}: {fault.reason}") from fault
        if value in values:
            raise BadValue(name, _("{field} has {value} twice.").format(field=field.name, value=shown(text)))
        values.append(value)
    return [(field, value) for value in values]


def _combination(fields: Sequence[Field], values: Sequence[tuple[Field, Value]]) -> Combination:
    return Combination({field.name: value for field, value in values}, ", ".join(_labelled(*each) for each in values))


def _labelled(field: Field, value: Value) -> str:
    if isinstance(value, str) and field.choices is None:
        text = " ".join(value.split())
        return f"“{text[: _LONGEST - 1].rstrip()}…”" if len(text) > _LONGEST else f"“{text}”"
    if isinstance(value, bool):
        return f"{field.name} {_('yes') if value else _('no')}"
    return f"{field.name} {value:g}" if isinstance(value, float) else f"{field.name} {value}"
