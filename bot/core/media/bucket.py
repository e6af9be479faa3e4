"""Store files by content in an object store, such as S3. Its library is the extra `s3`."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from bot.core.errors import StorageAway
from bot.core.media.blob_store import FRESH, KEY, PAGE, PIECE, BlobStore, first_line, gone, key_of, unlisted, unusable
from bot.core.storage.temporary import is_full, no_room
from bot.i18n import _

_log = logging.getLogger(__name__)


class Bucket(BlobStore):
    """The URL says which one; what it needs besides, such as keys, the library takes from the environment."""

    def __init__(self, url: str) -> None:
        """Raises `ConfigError`."""
        try:
            self._store = from_url(url)
        except BaseError as fault:
            raise unusable(fault) from fault

    async def keep(self, path: Path) -> str:
        try:
            key = await asyncio.to_thread(key_of, path)
            if time.time() - await self.stored_at(key) > FRESH:
                await obstore.put_async(self._store, key, path)
        except (BaseError, OSError) as fault:
            _log.warning("the media store took no file: %s", first_line(fault))
            words = _("The media store takes no files just now. The operator can see the reason in the log.")
            raise StorageAway(words) from fault
        return key

    async def take_in(self, path: Path, key: str) -> None:
        await self.keep(path)

    def path(self, key: str) -> Path | None:
        return None

    async def fetch(self, key: str, path: Path) -> Path:
        try:
            found = await obstore.get_async(self._store, key)
            await asyncio.to_thread(path.write_bytes, b"")
            async for chunk in found.stream():
                await asyncio.to_thread(_append, path, chunk)
        except (BaseError, OSError) as fault:
            if isinstance(fault, OSError) and is_full(fault):
                raise no_room() from fault
            raise gone() from fault
        return path

    async def size(self, key: str) -> int:
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except (BaseError, OSError) as fault:
            raise gone() from fault

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in found.stream(PIECE):
                yield bytes(chunk)
        except (BaseError, OSError) as fault:
            raise gone() from fault

    async def stored_at(self, key: str) -> float:
        try:
            return (await obstore.head_async(self._store, key))["last_modified"].timestamp()
        except (BaseError, FileNotFoundError):
            return -math.inf

    async def older_than(self, age: float) -> AsyncIterator[list[str]]:
        before = time.time() - age
        try:
            async for page in obstore.list(self._store, chunk_size=PAGE):
                stored = [(each["path"], each["last_modified"].timestamp()) for each in page]
                yield [key for key, at in stored if at < before and KEY.fullmatch(key)]
        except (BaseError, OSError) as fault:
            raise unlisted(fault) from fault

    async def sizes(self) -> dict[str, int]:
        found = dict[str, int]()
        try:
            async for page in obstore.list(self._store, chunk_size=PAGE):
                found |= {each["path"]: int(each["size"]) for each in page if KEY.fullmatch(each["path"])}
        except (BaseError, OSError) as fault:
            raise unlisted(fault) from fault
        return found

    async def delete(self, key: str) -> int:
        with suppress(BaseError, FileNotFoundError):
            size = int((await obstore.head_async(self._store, key))["size"])
            await obstore.delete_async(self._store, key)
            return size
        return 0


def _append(path: Path, chunk: bytes) -> None:
    """Open, write and close in one call, so that no file stays open if the caller is cancelled."""
    with path.open("ab") as file:
        file.write(chunk)
