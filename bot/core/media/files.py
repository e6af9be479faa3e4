"""The service for stored files. A platform that got a `StoredFile` from another service can read it here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from bot.core.media.blob_store import BlobStore
from bot.core.model import StoredFile


class FileService:
    """All methods raise `StorageFailed` if the file is gone or cannot be read."""

    def __init__(self, media: BlobStore) -> None:
        self._media = media

    async def fetch(self, file: StoredFile, path: Path) -> Path:
        """Copy a file to a path, and return the path."""
        return await self._media.fetch(file.key, path)

    async def size(self, file: StoredFile) -> int:
        """Return the size of a file in bytes."""
        return await self._media.size(file.key)

    def stream(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` to before `end`."""
        return self._media.stream(file.key, start, end)
