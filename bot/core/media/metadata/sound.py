"""Tags of sound: ID3, APE, FLAC's blocks, and RIFF's chunks. They are overwritten with padding."""

from __future__ import annotations

import struct
from mmap import mmap

_STREAM, _PADDING, _SEEK_TABLE = 0, 1, 3  # FLAC's blocks
_ABOUT = (b"id3 ", b"ID3 ", b"bext", b"iXML", b"axml", b"_PMX", b"XMP ", b"IDIT", b"cart", b"C2PA")  # RIFF's chunks


def blank_sound(data: mmap) -> None:
    """Overwrite the tags of an MP3, AAC or FLAC file."""
    at = _blank_ape(data, _blank_id3(data, 0))
    if data[at : at + 4] == b"fLaC":
        _blank_flac(data, at + 4)
    _blank_end(data)


def _blank_id3(data: mmap, at: int) -> int:
    """Overwrite the ID3 tags that are here, and return the place after them."""
    while data[at : at + 3] == b"ID3":
        end = at + 10 + _id3_size(data[at + 6 : at + 10]) + (10 if data[at + 5] & 0x10 else 0)
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


def _blank_ape(data: mmap, at: int) -> int:
    """Overwrite an APE tag that is here, and return the place after it."""
    if data[at : at + 8] != b"APETAGEX":
        return at
    end = min(at + 32 + int.from_bytes(data[at + 12 : at + 16], "little"), len(data))
    data[at:end] = bytes(end - at)
    return end


def _blank_end(data: mmap) -> None:
    """Overwrite the tags at the end, in any order: ID3, with a footer or of the first version, APE, and Lyrics3."""
    end = len(data)
    while (start := _start_of_tag(data, end)) < end:
        data[start:end] = bytes(end - start)
        end = start


def _start_of_tag(data: mmap, end: int) -> int:
    """Find where the tag begins that ends here."""
    size = 0
    if data[max(end - 128, 0) : max(end - 125, 0)] == b"TAG":
        size = 128
    elif data[max(end - 10, 0) : max(end - 7, 0)] == b"3DI":
        size = 20 + _id3_size(data[end - 4 : end])
    elif data[max(end - 32, 0) : max(end - 24, 0)] == b"APETAGEX":
        length, _count, flags = struct.unpack_from("<III", data, end - 20)
        size = length + (32 if flags >> 31 else 0)
    elif data[max(end - 9, 0) : end] == b"LYRICS200":
        size = 15 + int(data[end - 15 : end - 9])
    elif data[max(end - 9, 0) : end] == b"LYRICSEND":
        size = end - data.rfind(b"LYRICSBEGIN", max(end - 5200, 0))
    return max(end - size, 0)


def _id3_size(digits: bytes) -> int:
    """Read a number of seven bits a byte."""
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(digits)))


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
        if kind in _ABOUT or (kind == b"LIST" and data[at + 8 : at + 12] in (b"INFO", b"adtl")):
            data[at : at + 4] = b"JUNK"
            data[at + 8 : stop] = bytes(stop - at - 8)
        at = stop + stop % 2
