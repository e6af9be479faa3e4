"""Makes the table of letters that look alike, from Unicode's own data and from the names of characters.

    python tools/look_alikes.py confusables.txt

confusables.txt is a part of UTS #39: https://www.unicode.org/Public/security/latest/confusables.txt

The table has what is left to do after `plain`: a line for each look, with all characters that have it. Capitals count
as well: “В” looks like “B”, so “в”, which is the same letter, is read as “b”.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.core.policy.look_alikes import TABLE, plain

LICENSE = Path(__file__).with_name("unicode-license.txt")
NAMES = re.compile(
    r"LATIN LETTER SMALL CAPITAL ([A-Z])|LATIN SMALL LETTER ([A-Z]) WITH .*|REGIONAL INDICATOR SYMBOL LETTER ([A-Z])"
    r"|(?:CROSSED )?NEGATIVE (?:SQUARED|CIRCLED) LATIN CAPITAL LETTER ([A-Z])"
)
#: What we read otherwise than UTS #39, or not at all: “ß” is a double s to us, so “β” may not be one.
OURS = dict(zip("βεєχωəǝґпπ", "beexweernn", strict=True))
#: Korean letters join their neighbours. Thai, Lao, Burmese and Khmer, which have no spaces, would match too much.
LEFT_OUT = re.compile(r"[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")


def official(text: str) -> tuple[str, dict[str, str]]:
    """Return the version of the data, and what each character looks like."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        source, _semicolon, rest = line.partition("#")[0].partition(";")
        if rest:
            found[_characters(source)] = _characters(rest.partition(";")[0])
    version = re.search(r"# Version: (\S+)", text)
    return version[1] if version else "unknown", found


def _characters(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())


def looks(confusables: Mapping[str, str]) -> dict[str, str]:
    """Return what each character looks like that `plain` does not change."""
    found: dict[str, str] = {}
    for character, look in _candidates(confusables):
        if plain(character) == character and not character.isascii() and _is_usable(character, look):
            found.setdefault(character, look)
    return {character: look for character in found if (look := _last(character, found)) != character}


def _candidates(confusables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield looks, the best ones first: ours; plain letters as they are, as capitals and by their name; the rest."""
    yield from OURS.items()
    read = {character: _look(look) for character, look in confusables.items()}
    yield from ((character, look) for character, look in read.items() if look.isascii())
    capitals = ((plain(character), look) for character, look in read.items() if look.isascii())
    yield from ((small, look) for small, look in capitals if len(small) == 1)
    for character in map(chr, range(sys.maxunicode)):
        if named := NAMES.fullmatch(unicodedata.name(character, "")):
            yield character, _look(next(filter(None, named.groups())))
    yield from read.items()


def _look(prototype: str) -> str:
    """Return the look of a character in plain letters. What looks like “rn” to UTS #39 is an m, and “l” is an i."""
    return plain(prototype).replace("rn", "m").replace("l", "i")


def _last(character: str, found: Mapping[str, str]) -> str:
    """Follow looks that have another look."""
    seen, look = {character}, found.get(character, character)
    while look in found and look not in seen:
        seen.add(look)
        look = found[look]
    return min(seen) if look in seen else look


def _is_usable(character: str, look: str) -> bool:
    whole = len(character) == 1 and look.isalnum() and (look.isascii() or len(look) == 1) and plain(look) == look
    return whole and look != character and not LEFT_OUT.search(character + look)


def written(version: str, found: Mapping[str, str]) -> str:
    """Write the table, after what the license asks for."""
    lines = [f"Made by tools/look_alikes.py from confusables.txt, version {version}, which has this license:", ""]
    alike: dict[str, list[str]] = {"i": ["l"]}
    for character, look in found.items():
        alike.setdefault(look, []).append(character)
    rows = [f"{look}\t{''.join(sorted(characters))}" for look, characters in sorted(alike.items())]
    notes = [f"# {line}".rstrip() for line in (*lines, *LICENSE.read_text("utf-8").splitlines())]
    return "\n".join((*notes, "", *rows)) + "\n"


if __name__ == "__main__":
    version, confusables = official(Path(sys.argv[1]).read_text("utf-8-sig"))
    TABLE.write_text(written(version, looks(confusables)), "utf-8")
