"""Short names for commands: letters a to z, digits and “_”."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

#: Names of our own commands, on every platform; a workflow never has one of these.
RESERVED = frozenset(
    {
        "about",
        "cancel",
        "help",
        "limits",
        "link",
        "mine",
        "moderate",
        "notify",
        "preset",
        "queue",
        "run",
        "settings",
        "start",
        "unlink",
        "workflows",
    }
)
LONGEST = 32  # characters, which is the most that Discord and Telegram take
_OTHER = re.compile(r"[^a-z0-9]+")


@lru_cache(10_000)
def slug_of(text: str) -> str:
    """Return a text as a short name, in Latin letters; “workflow” if nothing is left of it."""
    if not text.isascii():
        from anyascii import anyascii  # only for names that need it: it reads tables from disk

        text = anyascii(text)
    return _cut(_OTHER.sub("_", text.lower()).strip("_"), LONGEST) or "workflow"


def free_slug(text: str, is_taken: Callable[[str], bool]) -> str:
    """Return the first short name for a text that is neither taken nor reserved: NAME, NAME_2, NAME_3 …"""
    slug = candidate = slug_of(text)
    number = 1
    while candidate in RESERVED or is_taken(candidate):
        number += 1
        candidate = f"{_cut(slug, LONGEST - len(str(number)) - 1)}_{number}"
    return candidate


def _cut(slug: str, most: int) -> str:
    return slug[:most].rstrip("_")
