"""Stored files as a platform reads them: whoever was given a `StoredFile` by a service may read it here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from bot.core.media.blob_store import BlobStore
from bot.core.model import StoredFile


class FileService:
    """All methods raise `StorageFailed` where the file is gone or cannot be read."""

    def __init__(self, media: BlobStore) -> None:
        self._media = media

    async def fetch(self, file: StoredFile, path: Path) -> Path:
        """Copy a file to a path; the path."""
        return await self._media.fetch(file.key, path)

    async def size(self, file: StoredFile) -> int:
        """The size of a file in bytes."""
        return await self._media.size(file.key)

    def stream(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes of a file from `start` up to, not including, `end`."""
        return self._media.stream(file.key, start, end)
