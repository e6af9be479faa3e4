"""Boxes of ISO media files: MP4, MOV, AVIF, HEIF, JPEG 2000, and JPEG XL.

A box without use is named `free`, with zeros in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

_ABOUT = (b"udta", b"meta")  # within a film or a track: what players show about it
_UNUSED = (b"free", b"skip", b"uuid")  # uuid: XMP, content credentials, and what programs add
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"moof", b"traf")
_JPEG_XL = (b"Exif", b"xml ", b"brob", b"jumb")


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def blank_boxes(data: mmap) -> None:
    """Overwrite all boxes that describe the file."""
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"meta" and _has_pictures(data, box):
            _blank_items(data, box)
        else:
            _blank_in(data, box)


def _blank_in(data: mmap, box: _Box) -> None:
    if box.kind in _ABOUT or box.kind in _JPEG_XL or box.kind in _UNUSED:
        data[box.start + 4 : box.start + 8] = b"free"
        data[box.body : box.end] = bytes(box.end - box.body)
    elif box.kind in _CONTAINERS:
        for inner in _boxes(data, box.body, box.end):
            _blank_in(data, inner)


def _boxes(data: mmap, at: int, end: int) -> Iterator[_Box]:
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            size, body = struct.unpack_from(">Q", data, body)[0], at + 16
        stop = min(at + size, end) if size else end
        if stop < body:
            raise ValueError("a box is smaller than its head")
        yield _Box(kind, at, body, stop)
        at = stop


def _has_pictures(data: mmap, meta: _Box) -> bool:
    """True if the pictures of the file are described here, as in AVIF and HEIF, whatever brand it has."""
    return any(
        box.kind == b"hdlr" and data[box.body + 8 : box.body + 12] == b"pict"
        for box in _boxes(data, meta.body + 4, meta.end)
    )


def _blank_items(data: mmap, meta: _Box) -> None:
    """Overwrite the EXIF and XMP of a still picture. They are items beside it, found by their numbers."""
    inner = {box.kind: box for box in _boxes(data, meta.body + 4, meta.end)}
    if b"iinf" in inner and b"iloc" in inner:
        texts = set(_texts(data, inner[b"iinf"]))
        idat = inner[b"idat"].body if b"idat" in inner else 0
        for start, end in _places(data, inner[b"iloc"], texts, idat):
            data[start:end] = bytes(len(data[start:end]))


def _texts(data: mmap, iinf: _Box) -> Iterator[int]:
    """Yield the numbers of the items that are texts. Their kind becomes one that readers skip."""
    wide = data[iinf.body] > 0
    for box in _boxes(data, iinf.body + (8 if wide else 6), iinf.end):
        kind = box.body + (8 if data[box.body] < 3 else 10)
        if data[kind : kind + 4] in (b"Exif", b"mime", b"uri "):
            data[kind : kind + 4] = b"skip"
            yield int.from_bytes(data[box.body + 4 : kind - 2], "big")


def _places(data: mmap, iloc: _Box, wanted: set[int], idat: int) -> Iterator[tuple[int, int]]:
    """Yield where the items are in the file: the first byte, and the one after the last."""
    version = data[iloc.body]
    sizes = struct.unpack_from(">H", data, iloc.body + 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    reader = _Reader(data, iloc.body + 6)
    for _item in range(reader.number(2 if version < 2 else 4)):
        number = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size) + (idat if method == 1 else 0)
        for _extent in range(reader.number(2)):
            reader.number(index_size if version else 0)
            start = base + reader.number(offset_size)
            length = reader.number(length_size)
            if number in wanted and method < 2:
                yield start, start + length


@dataclass
class _Reader:
    data: mmap
    at: int

    def number(self, size: int) -> int:
        """Read a number of so many bytes."""
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")
