"""Elements of Matroska and WebM. An element without use becomes `Void`, with zeros in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

_SEGMENT, _CLUSTER, _INFO, _SEEK_HEAD, _SEEK = 0x18538067, 0x1F43B675, 0x1549A966, 0x114D9B74, 0x4DBB
_TAGS, _ATTACHMENTS, _TITLE, _CRC = 0x1254C367, 0x1941A469, 0x7BA9, 0xBF
_GONE = (_TAGS, _ATTACHMENTS, _CRC)
_VOID = 0xEC


@dataclass(frozen=True)
class _Element:
    kind: int
    start: int
    body: int
    end: int


def blank_matroska(data: mmap) -> None:
    """Overwrite tags, attachments and titles. Checksums of what was changed are overwritten too."""
    for element in _elements(data, 0, len(data)):
        if element.kind in _GONE:
            _void(data, element)
        elif element.kind in (_INFO, _SEEK_HEAD):
            for inner in _elements(data, element.body, element.end):
                if inner.kind in (_TITLE, _CRC) or (inner.kind == _SEEK and _leads_to_tags(data, inner)):
                    _void(data, inner)


def _leads_to_tags(data: mmap, seek: _Element) -> bool:
    target = data[seek.body : seek.end]
    return any(kind.to_bytes(4, "big") in target for kind in (_TAGS, _ATTACHMENTS))


def _elements(data: mmap, at: int, end: int) -> Iterator[_Element]:
    """Yield the elements from here on. Those in the segment follow its head, as do those in a cluster without size."""
    while at < end:
        kind, after = _number(data, at, marked=True)
        size, body = _number(data, after, marked=False)
        unknown = size == (1 << 7 * (body - after)) - 1
        if kind == _SEGMENT or (kind == _CLUSTER and unknown):
            at = body
            continue
        if unknown:
            raise ValueError("an element has no size")
        yield _Element(kind, at, body, min(body + size, end))
        at = body + size


def _number(data: mmap, at: int, *, marked: bool) -> tuple[int, int]:
    """Read a number whose first bits say its length, and return it with the place after it."""
    length = 9 - data[at].bit_length()
    if length > 8:
        raise ValueError("a number has no length")
    value = int.from_bytes(data[at : at + length], "big")
    return (value if marked else value & (1 << 7 * length) - 1), at + length


def _void(data: mmap, element: _Element) -> None:
    length = element.end - element.start
    size = b"\1" + (length - 9).to_bytes(7, "big") if length >= 9 else bytes((0x80 | (length - 2),))
    data[element.start : element.end] = (bytes((_VOID,)) + size).ljust(length, b"\0")
