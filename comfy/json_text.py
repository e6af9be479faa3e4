"""Read JSON that others wrote."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Generator
from typing import Any, TypeAlias

_HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_HALF_BYTES = re.compile(rb"\\ud[89a-f]|\xed[\xa0-\xbf]", re.IGNORECASE)
_HALF_READ = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\n\r]*")
LARGE = 1_000_000  #: characters or bytes, which take about 10 ms to be read
_AT_ONCE = 0.003  # seconds
_DECODE = json.JSONDecoder().raw_decode
_Reading: TypeAlias = Generator[None, None, tuple[Any, int]]  # returns a value and the place of its end


def read_json(text: str | bytes) -> Any:
    """Return what a text in JSON says. A `?` stands in for half a character, which JSON can name, but no file, database
    or chat takes. Raises `ValueError` and `RecursionError`.
    """
    return whole_characters(json.loads(text), text)


async def read_large_json(text: str | bytes, depth: int = 1, at_once: float = _AT_ONCE) -> Any:
    """Like `read_json`, but after `at_once` seconds of reading others have their turn: between the entries of an object
    or a list, and of what is in it, as deep as `depth`.
    """
    letters = text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
    reading, begun = _value(letters, _next(letters, 0), depth), time.perf_counter()
    while True:
        try:
            next(reading)
        except StopIteration as done:
            data, end = done.value
            break
        if time.perf_counter() - begun > at_once:
            await asyncio.sleep(0)
            begun = time.perf_counter()
    if _next(letters, end) != len(letters):
        raise json.JSONDecodeError("Extra data", letters, end)
    return data


def whole_characters(data: Any, text: str | bytes) -> Any:
    """Return what a text in JSON says with a `?` for each half of a character in it."""
    if (_HALF.search(text) if isinstance(text, str) else _HALF_BYTES.search(text)) is None:
        return data
    return _whole(data)


def _whole(data: Any) -> Any:
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def _value(text: str, at: int, depth: int) -> _Reading:
    """Read a value that begins there, with a pause after each part."""
    match text[at : at + 1] if depth else "":
        case "{":
            return (yield from _object(text, at, depth))
        case "[":
            return (yield from _list(text, at, depth))
        case _:
            yield
            return _part(text, at)


def _object(text: str, at: int, depth: int) -> _Reading:
    made, at = dict[str, Any](), _next(text, at + 1)
    while text[at : at + 1] != "}":
        begin, (name, at) = at, _part(text, at)
        if not isinstance(name, str):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, begin)
        made[name], at = yield from _value(text, _after(text, at, ":"), depth - 1)
        at = _to_next_part(text, at, "}")
    return made, at + 1


def _list(text: str, at: int, depth: int) -> _Reading:
    made, at = list[Any](), _next(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = yield from _value(text, at, depth - 1)
        made.append(value)
        at = _to_next_part(text, at, "]")
    return made, at + 1


def _part(text: str, at: int) -> tuple[Any, int]:
    """Read all of a value. Returns it and the place of its end."""
    value, end = _DECODE(text, at)
    may_have_half = not text.isascii() or text.find("\\u", at, end) >= 0  # to look for one takes longer than to read
    return (_whole(value) if may_have_half and _HALF_READ.search(text, at, end) else value), end


def _to_next_part(text: str, at: int, close: str) -> int:
    at = _next(text, at)
    if text[at : at + 1] == close:
        return at
    at = _after(text, at, ",")
    if text[at : at + 1] == close:
        raise json.JSONDecodeError("Expecting value", text, at)
    return at


def _after(text: str, at: int, mark: str) -> int:
    at = _next(text, at)
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return _next(text, at + 1)


def _next(text: str, at: int) -> int:
    """Return the place of the next character that is no space."""
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
