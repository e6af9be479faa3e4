"""The names of models, LoRAs and embeddings that moderators allow and deny. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import normpath

from bot.i18n import _

_EMBEDDING = re.compile(r"embedding:[\s,]*((?:\\[()]|[^\s,:()])+)", re.IGNORECASE)
_AROUND = ".;!?\"'[]{}<>|"  # signs that end a word, and no name
_LONGEST_ENDING = 12  # characters
_MOST, _LONGEST = 200, 200  # patterns of a list, and characters of one


class ModelKind(StrEnum):
    """The kinds of models that decisions are about."""

    LORA = "lora"
    EMBEDDING = "embedding"
    MODEL = "model"


@dataclass(frozen=True)
class ModelNames:
    """Names or patterns such as `anime*` that are allowed, if there are some, and that are denied. The rule's name is
    the kind.
    """

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def permits(self, name: str) -> bool:
        forms = names_of(name)
        return not _any(self.denied, forms) and (not self.allowed or _any(self.allowed, forms))


@lru_cache(20_000)
def names_of(file: str) -> frozenset[str]:
    """Return the ways in which a file can be named, in small letters: with its folder and its ending, and without."""
    whole = file.casefold().replace("\\", "/")
    last = whole.rpartition("/")[2]
    return frozenset(name for each in (whole, last) for name in (each, without_ending(each)))


def without_ending(name: str) -> str:
    """Return a name in small letters without the ending of a file."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and len(ending) <= _LONGEST_ENDING and ending.isascii() and ending.isalnum() else name


def embeddings_in(text: str) -> Iterator[str]:
    """Return the embeddings that a text names, as ComfyUI reads it: it drops commas before a name, takes brackets
    behind a backslash for a part of it, and finds the file by any path that leads there.
    """
    for found in _EMBEDDING.finditer(text):
        path = found[1].replace("\\(", "(").replace("\\)", ")").replace("\\", "/").rstrip(_AROUND)
        if path:
            yield normpath(path)


def kind_of_input(name: str) -> ModelKind:
    """Return the kind of model that an input of a node is for, by the input's name."""
    return ModelKind.LORA if "lora" in name.lower() else ModelKind.MODEL


def read_names(text: str) -> tuple[str, ...]:
    """Read names and patterns with commas or line breaks between."""
    return tuple(dict.fromkeys(each.strip() for each in re.split(r"[,\n]", text) if each.strip()))


def faults(names: ModelNames) -> str | None:
    """Say in words what is wrong with names, for moderators; None if they are fine."""
    every = (*names.allowed, *names.denied)
    if len(every) > _MOST:
        return _("at most {count} names and patterns can be decided about at once").format(count=_MOST)
    if long := [each for each in every if len(each) > _LONGEST]:
        return _("“{word}…” is longer than {count} characters").format(word=long[0][:20], count=_LONGEST)
    return None


def _any(patterns: tuple[str, ...], forms: frozenset[str]) -> bool:
    return any(fnmatchcase(form, pattern.casefold().replace("\\", "/")) for pattern in patterns for form in forms)
