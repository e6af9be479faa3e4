"""Sizes in words, with as many pixels as the graph's own size."""

from __future__ import annotations

import math
from typing import TypeGuard

_RATIOS = {"square": 1.0, "portrait": 3 / 4, "landscape": 4 / 3, "wide": 16 / 9}
_STEPS = (64, 32, 16, 8)
_SMALLEST, _LARGEST = 64, 1 << 20  # pixels of a side


def shapes(width: object, height: object) -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return a width and a height for each shape; the graph's own stand for the shape that they are nearest to. None
    where the graph has no plain numbers.
    """
    if not _is_size(width) or not _is_size(height):
        return ()
    step = next((each for each in _STEPS if width % each == 0 and height % each == 0), 2)
    own = min(_RATIOS, key=lambda name: abs(math.log(width / height / _RATIOS[name])))
    pixels = width * height
    made = {
        name: (_on(step, math.sqrt(pixels * ratio)), _on(step, math.sqrt(pixels / ratio)))
        for name, ratio in _RATIOS.items()
    }
    made[own] = (width, height)
    return tuple(made.items())


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and _SMALLEST <= value <= _LARGEST


def _on(step: int, length: float) -> int:
    return max(round(length / step), 1) * step
