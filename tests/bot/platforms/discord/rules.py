"""Discord's documented rules for what a bot may register and send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import discord

_NAME = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")
_LOCALES = {each.value for each in discord.Locale}
_EXACT = 2**53
_SELECT, _INPUT, _TEXT, _LABEL, _FILES = 3, 4, 10, 18, 19


def command_faults(commands: list[dict[str, Any]]) -> list[str]:
    """Return the mistakes in commands that are registered together."""
    faults = [fault for command in commands for fault in _command(command)]
    slashes = [command["name"] for command in commands if command.get("type", 1) == 1]
    if len(slashes) > 100:
        faults.append("more than 100 commands")
    if len(set(slashes)) < len(slashes):
        faults.append("a name twice")
    others = [pair for command in commands for pair in command.get("name_localizations", {}).items()]
    if len(set(others)) < len(others) or {name for _locale, name in others} & set(slashes):
        faults.append("a name twice in a language")
    if len(commands) - len(slashes) > 5:
        faults.append("more than 5 menus")
    return faults


def message_faults(message: dict[str, Any]) -> list[str]:
    """Return the mistakes in a message."""
    return list(_message(message))


def window_faults(window: dict[str, Any]) -> list[str]:
    """Return the mistakes in a modal."""
    return list(_window(window))


def _command(command: dict[str, Any]) -> Iterator[str]:
    name = command["name"]
    if command.get("type", 1) != 1:
        if not 1 <= len(name) <= 32:
            yield f"{name}: length of a menu's name"
        return
    yield from _named(name, command.get("description", ""))
    for locale, other in command.get("name_localizations", {}).items():
        yield from _named(other, "x")
        if locale not in _LOCALES:
            yield f"{name}: no language of Discord's"
    options = command.get("options", [])
    if len(options) > 25:
        yield f"{name}: more than 25 options"
    needed = [bool(option.get("required")) for option in options]
    if needed != sorted(needed, reverse=True):
        yield f"{name}: a required option after an optional one"
    if len({option["name"] for option in options}) < len(options):
        yield f"{name}: an option twice"
    for option in options:
        yield from _option(option)
    if _size(command) > 8000:
        yield f"{name}: more than 8000 characters"


def _option(option: dict[str, Any]) -> Iterator[str]:
    name, kind = option["name"], option["type"]
    yield from _named(name, option.get("description", ""))
    choices = option.get("choices", [])
    if len(choices) > 25:
        yield f"{name}: more than 25 choices"
    if choices and option.get("autocomplete"):
        yield f"{name}: both choices and autocomplete"
    for choice in choices:
        if not 1 <= len(choice["name"]) <= 100 or (kind == 3 and not 1 <= len(choice["value"]) <= 100):
            yield f"{name}: length of a choice"
    for bound in ("min_value", "max_value"):
        if bound in option and (kind not in (4, 10) or abs(option[bound]) >= _EXACT):
            yield f"{name}: {bound}"
        if bound in option and kind == 4 and not isinstance(option[bound], int):
            yield f"{name}: {bound} is not whole"
    if option.get("min_value", -_EXACT) > option.get("max_value", _EXACT):
        yield f"{name}: no value is between its bounds"
    if not 0 <= option.get("min_length", 0) <= 6000 or not 1 <= option.get("max_length", 1) <= 6000:
        yield f"{name}: length"
    if ("min_length" in option or "max_length" in option) and kind != 3:
        yield f"{name}: lengths of what is no text"


def _named(name: str, description: str) -> Iterator[str]:
    if not _NAME.fullmatch(name) or name != name.lower():
        yield f"{name}: not a name"
    if not 1 <= len(description) <= 100:
        yield f"{name}: length of its description"


def _size(command: dict[str, Any]) -> int:
    """Discord counts names, descriptions and values of a command together."""
    names = [command["name"], *command.get("name_localizations", {}).values()]
    total = max(map(len, names)) + len(command["description"])
    for option in command.get("options", []):
        total += len(option["name"]) + len(option["description"])
        total += sum(len(choice["name"]) + len(str(choice["value"])) for choice in option.get("choices", []))
    return total


def _message(message: dict[str, Any]) -> Iterator[str]:
    if len(message.get("content") or "") > 2000:
        yield "content: 2000 characters"
    if len(message.get("attachments") or ()) > 10:
        yield "attachments: 10"
    for each in message.get("attachments") or ():
        if len(each.get("description") or "") > 1024:
            yield "description: 1024 characters"
    rows = message.get("components") or []
    if len(rows) > 5:
        yield "components: 5 rows"
    for row in rows:
        if len(row["components"]) > 5:
            yield "row: 5 buttons"
        for item in row["components"]:
            if not 1 <= len(item.get("custom_id", "x")) <= 100 or len(item.get("label", "")) > 80:
                yield "item: lengths"
            if item["type"] == _SELECT:
                yield from _select(item)
                if len(row["components"]) > 1:
                    yield "row: a select has one of its own"
    names = [item["custom_id"] for row in rows for item in row["components"] if "custom_id" in item]
    if len(set(names)) < len(names):
        yield "components: a custom_id twice"


def _window(window: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(window["title"]) <= 45 or not 1 <= len(window["custom_id"]) <= 100:
        yield "window: lengths"
    if not 1 <= len(window["components"]) <= 5:
        yield "window: 5 fields"
    for label in window["components"]:
        if label["type"] == _TEXT:
            if not 1 <= len(label["content"]) <= 4000:
                yield "text: lengths"
            continue
        item = label["component"]
        if label["type"] != _LABEL or not 1 <= len(label["label"]) <= 45 or len(label.get("description") or "") > 100:
            yield "label: lengths"
        if item["type"] == _SELECT:
            yield from _select(item)
        if item["type"] == _FILES and not 0 <= item.get("min_values", 1) <= item.get("max_values", 1) <= 10:
            yield "file upload: bounds"
        if item["type"] == _INPUT:
            least, most = item.get("min_length") or 0, item.get("max_length") or 4000
            if not 0 <= least <= most <= 4000 or len(item.get("value") or "") > most:
                yield "input: lengths"
            if len(item.get("placeholder") or "") > 100:
                yield "input: placeholder"


def _select(item: dict[str, Any]) -> Iterator[str]:
    options = item.get("options", [])
    if not 1 <= len(options) <= 25 or len({option["value"] for option in options}) < len(options):
        yield "select: options"
    if (
        not 0 <= item.get("min_values", 1) <= item.get("max_values", 1) <= 25
        or len(item.get("placeholder") or "") > 150
    ):
        yield "select: bounds"
    if item.get("max_values", 1) > len(options) or sum(bool(each.get("default")) for each in options) > item.get(
        "max_values", 1
    ):
        yield "select: more values than options"
    for option in options:
        if not 1 <= len(option["label"]) <= 100 or not 1 <= len(option["value"]) <= 100:
            yield "option: lengths"
        if len(option.get("description") or "") > 100:
            yield "option: description"
