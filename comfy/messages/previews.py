"""Parse a binary websocket frame into a preview picture or a line of text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

_LEGACY_FORMATS = {1: "image/jpeg", 2: "image/png"}
_OF_FILM = 24  # bytes before a picture of a film: 1, its number, and the node as a length and 15 letters
_BEGINNING = b"\xff\xd8\xff"  # of a JPEG


@dataclass(frozen=True)
class Preview:
    """A preview picture. The older frame format has no prompt and no node; both are None then."""

    prompt_id: str | None
    node_id: str | None
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class ProgressText:
    """A line of text from a node. All clients get it, and it has no prompt id."""

    node_id: str
    text: str
    prompt_id: str | None = None


def parse_frame(frame: bytes) -> Preview | ProgressText | None:
    """Read a frame; None if its type is unknown or it is incomplete."""
    try:
        match _number(frame, 0):
            case 1:
                return Preview(None, None, _LEGACY_FORMATS[_number(frame, 4)], _picture(frame[8:]))
            case 3:
                return _progress_text(frame)
            case 4:
                return _preview_with_metadata(frame)
            case _:
                return None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None


def _picture(data: bytes) -> bytes:
    """Without what packs of nodes for video (VideoHelperSuite and those that follow it) put before each picture of a
    film that they paint.
    """
    return data[_OF_FILM:] if data[_OF_FILM:].startswith(_BEGINNING) and _number(data, 0) == 1 else data


def _progress_text(frame: bytes) -> ProgressText:
    end = 8 + _number(frame, 4)
    return ProgressText(_slice(frame, 8, end).decode(), frame[end:].decode())


def _preview_with_metadata(frame: bytes) -> Preview:
    end = 8 + _number(frame, 4)
    metadata = json.loads(_slice(frame, 8, end))
    content_type = metadata.get("image_type") or "image/jpeg"
    node_id = metadata.get("display_node_id") or metadata.get("node_id")
    return Preview(_text(metadata.get("prompt_id")), _text(node_id), str(content_type), frame[end:])


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(frame: bytes, at: int) -> int:
    return int.from_bytes(_slice(frame, at, at + 4), "big")


def _slice(frame: bytes, start: int, end: int) -> bytes:
    if end > len(frame):
        raise IndexError(end)
    return frame[start:end]
