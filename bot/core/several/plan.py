"""The runs that one request asks for: so many with seeds of their own, a matrix, or one for each of several files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.errors import BadValue
from bot.core.model import RunRequest, StoredFile, UploadedFile
from bot.core.policy.rules import Rule
from bot.core.several.count import MOST, count_field, count_name, matrix_name, most_at_once, most_in_matrix
from bot.core.several.matrix import combinations
from bot.core.workflows.form import Form
from bot.i18n import _


@dataclass(frozen=True)
class CellPlan:
    """A run of several: its `values` stand for those that were given, and its `label` says what differs."""

    values: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class Plan:
    """The runs of a request: `cells` that differ by their values, or where there are none, `count` that differ by their
    seeds. `given` has the values without what asked for several, and `matrix` is the text that asked for one.
    """

    given: Mapping[str, Any]
    count: int = 1
    cells: tuple[CellPlan, ...] = ()
    matrix: str = ""

    def labels(self) -> Sequence[str]:
        """Return the label of each run."""
        return [cell.label for cell in self.cells] or [""] * self.count


def planned(
    form: Form,
    seen: Callable[[], Form],
    request: RunRequest,
    limits: Sequence[Rule],
    kept_back: Iterable[str],
    *,
    seeded: bool,
) -> Plan:
    """Return the runs that a request asks for. `form` is the workflow's, `seen` returns what its person sees of that,
    with what no workflow has itself; the names `kept_back` are those of fields that moderators have set. Raises
    `BadValue`.
    """
    count_named = count_name(form) if seeded else ""
    matrix_named = matrix_name(form) if seeded and most_at_once(limits) > 1 else ""
    given = {name: value for name, value in request.values.items() if name not in (count_named, matrix_named)}
    matrix = str(request.values.get(matrix_named) or "").strip()
    count = _count(form, request, limits) if seeded else 1
    files = {name: value for name, value in given.items() if isinstance(value, tuple)}
    if not matrix and not files:
        return Plan(given, count)
    if count > 1:
        words = _("several are asked for here and as “{name}”; please use one of the two.")
        raise BadValue(matrix_named if matrix else next(iter(files)), words.format(name=count_named))
    if not files:
        found = combinations(matrix_named, matrix, seen(), kept_back, most_in_matrix(limits))
        return Plan(given, len(found), tuple(CellPlan(each.values, each.label) for each in found), matrix)
    if matrix:
        raise BadValue(matrix_named, _("this takes one file at a time; send one, or leave this out."))
    return _of_files(given, files, most_at_once(limits, usual=MOST))


def _count(form: Form, request: RunRequest, limits: Iterable[Rule]) -> int:
    asks = count_field(form, most_at_once(limits))
    given = request.values.get(asks.name)
    if given is None or (isinstance(given, str) and not given.strip()):
        given = request.count
    return int(asks.parse(given))


def _of_files(given: Mapping[str, Any], files: Mapping[str, tuple[Any, ...]], most: int) -> Plan:
    """Return a run for each of several files of one field."""
    (name, each), *others = files.items()
    if others:
        raise BadValue(others[0][0], _("only one field can have several files."))
    if len(each) > most:
        words = _("these are {count} files, and at most {most} can be asked for at once.")
        raise BadValue(name, words.format(count=len(each), most=most))
    cells = tuple(CellPlan({name: file}, _named(file)) for file in each)
    return Plan(given, len(cells), cells)


def one_each(form: Form, count: int) -> str:
    """Return the field that takes a single file, if a form has one and no other for files: so many files can be run one
    each. Empty if there is none, or if there is one file.
    """
    media = [each.name for each in form.fields if each.is_media]
    return media[0] if count > 1 and len(media) == 1 else ""


def asked_each(count: int) -> str:
    """Ask if a workflow that takes one file shall run once for each of so many."""
    return _("These are {count} files, and this workflow takes one. Shall it run once for each?").format(count=count)


def _named(file: UploadedFile | StoredFile) -> str:
    return file.filename
