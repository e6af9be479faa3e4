"""Pictures, decoded in a process apart: what comes in is checked and made plain, what goes out is made private.

Pillow is imported where it is first used, because the import is slow.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import BadPicture, WorkerFailed
from bot.core.media.metadata.strip import strip
from bot.core.pool.pool import run_apart
from bot.i18n import _

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_PLAIN_MODES = {"PNG": ("L", "RGB", "RGBA", "LA"), "JPEG": ("L", "RGB"), "MPO": ("L", "RGB")}
_ORIENTATION = 0x0112
_JPEG_QUALITY = 95
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FAULTS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError)
_SECONDS = 60.0  # for one picture: the largest that the settings admit takes a few, on a busy machine some more
_decoding = threading.Lock()  # where this is done in threads: the filter of warnings is the whole process's


@dataclass(frozen=True)
class PictureLimits:
    """The largest files and pictures that people may send."""

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class Prepared:
    """A picture that is upright, without metadata, and in a format that ComfyUI reads well. Its name is a digest."""

    path: Path
    width: int
    height: int


async def prepare(path: Path, folder: Path, limits: PictureLimits | None = None, name: str = "") -> Prepared:
    """Check a picture and put a plain copy into `folder`.

    Raises `BadPicture` with the reason. The sentence calls the file `name`, because its path may be anything.
    """
    name = name or path.name
    try:
        return await run_apart(_prepare, path, folder, limits or PictureLimits(), name, timeout=_SECONDS)
    except WorkerFailed as fault:
        raise BadPicture(
            _("{name} takes too much time or memory to read: please send a smaller picture.").format(name=name)
        ) from fault


async def convert(source: Path, target: Path) -> bool:
    """Write a still picture in the format of the target's name; False if it is animated and so has to stay."""
    return await run_apart(_convert, source, target, timeout=_SECONDS)


@dataclass(frozen=True)
class Shape:
    """The size of a picture in pixels, and whether it is animated."""

    width: int
    height: int
    animated: bool


async def measure(path: Path) -> Shape | None:
    """Read the size from a picture's header; None if it is not a readable picture."""
    try:
        return await run_apart(_measure, path, timeout=_SECONDS)
    except WorkerFailed:
        return None


def _measure(path: Path) -> Shape | None:
    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(path, formats=_FORMATS) as picture:
            warnings.simplefilter("ignore")
            return Shape(*picture.size, getattr(picture, "is_animated", False))
    except (*_FAULTS, Image.DecompressionBombError):
        return None


def _prepare(path: Path, folder: Path, limits: PictureLimits, name: str) -> Prepared:
    _check_size(path, limits, name)
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(path, limits, name) as picture:
            try:
                picture.load()
            except _FAULTS as fault:
                raise BadPicture(
                    _("{name} is damaged or cut short: please send it again.").format(name=name)
                ) from fault
            copy = _plain_copy(picture, path, folder)
            turned = _turn(picture) in (5, 6, 7, 8)
            width, height = picture.size[::-1] if turned else picture.size
    return Prepared(_named_by_content(copy), width, height)


def _check_size(path: Path, limits: PictureLimits, name: str) -> None:
    try:
        size = path.stat().st_size if path.is_file() else -1
        if size > 0:
            path.open("rb").close()
    except OSError:
        size = -1
    if size < 0:
        raise BadPicture(_("{name} cannot be read. Does the file exist?").format(name=name))
    if size == 0:
        raise BadPicture(_("{name} is empty (0 bytes). Please send it again.").format(name=name))
    if size > limits.max_bytes:
        most = f"{limits.max_bytes / 1e6:g}"
        raise BadPicture(
            _("{name} has {size:.1f} MB; the maximum is {most} MB.").format(name=name, size=size / 1e6, most=most)
        )


def _open(path: Path, limits: PictureLimits, name: str) -> Image:
    """Read only the header. The content decides the type, not the name."""
    from PIL import Image

    try:
        picture = Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as bomb:
        raise BadPicture(_too_many_pixels(name, limits)) from bomb
    except _FAULTS as fault:
        raise BadPicture(_unreadable(path, name)) from fault
    width, height = picture.size
    if width * height > limits.max_pixels:
        picture.close()
        raise BadPicture(_too_many_pixels(name, limits))
    return picture


def _too_many_pixels(name: str, limits: PictureLimits) -> str:
    most = f"{limits.max_pixels / 1e6:g}"
    return _("{name} has too many pixels; the maximum is {most} megapixels.").format(name=name, most=most)


def _unreadable(path: Path, name: str) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"hevc"):
        return _("{name} is a HEIC picture. Please save it as JPEG or PNG.").format(name=name)
    if head[:3] == b"\xff\xd8\xff" or head[:8] == _PNG_SIGNATURE or head[8:12] == b"WEBP":
        return _("{name} is damaged or cut short: please send it again.").format(name=name)
    return _("{name} is not a picture that can be read. Please use PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF.").format(
        name=name
    )


def _plain_copy(picture: Image, path: Path, folder: Path) -> Path:
    """Copy the picture without its metadata, or encode it again if ComfyUI needs that."""
    kind, animated = picture.format or "", getattr(picture, "is_animated", False) and picture.format != "MPO"
    plain = picture.mode in _PLAIN_MODES.get(kind, ()) and not animated and "transparency" not in picture.info
    suffix = ".jpg" if kind in ("JPEG", "MPO") else ".png"
    target = folder / f"{hashlib.sha256(str(path).encode()).hexdigest()[:12]}{suffix}"
    if plain and _turn(picture) == 1:
        shutil.copyfile(path, target)
        strip(target)
    else:
        _encode(picture, target)
    return target


def _encode(picture: Image, target: Path) -> None:
    profile = picture.info.get("icc_profile") if picture.mode in ("L", "RGB", "RGBA") else None
    upright = _upright(_eight_bit(picture), _turn(picture))
    upright.info = {}
    if target.suffix == ".jpg":
        upright.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0, icc_profile=profile)
    else:
        upright.save(target, "PNG", compress_level=3, icc_profile=profile)


def _turn(picture: Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if there is none."""
    try:
        turn = picture.getexif().get(_ORIENTATION, 1)
    except _FAULTS:
        return 1
    return turn if turn in range(1, 9) else 1


def _upright(picture: Image, turn: int) -> Image:
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


def _eight_bit(picture: Image) -> Image:
    """Convert a picture to L, RGB or RGBA, from any mode: 16 bits, a palette, CMYK, …"""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if "transparency" in picture.info or picture.mode in ("PA", "LA", "La", "RGBa", "RGBA"):
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L", "F") else "RGB")


def _named_by_content(path: Path) -> Path:
    """Name a file by its content. The same picture then has the same name in every run."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:20]
    return path.replace(path.with_name(digest + path.suffix))


def _convert(source: Path, target: Path) -> bool:
    from PIL import Image

    with Image.open(source) as picture:
        if getattr(picture, "is_animated", False):
            return False
        kind = {".png": "PNG", ".webp": "WEBP"}.get(target.suffix.lower(), "JPEG")
        still: Image.Image = picture
        if kind == "JPEG" and picture.mode not in ("L", "RGB"):
            flat = Image.new("RGB", picture.size, "white")
            flat.paste(picture.convert("RGB"), mask=picture.getchannel("A") if "A" in picture.getbands() else None)
            still = flat
        still.save(target, kind, **({} if kind == "PNG" else {"quality": _JPEG_QUALITY}))
        return True
