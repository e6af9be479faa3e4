"""Pictures, decoded in a process apart: what comes in is checked and made plain, what goes out is made private.

Pillow is imported where it is first used, because the import is slow.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import BadPicture, WorkerFailed
from bot.core.media.animation import animated_copy, is_animation
from bot.core.media.lenient import PNG_READ, is_damaged, is_whole, salvaged
from bot.core.media.metadata.pictures import PNG_SIGNATURE, is_critical, png_chunks
from bot.core.media.plain import FAULTS, plain_copy, turn_of
from bot.core.media.primaries import named_colors, profile_of
from bot.core.pool.pool import run_apart
from bot.i18n import _

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_LONGEST = {"WEBP": 16_383, "JPEG": 65_500}  # pixels of a side: of WebP, and of libjpeg
_JPEG_QUALITY = 95
_PNG_FRAMES = (b"acTL", b"fcTL", b"fdAT")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
_SECONDS = 60.0  # for one picture: the largest that the settings admit takes a few, on a busy machine some more
_HUGE = 2 * 10**8  # pixels: the largest photographs of phones; a larger picture is made to fill the memory
_decoding = threading.Lock()  # where this is done in threads: the filter of warnings is the whole process's


@dataclass(frozen=True)
class PictureLimits:
    """The largest files that people may send, and the largest pictures that servers get: larger ones are reduced."""

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class Prepared:
    """A picture that is upright, without metadata, and in a format that ComfyUI reads well. Its name is a digest.

    `note` tells the person what is not as it was in the file; it is empty if all is.
    """

    path: Path
    width: int
    height: int
    note: str = ""


async def prepare(
    path: Path, folder: Path, limits: PictureLimits | None = None, name: str = "", *, frames: bool = False
) -> Prepared:
    """Check a picture and put a plain copy into `folder`, with all its `frames` if it is animated and they are wanted.

    Raises `BadPicture` with the reason. The sentence calls the file `name`, because its path may be anything.
    """
    name = name or path.name
    try:
        given = limits or PictureLimits()
        return await run_apart(_prepare, path, folder, given, name, frames, timeout=_SECONDS)
    except WorkerFailed as fault:
        raise BadPicture(
            _("{name} takes too much time or memory to read: please send a smaller picture.").format(name=name)
        ) from fault


async def convert(source: Path, target: Path) -> bool:
    """Write a picture in the format of the target's name; False if it has to stay as it is, because it is animated or
    longer than that format allows.
    """
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as picture:
                return Shape(*picture.size, getattr(picture, "is_animated", False))
    except (*FAULTS, Image.DecompressionBombError):
        return None


def _prepare(path: Path, folder: Path, limits: PictureLimits, name: str, frames: bool = False) -> Prepared:
    _check_size(path, limits, name)
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = path.read_bytes()
        with _open(data, name, frames) as opened:
            size = _reduced(opened.size, limits.max_pixels)
            if size is not None and not (frames and is_animation(opened)):
                opened.draft(None, size)
            picture = _loaded(opened, data, name)
            _name_colors(picture, data)
            data = data if picture is opened else b""  # so that it is encoded again
            copy = _copied(
                picture, data, path, folder, name, limits if frames and is_animation(picture) else None, size
            )
            width, height = size or picture.size
            if turn_of(picture) in (5, 6, 7, 8):
                width, height = height, width
    notes = [_partial(name)] if picture is not opened else []
    notes += [_made_smaller(name, limits)] if size is not None else []
    return Prepared(_named_by_content(copy), width, height, " ".join(notes))


def _name_colors(picture: Image, data: bytes) -> None:
    """Give a picture the profile for the colours that its file names by their numbers, if it has no other."""
    if picture.format in ("PNG", "HEIF", "AVIF") and picture.mode in ("RGB", "RGBA", "P"):
        named = named_colors(data)
        if named is not None and (picture.format == "PNG" or not picture.info.get("icc_profile")):
            with suppress(ValueError):  # nonsense is no worse than nothing
                picture.info["icc_profile"] = profile_of(named)


def _reduced(size: tuple[int, int], most: int) -> tuple[int, int] | None:
    """The size at which a picture has at most so many pixels; None if it has."""
    width, height = size
    if width * height <= most:
        return None
    factor = math.sqrt(most / (width * height))
    return max(1, int(width * factor)), max(1, int(height * factor))


def _loaded(picture: Image, data: bytes, name: str) -> Image:
    """Decode a picture; another one if it is damaged, with what can be read of it."""
    can_salvage = picture.format in ("PNG", "JPEG", "MPO")
    try:
        if not (can_salvage and is_damaged(data)):
            picture.load()
            return picture
    except FAULTS as fault:
        if not can_salvage:
            raise BadPicture(_damaged(name)) from fault
    try:
        found = salvaged(data)
    except FAULTS as fault:
        raise BadPicture(_damaged(name)) from fault
    if found is None:
        raise BadPicture(_damaged(name))
    return found


def _check_size(path: Path, limits: PictureLimits, name: str) -> None:
    try:
        size = path.stat().st_size if path.is_file() else -1
        if size > 0:
            path.open("rb").close()
    except OSError:
        size = -1
    if size < 0:
        words = (
            _("{name} is a folder. Give a file.") if path.is_dir() else _("{name} cannot be read. Does the file exist?")
        )
        raise BadPicture(words.format(name=name))
    if size == 0:
        raise BadPicture(_("{name} is empty (0 bytes). Please send it again.").format(name=name))
    if size > limits.max_bytes:
        most = f"{limits.max_bytes / 1e6:g}"
        raise BadPicture(
            _("{name} has {size:.1f} MB; the maximum is {most} MB.").format(name=name, size=size / 1e6, most=most)
        )


def _copied(
    picture: Image,
    data: bytes,
    path: Path,
    folder: Path,
    name: str,
    animated: PictureLimits | None,
    size: tuple[int, int] | None,
) -> Path:
    """Put a plain copy into `folder`, of this size if there is one. With limits for it, of all frames."""
    try:
        if animated is not None:
            return animated_copy(picture, data, path, folder, animated.max_pixels, name)
        return plain_copy(picture, data, path, folder, size)
    except FAULTS as fault:
        if isinstance(fault, OSError) and fault.errno:
            raise  # of the disk, not of the picture
        raise BadPicture(_damaged(name)) from fault


def _open(data: bytes, name: str, frames: bool) -> Image:
    """Read only the header. The content decides the type, not the name."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = _HUGE // 2  # it refuses what has twice as many
    formats, read = (*_FORMATS, *_with_heic(data)), (*PNG_READ, *(_PNG_FRAMES if frames else ()))
    try:
        try:
            return Image.open(io.BytesIO(_readable(data, read)), formats=formats)
        except FAULTS:
            return Image.open(io.BytesIO(_readable(data, ())), formats=formats)
    except Image.DecompressionBombError as bomb:
        words = _("{name} has too many pixels; the maximum is {most} megapixels.")
        raise BadPicture(words.format(name=name, most=f"{_HUGE / 1e6:g}")) from bomb
    except FAULTS as fault:
        raise BadPicture(_unreadable(data, name)) from fault


def _made_smaller(name: str, limits: PictureLimits) -> str:
    most = f"{limits.max_pixels / 1e6:g}"
    return _("{name} has been made smaller: at most {most} megapixels are used here.").format(name=name, most=most)


def _partial(name: str) -> str:
    return _("{name} is damaged: a part of it may be missing or look wrong.").format(name=name)


def _readable(data: bytes, read: tuple[bytes, ...]) -> bytes:
    """The file without what keeps Pillow from reading it, such as a text of some megabytes in a PNG."""
    if not data.startswith(PNG_SIGNATURE):
        return data
    try:
        return PNG_SIGNATURE + b"".join(
            chunk for kind, chunk in png_chunks(data) if is_critical(kind) or (kind in read and is_whole(chunk))
        )
    except struct.error:
        return data  # it is cut short, which Pillow says


def _with_heic(data: bytes) -> tuple[str, ...]:
    """Teach Pillow to read HEIC, if this may be one."""
    if not (data[4:8] == b"ftyp" and data[8:12] in _HEIC):
        return ()
    from pi_heif import register_heif_opener

    register_heif_opener()
    return ("HEIF",)


def _damaged(name: str) -> str:
    return _("{name} is damaged or cut short: please send it again.").format(name=name)


def _unreadable(data: bytes, name: str) -> str:
    known = data[:3] == b"\xff\xd8\xff" or data[:8] == PNG_SIGNATURE or data[8:12] == b"WEBP"
    if known or (data[4:8] == b"ftyp" and data[8:12] in _HEIC):
        return _damaged(name)
    words = _("{name} is not a picture that can be read. Please use PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC.")
    return words.format(name=name)


def _named_by_content(path: Path) -> Path:
    """Name a file by its content. The same picture then has the same name in every run."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:20]
    return path.replace(path.with_name(digest + path.suffix))


def _convert(source: Path, target: Path) -> bool:
    from PIL import Image

    with Image.open(source) as picture:
        kind = {".png": "PNG", ".webp": "WEBP"}.get(target.suffix.lower(), "JPEG")
        if getattr(picture, "is_animated", False) or max(picture.size) > _LONGEST.get(kind, max(picture.size)):
            return False
        still: Image.Image = picture
        if kind == "JPEG" and picture.mode not in ("L", "RGB"):
            flat = Image.new("RGB", picture.size, "white")
            flat.paste(picture.convert("RGB"), mask=picture.getchannel("A") if "A" in picture.getbands() else None)
            still = flat
        still.save(target, kind, **({} if kind == "PNG" else {"quality": _JPEG_QUALITY}))
        return True
