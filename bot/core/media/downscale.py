"""Fitting: a still picture is encoded again, ever smaller, until a platform takes it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import WorkerFailed
from bot.core.pool.pool import run_apart

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pairs of quality and scale; the first that fits is used.
_STEPS = ((92, 1.0), (82, 1.0), (80, 0.75), (78, 0.5), (75, 0.35), (70, 0.2), (60, 0.1))
_WEBP_SIDE = 16_383  # pixels: the format has no room for more
_SECONDS = 60.0  # for all steps together
#: Methods and efforts of lossless WebP, the fastest first: the first that fits is taken.
_EFFORTS = ((0, 0), (2, 80))
_QUICKLY = 10.0  # seconds for each of them: a person waits for the answer to a button


async def fit(path: Path, folder: Path, most: int, side: int | None = None, ratio: int | None = None) -> Path | None:
    """Return a picture with at most `most` bytes, and `side` pixels per side: the file itself, or a copy in `folder`.
    A copy that is longer than `ratio` times its shorter side gets white borders.

    The copy is a WebP, or a JPEG if the WebP is too small. None if the picture is animated or cannot be read.
    """
    if side is None and await asyncio.to_thread(_size, path) <= most:
        return path
    try:
        return await run_apart(_fit, path, folder, most, side, ratio, timeout=_SECONDS)
    except WorkerFailed:
        return None


def _size(path: Path) -> int:
    return path.stat().st_size


def _fit(path: Path, folder: Path, most: int, side: int | None, ratio: int | None = None) -> Path | None:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            is_narrow = ratio is not None and max(picture.size) > ratio * min(picture.size)
            if path.stat().st_size <= most and max(picture.size) <= (side or max(picture.size)) and not is_narrow:
                return path
            if getattr(picture, "is_animated", False):
                return None
            return _smaller(picture, folder / path.stem, most, side, ratio)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _smaller(picture: Image, stem: Path, most: int, side: int | None, ratio: int | None) -> Path | None:
    first = min(1.0, side / max(picture.size)) if side else 1.0
    plain = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "PA") else "RGB")
    for quality, scale in _STEPS:
        size = (max(1, int(plain.width * scale * first)), max(1, int(plain.height * scale * first)))
        made = plain if size == plain.size else plain.resize(size)
        target = _encode(_bordered(made, ratio) if ratio is not None else made, stem, quality)
        if target.stat().st_size <= most:
            return target
    return None


def _bordered(picture: Image, ratio: int) -> Image:
    """A picture that is at most so many times as long as it is wide."""
    from PIL import Image

    least = -(-max(picture.size) // ratio)
    if min(picture.size) >= least:
        return picture
    whole = Image.new("RGB", (max(picture.width, least), max(picture.height, least)), "white")
    place = ((whole.width - picture.width) // 2, (whole.height - picture.height) // 2)
    whole.paste(picture, place, picture if picture.mode == "RGBA" else None)
    return whole


def _encode(picture: Image, stem: Path, quality: int) -> Path:
    if max(picture.size) > _WEBP_SIDE:
        target = stem.with_name(stem.name + "-fitted.jpg")
        picture.convert("RGB").save(target, "JPEG", quality=quality)
    else:
        target = stem.with_name(stem.name + "-fitted.webp")
        picture.save(target, "WEBP", quality=quality, method=2)
    return target


async def lossless(path: Path, folder: Path, most: int) -> Path | None:
    """The same pixels as a WebP of at most so many bytes; None where that cannot be, or takes too long."""
    target = folder / f"{path.stem}-lossless.webp"
    for method, effort in _EFFORTS:
        try:
            size = await run_apart(_lossless, path, target, method, effort, timeout=_QUICKLY)
        except WorkerFailed:
            return None
        if size is None or size <= most:
            return target if size is not None else None
    return None


def _lossless(path: Path, target: Path, method: int, effort: int) -> int | None:
    """Write it; how many bytes it has."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            exact = picture.mode in ("L", "P", "RGB", "RGBA") and max(picture.size) <= _WEBP_SIDE
            if not exact or getattr(picture, "is_animated", False):
                return None
            picture.save(target, "WEBP", lossless=True, exact=True, method=method, quality=effort)
            return _size(target)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
