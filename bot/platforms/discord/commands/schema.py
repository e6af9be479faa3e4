"""Declarations: a workflow's form as a slash command, within Discord's rules for names, lengths and numbers."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.core.platform import Field, FieldKind, Form, Workflow
from bot.core.similar import similar
from bot.core.status_text import private_words
from bot.i18n import _, ngettext
from bot.platforms.discord.commands.native import with_native_name
from bot.platforms.discord.runs.text import cut

COMMANDS = 100  # of a server, beside those that are everywhere
OPTIONS = 25
CHOICES = 25
_CHARACTERS = 8000  # of a command, its lists included
SPOILER, PRIVATE = "spoiler", "private"
_NAME = re.compile(r"[-_a-z0-9]{1,32}")
_LONGEST_CHOICE = 100
_EXACT = 2**53 - 1  # Discord's numbers are floating; larger seeds travel as text
_COLOR = 16  # characters of a colour, spaces included
_TEXT, _INTEGER, _TOGGLE, _NUMBER, _FILE = 3, 4, 5, 10, 11


def declare(workflow: Workflow, form: Form, *, private: bool = False) -> dict[str, Any]:
    """The slash command that a workflow is, as Discord registers it. With `private`, people may ask for a run that they
    alone see.
    """
    fields = asked_fields(form, private=private)
    options = [_option(field) for field in fields]
    if left := len(form.fields) - len(fields):
        words = ngettext(
            "Opens a form with the field that has no option here.",
            "Opens a form with the {count} fields that have no option here.",
            left,
        ).format(count=left)
        options.append({"type": _TOGGLE, "name": more_name(form), "description": words, "required": False})
    if has_spoiler(form):
        words = _("Hide the result until a reader clicks it.")
        options.append({"type": _TOGGLE, "name": SPOILER, "description": words, "required": False})
    if private and PRIVATE not in form.names:
        options.append({"type": _TOGGLE, "name": PRIVATE, "description": private_words(), "required": False})
    description = cut(workflow.description or workflow.title or workflow.name, 100)
    command = {"type": 1, "name": workflow.name, "description": description, "options": options}
    if workflow.nsfw:
        command["nsfw"] = True
    command = with_native_name(command, workflow.title)
    return command if len(json.dumps(command)) <= _CHARACTERS else _with_lists_typed(command)


def _with_lists_typed(command: dict[str, Any]) -> dict[str, Any]:
    """The command without fixed choices: Discord suggests them while a person types."""
    options = [
        {name: value for name, value in option.items() if name != "choices"} | {"autocomplete": True}
        if "choices" in option
        else option
        for option in command["options"]
    ]
    return command | {"options": options}


def asked_fields(form: Form, *, private: bool = False) -> list[Field]:
    """The fields that are options, those that must be given first; the rest is for the form in windows, as is what few
    people change.
    """
    room = OPTIONS - has_spoiler(form) - (private and PRIVATE not in form.names)
    fields = [field for field in in_order(form.fields) if not field.more]
    return fields if len(fields) == len(form.fields) <= room else fields[: room - 1]


def in_order(fields: Iterable[Field]) -> list[Field]:
    """The fields as they are asked for: those that must be given first, and last what few people change."""
    return sorted(fields, key=lambda field: (not field.required, field.more))


def more_name(form: Form) -> str:
    """The name of the option that opens a form with the fields that are no options."""
    return next(
        name for number in itertools.count(1) if (name := "more" if number == 1 else f"more-{number}") not in form.names
    )


def has_spoiler(form: Form) -> bool:
    return SPOILER not in form.names


def declarable(workflows: Iterable[Workflow], taken: Iterable[str]) -> list[Workflow]:
    """The workflows that can be commands of their own."""
    names = set(taken)
    return [each for each in workflows if _NAME.fullmatch(each.name) and each.name not in names]


def digest(payload: Sequence[dict[str, Any]]) -> str:
    """The same for the same commands."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32]


def matching(choices: Sequence[str], text: str) -> list[dict[str, str]]:
    """Up to 25 choices for what was typed, as Discord takes them."""
    return [{"name": _short(each), "value": choice_value(each)} for each in like(named(choices), text)]


def named(choices: Sequence[str] | None) -> list[str]:
    """The choices that can be shown: some nodes take an empty text too, which is what a field has that is left out."""
    return [each for each in choices or () if each.strip()]


def like(choices: Sequence[str], text: str) -> list[str]:
    """Up to 25 choices for what was typed: those that begin with it, then those that have it, then those like it."""
    wanted = text.casefold().strip()
    beginning = [each for each in choices if each.casefold().startswith(wanted)]
    inside = _having(choices, wanted)
    near = [] if beginning or inside else similar(text, choices, CHOICES, 0.3)
    return list(dict.fromkeys([*beginning, *inside, *near]))[:CHOICES]


def _having(choices: Sequence[str], text: str) -> list[str]:
    """The choices in which each word stands."""
    words = text.casefold().split()
    return [each for each in choices if all(word in each.casefold() for word in words)]


def choice_value(choice: str) -> str:
    """The value sent to Discord for a choice; a longer one becomes a token, as Discord takes a hundred characters."""
    return choice if len(choice) <= _LONGEST_CHOICE else _token(choice)


def choice_meant(choices: Sequence[str], value: str) -> str:
    """The choice that a value stands for, also by a part that no other choice has: a window suggests nothing while
    a person types. The value itself if it stands for no choice.
    """
    if value in choices:
        return value
    named = [each for each in choices if len(each) > _LONGEST_CHOICE and _token(each) == value]
    meant = named or _having(choices, value)
    return meant[0] if len(meant) == 1 else value


def _token(choice: str) -> str:
    return "~" + hashlib.sha256(choice.encode()).hexdigest()[:20]


def _short(choice: str) -> str:
    """The end of a long name says more than its beginning: it is the file's."""
    return choice if len(choice) <= _LONGEST_CHOICE else "…" + choice[-_LONGEST_CHOICE + 1 :]


def _option(field: Field) -> dict[str, Any]:
    words = " · ".join(part for part in (field.help or field.title or field.name, field.range_text) if part)
    option = {"name": field.name, "description": cut(words, 100), "required": field.required}
    match field.kind:
        case FieldKind.TEXT:
            return option | {"type": _TEXT} | _lengths(field)
        case FieldKind.INTEGER if _is_exact(field):
            return option | {"type": _INTEGER} | _bounds(field)
        case FieldKind.INTEGER:
            return option | {"type": _TEXT}
        case FieldKind.NUMBER:
            return option | {"type": _NUMBER} | _bounds(field)
        case FieldKind.CHOICE:
            return option | {"type": _TEXT} | _choices(field)
        case FieldKind.TOGGLE:
            return option | {"type": _TOGGLE}
        case FieldKind.COLOR:
            return option | {"type": _TEXT, "max_length": _COLOR}
        case _:
            return option | {"type": _FILE}


def _lengths(field: Field) -> dict[str, Any]:
    most = min(field.max_length or 6000, 6000)
    return {"max_length": max(1, most)} | ({"min_length": 1} if field.required else {})


def _is_exact(field: Field) -> bool:
    low, high = field.seeds if field.seed else (field.minimum or 0, field.maximum or 0)
    return abs(low) <= _EXACT and abs(high) <= _EXACT


def _bounds(field: Field) -> dict[str, Any]:
    whole = field.kind is FieldKind.INTEGER
    low, high = field.minimum, field.maximum
    bounds = {} if low is not None and high is not None and low > high else {"min_value": low, "max_value": high}
    known = {name: value for name, value in bounds.items() if value is not None and abs(value) <= _EXACT}
    return {name: int(value) if whole else value for name, value in known.items()}


def _choices(field: Field) -> dict[str, Any]:
    choices = named(field.choices)
    if not choices:
        return {}
    if len(choices) > CHOICES:
        return {"autocomplete": True}
    return {"choices": [{"name": _short(each), "value": choice_value(each)} for each in choices]}
