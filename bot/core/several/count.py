"""Several runs with one request: the field that asks how many, and the seeds of each. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import randint
from typing import Any

from bot.core.model import RunRequest
from bot.core.policy.rules import Measure, Rule
from bot.core.workflows.form import Field, FieldKind, Form
from bot.i18n import _

MOST, USUAL = 10, 4  #: the most that moderators can allow, and what holds where they have not decided
_NAMES = ("count", "how_many")  # the second one for workflows with a field of the first name


def most_at_once(limits: Iterable[Rule]) -> int:
    """Return how many runs one request may ask for under these limits."""
    decided = [rule.most for rule in limits if rule.name == Measure.COUNT]
    return min(MOST, *decided) if decided else USUAL


def with_count(shown: Form, form: Form, limits: Iterable[Rule]) -> Form:
    """Return the part of a form that people see with the field that asks for several, if that is allowed."""
    most = most_at_once(limits)
    return Form((*shown.fields, _field(form, most))) if most > 1 else shown


def count_in(form: Form, request: RunRequest, limits: Iterable[Rule]) -> tuple[int, dict[str, Any]]:
    """Return how many runs are asked for, and the values without that. `form` is the workflow's. Raises `BadValue`."""
    field = _field(form, most_at_once(limits))
    given = request.values.get(field.name)
    left = {name: value for name, value in request.values.items() if name != field.name}
    if given is None or (isinstance(given, str) and not given.strip()):
        given = request.count
    return int(field.parse(given)), left


def may_be_several(request: RunRequest) -> bool:
    """True if a request asks for several runs, as far as that can be seen without the form."""
    return request.count > 1 or any(str(request.values.get(name) or "1").strip() != "1" for name in _NAMES)


def count_name(form: Form) -> str:
    """Return the name of the field that asks for several: one that the workflow itself does not have."""
    return next((name for name in _NAMES if name not in form.names), "")


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
        return random(low, high)
    step = max(1, int(field.step or 1))
    room = (high - low) // step + 1
    return low + (int(values[field.name]) - low + number * step) % (room * step)


def _field(form: Form, most: int) -> Field:
    words = _("Each has a seed of its own.")
    kind = FieldKind.INTEGER
    return Field(count_name(form), kind, _("How many"), words, default=1, minimum=1, maximum=most, asks_count=True)
