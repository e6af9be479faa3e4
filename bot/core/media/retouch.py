"""Masks and crops that people draw: put into a picture, and taken apart again for the next drawing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import BadPicture, WorkerFailed
from bot.core.media.plain import FAULTS
from bot.core.model import Crop, Retouch
from bot.core.pool.pool import run_apart
from bot.i18n import _

if TYPE_CHECKING:
    from PIL.Image import Image

_SECONDS = 60.0
_MOST = 64_000_000  # pixels of a mask
_SIDE = 2048  # pixels of a picture that is drawn on
_JPEG_QUALITY = 95


def read_crop(text: str) -> Crop:
    """Read a crop from its four edges, with commas between. Raises `BadPicture`."""
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        left = top = right = bottom = math.nan
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadPicture(_("The crop has no edges that lie in the picture. Please draw it again."))
    return Crop(left, top, right, bottom)


async def retouched(picture: Path, retouch: Retouch, name: str) -> Path:
    """Put a mask and a crop into a plain picture; the copy lies beside it. What the mask covers is transparent there,
    and keeps its colours. Raises `BadPicture` with a sentence that calls the picture `name`.
    """
    try:
        return await run_apart(_retouched, picture, retouch, name, timeout=_SECONDS)
    except WorkerFailed as fault:
        words = _("The mask of {name} takes too much time or memory. Please use a smaller picture.")
        raise BadPicture(words.format(name=name)) from fault


async def without_mask(picture: Path, target: Path) -> None:
    """Write a copy to draw on, without transparency and not too large. Raises `BadPicture`."""
    try:
        await run_apart(_without_mask, picture, target, timeout=_SECONDS)
    except WorkerFailed as fault:
        raise BadPicture(_("This picture cannot be shown here.")) from fault


def _retouched(picture: Path, retouch: Retouch, name: str) -> Path:
    from PIL import Image

    with Image.open(picture) as opened:
        made: Image.Image = opened
        made.load()
    if retouch.mask is not None:
        made = _masked(made, retouch.mask, name)
    if retouch.crop is not None:
        made = made.crop(_box(retouch.crop, made.size))
    target = picture.with_name(f"{picture.stem}-drawn{'.png' if retouch.mask is not None else picture.suffix}")
    if target.suffix in (".jpg", ".jpeg"):
        made.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        made.save(target, "PNG", compress_level=3)
    return target


def _masked(picture: Image, mask: Path, name: str) -> Image:
    """Make transparent what a mask covers: ComfyUI reads that as the mask, and the colours below it as the picture."""
    from PIL import Image, ImageChops

    words = _("The mask of {name} cannot be read. Please draw it again.").format(name=name)
    try:
        with Image.open(mask, formats=("PNG",)) as opened:
            if opened.width * opened.height > _MOST:
                raise BadPicture(words)
            drawn = opened.convert("L")
    except (*FAULTS, Image.DecompressionBombError) as fault:
        raise BadPicture(words) from fault
    made = picture.convert("RGB").convert("RGBA")
    made.putalpha(ImageChops.invert(drawn.resize(picture.size, Image.Resampling.BILINEAR)))
    return made


def _box(crop: Crop, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The edges of a crop in pixels; at least one is left."""
    width, height = size
    left, top = min(round(crop.left * width), width - 1), min(round(crop.top * height), height - 1)
    return left, top, max(left + 1, round(crop.right * width)), max(top + 1, round(crop.bottom * height))


def _without_mask(picture: Path, target: Path) -> None:
    from PIL import Image

    try:
        with Image.open(picture) as opened:
            opened.draft("RGB", (_SIDE, _SIDE))
            plain = opened.convert("RGB")
            plain.thumbnail((_SIDE, _SIDE))
            plain.save(target, "JPEG", quality=_JPEG_QUALITY)
    except (*FAULTS, Image.DecompressionBombError) as fault:
        raise BadPicture(_("This picture cannot be shown here.")) from fault
