"""Say in words what differs between the version of a workflow that a run used and the newest one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.core.workflows.form import Field, Form, listed
from bot.core.workflows.workflow import Target, Workflow
from bot.i18n import _

_LONGEST = 60  # characters of a field's title


def differences(before: Workflow, then: Form, newest: Workflow, now: Form) -> str:
    """Compare the forms that a person has of two versions; empty if nothing differs that people notice."""
    old, new = ({field.name: field for field in form.fields} for form in (then, now))
    told = [
        (_("New: {names}."), [field for name, field in new.items() if name not in old]),
        (_("No longer there: {names}."), [field for name, field in old.items() if name not in new]),
        (_("Different now: {names}."), [field for name, field in new.items() if _differs(old.get(name, field), field)]),
    ]
    parts = [words.format(names=listed(map(_title, fields))) for words, fields in told if fields]
    if not parts and _made(before) != _made(newest):
        parts = [_("Its form is the same, but its graph has changed.")]
    return " ".join((has_changed(newest), *parts)) if parts else ""


def has_changed(workflow: Workflow) -> str:
    return _("“{title}” has changed since that run.").format(title=workflow.title or workflow.name)


def _title(field: Field) -> str:
    title = field.title or field.name
    return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"


def _differs(before: Field, now: Field) -> bool:
    """True if a field takes other values than it did. A run's own values replace the defaults."""
    return _taken(before) != _taken(now)


def _taken(field: Field) -> Field:
    return replace(field, title="", help="", default=None, more=False, multiline=False, translations=())


def _made(workflow: Workflow) -> Any:
    """Return what a version does with a form's values. The graph's own values of these do not count."""
    filled = {target for field in (*workflow.declared, *workflow.drawn) for target in field.targets}
    graph = {
        node.id: (
            node.class_type,
            {at: value for at, value in node.inputs.items() if Target(node.id, at) not in filled},
        )
        for node in workflow.prompt
    }
    return graph, workflow.outputs, {field.name: (field.targets, field.sets) for field in workflow.declared}
