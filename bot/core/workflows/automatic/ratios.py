"""The shapes that a picture can have: the two fields of a form that make its size, and good values for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.core.workflows.form import Field, FieldKind, Form

_SHAPES = ((1, 1), (4, 3), (3, 2), (16, 9), (3, 4), (2, 3), (9, 16))
_USUAL = 1024 * 1024  # pixels where the form has no size of its own
_STEP = 8  # that of fields that name none: the models of today need it
_OFF = 0.06  # how far the nearest size may be from a shape


@dataclass(frozen=True)
class Ratio:
    """A shape such as "3:2", with the size that comes nearest to it and has as many pixels as the form's own."""

    name: str
    width: int
    height: int


@dataclass(frozen=True)
class SizeFields:
    """The names of the fields for the width and the height of a picture, and the shapes that they allow."""

    width: str
    height: str
    ratios: tuple[Ratio, ...]


def size_fields(form: Form) -> SizeFields | None:
    """Return the fields that make the size of a form's picture; None if it has no such two."""
    numbers = {field.name.casefold(): field for field in form.fields if field.kind is FieldKind.INTEGER}
    for name, width in numbers.items():
        height = numbers.get(name.replace("width", "height")) if "width" in name else None
        if height is not None:
            found = tuple(ratio for shape in _SHAPES if (ratio := _nearest(shape, width, height)) is not None)
            return SizeFields(width.name, height.name, found)
    return None


def _nearest(shape: tuple[int, int], width: Field, height: Field) -> Ratio | None:
    across, down = shape
    unit = math.sqrt(_pixels(width, height) / (across * down))
    for field, part in ((width, across), (height, down)):
        if field.maximum is not None:
            unit = min(unit, field.maximum / part)
    sides = _on_step(width, unit * across), _on_step(height, unit * down)
    if any(side is None for side in sides):
        return None
    wide, high = (side or 0 for side in sides)
    return None if abs(wide * down / (high * across) - 1) > _OFF else Ratio(f"{across}:{down}", wide, high)


def _pixels(width: Field, height: Field) -> float:
    sides = [field.default for field in (width, height)]
    if all(isinstance(side, int) and side > 0 for side in sides):
        return math.prod(int(side or 0) for side in sides)
    return _USUAL


def _on_step(field: Field, wanted: float) -> int | None:
    """Return the value of a field that is nearest to a number; None if it has none there."""
    step, low = max(1, int(field.step or _STEP)), math.ceil(field.minimum or 0)
    first = low if field.step else math.ceil(low / step) * step
    value = first + round((wanted - first) / step) * step
    if field.maximum is not None and value > field.maximum:
        value -= step
    return value if value >= max(low, 1) else None
