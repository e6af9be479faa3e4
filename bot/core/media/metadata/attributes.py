"""Attributes of EXR and TIFF pictures. Their texts are overwritten."""

from __future__ import annotations

import struct
from mmap import mmap

_NEEDED = (b"name", b"type", b"view")  # EXR's own texts: readers ask for them
_MULTIPART = 0x1000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # of TIFF's types
_TEXTS = (269, 270, 271, 272, 285, 305, 306, 315, 316, 700, 33432, 33723, 34377, 37510, 40092, 40094)
_FOLDERS = (34665, 34853)  # EXIF and GPS


def blank_exr(data: mmap) -> None:
    """Overwrite the texts in the heads of all parts."""
    at = 8
    parts = bool(struct.unpack_from("<I", data, 4)[0] & _MULTIPART)
    while data[at]:
        at = _blank_head(data, at)
        if not parts:
            return


def _blank_head(data: mmap, at: int) -> int:
    while data[at]:
        name_end = data.find(b"\0", at)
        kind_end = data.find(b"\0", name_end + 1)
        size = struct.unpack_from("<i", data, kind_end + 1)[0]
        if not at < name_end < kind_end or size < 0:
            raise ValueError("an attribute has no end")
        body = kind_end + 5
        if data[name_end + 1 : kind_end] == b"string" and data[at:name_end] not in _NEEDED:
            data[body : body + size] = b" " * len(data[body : body + size])
        at = body + size
    return at + 1


def blank_tiff(data: mmap) -> None:
    """Overwrite the texts of all pictures in the file."""
    order = "<" if data[:2] == b"II" else ">"
    seen = set[int]()
    at = struct.unpack_from(f"{order}I", data, 4)[0]
    while at and at not in seen:
        seen.add(at)
        at = _blank_folder(data, order, at, whole=False)


def _blank_folder(data: mmap, order: str, at: int, *, whole: bool) -> int:
    """Overwrite the texts in a folder of tags, or everything in it, and return where the next one is."""
    count = struct.unpack_from(f"{order}H", data, at)[0]
    for entry in range(at + 2, at + 2 + count * 12, 12):
        tag, kind, number, value = struct.unpack_from(f"{order}HHII", data, entry)
        if tag in _FOLDERS and not whole:
            _blank_folder(data, order, value, whole=True)
        elif tag in _TEXTS or whole:
            size = _SIZES.get(kind, 1) * number
            start = entry + 8 if size <= 4 else value
            data[start : start + size] = bytes(len(data[start : start + size]))
    return int(struct.unpack_from(f"{order}I", data, at + 2 + count * 12)[0])
