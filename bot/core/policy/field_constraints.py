"""Apply the moderators' rules about fields to a form. Pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.core.errors import BadValue, all_of
from bot.core.workflows.form import NUMERIC, Field, FieldKind, Form
from bot.i18n import _
from comfy.scheduling.schedule import is_model

if TYPE_CHECKING:  # a command that runs a workflow has no rules
    from bot.core.policy.rules import Narrowing


@dataclass(frozen=True)
class FieldConstraints:
    """The rules about some fields, in the order in which they apply. Each can only restrict a field further.
    `permitted` says for fields with models which of them are permitted. `own` are the defaults of the person, whichever
    fields they are for.
    """

    narrowings: tuple[tuple[str, Narrowing], ...] = ()
    permitted: Mapping[str, Callable[[str], bool]] = dataclasses.field(default_factory=dict)
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def shown(self, form: Form) -> Form:
        """Return the form for people, without fixed and hidden fields."""
        kept = self.kept_back
        return Form(tuple(field for field in self._narrowed(form) if field.name not in kept))

    def seeds(self, form: Form) -> tuple[Field, ...]:
        """Return the fields that are random unless a person gives them, also those that people do not see."""
        return tuple(field for field in self._narrowed(form) if field.seed)

    def check(self, form: Form, given: Mapping[str, object]) -> dict[str, object]:
        """Return the values to run with. Raises `BadValue`, also for a value of a fixed or hidden field."""
        kept, words = self.kept_back, _("moderators have set this for all runs here; leave it out.")
        own = {name: value for name, value in given.items() if name not in kept}
        narrowed = Form(tuple(self._narrowed(form)))
        foreign = [name for name in given if name in kept and not self._is_fixed(form, name, given[name])]
        if foreign:
            raise all_of([*(BadValue(name, words) for name in foreign), *narrowed.faults(own)])
        return narrowed.check(own)

    def fault(self, form: Form, values: Mapping[str, object]) -> BadValue | None:
        """Return an error if a value of an accepted run is no longer allowed."""
        fixed = {name for name, each in self.narrowings if each.fixed is not None}
        ruled = {name for name, _each in self.narrowings}
        choices = {each.name for each in form.fields if any(set(dict(given)) & ruled for _choice, given in each.sets)}
        decided = (ruled | choices) & set(values)
        for field in self._narrowed(form):
            if field.name not in decided:
                continue
            if field.name in fixed and not self._is_fixed(form, field.name, values[field.name]):
                return BadValue(field.name, _("moderators have set another value for all runs here."))
            try:
                field.parse(values[field.name])
            except BadValue as fault:
                return fault
        return None

    @property
    def kept_back(self) -> set[str]:
        """The names of the fields that moderators have hidden or fixed."""
        return {name for name, each in self.narrowings if each.hidden or each.fixed is not None}

    def _is_fixed(self, form: Form, name: str, value: object) -> bool:
        """True if this is the fixed value itself. A platform may send it from an earlier run."""
        if name not in form.names:
            return False
        fixed = [each.fixed for field, each in self.narrowings if field == name and each.fixed is not None]
        try:
            return bool(fixed) and form[name].parse(value) == form[name].parse(fixed[-1])
        except BadValue:
            return False

    def _narrowed(self, form: Form) -> Iterable[Field]:
        fields = {field.name: field for field in form.fields}
        for name, each in self.narrowings:
            if name in fields:
                fields[name] = narrowed(fields[name], each)
        for name in self.permitted.keys() & fields.keys():
            fields[name] = _with_permitted(fields[name], self.permitted[name])
        for field in fields.values():
            fitting = _without_forbidden(field, fields) if field.sets else field
            if fitting.choices != () or field.choices == ():
                yield fitting


def narrowed(field: Field, to: Narrowing) -> Field:
    """Return a field that accepts what both it and the rule accept. If that is nothing, it keeps its own bounds."""
    if field.is_media:
        return field
    if to.fixed is not None:
        return replace(field, default=to.fixed, required=False, seed=False)
    bounded = _bounded(field, to)
    if to.choices is not None and field.kind is FieldKind.CHOICE:
        left = to.choices if field.choices is None else tuple(each for each in field.choices if each in to.choices)
        bounded = replace(bounded, choices=left)
    if to.default is not None and not field.seed:
        bounded = replace(bounded, default=to.default, required=False)
    return _with_default(bounded, to.default)


def _with_permitted(field: Field, permits: Callable[[str], bool]) -> Field:
    """Leave out the models that are not permitted."""
    if field.choices is None or all(not is_model(each) or permits(each) for each in field.choices):
        return field
    left = tuple(each for each in field.choices if not is_model(each) or permits(each))
    return _with_default(replace(field, choices=left), None)


def _without_forbidden(field: Field, fields: Mapping[str, Field]) -> Field:
    """Leave out the choices that would set another field to what it does not accept."""
    good = tuple(
        choice
        for choice, values in field.sets
        if choice in (field.choices or ())
        and all(_accepts(fields[name], value) for name, value in values if name in fields)
    )
    default = field.default if field.default in good else next(iter(good), None) if field.default else None
    return replace(field, choices=good, default=default)


def _accepts(field: Field, value: object) -> bool:
    try:
        field.parse(value)
    except BadValue:
        return False
    return True


def faults(field: Field, to: Narrowing) -> str | None:
    """Return what is wrong with a rule about a field, in words."""
    bounds = [each for each in (to.minimum, to.maximum) if each is not None]
    if field.is_media:
        return _("a file cannot be set in advance.")
    if bounds and field.kind not in (*NUMERIC, FieldKind.TEXT):
        return _("it has no minimum or maximum.")
    if to.choices is not None and field.kind is not FieldKind.CHOICE:
        return _("it is not a field with choices. You can give it a default or a fixed value instead.")
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        return _("the smallest value is larger than the largest.")
    if to.hidden and to.fixed is None and field.required and to.default is None:
        return _("people must fill in this field. To hide it, give the value to use.")
    try:
        limited = narrowed(field, replace(to, fixed=None, default=None))
        for value in (to.default, to.fixed):
            if value is not None:
                limited.parse(value)
    except BadValue as fault:
        return fault.reason
    return None


def _bounded(field: Field, to: Narrowing) -> Field:
    if field.kind is FieldKind.TEXT:
        longest = [int(each) for each in (field.max_length, to.maximum) if each is not None]
        return replace(field, max_length=min(longest, default=None))
    if field.kind not in NUMERIC:
        return field
    low = max((each for each in (field.minimum, to.minimum) if each is not None), default=None)
    high = min((each for each in (field.maximum, to.maximum) if each is not None), default=None)
    if low is not None and high is not None and low > high:
        return field
    return replace(field, minimum=low, maximum=high)


def _with_default(field: Field, wanted: Any) -> Field:
    """Set the default to the nearest value within the narrower bounds."""
    value = field.default
    if value is None or isinstance(value, bool):
        return field
    if field.choices is not None and value not in field.choices:
        return replace(field, default=next(iter(field.choices), None))
    if isinstance(value, int | float) and field.kind in NUMERIC:
        near = value if field.minimum is None else max(value, field.minimum)
        near = near if field.maximum is None else min(near, field.maximum)
        return replace(field, default=int(near) if field.kind is FieldKind.INTEGER else near)
    if isinstance(value, str) and field.max_length is not None and wanted is None:
        return replace(field, default=value[: field.max_length])
    return field
