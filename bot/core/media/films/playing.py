"""Results that move, in a form that a chat plays in place, and within its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.media.films.making import FilmFile, as_mp4, fit_film
from bot.core.media.images import measure
from bot.core.media.metadata.pictures import PNG_SIGNATURE
from bot.core.model import ResultFile

_LEAST = 0.02  # of a film: what is made smaller than that is not worth a look


@dataclass(frozen=True)
class Playable:
    """A file as it goes. It is `smaller` where it had to be, and `made` where it is not the one that was given."""

    file: ResultFile
    made: bool = False
    smaller: bool = False


async def moves(file: ResultFile) -> bool:
    """True for a video, and for a picture that is animated."""
    if file.kind == "image" and file.path.suffix.lower() == ".gif":
        shape = await measure(file.path)
        return shape is not None and shape.animated
    return file.kind == "video" or (file.kind == "image" and await asyncio.to_thread(_is_animated, file.path))


async def to_play(
    file: ResultFile, folder: Path, most: int, plays: Collection[str], most_gif: int | None = None
) -> Playable | None:
    """Make a film fit for a chat that plays files with these suffixes in place, of at most so many bytes; and GIFs of
    at most `most_gif`. What it does not play stays as it is if it cannot be made an MP4. None if it is too large, and
    cannot be made smaller.
    """
    size, suffix = await asyncio.to_thread(_size, file.path), file.path.suffix.lower()
    if size <= (most if suffix != ".gif" or most_gif is None else min(most, most_gif)) and suffix in plays:
        return Playable(file)
    if file.kind == "video" and size > most:
        made = await fit_film(file.path, folder, most) if most > size * _LEAST else None
    else:
        made = await as_mp4(file.path, folder, most)
    if made is not None:
        return Playable(_of(file, made), made=True, smaller=size > most)
    return Playable(file) if size <= most else None


def _of(file: ResultFile, made: FilmFile) -> ResultFile:
    return replace(file, path=made.path, filename=Path(file.filename).with_suffix(".mp4").name)


def _size(path: Path) -> int:
    return path.stat().st_size


def _is_animated(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    if head[8:16] == b"WEBPVP8X":
        return bool(head[20] & 2)
    return head.startswith(PNG_SIGNATURE) and b"acTL" in head
