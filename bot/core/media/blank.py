"""Results that are black, or of any other one colour: often a workflow that has failed without an error."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from bot.core.errors import WorkerFailed
from bot.core.media.metadata.pictures import PNG_SIGNATURE
from bot.core.media.plain import FAULTS
from bot.core.model import ResultFile
from bot.core.pool.pool import run_apart
from bot.core.workflows.form import listed
from bot.i18n import ngettext

_LEAST_SIDE = 64  # pixels: a smaller picture may well be of one colour
_SECONDS = 60.0
_PACKED = 200  # a PNG of one colour takes this part of its pixels, at most
_SMALL, _HEAD = 100_000, 1024  # bytes of other files that may be of one colour; and of everything besides the pixels
_ALIKE = 6  # steps of 255: JPEG and WebP do not keep them exactly


async def blank_words(files: Iterable[ResultFile], inputs: Callable[[], Awaitable[Sequence[Path]]]) -> list[str]:
    """Say which pictures are of one colour all over; nothing if all `inputs` are too."""
    blank = [file.filename for file in files if file.is_blank]
    if not blank:
        return []
    given = await inputs()
    if given and all([await is_blank(path) for path in given]):
        return []
    words = ngettext(
        "{names} is of one colour all over: the workflow may have failed, or a setting does not suit it.",
        "{names} are of one colour all over: the workflow may have failed, or a setting does not suit it.",
        len(blank),
    )
    return [words.format(names=listed(blank))]


async def is_blank(path: Path) -> bool:
    """True if all pixels of a picture are alike. Most files are too large for that, so they are not decoded."""
    try:
        if not await asyncio.to_thread(may_be_blank, path):
            return False
        return await run_apart(is_of_one_colour, path, timeout=_SECONDS)
    except WorkerFailed:
        return False


def may_be_blank(path: Path) -> bool:
    """True if a picture is as small as one of one colour."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(33)
    if not head.startswith(PNG_SIGNATURE) or len(head) < 33:
        return size <= _SMALL
    width, height, depth = int.from_bytes(head[16:20]), int.from_bytes(head[20:24]), head[24]
    most = _HEAD + width * height * depth // 2 // _PACKED  # as if there were four bands
    return bool(min(width, height) >= _LEAST_SIDE and size <= most)


def is_of_one_colour(path: Path) -> bool:
    """As `is_blank`, in this process, of a picture that may be."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                if min(picture.size) < _LEAST_SIDE or getattr(picture, "is_animated", False):
                    return False
                bands = picture.convert("RGBA" if "A" in picture.getbands() else "RGB").getextrema()
                return all(high - low <= _ALIKE for low, high in bands)  # type: ignore[misc]
    except (*FAULTS, Image.DecompressionBombError):
        return False
