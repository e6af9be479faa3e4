"""Films for chats: made smaller, or made to play in place. One at a time, in a process that lets others go first.

Without PyAV, which is the extra `media`, each of these is None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import WorkerFailed
from bot.core.media.films.encoder import fitted, rewritten
from bot.core.media.films.source import Film, faults, is_installed, opened
from bot.core.pool.pool import run_alone, run_apart
from bot.i18n import _

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_SECONDS = 900.0  # for a film: one of a minute takes a tenth of that on two quiet cores
_SHORT = 60.0  # for one picture of it
_STILLS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_DARK = 24  # of 255
_POSTER_SIDE, _POSTER_QUALITY = 320, 80  # pixels: what Telegram takes, in less than 200 kB


@dataclass(frozen=True)
class FilmFile:
    """A film that was written, and its file."""

    path: Path
    film: Film


def missing() -> str:
    """A sentence that says what videos need here; empty if it is there."""
    if is_installed():
        return ""
    return _("Videos can be changed where PyAV is installed: pip install 'darkroom[media]'.")


async def look_at(path: Path) -> Film | None:
    """Return the size and duration of a film; None if it is none that can be read."""
    if not is_installed():
        return None
    try:
        return await run_apart(_looked_at, path, timeout=_SHORT)
    except WorkerFailed:
        return None


async def fit_film(path: Path, folder: Path, most: int) -> FilmFile | None:
    """Make a film small enough: an MP4 of at most so many bytes in `folder`. None if that cannot be."""
    return await _made(fitted, path, folder / f"{path.stem}-fitted.mp4", most)


async def as_mp4(path: Path, folder: Path, most: int) -> FilmFile | None:
    """Write a film, or an animated picture, as an MP4 of at most so many bytes in `folder`. None if that cannot be."""
    return await _made(rewritten, path, folder / f"{path.stem}-film.mp4", most)


async def poster(path: Path, folder: Path) -> Path | None:
    """Put a small JPEG of a film's first good picture into `folder`; None if there is none."""
    return await _picture(path, folder / f"{path.stem}-poster.jpg", last=False)


async def last_picture(path: Path, folder: Path) -> Path | None:
    """Put the last picture of a film into `folder` as a PNG; None if there is none."""
    return await _picture(path, folder / f"{path.stem}-last.png", last=True)


async def is_video(path: Path) -> bool:
    """True if a file begins as a video does."""
    return await asyncio.to_thread(_begins_as_video, path)


def _begins_as_video(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    boxes = head[4:8] in (b"ftyp", b"moov") and head[8:12] not in _STILLS
    return boxes or head.startswith(b"\x1aE\xdf\xa3") or (head.startswith(b"RIFF") and head[8:] == b"AVI ")


async def _made(make: Callable[[Path, Path, int], Film | None], path: Path, target: Path, most: int) -> FilmFile | None:
    if not is_installed():
        return None
    try:
        film = await run_alone(_or_none, make, path, target, most, timeout=_SECONDS)
    except WorkerFailed:
        return None
    return FilmFile(target, film) if film is not None else None


async def _picture(path: Path, target: Path, *, last: bool) -> Path | None:
    if not is_installed():
        return None
    try:
        return target if await run_apart(_keep_picture, path, target, last, timeout=_SHORT) else None
    except WorkerFailed:
        return None


def _or_none(make: Callable[[Path, Path, int], Film | None], path: Path, target: Path, most: int) -> Film | None:
    try:
        return make(path, target, most)
    except faults():
        return None


def _looked_at(path: Path) -> Film | None:
    try:
        return opened(path).film
    except faults():
        return None


def _keep_picture(path: Path, target: Path, last: bool) -> bool:
    from av.video.frame import VideoFrame

    found: VideoFrame | None = None
    try:
        for frame in opened(path).frames(at_end=last):
            if isinstance(frame, VideoFrame):
                found = frame
                if not last and not _is_dark(frame):
                    break
    except faults():
        pass  # what came before is good
    if found is None:
        return False
    picture = found.to_image()  # type: ignore[no-untyped-call]
    if last:
        picture.save(target, "PNG", compress_level=3)
    else:
        picture.thumbnail((_POSTER_SIDE, _POSTER_SIDE))
        picture.save(target, "JPEG", quality=_POSTER_QUALITY)
    return True


def _is_dark(frame: VideoFrame) -> bool:
    """True if there is hardly anything to see, as at the begin of many films."""
    return int(frame.reformat(32, 32, "gray").to_ndarray().max()) < _DARK
