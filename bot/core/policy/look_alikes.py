"""Reduce texts to what they look like: texts that look the same become the same.

Letters that look alike are those of Unicode (`look_alikes.txt`, made by `tools/look_alikes.py`). Symbols and digits
that look like letters are letters only in a second reading: “3” is mostly a three.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import regex  # type: ignore[import-untyped]

TABLE = Path(__file__).with_suffix(".txt")
_MARKS = regex.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Cs}\u115f\u1160\u3164\uffa0\u034f\u2800\ufe00-\ufe0f]|(?![\n\t\r])\p{Cc}")
_PARTS = regex.compile(r"(\s+)")
_NUMBER = regex.compile(r"[^\p{L}@$|€]*\d{2}[^\p{L}@$|€]*")  # "455", "(101)", "1/250,"; not "a55"
_FIGURES = dict(zip(map(ord, "013457@$|!€"), "oieastasiie", strict=True))


def skeleton(text: str) -> str:
    """Return a text as it looks, with plain letters."""
    return plain(text).translate(_table()[0])


def with_figures_read(looks: str) -> str:
    """Return a skeleton with letters for the digits and symbols that look like them. A number stays a number."""
    return "".join(part if _NUMBER.fullmatch(part) else part.translate(_table()[1]) for part in _PARTS.split(looks))


def visible(text: str) -> str:
    """Return a text without its invisible characters."""
    return str(_INVISIBLE.sub("", text))


def plain(text: str) -> str:
    """Return a text in small letters, without accents, compatibility forms and invisible characters."""
    small = unicodedata.normalize("NFKC", visible(unicodedata.normalize("NFKC", text)).casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", small)))


@cache
def _table() -> tuple[dict[int, str], dict[int, str]]:
    """Read the table: what letters look like, and what other characters do."""
    letters, others = dict[int, str](), dict(_FIGURES)
    for line in TABLE.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            looks, _tab, alike = line.partition("\t")
            for character in alike:
                (letters if character.isalpha() else others).setdefault(ord(character), looks)
    return letters, others
