"""Cleans a result before people get it, and looks at it, in one trip to a process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import WorkerFailed
from bot.core.media.blank import is_of_one_colour, may_be_blank
from bot.core.media.metadata.strip import strip, without_metadata
from bot.core.pool.pool import run_apart

_SECONDS = 120.0  # for one file


@dataclass(frozen=True)
class Cleaned:
    """The state of a file: whether it shows its workflow, and whether all its pixels are alike."""

    shows_workflow: bool = False
    is_blank: bool = False


async def cleaned(path: Path, *, keep: bool, look: bool) -> Cleaned:
    """Remove a file's metadata in place, unless they are to be kept, and look at its pixels if that is wanted."""
    if keep and not look:
        return Cleaned()
    try:
        return await run_apart(_clean, path, keep, look, timeout=_SECONDS)
    except WorkerFailed:  # maybe at its pixels
        return Cleaned(shows_workflow=not keep and not await without_metadata(path))


def _clean(path: Path, keep: bool, look: bool) -> Cleaned:
    shows_workflow = not keep and not strip(path)  # first: only then its size tells whether it may be of one colour
    return Cleaned(shows_workflow, look and may_be_blank(path) and is_of_one_colour(path))
