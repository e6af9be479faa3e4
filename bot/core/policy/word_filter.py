"""Check a text for blocked words, in any spelling and within a time limit.

The text and the words are first reduced to what they look like (`look_alikes`). A word matches whole words, and its
plural; docs/moderators.md says in which disguises. In scripts without spaces between words, such as Chinese or Thai, it
matches anywhere. Patterns see the text without its invisible characters.

All lists that hold for a request share one measure of processor time. What cannot be read within it counts as found.
Patterns are compiled and looked for in a process apart, with bounds on its time and memory: `regex` has none of its own
for what it compiles. (RE2 has, but its \\b and \\w know the letters of English alone.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, TypeVar, TypeVarTuple

import regex  # type: ignore[import-untyped]

from bot.core.errors import WorkerFailed, WorkerOutOfMemory
from bot.core.policy.look_alikes import skeleton, visible, with_figures_read
from bot.core.policy.rules import WordList
from bot.core.pool.pool import WorkerPool
from bot.i18n import _

_Args = TypeVarTuple("_Args")
_T = TypeVar("_T")
PATIENCE = 0.01  #: seconds that the patterns of a list may take
TOGETHER = 0.05  #: seconds after which no further list is checked
_READABLE = 10_000  # characters; a longer text is not checked
_MOST = 1000  # words and patterns of a list
_LONGEST = 200  # characters of a word or a pattern
_REPEATS = 10_000  # the product of all repetitions in a pattern; each one takes memory to compile
_HOSTILE = 4000  # characters that a pattern is tested on before it is accepted

_MEMORY = 256 << 20  # bytes of a process that reads patterns; (?R) alone takes twice as much
_CHECKING = 20.0  # seconds for a list of a thousand patterns, on a busy machine
_READING = 5.0  # seconds, the first time that a list is read among them
_pool = WorkerPool(memory=_MEMORY, tasks=10_000)  # its own: a request does not wait behind pictures

#: Patterns by names that moderators can use in the place of their own.
BUNDLED = {
    ":links": r"\b(?:https?://|www\.)[^\s]+",
    ":invites": r"\b(?:discord\.gg|discord(?:app)?\.com/invite|t\.me|telegram\.me)/[^\s]+",
    ":emails": r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b",
    ":phones": r"(?<!\d)\+?\d(?:[ ()./-]{0,2}\d){8,14}(?!\d)",
}

_RECURSION = regex.compile(r"\(\?(?:R|[+-]?\d+|&\w+|P>\w+)\)")
_COUNTS = regex.compile(r"\{\s*(\d*)\s*,?\s*(\d*)\s*\}")
_UNREADABLE = (regex.error, ValueError, OverflowError, RecursionError)
_TOKEN = regex.compile(r"[^\W_]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_SPELLED = regex.compile(r"(?<![^ ])[^ ](?: [^ ]){2,}(?![^ ])")  # "b a d"
_APART = regex.compile(r"[\s,;:!?()\[\]{}\"“”«»、。]+")  # between words, and not within one as in "ba-d"
_WITHIN = regex.compile(r"[^\w ]|_")
_BROKEN = regex.compile(r"(?<![^\W_])([^\W_]++)-?[\n\r\t]++(?=([^\W_]++))")  # "ba", and "d" in the next line
_STRETCHED = regex.compile(r"([^\W\d_])\1{2,}")  # "baaad"
_SHORTEST = 3  # letters of a word that is found among s p a c e d letters, and in its plural
_HISSING = ("s", "x", "z", "ch", "sh")


async def read(lists: Sequence[WordList], text: str) -> list[bool | None]:
    """Match a text against each list: true, false, or None if the match took too long."""
    if not any(each.patterns for each in lists):
        return await asyncio.to_thread(readings, lists, text)
    try:
        return await _apart(readings, lists, text, seconds=_READING)
    except WorkerFailed:
        return [None] * len(lists)


async def _apart(work: Callable[[*_Args], _T], *args: *_Args, seconds: float) -> _T:
    try:
        return await _pool.run(work, *args, timeout=seconds)
    except WorkerOutOfMemory:  # perhaps because of all that it remembers: a new process remembers nothing
        return await _pool.run(work, *args, timeout=seconds)


async def check(to: WordList) -> str | None:
    """Say in words what is wrong with a list, such as an invalid or a dangerously slow pattern; None if it is fine."""
    try:
        return await _apart(faults, to, seconds=_CHECKING)
    except WorkerFailed:
        if len(to.patterns) == 1:
            return _("the pattern “{pattern}” takes too much time or memory").format(pattern=to.patterns[0])
        return _("one of these patterns takes too much time or memory: add them one by one to see which")


def says(to: WordList, text: str) -> bool | None:
    """Tell whether a text matches a list; None if the check took too long."""
    return readings([to], text)[0]


def readings(lists: Sequence[WordList], text: str, clock: Callable[[], float] = time.thread_time) -> list[bool | None]:
    """Check several lists within one time budget. The result is None for each list that was not checked in time."""
    if len(text) > _READABLE:
        return [None] * len(lists)
    matchers, seen = [_matcher(each) for each in lists], _Seen.of(text)
    end = clock() + TOGETHER
    return [each.finds(seen, min(PATIENCE, end - clock()), clock) for each in matchers]


def faults(to: WordList) -> str | None:
    """The same as `check`, here and now."""
    if len(to.words) + len(to.patterns) > _MOST:
        return _("a list can have at most {count} words and patterns").format(count=_MOST)
    if long := [each for each in (*to.words, *to.patterns) if len(each) > _LONGEST]:
        return _("“{word}…” is longer than {count} characters").format(word=long[0][:20], count=_LONGEST)
    for pattern in to.patterns:
        if (unread := _never_read(pattern)) is not None:
            return unread
        if pattern.startswith(":") and pattern not in BUNDLED:
            return _("there is no pattern {name}; there are {names}").format(name=pattern, names=", ".join(BUNDLED))
        try:
            compiled = _compiled(pattern)
        except _UNREADABLE as fault:
            return _("the pattern “{pattern}” cannot be read: {fault}").format(pattern=pattern, fault=fault)
        if compiled.search(""):
            return _("the pattern “{pattern}” matches every text").format(pattern=pattern)
        if any(_found(compiled, text, PATIENCE) is None for text in _hostile(pattern)):
            return _("the pattern “{pattern}” takes too long on some texts").format(pattern=pattern)
    if any(_any(map(_compiled, to.patterns), text, PATIENCE, time.thread_time) is None for text in _hostile("")):
        return _("these are too many patterns to check in time: split them into several lists")
    return None


def _never_read(pattern: str) -> str | None:
    """Why a pattern is not even compiled, in words."""
    if _RECURSION.search(pattern):
        return _("the pattern “{pattern}” calls itself, with (?R) or the like, which cannot be used here").format(
            pattern=pattern
        )
    if prod(max(map(int, filter(None, found)), default=1) or 1 for found in _COUNTS.findall(pattern)) > _REPEATS:
        return _("the pattern “{pattern}” repeats too much").format(pattern=pattern)
    return None


@dataclass(frozen=True)
class _Seen:
    """A text prepared for checking: the visible text, its skeleton, its words in several readings, with single spaces
    between them, and its runs of s p a c e d letters.
    """

    visible: str
    looks: str
    lines: tuple[str, ...]
    spelled: str

    @classmethod
    def of(cls, text: str) -> _Seen:
        looks = skeleton(text)
        lines, spelled = dict[str, None](), dict[str, None]()
        for reading in dict.fromkeys((looks, with_figures_read(looks))):
            line = " ".join(_TOKEN.findall(reading))
            spelled |= dict.fromkeys(run.replace(" ", "") for run in _SPELLED.findall(line))
            lines |= dict.fromkeys(f" {each} " for each in _lines(reading, line))
        return cls(visible(text), looks, tuple(lines), " ".join(spelled))


@dataclass(frozen=True)
class _Matcher:
    """A list prepared for checking: single words, phrases by their first word, what is looked for among s p a c e d
    letters, and words that match anywhere.
    """

    words: frozenset[str]
    phrases: Mapping[str, Collection[str]]
    spelled: frozenset[str]
    anywhere: frozenset[str]
    patterns: tuple[Any, ...]

    def finds(self, seen: _Seen, patience: float, clock: Callable[[], float]) -> bool | None:
        if patience <= 0:
            return None
        return self._has_words(seen) or _any(self.patterns, seen.visible, patience, clock)

    def _has_words(self, seen: _Seen) -> bool:
        for line in seen.lines:
            said = set(line.split())
            if not self.words.isdisjoint(said):
                return True
            if any(f" {phrase} " in line for first in self.phrases.keys() & said for phrase in self.phrases[first]):
                return True
        if seen.spelled and any(word in seen.spelled for word in self.spelled):
            return True
        return any(word in seen.looks for word in self.anywhere)


@lru_cache(512)
def _matcher(to: WordList) -> _Matcher:
    words, phrases, anywhere = set[str](), dict[str, set[str]](), set[str]()
    for word in filter(None, map(skeleton, to.words)):
        if _UNSPACED.search(word) or not _TOKEN.search(word):
            anywhere.add(word.strip())
            continue
        for reading in (word, with_figures_read(word)):
            *others, last = _TOKEN.findall(reading)
            forms = {" ".join((*others, form)) for form in _forms(last)}
            if others:
                phrases.setdefault(others[0], set()).update(forms)
            else:
                words |= forms
    joined = (phrase.replace(" ", "") for found in phrases.values() for phrase in found)
    spelled = frozenset(word for word in (*words, *joined) if len(word) >= _SHORTEST)
    patterns = tuple(map(_compiled_if_good, to.patterns))
    return _Matcher(frozenset(words), phrases, spelled, frozenset(anywhere), patterns)


def _forms(word: str) -> Iterator[str]:
    """Return a word, and its plural in English."""
    yield word
    if len(word) >= _SHORTEST and word.isascii() and word.isalpha():
        yield f"{word}es" if word.endswith(_HISSING) else f"{word}s"
        if word.endswith("y"):
            yield f"{word[:-1]}ies"


def _lines(text: str, line: str) -> Iterator[str]:
    """Return the words of a text as they stand, and as they are if what is between letters is left out."""
    chunks = _WITHIN.sub("", _APART.sub(" ", text)).strip()
    broken = " ".join(before + after for before, after in _BROKEN.findall(text))
    for each in (line, _SPELLED.sub(lambda found: found[0].replace(" ", ""), line), chunks, broken):
        yield each
        if _STRETCHED.search(each):
            yield _STRETCHED.sub(r"\1", each)
            yield _STRETCHED.sub(r"\1\1", each)


def _any(patterns: Iterable[Any], text: str, patience: float, clock: Callable[[], float]) -> bool | None:
    end = clock() + patience
    for pattern in patterns:
        found = _found(pattern, text, end - clock())
        if found is not False:
            return found
    return False


def _found(pattern: Any | None, text: str, patience: float) -> bool | None:
    if pattern is None or patience <= 0:
        return None
    try:
        return pattern.search(text, timeout=patience, concurrent=True) is not None
    except TimeoutError:
        return None


def _compiled_if_good(pattern: str) -> Any | None:
    """None for what an older version took, and this one does not."""
    try:
        return None if _never_read(pattern) is not None else _compiled(pattern)
    except _UNREADABLE:
        return None


def _compiled(pattern: str) -> Any:
    return regex.compile(BUNDLED.get(pattern, pattern), regex.IGNORECASE | regex.VERSION0)


def _hostile(pattern: str) -> Iterator[str]:
    """Return texts that make patterns slow: repeated parts of the pattern, with an end that does not match."""
    letters = [letter for letter in dict.fromkeys(pattern) if letter.isalnum()][:6]
    units = dict.fromkeys((*letters, "".join(letters), "a", "0", " ", "aA0 ", "a.", "ab "))
    for unit in filter(None, units):
        yield (unit * _HOSTILE)[: _HOSTILE - 1] + "\u0001"
