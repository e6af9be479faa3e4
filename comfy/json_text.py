"""Read JSON that others wrote."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import Any

_HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_HALF_BYTES = re.compile(rb"\\ud[89a-f]|\xed[\xa0-\xbf]", re.IGNORECASE)
_HALF_READ = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\n\r]*")
_AT_ONCE = 0.003  # seconds


def read_json(text: str | bytes) -> Any:
    """Return what a text in JSON says. A `?` stands in for half a character, which JSON can name, but no file, database
    or chat takes. Raises `ValueError` and `RecursionError`.
    """
    return whole_characters(json.loads(text), text)


async def read_large_json(text: bytes, at_once: float = _AT_ONCE) -> Any:
    """Like `read_json`, for an object with many entries: between these, others have their turn after `at_once` seconds
    of reading.
    """
    letters = text.decode(json.detect_encoding(text), "surrogatepass")
    if not letters.lstrip(" \t\n\r").startswith("{"):
        return read_json(text)
    made, begun = dict[str, Any](), time.perf_counter()
    for name, value in _entries(letters):
        made[name] = value
        if time.perf_counter() - begun > at_once:
            await asyncio.sleep(0)
            begun = time.perf_counter()
    return made


def whole_characters(data: Any, text: str | bytes) -> Any:
    """Return what a text in JSON says with a `?` for each half of a character in it."""
    if (_HALF.search(text) if isinstance(text, str) else _HALF_BYTES.search(text)) is None:
        return data
    return _whole(data)


def _whole(data: Any) -> Any:
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    """Read an object entry by entry."""
    decode = json.JSONDecoder().raw_decode
    at = _next(text, _next(text, 0) + 1)
    while text[at : at + 1] != "}":
        begin = at
        name, at = decode(text, at)
        at = _after(text, at, ":")
        if not isinstance(name, str):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, begin)
        value, at = decode(text, at)
        yield _whole((name, value)) if _HALF_READ.search(text, begin, at) else (name, value)
        at = _next(text, at)
        if text[at : at + 1] != "}":
            at = _after(text, at, ",")
            if text[at : at + 1] == "}":
                raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
    if _next(text, at + 1) != len(text):
        raise json.JSONDecodeError("Extra data", text, at + 1)


def _after(text: str, at: int, mark: str) -> int:
    at = _next(text, at)
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return _next(text, at + 1)


def _next(text: str, at: int) -> int:
    """Return the place of the next character that is no space."""
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
