"""The versions of a workflow as its authors read them: what changed, who changed it, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bot.core.workflows.form import Field, Form, listed
from bot.core.workflows.workflow import Workflow
from bot.i18n import _

_LONG = 60  # characters of a value in a sentence
_SAID = {
    "title": _("title"),
    "help": _("help"),
    "kind": _("kind"),
    "required": _("required"),
    "default": _("default"),
    "minimum": _("minimum"),
    "maximum": _("maximum"),
    "step": _("step"),
    "choices": _("choices"),
    "max_length": _("longest text"),
    "multiline": _("several lines"),
    "seed": _("seed"),
    "more": _("under More"),
}


@dataclass(frozen=True)
class VersionLine:
    """A version of a workflow. `who` is empty if its file was changed by hand. `changes` says what is different from
    the version before it, in sentences.
    """

    version: str
    at: float
    who: str
    changes: tuple[str, ...]
    is_current: bool


def changes_between(old: Workflow, new: Workflow) -> tuple[str, ...]:
    """Say what differs between two versions, a sentence each."""
    told = []
    if old.title != new.title:
        told.append(_("Title: “{old}” is now “{new}”.").format(old=old.title, new=new.title))
    if old.description != new.description:
        told.append(_("The description is another one."))
    before, after = old.form(), new.form()
    told += _fields(before, after)
    if old.outputs != new.outputs:
        told.append(_("Other results are delivered."))
    if _graph(old) != _graph(new):
        told.append(_graph_words(old, new))
    return tuple(told) or (_("Nothing that people notice."),)


def _fields(before: Form, after: Form) -> list[str]:
    was, now = ({each.name: each for each in form.fields} for form in (before, after))
    told = []
    if added := [_title(each) for name, each in now.items() if name not in was]:
        told.append(_("New fields: {names}.").format(names=listed(added)))
    if gone := [_title(each) for name, each in was.items() if name not in now]:
        told.append(_("Fields no longer there: {names}.").format(names=listed(gone)))
    for name, field in now.items():
        if name in was and (parts := _differences(was[name], field)):
            told.append(_("“{field}”: {changes}.").format(field=_title(field), changes="; ".join(parts)))
    if [name for name in was if name in now] != [name for name in now if name in was]:
        told.append(_("The fields are in another order."))
    return told


def _differences(old: Field, new: Field) -> list[str]:
    told = []
    for each in fields(Field):
        was, now = getattr(old, each.name), getattr(new, each.name)
        if each.name in _SAID and was != now:
            words = _("{what} was {old}, and is {new}")
            told.append(words.format(what=_SAID[each.name], old=_shown(was), new=_shown(now)))
    return told


def _shown(value: Any) -> str:
    if value is None or value == "":
        return _("not set")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"“{text}”" if len(text) <= _LONG else f"“{text[:_LONG]}…”"


def _title(field: Field) -> str:
    return field.title or field.name


def _graph(workflow: Workflow) -> Mapping[str, Any]:
    return workflow.prompt.to_json()


def _graph_words(old: Workflow, new: Workflow) -> str:
    was, now = ([node.class_type for node in each.prompt] for each in (old, new))
    added, gone = set(now) - set(was), set(was) - set(now)
    words = _("The graph has changed.")
    if added:
        words = _("The graph has changed. New kinds of nodes: {names}.").format(names=listed(sorted(added)))
    if gone:
        words += " " + _("Kinds of nodes no longer there: {names}.").format(names=listed(sorted(gone)))
    return words
