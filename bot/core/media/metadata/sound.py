"""Tags of sound: ID3, APE, FLAC's blocks, and RIFF's chunks. They are overwritten with padding."""

from __future__ import annotations

import struct
from mmap import mmap

_STREAM, _PADDING, _SEEK_TABLE = 0, 1, 3  # FLAC's blocks
_ABOUT = (b"id3 ", b"ID3 ", b"bext", b"iXML", b"axml", b"_PMX", b"IDIT")  # RIFF's chunks


def blank_sound(data: mmap) -> None:
    """Overwrite the tags of an MP3, AAC or FLAC file."""
    at = _blank_id3(data)
    if data[at : at + 4] == b"fLaC":
        _blank_flac(data, at + 4)
    _blank_end(data)


def _blank_id3(data: mmap) -> int:
    """Overwrite the ID3 tags at the beginning, and return the place after them."""
    at = 0
    while data[at : at + 3] == b"ID3":
        size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(data[at + 6 : at + 10])))
        end = at + 10 + size + (10 if data[at + 5] & 0x10 else 0)
        data[at + 5] = 0
        data[at + 10 : end] = bytes(len(data[at + 10 : end]))
        at = end
    return at


def _blank_flac(data: mmap, at: int) -> None:
    last = False
    while not last:
        last, kind = data[at] >= 0x80, data[at] & 0x7F
        end = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        if kind not in (_STREAM, _SEEK_TABLE):
            data[at] = _PADDING | (0x80 if last else 0)
            data[at + 4 : end] = bytes(len(data[at + 4 : end]))
        at = end


def _blank_end(data: mmap) -> None:
    """Overwrite an ID3v1 and an APE tag."""
    end = len(data)
    if data[max(end - 128, 0) : end - 125] == b"TAG":
        data[end - 125 : end] = bytes(125)
        end -= 128
    if data[max(end - 32, 0) : end - 24] == b"APETAGEX":
        size, _count, flags = struct.unpack_from("<III", data, end - 20)
        start = max(end - size - (32 if flags >> 31 else 0), 0)
        data[start:end] = bytes(end - start)


def blank_riff(data: mmap) -> None:
    """Overwrite the chunks of a WAV or AVI file that describe it."""
    at = 0
    while at + 12 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        end = min(at + 8 + size, len(data))
        _blank_chunks(data, at + 12, end)
        at = end + end % 2


def _blank_chunks(data: mmap, at: int, end: int) -> None:
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        stop = min(at + 8 + size, end)
        if kind in _ABOUT or (kind == b"LIST" and data[at + 8 : at + 12] == b"INFO"):
            data[at : at + 4] = b"JUNK"
            data[at + 8 : stop] = bytes(stop - at - 8)
        at = stop + stop % 2
