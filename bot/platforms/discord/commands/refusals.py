"""Refusals: what to leave out of a list of commands when Discord refuses a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

Command = dict[str, Any]
_LINE = re.compile(r"^In (\d[\w.]*): (.*)$", re.MULTILINE)  # the library's words for one fault, with its place
_SUBCOMMANDS = (1, 2)  # the kinds of options that have options of their own


def without_refused(commands: Sequence[Command], text: str) -> tuple[list[Command], dict[str, str]]:
    """Return the commands without the parts that Discord's answer names, and these parts with the reason for each.

    A part is as small as it can be: an option, or what needs it. Both are unchanged and empty if no part is named.
    """
    culprits: dict[tuple[int, ...], str] = {}
    for path, reason in _LINE.findall(text):
        if at := _culprit(commands, path.split(".")):
            culprits.setdefault(at, reason)
    kept = [each for number, command in enumerate(commands) if (each := _kept(command, (number,), culprits))]
    return kept, {_named(commands, at): reason for at, reason in culprits.items()}


def _culprit(commands: Sequence[Command], path: Sequence[str]) -> tuple[int, ...]:
    """The smallest part around a fault that can be left out, as the numbers that lead to it."""
    numbers = [int(each) for word, each in zip(["options", *path], path, strict=False) if word == "options"]
    at: tuple[int, ...] = ()
    options: Sequence[Command] = commands
    for number in numbers:
        if number >= len(options) or (at and options[number].get("required")):
            return at
        at = (*at, number)
        options = options[number].get("options", [])
    return at


def _kept(part: Command, at: tuple[int, ...], culprits: Iterable[tuple[int, ...]]) -> Command | None:
    """A command or an option without the culprits in it; None if nothing of it is left."""
    if at in culprits:
        return None
    options = part.get("options", [])
    left = [each for number, option in enumerate(options) if (each := _kept(option, (*at, number), culprits))]
    if not left and any(option["type"] in _SUBCOMMANDS for option in options):
        return None
    return part | {"options": left} if options else part


def _named(commands: Sequence[Command], at: tuple[int, ...]) -> str:
    """A part in words, such as "moderate limit together"."""
    names, parts = [], commands
    for number in at:
        names.append(str(parts[number]["name"]))
        parts = parts[number].get("options", [])
    return " ".join(names)
