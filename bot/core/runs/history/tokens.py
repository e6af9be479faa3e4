"""The words by which runs are found: as they are kept, and as people type them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

_MOST = 64  # words of a run
_READ = 10_000  # characters of a run's texts
_WORD = re.compile(r"\w+")
#: Letters of scripts that are written without spaces: Thai, kana, and Chinese characters. Each pair of them is a word.
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
#: “foxes” is kept as “fox”, and so are “house” and “houses” as “hous”.
_PLURAL = re.compile(r"(?<=..[sxz])es$|(?<=..[cs]h)es$|(?<=..[^s])s$")
_MUTE = re.compile(r"(?<=..[sxz])e$|(?<=..[cs]h)e$")


def tokens(texts: Iterable[str], most: int = _MOST) -> list[str]:
    """Return the different words of texts, at most so many: in small letters and without the ending of a plural."""
    found: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(unicodedata.normalize("NFKC", text[:_READ]).casefold()):
            found.update(dict.fromkeys(_split(word)))
            if len(found) >= most:
                return list(found)[:most]
    return list(found)


def texts_of(workflow: str, values: Mapping[str, Any]) -> list[str]:
    """Return the texts of a run that people look for."""
    return [*(value for value in values.values() if isinstance(value, str)), workflow.replace("_", " ")]


def key(person: str, word: str) -> int:
    """Return the number under which a word of a person, given as "platform:id", is kept."""
    digest = hashlib.blake2b(f"{person}\0{word}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _split(word: str) -> Iterator[str]:
    at = 0
    for found in _UNSPACED.finditer(word):
        yield from _plain(word[at : found.start()])
        letters = found[0]
        yield from ((letters,) if len(letters) == 1 else map("".join, pairwise(letters)))
        at = found.end()
    yield from _plain(word[at:])


def _plain(word: str) -> Iterator[str]:
    if word:
        yield _MUTE.sub("", _PLURAL.sub("", word))[:64]
