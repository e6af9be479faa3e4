"""Find JSON in the files that ComfyUI makes: pictures, videos, sound, models.

ComfyUI writes its JSON into the metadata of what it saves. All of these formats keep the text as it is, but for
compressed texts of PNG and the pages of Ogg; so it is looked for by what JSON looks like, whatever the format. However
large a file is, only its metadata, or its beginning and its end, are read.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from comfy.json_text import whole_characters
from comfy.saved.document import UnreadableWorkflow

MOST = 4 << 20  # bytes of JSON text, after it is unpacked: the largest that people share have about one
MOST_PARTS = 500_000  # values of a JSON text: each costs up to 200 bytes
TOO_MANY_PARTS = "it has too many parts for a workflow"
_WINDOW = 8 << 20  # bytes at the beginning of a file, and at its end
_OBJECT = re.compile(rb'\{\s*"(?:[^"\\\x00-\x1f]|\\.){1,200}+"\s*:')
_WIDE_OBJECT = re.compile(rb'\{\x00"\x00')
_PIECES = (1 << 16, 1 << 20, MOST)  # bytes that are tried as JSON
_MOST_IN_VAIN = 32 << 20  # bytes that are tried and only begin like JSON
_MOST_OBJECTS = 500
_MOST_CHUNKS = 20_000
_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"comf", b"eXIf")


def json_objects(path: Path) -> Iterator[Any]:
    """Walk the JSON objects in a file. Raises `UnreadableWorkflow` and `OSError`."""
    count, left = 0, _MOST_IN_VAIN
    for text in _texts(path):
        for found, tried in _scanned(text, left):
            left -= tried
            if found is not None:
                yield found
                count += 1
            if count >= _MOST_OBJECTS or left <= 0:
                return


def has_too_many_parts(text: str | bytes) -> bool:
    """True if a text in JSON may take far more memory than it is long."""
    if len(text) <= MOST_PARTS:
        return False
    if isinstance(text, bytes):
        return sum(map(text.count, (b",", b"{", b"["))) > MOST_PARTS
    return sum(map(text.count, (",", "{", "["))) > MOST_PARTS


def _texts(path: Path) -> Iterator[bytes]:
    """The parts of a file that may hold text."""
    with path.open("rb") as file:
        head = file.read(_WINDOW)
        if head.startswith(_PNG):
            yield from _png_texts(file)
            return
        yield head
        if head.startswith(b"OggS"):
            yield b"".join(_ogg_pages(head))
        size = file.seek(0, 2)
        if size > len(head):
            file.seek(max(len(head), size - _WINDOW))
            yield file.read(_WINDOW)


def _png_texts(file: BinaryIO) -> Iterator[bytes]:
    """The texts of a picture, unpacked. Raises `UnreadableWorkflow` where they are too long."""
    left = MOST
    file.seek(len(_PNG))
    for _count in range(_MOST_CHUNKS):
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8:
            return
        if kind not in _TEXTS:
            file.seek(length + 4, 1)
            continue
        if length > left:
            raise UnreadableWorkflow("a text in it is too long")
        text = _unpacked(kind, file.read(length), left)
        left -= max(len(text), length)
        file.seek(4, 1)
        yield text


def _unpacked(kind: bytes, body: bytes, most: int) -> bytes:
    if kind == b"zTXt":
        return _inflated(body.partition(b"\0")[2][1:], most)
    if kind == b"iTXt":
        rest = body.partition(b"\0")[2]
        if rest[:1] == b"\1":
            return _inflated(rest[2:].partition(b"\0")[2].partition(b"\0")[2], most)
    return body


def _inflated(data: bytes, most: int) -> bytes:
    decoder = zlib.decompressobj()
    try:
        text = decoder.decompress(data, most)
    except zlib.error:
        return b""
    if decoder.unconsumed_tail:
        raise UnreadableWorkflow("a text in it is too long when it is unpacked")
    return text


def _ogg_pages(data: bytes) -> Iterator[bytes]:
    """The bodies of the pages, whose heads may stand within a text."""
    at = 0
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= len(data):
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        body = at + 27 + len(sizes)
        yield data[body : body + sum(sizes)]
        at = body + sum(sizes)


def _scanned(data: bytes, most: int) -> Iterator[tuple[Any, int]]:
    """Walk the JSON objects, and what only begins like one: each with the bytes that were tried in vain."""
    for pattern, encoding in ((_OBJECT, "utf-8"), (_WIDE_OBJECT, "utf-16-le")):
        at = 0
        while most > 0 and (match := pattern.search(data, at)) is not None:
            found, length = _decoded(data, match.start(), encoding)
            if found is None:
                at, most = match.start() + 1, most - length
                yield None, length
            else:
                at = match.start() + length
                yield found, 0


def _decoded(data: bytes, at: int, encoding: str) -> tuple[Any, int]:
    """The JSON object at a place, and how many bytes it takes; None if there is none, and how many bytes were tried."""
    tried = 0
    for size in _PIECES:
        tried += min(size, len(data) - at)
        text = data[at : at + size].decode(encoding, "replace")
        if has_too_many_parts(text):
            break
        try:
            found, end = json.JSONDecoder().raw_decode(text)
        except json.JSONDecodeError as fault:
            if fault.msg.startswith("Unterminated") or fault.pos > len(text) - 16:
                continue  # it may go on behind this piece
            break
        except (ValueError, RecursionError):
            break
        return whole_characters(found, text[:end]), len(text[:end].encode(encoding))
    return None, tried
