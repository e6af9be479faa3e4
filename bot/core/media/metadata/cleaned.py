"""Checks a result, cleans it before people get it, and looks at it: in one trip to a process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import WorkerFailed
from bot.core.media.blank import is_of_one_colour, may_be_blank
from bot.core.media.content import fault_in
from bot.core.media.metadata.strip import strip, without_metadata
from bot.core.pool.pool import run_apart

_SECONDS = 120.0  # for one file


@dataclass(frozen=True)
class Cleaned:
    """The state of a file: whether it shows its workflow, and whether all its pixels are alike. `fault` is the end of a
    sentence that says why the file is not what its name says; None if nothing is wrong.
    """

    fault: str | None = None
    shows_workflow: bool = False
    is_blank: bool = False


async def cleaned(path: Path, *, is_media: bool, is_picture: bool, keep: bool) -> Cleaned:
    """Check a file, remove its metadata in place unless they are to be kept, and look at the pixels of a picture.
    `is_media` tells that it is named like a picture, a video or a sound.
    """
    if keep:
        found = await asyncio.to_thread(_checked, path, is_media)
        if found.fault is not None or not is_picture or not await asyncio.to_thread(may_be_blank, path):
            return found
    try:
        return await run_apart(_clean, path, is_media, is_picture, keep, timeout=_SECONDS)
    except WorkerFailed:  # maybe at its pixels
        found = await asyncio.to_thread(_checked, path, is_media)
        if found.fault is not None or keep:
            return found
        return Cleaned(shows_workflow=not await without_metadata(path))


def _checked(path: Path, is_media: bool) -> Cleaned:
    return Cleaned(fault_in(path, is_media=is_media))


def _clean(path: Path, is_media: bool, is_picture: bool, keep: bool) -> Cleaned:
    found = _checked(path, is_media)
    if found.fault is not None:
        return found
    shows_workflow = not keep and not strip(path)  # first: only then its size tells whether it may be of one colour
    return Cleaned(None, shows_workflow, is_picture and may_be_blank(path) and is_of_one_colour(path))
