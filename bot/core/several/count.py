"""Several runs with one request: the fields that ask for them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.policy.rules import Measure, Rule
from bot.core.workflows.form import Field, FieldKind, Form
from bot.i18n import _

MOST, USUAL = 10, 4  #: the most that moderators can allow, and what holds where they have not decided
MOST_IN_MATRIX = 9
_NAMES = ("count", "how_many")  # the second one for workflows with a field of the first name
_MATRIX_NAMES = ("vary", "vary_values")
_LONGEST = 2000  # characters of a matrix


def most_at_once(limits: Iterable[Rule], *, usual: int = USUAL) -> int:
    """Return how many runs one request may ask for under these limits; `usual` where moderators have not decided."""
    decided = [rule.most for rule in limits if rule.name == Measure.COUNT]
    return min(MOST, *decided) if decided else usual


def most_in_matrix(limits: Iterable[Rule]) -> int:
    """Return how many runs a matrix may have under these limits."""
    return min(MOST_IN_MATRIX, most_at_once(limits, usual=MOST_IN_MATRIX))


def with_several(shown: Form, form: Form, limits: Iterable[Rule]) -> Form:
    """Return the part of a form that people see with the fields that ask for several, if that is allowed."""
    most = most_at_once(limits)
    return Form((*shown.fields, count_field(form, most), _matrix_field(form))) if most > 1 else shown


def count_name(form: Form) -> str:
    """Return the name of the field that asks for several: one that the workflow itself does not have."""
    return next((name for name in _NAMES if name not in form.names), "")


def matrix_name(form: Form) -> str:
    """Return the name of the field that asks for a matrix: one that the workflow itself does not have."""
    return next((name for name in _MATRIX_NAMES if name not in form.names), "")


def count_field(form: Form, most: int) -> Field:
    """Return the field that asks for how many runs, for a workflow with this form."""
    words = _("Each has a seed of its own.")
    kind = FieldKind.INTEGER
    return Field(count_name(form), kind, _("How many"), words, default=1, minimum=1, maximum=most, asks_count=True)


def _matrix_field(form: Form) -> Field:
    words = _("A run for each value, such as seed=1;2;3, steps=10..30/10")
    name = matrix_name(form)
    return Field(name, FieldKind.TEXT, _("Vary"), words, max_length=_LONGEST, asks_matrix=True)
