"""Names of commands in the script of their titles, for people who use Discord in a language of that script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

_LONGEST = 32
_KEY = "name_localizations"
#: The beginnings of Unicode's names for the letters of a script, and the languages that Discord has with it.
_SCRIPTS = {
    "CYRILLIC": ("ru", "uk", "bg"),
    "GREEK": ("el",),
    "HANGUL": ("ko",),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "CJK": ("zh-CN", "zh-TW", "ja"),
    "THAI": ("th",),
    "DEVANAGARI": ("hi",),
}
_WITH_MARKS = ("THAI", "DEVANAGARI")  # of these, Discord takes signs that are no letters too


def with_native_name(command: dict[str, Any], title: str) -> dict[str, Any]:
    """Add the title to a command as its name in the languages of its script. One in Latin letters has none: those are
    in the name already.
    """
    name = _name(unicodedata.normalize("NFC", title).lower())
    scripts = [script for script in _SCRIPTS if any(_is_of(each, script) for each in name)]
    languages = _SCRIPTS["HIRAGANA"] if _is_japanese(scripts) else _SCRIPTS[scripts[0]] if len(scripts) == 1 else ()
    return command | {_KEY: dict.fromkeys(languages, name)} if languages else command


def each_name_once(commands: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out names that another command has: Discord refuses all commands then."""
    made, taken = [], set[tuple[str, str]]()
    for command in commands:
        names = set(command.get(_KEY, {}).items())
        made.append({key: value for key, value in command.items() if key != _KEY} if names & taken else command)
        taken |= names
    return made


def _name(title: str) -> str:
    kept = "".join(each if _is_taken(each) else " " for each in title)
    return "_".join(kept.split())[:_LONGEST].strip("_")


def _is_taken(letter: str) -> bool:
    """True for letters and digits; larger ones than small letters would be refused."""
    if unicodedata.category(letter) in ("Ll", "Lo", "Lm", "Nd"):
        return letter.lower() == letter and ord(letter) < 0x10000
    return any(_is_of(letter, script) for script in _WITH_MARKS) and unicodedata.category(letter).startswith("M")


def _is_of(letter: str, script: str) -> bool:
    return unicodedata.name(letter, "").startswith(f"{script} ")


def _is_japanese(scripts: list[str]) -> bool:
    return bool({"HIRAGANA", "KATAKANA"} & set(scripts)) and set(scripts) <= {"HIRAGANA", "KATAKANA", "CJK"}
