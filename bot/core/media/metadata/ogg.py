"""Comments of Ogg files: the second packet of each stream. Its comments are overwritten with zeros."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import mmap

_HEADS = (b"OpusTags", b"\x03vorbis", b"\x81theora", b"\x84\0\0", b"\x04\0\0")
_POLYNOMIAL = 0x04C11DB7


@dataclass
class _Stream:
    """The packet of comments, in pieces on pages."""

    packet: int = 0
    pieces: list[tuple[int, int]] = field(default_factory=list)
    pages: list[tuple[int, int]] = field(default_factory=list)


def blank_ogg(data: mmap) -> None:
    """Overwrite the comments of all streams."""
    streams: dict[int, _Stream] = {}
    for start, body, end in _pages(data):
        number = struct.unpack_from("<I", data, start + 14)[0]
        if data[start + 5] & 2:  # a stream begins
            streams[number] = _Stream()
        stream = streams.get(number)
        if stream is not None and stream.packet < 2:
            _collect(data, stream, start, body, end)
            if stream.packet > 1:
                _blank(data, stream)


def _pages(data: mmap) -> Iterator[tuple[int, int, int]]:
    """Yield where each page begins, where its packets begin, and where it ends."""
    at = 0
    while data[at : at + 4] == b"OggS":
        body = at + 27 + data[at + 26]
        end = body + sum(data[at + 27 : body])
        yield at, body, end
        at = end


def _collect(data: mmap, stream: _Stream, start: int, body: int, end: int) -> None:
    at = body
    for size in data[start + 27 : body]:
        if stream.packet == 1:
            stream.pieces.append((at, at + size))
            if not stream.pages or stream.pages[-1] != (start, end):
                stream.pages.append((start, end))
        at += size
        if size < 255:
            stream.packet += 1


def _blank(data: mmap, stream: _Stream) -> None:
    packet = b"".join(data[start:end] for start, end in stream.pieces)
    head = next((head for head in _HEADS if packet.startswith(head)), None)
    if head is None:
        return
    skipped = 4 if head.endswith(b"\0\0") else len(head)  # FLAC's block has a size in its head
    end = skipped + 4 + struct.unpack_from("<I", packet, skipped)[0]
    framing = b"\x01" if head == b"\x03vorbis" else b""
    blank = (packet[:end] + bytes(4) + framing).ljust(len(packet), b"\0")[: len(packet)]
    at = 0
    for first, last in stream.pieces:
        data[first:last] = blank[at : at + last - first]
        at += last - first
    for start, stop in stream.pages:
        data[start + 22 : start + 26] = bytes(4)
        data[start + 22 : start + 26] = struct.pack("<I", _checksum(data[start:stop]))


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def _entry(value: int) -> int:
    value <<= 24
    for _bit in range(8):
        value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        value &= 0xFFFFFFFF
    return value


_TABLE = [_entry(value) for value in range(256)]
