"""Encode a still picture again, smaller each time, until a platform accepts it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pairs of quality and scale; the first that fits is used.
_STEPS = ((92, 1.0), (82, 1.0), (80, 0.75), (78, 0.5), (75, 0.35), (70, 0.2), (60, 0.1))
_WEBP_SIDE = 16_383  # pixels; the limit of the format
_encoding = threading.Lock()  # one large picture in memory at a time


async def fit(path: Path, folder: Path, most: int, side: int | None = None) -> Path | None:
    """Return a picture with at most `most` bytes, and `side` pixels per side: the file itself, or a copy in `folder`.

    The copy is a WebP, or a JPEG if the WebP is too small. None if the picture is animated or cannot be read.
    """
    return await asyncio.to_thread(_fit, path, folder, most, side)


def _fit(path: Path, folder: Path, most: int, side: int | None) -> Path | None:
    from PIL import Image

    if path.stat().st_size <= most and side is None:
        return path
    try:
        with _encoding, Image.open(path) as picture:
            if path.stat().st_size <= most and max(picture.size) <= (side or max(picture.size)):
                return path
            if getattr(picture, "is_animated", False):
                return None
            return _smaller(picture, folder / path.stem, most, side)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _smaller(picture: Image, stem: Path, most: int, side: int | None) -> Path | None:
    first = min(1.0, side / max(picture.size)) if side else 1.0
    plain = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "PA") else "RGB")
    for quality, scale in _STEPS:
        size = (max(1, int(plain.width * scale * first)), max(1, int(plain.height * scale * first)))
        target = _encode(plain if size == plain.size else plain.resize(size), stem, quality)
        if target.stat().st_size <= most:
            return target
    return None


def _encode(picture: Image, stem: Path, quality: int) -> Path:
    if max(picture.size) > _WEBP_SIDE:
        target = stem.with_name(stem.name + "-fitted.jpg")
        picture.convert("RGB").save(target, "JPEG", quality=quality)
    else:
        target = stem.with_name(stem.name + "-fitted.webp")
        picture.save(target, "WEBP", quality=quality, method=2)
    return target


async def lossless(path: Path, folder: Path) -> Path | None:
    """Return a smaller file with the same pixels, as a WebP; None if there is none."""
    return await asyncio.to_thread(_lossless, path, folder / f"{path.stem}-lossless.webp")


def _lossless(path: Path, target: Path) -> Path | None:
    from PIL import Image

    try:
        with _encoding, Image.open(path) as picture:
            exact = picture.mode in ("L", "P", "RGB", "RGBA") and max(picture.size) <= _WEBP_SIDE
            if not exact or getattr(picture, "is_animated", False):
                return None
            picture.save(target, "WEBP", lossless=True, exact=True, method=2)
            return target
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
