"""A contact sheet: several pictures as one, numbered, for a list of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.core.errors import WorkerFailed
from bot.core.pool.pool import run_apart

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIDE, _GAP, _ROW = 240, 8, 5  # pixels of a tile and between two, and tiles in a row
_SECONDS = 20.0  # to draw one
_MOST = 60_000_000  # pixels of a picture that is worth reading
_GROUND, _TILE, _INK = "#1c1b19", "#33312d", "#f4f1ea"


@dataclass(frozen=True)
class SheetTile:
    """A tile with its number; without a picture it shows the `label`."""

    number: int
    path: Path | None
    label: str = ""


def draw_sheet(tiles: tuple[SheetTile, ...], target: Path) -> Path:
    """Draw tiles side by side as a JPEG, and return its path. It belongs into the pool of processes."""
    from PIL import Image, ImageDraw, ImageFont

    columns = min(_ROW, len(tiles))
    rows = -(-len(tiles) // _ROW)
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (columns * step + _GAP, rows * step + _GAP), _GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(26)
    for place, tile in enumerate(tiles):
        left, top = _GAP + place % _ROW * step, _GAP + place // _ROW * step
        pen.rectangle((left, top, left + _SIDE - 1, top + _SIDE - 1), fill=_TILE)
        if (small := _thumbnail(tile.path)) is not None:
            sheet.paste(small, (left + (_SIDE - small.width) // 2, top + (_SIDE - small.height) // 2))
        elif tile.label:
            pen.text((left + _SIDE / 2, top + _SIDE / 2), tile.label, fill=_INK, font=font, anchor="mm")
        _mark(pen, str(tile.number), left + 8, top + 8, font)
    sheet.save(target, "JPEG", quality=85)
    return target


async def sheet_of(pictures: Sequence[Path], target: Path) -> Path | None:
    """Draw pictures side by side, numbered from 1; None if that does not work."""
    tiles = tuple(SheetTile(number, path) for number, path in enumerate(pictures, 1))
    try:
        return await run_apart(draw_sheet, tiles, target, timeout=_SECONDS)
    except WorkerFailed:
        return None


def _thumbnail(path: Path | None) -> Picture | None:
    from PIL import Image

    if path is None:
        return None
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MOST:
                return None
            picture.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            picture.thumbnail((_SIDE, _SIDE))
            return _flat(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _flat(picture: Picture) -> Picture:
    from PIL import Image

    whole = picture.convert("RGBA")
    flat = Image.new("RGB", whole.size, _TILE)
    flat.paste(whole, mask=whole.getchannel("A"))
    return flat


def _mark(pen: Any, text: str, left: int, top: int, font: Any) -> None:
    """The number, on a ground of its own, so that it can be read on any picture."""
    box = pen.textbbox((left + 8, top + 4), text, font=font)
    pen.rectangle((left, top, box[2] + 8, box[3] + 6), fill=_GROUND)
    pen.text((left + 8, top + 4), text, fill=_INK, font=font)
