"""PNG, WebP, JPEG and GIF, written again with what their pixels need alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: What pixels need besides the chunks that every reader must know: transparency, colours, size, animation.
_PNG_KEPT = (
    *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI"),
    *(b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"),
)
_WEBP_KEPT = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP")
_JPEG_KEPT = ((0xE0, b"JFIF\0"), (0xE0, b"JFXX\0"), (0xEE, b"Adobe"))
_GIF_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def kept_of_png(data: bytes) -> Iterator[bytes]:
    """Leave out what is no pixel, and data after the last chunk."""
    yield PNG_SIGNATURE
    with suppress(struct.error):  # the last chunk is missing, which readers forgive
        for kind, chunk in png_chunks(data):
            if kind in _PNG_KEPT or is_critical(kind):
                yield chunk


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and all bytes of each chunk."""
    at, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at : at + 12 + length]
        at += 12 + length


def is_critical(kind: bytes) -> bool:
    """True if every reader must know this kind of chunk."""
    return not kind[0] & 0x20


def kept_of_webp(data: bytes) -> Iterator[bytes]:
    """Leave out what is no pixel."""
    kept, at = [], 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        chunk = data[at:end]
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~0x0C]) + chunk[9:]  # the flags of EXIF and XMP
        if kind in _WEBP_KEPT:
            kept.append(chunk)
        at = end
    if not kept:
        raise ValueError("this is no picture")
    yield struct.pack("<4sI4s", b"RIFF", 4 + sum(map(len, kept)), b"WEBP")
    yield from kept


def kept_of_jpeg(data: bytes, *, profile: bool = True) -> Iterator[bytes]:
    """Keep the segments that the pixels need: tables and scans, JFIF, Adobe's colour transform, and the profile."""
    yield data[:2]
    at = 2
    while data[at + 1] != 0xD9:
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:
            at += 1
            continue
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:
            end = _scan_end(data, end)
        colors = profile and marker == 0xE2 and data[at + 4 : at + 15] == b"ICC_PROFILE"
        needed = (marker, data[at + 4 : at + 9]) in _JPEG_KEPT
        if colors or needed or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            yield data[at:end]
        at = end
    yield b"\xff\xd9"


def _scan_end(data: bytes, at: int) -> int:
    """Find the next marker. In a scan, FF comes only before 00 and before the eight restart markers."""
    while (at := data.find(b"\xff", at)) >= 0:
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7 and data[at + 1] != 0xFF:
            return at
        at += 1 if data[at + 1] == 0xFF else 2
    raise IndexError("the picture has no end")


def kept_of_gif(data: bytes) -> Iterator[bytes]:
    """Leave out comments, and what other programs have added."""
    at = 13 + _colors(data[10])
    yield data[:at]
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            end = _blocks_end(data, at + 11 + _colors(data[at + 9]))
            yield data[at:end]
        elif data[at] == 0x21:
            end = _blocks_end(data, at + 2)
            if data[at + 1] in (0xF9, 0x01) or (data[at + 1] == 0xFF and data[at + 3 : at + 14] in _GIF_KEPT):
                yield data[at:end]
        else:
            raise ValueError("this is no block")
        at = end
    yield b"\x3b"


def _colors(flags: int) -> int:
    """The bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1
