"""Pictures, decoded in a process apart: what comes in is checked and made plain, what goes out is made private.

Pillow is imported where it is first used, because the import is slow.
"""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import BadPicture, WorkerFailed
from bot.core.media.animation import animated_copy, is_animation
from bot.core.media.metadata.pictures import PNG_SIGNATURE, is_critical, png_chunks
from bot.core.media.plain import FAULTS, plain_copy, turn_of
from bot.core.pool.pool import run_apart
from bot.i18n import _

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_JPEG_QUALITY = 95
_PNG_READ = (b"tRNS", b"iCCP", b"eXIf")  # what we look at besides the pixels
_PNG_FRAMES = (b"acTL", b"fcTL", b"fdAT")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
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
        with _open(data, limits, name, frames) as picture:
            try:
                picture.load()
            except FAULTS as fault:
                raise BadPicture(_damaged(name)) from fault
            turned = turn_of(picture) in (5, 6, 7, 8)
            width, height = picture.size[::-1] if turned else picture.size
            most = limits.max_pixels if frames and is_animation(picture) else None
            copy = _copied(picture, data, path, folder, name, most)
    return Prepared(_named_by_content(copy), width, height)


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


def _copied(picture: Image, data: bytes, path: Path, folder: Path, name: str, most_pixels: int | None) -> Path:
    """Put a plain copy into `folder`: of all frames if `most_pixels` says how many these may have together."""
    try:
        if most_pixels is not None:
            return animated_copy(picture, data, path, folder, most_pixels, name)
        return plain_copy(picture, data, path, folder)
    except FAULTS as fault:
        if isinstance(fault, OSError) and fault.errno:
            raise  # of the disk, not of the picture
        raise BadPicture(_damaged(name)) from fault


def _open(data: bytes, limits: PictureLimits, name: str, frames: bool) -> Image:
    """Read only the header. The content decides the type, not the name."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(_readable(data, frames)), formats=(*_FORMATS, *_with_heic(data)))
    except Image.DecompressionBombError as bomb:
        raise BadPicture(_too_many_pixels(name, limits)) from bomb
    except FAULTS as fault:
        raise BadPicture(_unreadable(data, name)) from fault
    width, height = picture.size
    if width * height > limits.max_pixels:
        picture.close()
        raise BadPicture(_too_many_pixels(name, limits))
    return picture


def _too_many_pixels(name: str, limits: PictureLimits) -> str:
    most = f"{limits.max_pixels / 1e6:g}"
    return _("{name} has too many pixels; the maximum is {most} megapixels.").format(name=name, most=most)


def _readable(data: bytes, frames: bool) -> bytes:
    """The file without what keeps Pillow from reading it, such as a text of some megabytes in a PNG."""
    if not data.startswith(PNG_SIGNATURE):
        return data
    read = (*_PNG_READ, *_PNG_FRAMES) if frames else _PNG_READ
    try:
        return PNG_SIGNATURE + b"".join(chunk for kind, chunk in png_chunks(data) if is_critical(kind) or kind in read)
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
