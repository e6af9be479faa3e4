"""Texts that the editor changes when a workflow is queued: one of several choices, and names of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

#: Chooses one of so many, by its number.
Choose = Callable[[int], int]
#: Core nodes that save; in their `filename_prefix` the editor replaces `%…%`.
_SAVERS = frozenset(
    {
        *("SaveImage", "SaveImageAdvanced", "SaveAnimatedWEBP", "SaveAnimatedPNG", "SaveSVGNode"),
        *("SaveVideo", "SaveWEBM", "SaveAudio", "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced"),
        *("SaveGLB", "Save3DAdvanced", "SaveGaussianSplat", "SavePointCloud"),
        *("SaveLatent", "CLIPSave", "VAESave", "ModelSave", "LoraSave"),
    }
)
_COMMENT = re.compile(r"/\*|//")
_SPECIAL = re.compile(r"[\\{}|]|/[*/]")  # what a text without choices, comments and escapes has not
_SIGN = re.compile(r"\\[{}|]|[{}|]|[^\\{}|]+|\\")
_PLACE = re.compile(r"%([^%]+)%")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_DATE = re.compile("yyyy|yy|M+|d+|h+|m+|s+")


def choose_words(text: str, choose: Choose) -> str:
    """Replace each `{a|b}` by one of its choices, which may have others inside, after comments are cut."""
    if not _SPECIAL.search(text):
        return text
    levels: list[list[str]] = [[""]]  # the choices of the text itself, and of each brace that is open
    for sign in _SIGN.findall(_without_comments(text)):
        choices = levels[-1]
        if sign == "{":
            levels.append([""])
        elif sign == "|" and len(levels) > 1:
            choices.append("")
        elif sign == "}" and len(levels) > 1:
            _close(levels, choices[choose(len(choices))])
        else:
            choices[-1] += sign.removeprefix("\\") if len(sign) == 2 and sign[1] in "{}|" else sign
    while len(levels) > 1:  # braces that were never closed
        choices = levels[-1]
        _close(levels, choices[choose(len(choices))] if len(choices) > 1 else choices[0])
    return levels[0][0]


def _without_comments(text: str) -> str:
    """Cut comments: a text is read once, however many are opened and never closed."""
    kept, at, last = list[str](), 0, text.rfind("*/")
    while (match := _COMMENT.search(text, at)) is not None:
        start = match.start()
        if match[0] == "//":
            line = text.find("\n", start)
            end = line if line >= 0 else len(text)
        elif start + 2 <= last:
            end = text.index("*/", start + 2) + 2
        else:
            kept.append(text[at : start + 1])
            at = start + 1
            continue
        kept.append(text[at:start])
        at = end
    return "".join((*kept, text[at:]))


def _close(levels: list[list[str]], chosen: str) -> None:
    levels.pop()
    levels[-1][-1] += chosen


def is_file_name(class_type: str, name: str) -> bool:
    """True for the input in which a node that saves has the beginning of a file's name."""
    return name == "filename_prefix" and class_type in _SAVERS


def name_file(text: str, widgets: Mapping[tuple[str, str], Any], clock: Callable[[], datetime]) -> str:
    """Replace `%date:FORMAT%`, and `%NODE.widget%` by a node's value. Values come by the names of node and widget; what
    is not known is left to the server.
    """

    def replaced(match: re.Match[str]) -> str:
        inner = match[1]
        if inner.startswith("date:"):
            return _date(inner.removeprefix("date:"), clock())
        node, _dot, widget = inner.partition(".")
        return _UNSAFE.sub("_", str(widgets[node, widget])) if (node, widget) in widgets else match[0]

    return _PLACE.sub(replaced, text)


def _date(form: str, now: datetime) -> str:
    parts = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def replaced(match: re.Match[str]) -> str:
        sign = match[0]
        if sign == "yyyy":
            return f"{now.year:04}"
        if sign == "yy":
            return f"{now.year % 100:02}"
        return str(parts[sign[0]]).zfill(min(len(sign), 2))

    return _DATE.sub(replaced, form)


def as_sent(kind: str, value: Any) -> Any:
    """Wrap a list, which the server would take for a link."""
    if isinstance(value, str | int | float) or not isinstance(value, Sequence):
        return value
    return {"__type__": "CURVE", "__value__": value} if kind == "CURVE" else {"__value__": value}
