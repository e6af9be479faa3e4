"""Text that chooses: `{a|b}` takes one of its options, and `__name__` one of the texts of a list. Pure functions.

Options and lists may contain others. `\\{`, `\\|`, `\\}` and `\\__` are the signs themselves. Braces without `|`, and
names of lists that there are not, stay as they are, and so does all of a text that has nothing to choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from bot.core.errors import BadValue
from bot.i18n import _

_MOST_CHOICES, _LONGEST, _DEEPEST = 1000, 20_000, 40  # choices and characters of one text; groups within groups
_MOST_TEXTS, _LONGEST_TEXT, _LONGEST_NAME = 500, 500, 40  # of a list
_NAME = r"[^\W_]+(?:[_-][^\W_]+)*"
LIST_NAME = re.compile(_NAME)
_LIST = re.compile(rf"__({_NAME})__")
_SIGN = re.compile(rf"(\\(?:[{{|}}]|__)|[{{|}}]|__{_NAME}__)")

#: The texts of each list, by its name in small letters.
Lists: TypeAlias = Mapping[str, Sequence[str]]
#: A text, a name of a list, or a group.
_Part: TypeAlias = "str | _Listed | _Group"


@dataclass(frozen=True)
class _Listed:
    """A name between underscores."""

    name: str


@dataclass
class _Group:
    """Options, of which one is taken."""

    options: list[list[_Part]] = field(default_factory=lambda: [[]])

    def written(self, end: str) -> Iterator[_Part]:
        """Return a group that is none as it was written."""
        for number, option in enumerate(self.options):
            yield "|" if number else "{"
            yield from option
        yield end


class Chooser:
    """Makes the choices of one run. The same `seed` makes the same ones."""

    def __init__(self, lists: Lists, seed: str) -> None:
        self._lists, self._random = lists, Random(seed)  # noqa: S311 - nothing here must be hard to guess

    def final(self, name: str, text: str) -> str:
        """Return the text of a field, by its name, with its choices made. Raises `BadValue`."""
        try:
            return _Reading(self._lists, self._random).whole(text) if self._has_choices(text) else text
        except _Unreadable as fault:
            raise BadValue(name, str(fault)) from fault

    def _has_choices(self, text: str) -> bool:
        braces = "{" in text and "|" in text and "}" in text
        return braces or any(name.casefold() in self._lists for name in _LIST.findall(text))


class _Unreadable(Exception):
    pass


class _Reading:
    """The reading of one text, with what all its parts together may come to."""

    def __init__(self, lists: Lists, random: Random) -> None:
        self._lists, self._random = lists, random
        self._choices = self._length = 0

    def whole(self, text: str) -> str:
        return "".join(self._said(_parts(text), (), 0))

    def _said(self, parts: Sequence[_Part], within: tuple[str, ...], depth: int) -> Iterator[str]:
        """Return what parts become; `within` are the lists that they come from."""
        if depth > _DEEPEST:
            raise _Unreadable(_("the braces are too deep within each other."))
        for part in parts:
            match part:
                case str():
                    yield self._counted(part)
                case _Group(options=options):
                    yield from self._said(options[self._choice(len(options))], within, depth + 1)
                case _Listed(name=name) if texts := self._lists.get(name.casefold()):
                    if name.casefold() in within:
                        words = _("the list “{name}” contains itself. Please tell a moderator.")
                        raise _Unreadable(words.format(name=name))
                    text = texts[self._choice(len(texts))]
                    yield from self._said(_parts(text), (*within, name.casefold()), depth + 1)
                case _Listed(name=name):
                    yield self._counted(f"__{name}__")

    def _choice(self, count: int) -> int:
        self._choices += 1
        if self._choices > _MOST_CHOICES:
            words = _("this text makes more than {count} choices.")
            raise _Unreadable(words.format(count=_MOST_CHOICES))
        return self._random.randrange(count)

    def _counted(self, text: str) -> str:
        self._length += len(text)
        if self._length > _LONGEST:
            words = _("with all that it chooses, this text has more than {count} characters.")
            raise _Unreadable(words.format(count=_LONGEST))
        return text


def _parts(text: str) -> list[_Part]:
    """Read a text."""
    opened = [_Group()]
    for sign in _SIGN.split(text):
        if sign == "{":
            if len(opened) > _DEEPEST:
                raise _Unreadable(_("the braces are too deep within each other."))
            opened.append(_Group())
        elif sign == "|" and len(opened) > 1:
            opened[-1].options.append([])
        elif sign == "}" and len(opened) > 1:
            group = opened.pop()
            opened[-1].options[-1] += [group] if len(group.options) > 1 else group.written("}")
        elif sign:
            opened[-1].options[-1].append(_sign(sign))
    while len(opened) > 1:  # those that nothing closes
        group = opened.pop()
        opened[-1].options[-1] += group.written("")
    return opened[0].options[0]


def _sign(text: str) -> _Part:
    listed = _LIST.fullmatch(text)
    if listed is not None:
        return _Listed(listed[1])
    return text[1:] if _SIGN.fullmatch(text) and len(text) > 1 else text


def texts_of(text: str) -> tuple[str, ...]:
    """Read the texts of a list: one a line, or with `|` between those of a single line."""
    lines = text.splitlines() if "\n" in text.strip() else split_options(text)
    return tuple(line for each in lines if (line := each.strip()))


def split_options(text: str) -> list[str]:
    """Split a text at each `|` that is in no braces."""
    options, depth = [""], 0
    for sign in _SIGN.split(text):
        if sign == "|" and depth <= 0:
            options.append("")
            continue
        depth += {"{": 1, "}": -1}.get(sign, 0)
        options[-1] += sign
    return options


def faults(name: str, texts: Sequence[str]) -> str | None:
    """Say in words what is wrong with a list, for moderators; None if it is fine."""
    if not LIST_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        words = _("the name of a list has letters and digits, at most {most}, with “-” or “_” between them")
        return words.format(most=_LONGEST_NAME)
    if len(texts) > _MOST_TEXTS:
        return _("a list can have at most {count} texts").format(count=_MOST_TEXTS)
    if long := [text for text in texts if len(text) > _LONGEST_TEXT]:
        return _("“{text}…” is longer than {count} characters").format(text=long[0][:20], count=_LONGEST_TEXT)
    try:
        for text in texts:
            _parts(text)
    except _Unreadable as fault:
        return str(fault).rstrip(".")
    return None
