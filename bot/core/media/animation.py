"""A plain copy of an animated picture: all its frames, upright, in sRGB and without metadata."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import BadPicture
from bot.core.media.colors import eight_bits, has_other_colors
from bot.core.media.metadata.pictures import kept_of_gif, kept_of_png, kept_of_webp
from bot.core.media.plain import FAULTS, turn_of, upright
from bot.i18n import _

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_FRAMES = 1000
#: The formats of which loaders read every frame.
_KEPT: dict[str, tuple[str, Callable[[bytes], Iterator[bytes]]]] = {
    "GIF": (".gif", kept_of_gif),
    "WEBP": (".webp", kept_of_webp),
    "PNG": (".png", kept_of_png),
}


@dataclass(frozen=True)
class _Frames:
    """The size of every frame, and how many there are."""

    size: tuple[int, int]
    count: int


def is_animation(picture: Image) -> bool:
    """True if a loader that reads every frame finds several."""
    return picture.format in _KEPT and bool(getattr(picture, "is_animated", False))


def animated_copy(picture: Image, data: bytes, path: Path, folder: Path, most_pixels: int, name: str) -> Path:
    """Put a plain copy into `folder`. The frames are encoded again only if that is needed; `data` is the file.

    Raises `BadPicture` if there are too many frames, or if all together have more than `most_pixels`, and what
    decoders raise if the file is damaged.
    """
    suffix, kept_of = _KEPT[picture.format or ""]
    is_plain = turn_of(picture) == 1 and not has_other_colors(picture)
    found = _measured(picture, most_pixels, name)
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    bare = _bare(data, kept_of) if is_plain else None
    if bare is not None and _holds(bare, picture.format or "", found):
        target = folder / f"{digest}{suffix}"
        target.write_bytes(bare)
        return target
    return _encoded(picture, folder / f"{digest}.png", found.count)


def _measured(picture: Image, most_pixels: int, name: str) -> _Frames:
    """Count the frames, and decode each."""
    width, height = picture.size
    most = min(MOST_FRAMES, most_pixels // (width * height))
    count = 0
    while _seek(picture, count):
        if count == most:
            raise BadPicture(_too_many(name, most, most_pixels))
        picture.load()
        count += 1
    return _Frames(picture.size, count)


def _seek(picture: Image, number: int) -> bool:
    """Go to a frame; False behind the last one."""
    try:
        picture.seek(number)
    except EOFError:
        return False
    return True


def _too_many(name: str, most: int, most_pixels: int) -> str:
    if most == MOST_FRAMES:
        return _("{name} has more than {most} frames. Please send a shorter one.").format(name=name, most=most)
    words = _("All frames of {name} have too many pixels together; the maximum is {most} megapixels.")
    return words.format(name=name, most=f"{most_pixels / 1e6:g}")


def _bare(data: bytes, kept_of: Callable[[bytes], Iterator[bytes]]) -> bytes | None:
    try:
        return b"".join(kept_of(data))
    except (IndexError, ValueError, struct.error):
        return None


def _holds(bare: bytes, kind: str, found: _Frames) -> bool:
    """True if all frames are still there: those of a damaged file may have been taken for something beside them."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(bare), formats=(kind,)) as left:
            return left.size == found.size and getattr(left, "n_frames", 1) == found.count
    except FAULTS:
        return False


def _encoded(picture: Image, target: Path, count: int) -> Path:
    """Write the frames as an animated PNG, which loses nothing."""
    picture.seek(0)
    turn = turn_of(picture)
    frames: list[Image] = []
    durations: list[float] = []
    for number in range(count):
        picture.seek(number)
        picture.load()
        frame = upright(eight_bits(picture), turn)
        durations.append(float(picture.info.get("duration") or 0))
        frame.info = {}
        frames.append(frame)
    modes = {frame.mode for frame in frames}
    mode = "RGBA" if "RGBA" in modes else "RGB" if modes != {"L"} else "L"
    first, *rest = [frame.convert(mode) for frame in frames]
    first.save(target, "PNG", save_all=True, append_images=rest, duration=durations, compress_level=3)
    return target
