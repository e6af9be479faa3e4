"""Texts that the editor changes when a workflow is queued: one of several choices, and names of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_PLACE = re.compile(r"%([^%]+)%")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_DATE = re.compile("yyyy|yy|M+|d+|h+|m+|s+")


def choose_words(text: str, choose: Choose) -> str:
    """Replace each `{a|b}` by one of its choices, which may have others inside, after comments are cut."""
    made, _end = _chosen(_COMMENT.sub("", text), 0, choose, inside=False)
    return "".join(made)


def _chosen(text: str, at: int, choose: Choose, *, inside: bool) -> tuple[list[str], int]:
    choices: list[list[str]] = [[]]
    while at < len(text):
        sign = text[at]
        if sign == "\\" and text[at + 1 : at + 2] in ("{", "}", "|"):
            choices[-1].append(text[at + 1])
            at += 2
        elif sign == "{":
            made, at = _chosen(text, at + 1, choose, inside=True)
            choices[-1] += made
        elif sign == "}" and inside:
            return choices[choose(len(choices))], at + 1
        elif sign == "|" and inside:
            choices.append([])
            at += 1
        else:
            choices[-1].append(sign)
            at += 1
    return choices[choose(len(choices))] if len(choices) > 1 else choices[0], at


def is_file_name(class_type: str, name: str) -> bool:
    """True for the input in which a node that saves has the beginning of a file's name."""
    return name == "filename_prefix" and class_type in _SAVERS


def name_file(text: str, widgets: Iterable[tuple[str, Mapping[str, Any]]], now: datetime) -> str:
    """Replace `%date:FORMAT%`, and `%NODE.widget%` by a node's value. Each node comes with its name; what is not known
    is left to the server.
    """
    named = list(widgets)

    def replaced(match: re.Match[str]) -> str:
        inner = match[1]
        if inner.startswith("date:"):
            return _date(inner.removeprefix("date:"), now)
        node, dot, widget = inner.partition(".")
        if dot:
            for name, values in named:
                if name == node and widget in values:
                    return _UNSAFE.sub("_", str(values[widget]))
        return match[0]

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
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    return {"__type__": "CURVE", "__value__": value} if kind == "CURVE" else {"__value__": value}
