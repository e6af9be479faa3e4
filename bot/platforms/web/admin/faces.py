"""Faces of people: their initials in a circle, with a colour that the same person always has.

No picture is fetched: a browser that looks at this page tells no platform whom it looks at.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise

from bot.core.model import Person
from bot.platforms.web.admin.html import Html, el


def whom(person: Person) -> Html:
    """A person with their face and their name, or their id where there is no name."""
    return el("span", face(person), el("bdi", person.name or person.key), class_="ctl-who")


def face(person: Person) -> Html:
    """The face alone, for where the name stands beside it."""
    hue = hashlib.sha256(person.key.encode()).digest()[0] * 360 // 256
    circle = el("circle", cx="16", cy="16", r="16", fill=f"hsl({hue} 45% 30%)")  # white letters are read on each
    letters = el("text", initials(person.name or person.id), x="16", y="16", fill="#ffffff")
    return el("svg", circle, letters, viewBox="0 0 32 32", class_="ctl-face", aria_hidden="true")


def initials(name: str) -> str:
    """The first letter of a name and that of its last word; a name without letters is a dot."""
    starts = [after for before, after in pairwise(f" {name}") if after.isalnum() and not before.isalnum()]
    return (starts[0] + (starts[-1] if len(starts) > 1 else "")).upper()[:2] if starts else "·"
