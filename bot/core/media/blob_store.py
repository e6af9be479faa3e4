"""Store inputs and outputs by content, in a folder or in an object store, with streams in both directions."""

from __future__ import annotations

import hashlib
import math
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from bot.core.errors import ConfigError, StorageFailed
from bot.core.extras import need
from bot.i18n import _

FRESH = 43_200.0  # seconds: a file that a run is to use is no older, so that `forget_older` leaves it to the run
PIECE = 256 * 1024  # bytes of a file that are read ahead
PAGE = 1000  # files that are listed at once
KEY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}(\.[^/]*)?")


class BlobStore(ABC):
    """A file's key is the digest of its content and its suffix, so the same file is stored once."""

    @staticmethod
    def open(where: Path | str, mode: int = 0o700) -> BlobStore:
        """Open a folder, made with this mode if it is missing, or the URL of an object store. Raises `ConfigError`."""
        try:
            if isinstance(where, Path):
                from bot.core.media.blob_folder import BlobFolder

                return BlobFolder(where, mode)
            need("s3", _("DARKROOM_MEDIA_URL names an object store."))
            from bot.core.media.bucket import Bucket

            return Bucket(where)
        except (OSError, ValueError) as fault:
            raise unusable(fault) from fault

    @abstractmethod
    async def keep(self, path: Path) -> str:
        """Store a file and return its key. Raises `StorageAway`; `DiskFull` if a folder has no room for it."""

    @abstractmethod
    async def take_in(self, path: Path, key: str) -> None:
        """Move a file that has this key into the store. Raises as `keep` does."""

    @abstractmethod
    def path(self, key: str) -> Path | None:
        """Return where a stored file lies; None if the store is no folder."""

    @abstractmethod
    async def fetch(self, key: str, path: Path) -> Path:
        """Write a stored file to `path`. Raises `StorageFailed`; `DiskFull` if there is no room for it."""

    @abstractmethod
    async def size(self, key: str) -> int:
        """Return the size of a stored file in bytes. Raises `StorageFailed`."""

    @abstractmethod
    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a stored file from `start` to before `end`, in pieces. Raises `StorageFailed`."""

    @abstractmethod
    async def stored_at(self, key: str) -> float:
        """Return when a file was stored, as a time of this clock; minus infinity if it is not there."""

    @abstractmethod
    def older_than(self, age: float) -> AsyncIterator[list[str]]:
        """Yield the keys of files that were stored longer ago than `age` seconds, a page at a time. Files that are not
        ours are left out. Raises `StorageFailed`.
        """

    async def forget(self, keys: Iterable[str]) -> None:
        """Delete files. It is not an error if they are already gone."""
        for key in keys:
            await self.delete(key)

    async def has(self, key: str) -> bool:
        return await self.stored_at(key) > -math.inf

    @abstractmethod
    async def sizes(self) -> dict[str, int]:
        """Return the bytes of each of our files. Raises `StorageFailed`."""

    @abstractmethod
    async def delete(self, key: str) -> int:
        """Delete a file. Returns the bytes that it had; 0 if it is already gone."""

    async def forget_older(self, keys: Iterable[str], age: float) -> None:
        """Delete those of the files that were not stored again within `age` seconds, which is a day or more."""
        for key in keys:
            if time.time() - await self.stored_at(key) > age:
                await self.forget([key])


def key_of(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest[:2]}/{digest}{path.suffix.lower()}"


def unusable(fault: Exception) -> ConfigError:
    return ConfigError(_("The media store cannot be used: {reason}").format(reason=first_line(fault)))


def gone() -> StorageFailed:
    return StorageFailed(_("A file of this run is gone. Please send the request again."))


def unlisted(fault: Exception) -> StorageFailed:
    return StorageFailed(_("The stored files cannot be listed: {reason}").format(reason=first_line(fault)))


def first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
