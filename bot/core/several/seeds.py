"""The seeds of several runs that one request asks for. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import randint
from typing import Any

from bot.core.workflows.form import Field


def next_seeds(
    seeds: Iterable[Field],
    given: Mapping[str, Any],
    values: Mapping[str, Any],
    number: int,
    random: Callable[[int, int], int] = randint,
) -> dict[str, int]:
    """Return the seeds of a run of a group, counted from 0: the given one and so many more, or random ones."""
    return {field.name: _seed(field, given.get(field.name), values, number, random) for field in seeds}


def _seed(field: Field, given: Any, values: Mapping[str, Any], number: int, random: Callable[[int, int], int]) -> int:
    low, high = field.seeds
    if given is None or (isinstance(given, str) and not given.strip()):
        return random(*field.drawn_seeds)
    step = max(1, int(field.step or 1))
    room = (high - low) // step + 1
    return low + (int(values[field.name]) - low + number * step) % (room * step)
