"""A plain copy of a picture: upright, in sRGB, without metadata, and in a form that every server can read."""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.media.colors import eight_bits, has_other_colors
from bot.core.media.metadata.pictures import PNG_SIGNATURE, is_critical, kept_of_jpeg, png_chunks

if TYPE_CHECKING:
    from PIL.Image import Image

_PLAIN_MODES = {"PNG": ("L", "RGB", "RGBA", "LA"), "JPEG": ("L", "RGB"), "MPO": ("L", "RGB")}
_ORIENTATION = 0x0112
_PNG_DEPTH = 24  # where a PNG has its bits for each colour
_JPEG_QUALITY = 95
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive: servers know no other JPEG
_SAMPLINGS = (  # of colours, per component: as many as there are pixels, half or a quarter of them
    *(b"\x11\x11\x11", b"\x21\x11\x11", b"\x22\x11\x11", b"\x12\x11\x11", b"\x41\x11\x11"),
)
#: What decoders raise if a picture is damaged; that of HEIC raises RuntimeError.
FAULTS = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(struct.error, RuntimeError),
)


def plain_copy(picture: Image, data: bytes, path: Path, folder: Path, size: tuple[int, int] | None = None) -> Path:
    """Put a plain copy into `folder`, of this size if there is one. The pixels are encoded again only if that is
    needed; `data` is the file.
    """
    kind = picture.format or ""
    stem = folder / hashlib.sha256(str(path).encode()).hexdigest()[:12]
    photo = stem.with_suffix(".jpg" if kind in ("JPEG", "MPO") and "A" not in picture.getbands() else ".png")
    if size is not None or not _is_plain(picture, kind) or _has_sixteen_bits(data):
        _encode(picture, photo, size)
        return photo
    bare = _bare(data)
    if bare is None or not _is_whole(bare, picture):
        _encode(picture, stem.with_suffix(".png"), size)  # only its form is odd, so it loses nothing
        return stem.with_suffix(".png")
    photo.write_bytes(bare)
    return photo


def _is_plain(picture: Image, kind: str) -> bool:
    if picture.mode not in _PLAIN_MODES.get(kind, ()) or "transparency" in picture.info:
        return False
    animated = getattr(picture, "is_animated", False) and kind != "MPO"
    return not animated and turn_of(picture) == 1 and not has_other_colors(picture)


def _has_sixteen_bits(data: bytes) -> bool:
    """True for a PNG that has two bytes for each colour, which its mode does not tell."""
    return data.startswith(PNG_SIGNATURE) and data[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10"


def _bare(data: bytes) -> bytes | None:
    """The same pixels with nothing beside them; None if a server may not be able to read them."""
    try:
        if data.startswith(PNG_SIGNATURE):
            return PNG_SIGNATURE + b"".join(chunk for kind, chunk in png_chunks(data) if is_critical(kind))
        segments = list(kept_of_jpeg(data, profile=False))
    except (IndexError, struct.error):
        return None
    frames = [segment for segment in segments if segment[:1] == b"\xff" and segment[1] in range(0xC0, 0xD0)]
    frame = next((each for each in frames if each[1] not in (0xC4, 0xC8, 0xCC)), b"\xff\0")
    common = len(frame) < 19 or frame[11:19:3] in _SAMPLINGS
    return b"".join(segments) if frame[1] in _FRAMES and common else None


def _is_whole(bare: bytes, picture: Image) -> bool:
    """True if the pixels are still there: those of a damaged file may have been taken for something beside them."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(bare), formats=("PNG", "JPEG")) as left:
            return left.size == picture.size and bool(getattr(left, "tile", None))
    except FAULTS:
        return False


def _encode(picture: Image, target: Path, size: tuple[int, int] | None) -> None:
    plain = eight_bits(picture)
    if size is not None:
        plain = _resized(plain, size)
    copy = upright(plain, turn_of(picture))
    copy.info = {}
    if target.suffix == ".jpg":
        copy.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        copy.save(target, "PNG", compress_level=3)


def _resized(picture: Image, size: tuple[int, int]) -> Image:
    """Resize a picture; what is transparent keeps its colours, because it may be a mask."""
    if picture.mode not in ("RGBA", "LA"):
        return picture.resize(size, reducing_gap=3.0)
    from PIL import Image

    bands = [band.resize(size, reducing_gap=3.0) for band in picture.split()]
    return Image.merge(picture.mode, bands)


def turn_of(picture: Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if there is none."""
    try:
        turn = picture.getexif().get(_ORIENTATION, 1)
    except FAULTS:
        return 1
    return turn if turn in range(1, 9) else 1


def upright(picture: Image, turn: int) -> Image:
    """Turn a picture by its EXIF orientation."""
    from PIL.Image import Transpose

    method = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(turn)
    return picture if method is None else picture.transpose(method)
