"""One line at the bottom of a terminal that shows how far a run is, and goes when it is over."""

from __future__ import annotations

import shutil
import unicodedata
from itertools import accumulate

import click

_CELLS = 30


class ProgressLine:
    """Drawn again and again in its place. What is printed after `clear` takes that place."""

    def __init__(self) -> None:
        self._width = 0

    def draw(self, fraction: float, words: str) -> None:
        """Show a bar that is filled to `fraction`, and as many of the words as the terminal has room for."""
        filled = round(_CELLS * min(max(fraction, 0.0), 1.0))
        room = shutil.get_terminal_size().columns - 1  # a full line would begin another one
        line = _fitting("#" * filled + "." * (_CELLS - filled) + " " + " ".join(words.split()), room)
        self._put(line, _width(line))

    def clear(self) -> None:
        """Remove the line, if there is one."""
        if self._width:
            self._put("", 0)

    def _put(self, line: str, width: int) -> None:
        rest = " " * (self._width - width)
        click.echo(f"\r{line}{rest}" + ("" if line else "\r"), nl=False)
        self._width = width


def _fitting(line: str, room: int) -> str:
    if _width(line) <= room:
        return line
    kept = sum(width < room for width in accumulate(map(_cells, line)))
    return line[:kept] + "…"


def _width(line: str) -> int:
    return sum(map(_cells, line))


def _cells(letter: str) -> int:
    """Return how many cells of a terminal a letter takes."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
