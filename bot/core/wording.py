"""Wording: whether a text says what may not be asked for, however it is spelled; and never for longer than a moment.

A text and the words of a list are made alike first: compatibility forms, invisible characters, accents, letters that
look like others and figures that stand for letters. Words are whole words; in scripts that write none apart, such as
Chinese or Thai, they are looked for anywhere. Patterns see the text with only its invisible characters gone.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from math import prod
from typing import Any

import regex  # type: ignore[import-untyped]

from bot.core.rules import WordList
from bot.words import _

PATIENCE = 0.01  #: seconds that a pattern may take
_TOGETHER = 0.1  # seconds that all patterns of a list may take
_MOST = 1000  # words and patterns of a list
_LONGEST = 200  # characters of a word or a pattern
_REPEATS = 10_000  # of all that a pattern repeats, multiplied: to be read, each repetition takes memory
_HOSTILE = 4000  # characters that a pattern is tried on before it is taken

#: Patterns by names that moderators can use in the place of their own.
BUNDLED = {
    ":links": r"\b(?:https?://|www\.)[^\s]+",
    ":invites": r"\b(?:discord\.gg|discord(?:app)?\.com/invite|t\.me|telegram\.me)/[^\s]+",
    ":emails": r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b",
    ":phones": r"(?<!\d)\+?\d(?:[ ()./-]{0,2}\d){8,14}(?!\d)",
}

_COUNTS = regex.compile(r"\{\s*(\d*)\s*,?\s*(\d*)\s*\}")
_TOKEN = regex.compile(r"[^\W_]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_ACCENTS = regex.compile(r"[\u0300-\u036f]")
_SPELLED = regex.compile(r"(?<![^ ])[^ ](?: [^ ]){2,}(?![^ ])")  # "b a d"

#: Letters that look like others: the Cyrillic and Greek ones that pass for Latin, and some that NFKC leaves alone.
_ALIKE = str.maketrans(
    "авекмнорстухіјѕԁһԛԝѵґгёєαβεικνορτυχωıłøđħŧɑɡəƒl",
    "abekmhopctyxijsdhqwvrreeabeikvoptuxwiiodhtagefi",
)
_FIGURES = str.maketrans("013457@$|!€", "oieastasiie")


def says(to: WordList, text: str) -> bool | None:
    """Whether a text has a word or a pattern of a list; None where that took too long to be known."""
    return _matcher(to)(text)


def faults(to: WordList) -> str | None:
    """What is wrong with a list, in words: a pattern that cannot be read, or that somebody could make too slow."""
    if len(to.words) + len(to.patterns) > _MOST:
        return _("a list has at most {count} words and patterns").format(count=_MOST)
    if long := [each for each in (*to.words, *to.patterns) if len(each) > _LONGEST]:
        return _("“{word}…” is longer than {count} characters").format(word=long[0][:20], count=_LONGEST)
    for pattern in to.patterns:
        if prod(max(map(int, filter(None, found)), default=1) or 1 for found in _COUNTS.findall(pattern)) > _REPEATS:
            return _("the pattern “{pattern}” repeats too much").format(pattern=pattern)
        if pattern.startswith(":") and pattern not in BUNDLED:
            return _("there is no pattern {name}; there are {names}").format(name=pattern, names=", ".join(BUNDLED))
        try:
            compiled = _compiled(pattern)
        except (regex.error, ValueError, OverflowError, RecursionError) as fault:
            return _("the pattern “{pattern}” cannot be read: {fault}").format(pattern=pattern, fault=fault)
        if compiled.search(""):
            return _("the pattern “{pattern}” fits every text").format(pattern=pattern)
        if any(_found(compiled, text) is None for text in _hostile(pattern)):
            return _("the pattern “{pattern}” takes too long on some texts").format(pattern=pattern)
    return None


def skeleton(text: str) -> str:
    """A text as it looks: two that are written differently and look the same have the same one."""
    plain = unicodedata.normalize("NFKC", _visible(unicodedata.normalize("NFKC", text)).casefold())
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFC", bare).translate(_ALIKE)


@lru_cache(512)
def _matcher(to: WordList) -> Callable[[str], bool | None]:
    """A list made ready to be looked for."""
    apart, phrases, anywhere = set[str](), set[str](), set[str]()
    for word in filter(None, map(skeleton, to.words)):
        if _UNSPACED.search(word) or not _TOKEN.search(word):
            anywhere.add(word.strip())
            continue
        for spelling in (word, word.translate(_FIGURES)):
            tokens = _TOKEN.findall(spelling)
            (apart if len(tokens) == 1 else phrases).add(" ".join(tokens))
    patterns = [_compiled(pattern) for pattern in to.patterns]

    def match(text: str) -> bool | None:
        looks = skeleton(text)
        lines = [line for spelling in (looks, looks.translate(_FIGURES)) for line in _lines(spelling)]
        if any(not apart.isdisjoint(line.split()) for line in lines) or any(word in looks for word in anywhere):
            return True
        if any(f" {phrase} " in line for phrase in phrases for line in lines):
            return True
        return _any(patterns, _visible(text))

    return match


def _lines(text: str) -> Iterator[str]:
    """The words of a text with single spaces between; and again with what is spelled out letter by letter joined."""
    line = " ".join(_TOKEN.findall(text))
    yield f" {line} "
    yield f" {_SPELLED.sub(lambda found: found[0].replace(' ', ''), line)} "


def _any(patterns: Iterable[Any], text: str) -> bool | None:
    end = time.monotonic() + _TOGETHER
    for pattern in patterns:
        found = _found(pattern, text) if time.monotonic() < end else None
        if found is not False:
            return found
    return False


def _found(pattern: Any, text: str) -> bool | None:
    try:
        return pattern.search(text, timeout=PATIENCE, concurrent=True) is not None
    except TimeoutError:
        return None


def _compiled(pattern: str) -> Any:
    return regex.compile(BUNDLED.get(pattern, pattern), regex.IGNORECASE | regex.VERSION0)


def _visible(text: str) -> str:
    """A text without the characters that nobody sees."""
    return "".join(letter for letter in text if not _is_invisible(letter))


def _is_invisible(letter: str) -> bool:
    fillers = letter in "\u115f\u1160\u3164\uffa0\u034f\u2800" or "\ufe00" <= letter <= "\ufe0f"
    return fillers or (unicodedata.category(letter) in ("Cf", "Cc", "Cs") and letter not in "\n\t\r")


def _hostile(pattern: str) -> Iterator[str]:
    """Texts that patterns are slow on: what they are made of, over and over, and an end that does not fit."""
    letters = [letter for letter in dict.fromkeys(pattern) if letter.isalnum()][:6]
    units = dict.fromkeys((*letters, "".join(letters), "a", "0", " ", "aA0 ", "a.", "ab "))
    for unit in filter(None, units):
        yield (unit * _HOSTILE)[: _HOSTILE - 1] + "\u0001"
