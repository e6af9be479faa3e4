"""Reading settings out of a file, which may be hostile: in a process of the pool, within bounds."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from bot.core.errors import WorkerFailed
from bot.core.pool.pool import run_apart
from bot.core.readback.found import MOST, FoundSettings, from_graphs, from_parameters
from comfy.saved.containers import json_objects
from comfy.saved.document import UnreadableWorkflow

_SECONDS = 10.0
_DETAILS, _COMMENT = 0x8769, 0x9286  # of Exif: the part of the camera, and the comment in it
_ENCODINGS = {b"UNICODE\0": "", b"ASCII\0\0\0": "ascii", b"\0" * 8: "utf-8"}


async def read_settings(path: Path) -> FoundSettings | None:
    """Return the settings that a program has written into a file; None if there are none, or they cannot be read."""
    try:
        return await run_apart(_read, path, timeout=_SECONDS)
    except WorkerFailed:
        return None


def _read(path: Path) -> FoundSettings | None:
    for text in _parameters(path):
        if (found := from_parameters(text)) is not None:
            return found
    try:
        return from_graphs(json_objects(path))
    except (UnreadableWorkflow, OSError):
        return None


def _parameters(path: Path) -> list[str]:
    """The texts of a picture in which settings may stand. Its pixels are not read."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            named = picture.info.get("parameters")
            comment = picture.getexif().get_ifd(_DETAILS).get(_COMMENT)
    except (
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        struct.error,
        Image.DecompressionBombError,
    ):
        return []
    return [text[:MOST] for text in (named, _decoded(comment)) if isinstance(text, str)]


def _decoded(comment: Any) -> str | None:
    """A comment of Exif. Programs write the Unicode in it in either order of bytes."""
    if not isinstance(comment, bytes) or comment[:8] not in _ENCODINGS:
        return comment if isinstance(comment, str) else None
    body, encoding = comment[8 : 8 + 4 * MOST], _ENCODINGS[comment[:8]]
    if not encoding:
        encoding = "utf-16-be" if body[:1] == b"\0" else "utf-16-le"
    return body.decode(encoding, "replace")
