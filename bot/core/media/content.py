"""Recognize results by their content, whatever their names say."""

from __future__ import annotations

import re
from pathlib import Path

from bot.i18n import _

_HEAD = 4096  # bytes that are looked at
#: The beginnings of pictures, videos and sounds.
_MEDIA = re.compile(
    rb"(?s)\x89PNG|\xff\xd8\xff|GIF8|BM|II[*+]\0|MM\0[*+]|v/1\x01|\xff\x0a|#\?(RADIANCE|RGBE)|qoif|8BPS|P[1-7]\s"
    rb"|RIFF....(WEBP|WAVE|AVI )|RF64|\x1aE\xdf\xa3|OggS|fLaC|ID3|\xff[\xe0-\xfe]|FORM....AIF|FLV\x01|caff|#!AMR"
    rb"|\0\0\0\x0c(JXL|jP) |....(ftyp|moov|mdat|free|wide|skip)|\0\0\x01[\xb3\xba]|G.{187}G"
)
_DRAWING = re.compile(rb"\s*(\xef\xbb\xbf)?\s*<([?!]|svg)")


def fault_in(path: Path, *, is_media: bool) -> str | None:
    """Return why a file is not what its name says, as the end of a sentence; None if nothing is wrong. `is_media` tells
    that it is named like a picture, a video or a sound.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return _("it is empty")
    if is_media and not _is_media(head):
        return _("its content is not a picture, a video or a sound")
    return None


def _is_media(head: bytes) -> bool:
    return _MEDIA.match(head) is not None or (_DRAWING.match(head) is not None and b"<svg" in head)
