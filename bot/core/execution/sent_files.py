"""Pictures that a server sends and does not keep, in files as they come."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.core.storage.temporary import room
from comfy.errors import AnswerTooLarge
from comfy.messages.events import PictureSent

_LEAST = 4096  # bytes that a picture counts at least: so much the smallest file takes


class SentFiles:
    """The pictures of one prompt, with the ids of the nodes that sent them. All together have at most `most` bytes."""

    def __init__(self, folder: Path, most: int) -> None:
        self.files: list[tuple[str, Path]] = []
        self._folder, self._most, self.size = folder, most, 0

    async def keep(self, picture: PictureSent) -> None:
        """Raises `AnswerTooLarge` and `DiskFull`."""
        self.size += max(len(picture.data), _LEAST)
        if self.size > self._most:
            raise AnswerTooLarge("the pictures that were sent are too large", self._most, is_file=True)
        path = self._folder / f"sent-{len(self.files) + 1}.png"
        with room():
            await asyncio.to_thread(path.write_bytes, picture.data)
        self.files.append((picture.node, path))

    def forget(self) -> None:
        """Forget them all, because they are sent again."""
        self.files, self.size = [], 0
