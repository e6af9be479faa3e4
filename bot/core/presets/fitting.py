"""Fit values that were kept into a form as it is now, and for this person here. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.core.errors import BadValue
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.policy.rules import Narrowing
from bot.core.workflows.form import Form
from bot.i18n import _


@dataclass(frozen=True)
class FittedValues:
    """The values that the form takes, and in words those that it does not, each with the reason."""

    values: Mapping[str, Any]
    left_out: tuple[str, ...] = ()


def fitted(form: Form, values: Mapping[str, Any], passed_over: Collection[str]) -> FittedValues:
    """Sort out values for a person's form. Those of fields that are `passed_over`, because moderators fill them in or
    hide them, are left out in silence.
    """
    fields, taken, left_out = {each.name: each for each in form.fields}, dict[str, Any](), []
    for name, value in values.items():
        if name not in fields:
            if name not in passed_over:
                left_out.append(str(BadValue(name, _("there is no such field here."))))
            continue
        try:
            fields[name].parse(value)
            taken[name] = value
        except BadValue as fault:
            left_out.append(str(fault))
    return FittedValues(taken, tuple(left_out))


def with_own_defaults(rules: FieldConstraints, form: Form, own: Mapping[str, Any]) -> FieldConstraints:
    """Add a person's own defaults to the rules about the fields of a form, as far as these allow them. What must be
    given is still asked for.
    """
    by_choice = {name for each in form.fields for _choice, given in each.sets for name, _value in given}
    shown = [each for each in rules.shown(form).fields if not each.required and each.name not in by_choice]
    fitting = fitted(Form(tuple(shown)), own, own)
    defaults = ((name, Narrowing(default=value)) for name, value in fitting.values.items())
    return replace(rules, narrowings=(*rules.narrowings, *defaults), own=own)
