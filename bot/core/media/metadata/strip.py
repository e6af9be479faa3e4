"""Remove what a result says besides its content, such as the workflow that ComfyUI writes into it.

Nothing is encoded again: texts are overwritten where they are, or left out. The content decides the kind, not the name.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from bot.core.errors import WorkerFailed
from bot.core.media.metadata.attributes import blank_exr, blank_tiff
from bot.core.media.metadata.boxes import blank_boxes
from bot.core.media.metadata.matroska import blank_matroska
from bot.core.media.metadata.models import kept_of_glb, kept_of_gltf, kept_of_safetensors, kept_of_svg
from bot.core.media.metadata.ogg import blank_ogg
from bot.core.media.metadata.pictures import kept_of_gif, kept_of_jpeg, kept_of_png, kept_of_webp
from bot.core.media.metadata.sound import blank_riff, blank_sound
from bot.core.pool.pool import run_apart

_T = TypeVar("_T")
_SECONDS = 120.0  # for one file
_PIECE = 1 << 20  # bytes that are searched at once
_FAULTS = (IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError)  # the file is damaged

#: Words of a workflow, as a server takes it and as the editor saves it, in texts of one and of two bytes a letter.
_WORDS = ("class_type", "widgets_values", "last_node_id")
_SIGNS = tuple(sign for word in _WORDS for sign in (word.encode(), word.encode("utf-16-le")[:-1]))

#: The beginnings of files whose texts are overwritten in place.
_IN_PLACE: tuple[tuple[re.Pattern[bytes], Callable[[mmap.mmap], None]], ...] = (
    (re.compile(rb"(?s)....ftyp|\0\0\0\x0c(JXL|jP ) |....(moov|mdat|free|wide|skip)"), blank_boxes),
    (re.compile(rb"\x1aE\xdf\xa3"), blank_matroska),
    (re.compile(rb"OggS"), blank_ogg),
    (re.compile(rb"(?s)(RIFF|RF64)....(WAVE|AVI )"), blank_riff),
    (re.compile(rb"v/1\x01"), blank_exr),
    (re.compile(rb"(?s)II\*\0|MM\0\*"), blank_tiff),
    (re.compile(rb"(?s)ID3|fLaC|APETAGEX|\xff[\xe0-\xff]"), blank_sound),
)
#: The beginnings of files that are written again without their texts.
_AGAIN: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Iterator[bytes]]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), kept_of_png),
    (re.compile(rb"\xff\xd8\xff"), kept_of_jpeg),
    (re.compile(rb"(?s)RIFF....WEBP"), kept_of_webp),
    (re.compile(rb"GIF8[79]a"), kept_of_gif),
    (re.compile(rb"glTF"), kept_of_glb),
    (re.compile(rb"(?s)........\{"), kept_of_safetensors),
    (re.compile(rb"(?s)\s*(\xef\xbb\xbf)?\s*<(\?xml|svg|!--|!DOCTYPE)"), kept_of_svg),
    (re.compile(rb"\s*\{"), kept_of_gltf),
)


async def without_metadata(path: Path) -> bool:
    """Remove a file's metadata, in place. False if it still contains the workflow."""
    try:
        return await run_apart(strip, path, timeout=_SECONDS)
    except WorkerFailed:
        return False


def strip(path: Path) -> bool:
    """As `without_metadata`, in this process."""
    with path.open("rb") as file:
        head = file.read(64)
    with suppress(*_FAULTS):
        if (again := _found(_AGAIN, head)) is not None:
            _write(path, again)
        elif (blank := _found(_IN_PLACE, head)) is not None:
            with path.open("r+b") as whole, mmap.mmap(whole.fileno(), 0) as data:
                blank(data)
    return not _shows_workflow(path)


def _found(kinds: tuple[tuple[re.Pattern[bytes], _T], ...], head: bytes) -> _T | None:
    return next((work for pattern, work in kinds if pattern.match(head)), None)


def _write(path: Path, kept_of: Callable[[bytes], Iterator[bytes]]) -> None:
    data = path.read_bytes()
    stripped = b"".join(kept_of(data))
    if stripped != data:
        part = path.with_name(path.name + ".part")
        part.write_bytes(stripped)
        part.replace(path)


def _shows_workflow(path: Path) -> bool:
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if any(sign in before + piece for sign in _SIGNS):
                return True
            before = piece[-64:]
    return False
