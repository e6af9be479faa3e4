"""A damaged PNG or JPEG, read as browsers do: what can be decoded of it counts, and what is missing is transparent.

Call `salvaged` in a process apart, or under a lock: Pillow's leniency is a setting of the whole process.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.core.media.metadata.pictures import PNG_SIGNATURE, is_critical, png_chunks

if TYPE_CHECKING:
    from PIL.Image import Image

#: Chunks of a PNG that we look at besides the pixels.
PNG_READ = (b"tRNS", b"iCCP", b"eXIf")
_MARKS = (0x35, 0xCA)  # greys that rows have before they are decoded: one that is told by both was not
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the type of colours
_HELD_BACK = 32_768  # bytes before a wrong sum that browsers do not show: later ones might have referred to them
_PIECE = 4096
_BLOCK = 24  # rows of a JPEG that a decoder may hold back at the end


def is_damaged(data: bytes) -> bool:
    """True if a chunk of a PNG that every reader must know is not what its sum says. Decoders may not notice it."""
    try:
        return data.startswith(PNG_SIGNATURE) and any(
            is_critical(kind) and not is_whole(chunk) for kind, chunk in png_chunks(data)
        )
    except struct.error:
        return False  # it is cut short, which decoders see


def salvaged(data: bytes) -> Image | None:
    """Decode what can be decoded of a file; None if that is nothing, or if a part of the file is cut off. What is left
    without its end mark is whole. Raises what decoders raise.
    """
    return _png(data) if data.startswith(PNG_SIGNATURE) else _jpeg(data)


def _png(data: bytes) -> Image | None:
    from PIL import Image

    found = _read(data)
    if found is None or not found.rows:
        return None
    return _opaque_above(Image.open(io.BytesIO(found.data), formats=("PNG",)), found.rows)


def _jpeg(data: bytes) -> Image | None:
    with _lenient():
        first, second = (_decoded(data, mark) for mark in _MARKS)
        rows = _rows_alike(first, second)
        if b"\xff\xd9" not in data[-_PIECE:]:
            is_cut = rows < first.height - _BLOCK and not first.info.get("progressive")
            return None if is_cut else _decoded(data, 0, ended=True)
    return _opaque_above(first, rows) if rows else None


def _opaque_above(picture: Image, rows: int) -> Image:
    """Make all below the first `rows` transparent."""
    from PIL import Image

    picture.load()
    if rows >= picture.height:
        return picture
    whole = Image.new("RGBA", picture.size)
    whole.paste(picture.convert("RGBA").crop((0, 0, picture.width, rows)))
    whole.info, whole.format = picture.info, picture.format
    return whole


@dataclass(frozen=True)
class _Png:
    """A PNG that is whole, but has only so many rows of the damaged one."""

    data: bytes
    rows: int


def _read(data: bytes) -> _Png | None:
    head, body, damaged = _parts(data)
    if not head or len(head[0]) != 25 or len(body) < 2 or int.from_bytes(body[:2]) % 31 or body[0] & 15 != 8:
        return None
    width, height, depth, colors, interlaced = struct.unpack_from(">IIBB2xB", head[0], 8)
    row = 1 + (width * depth * _SAMPLES.get(colors, 4) + 7) // 8
    size = row * height
    if interlaced:
        size *= 2  # at most: what is missing of it is scattered over the picture, so it must be whole
    found, ended = _inflated(body, size)
    if interlaced:
        return None if not ended else _Png(_whole(head, found), height)
    if not ended and (not damaged or b"IEND" not in data[-_PIECE:]):
        return None  # it is cut short
    rows = len(found) // row if ended else max(0, len(found) - _HELD_BACK) // row
    filters = found[: rows * row : row]
    good = len(filters) - len(filters.lstrip(bytes(range(5))))
    return _Png(_whole(head, found[: good * row] + bytes(row * (height - good))), good)


def _parts(data: bytes) -> tuple[list[bytes], bytes, bool]:
    """The chunks before the pixels, the compressed pixels up to the first damage, and whether there is one."""
    head, body = list[bytes](), list[bytes]()
    try:
        for kind, chunk in png_chunks(data):
            whole = is_whole(chunk)
            if kind == b"IDAT":
                body.append(chunk[8 : 8 + int.from_bytes(chunk[:4])])
            if kind == b"IEND" or (is_critical(kind) and not whole):
                return head, b"".join(body), not whole
            if whole and kind != b"IDAT" and (is_critical(kind) or kind in PNG_READ):
                head.append(chunk)
    except struct.error:
        pass
    return head, b"".join(body), False


def is_whole(chunk: bytes) -> bool:
    """True if a chunk of a PNG has its length and its sum."""
    return len(chunk) == 12 + int.from_bytes(chunk[:4]) and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])


def _inflated(body: bytes, most: int) -> tuple[bytes, bool]:
    """Unpack a stream up to its first fault; true if that is all of it. Its checksum does not count."""
    found, stream = bytearray(), zlib.decompressobj(-zlib.MAX_WBITS)
    for at in range(2, len(body), _PIECE):
        before, piece = stream.copy(), body[at : at + _PIECE]
        try:
            found += stream.decompress(piece)
        except zlib.error:
            for each in piece:
                try:
                    found += before.decompress(bytes([each]))
                except zlib.error:
                    return bytes(found[:most]), len(found) >= most
        if stream.eof or len(found) > most:
            break
    return bytes(found[:most]), stream.eof or len(found) >= most


def _whole(head: list[bytes], pixels: bytes) -> bytes:
    compressed = _chunk(b"IDAT", zlib.compress(pixels, 0))
    return PNG_SIGNATURE + b"".join(head) + compressed + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def _decoded(data: bytes, mark: int, *, ended: bool = False) -> Image:
    """Decode a JPEG onto a picture of one grey; with `ended` as if it had its end mark."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data), formats=("JPEG",))
    bands = len(picture.getbands())
    picture.im = Image.new(picture.mode, picture.size, (mark,) * bands if bands > 1 else mark).im
    if not ended:
        vars(picture)["_ended"] = True  # else Pillow adds the end mark, and the decoder the rows that are missing
    picture.load()
    return picture


def _rows_alike(first: Image, second: Image) -> int:
    """The rows from the top that are alike, whatever was there before."""
    from PIL import ImageChops

    box = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).getbbox()
    return box[1] if box else first.height


@contextmanager
def _lenient() -> Iterator[None]:
    from PIL import ImageFile

    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
