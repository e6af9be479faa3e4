"""Store inputs and outputs by content, in a folder or in an object store, with streams in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import math
import os
import re
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from bot.core.errors import ConfigError, StorageAway, StorageFailed
from bot.core.storage import private
from bot.core.storage.temporary import is_full, no_room
from bot.i18n import _

_log = logging.getLogger(__name__)
_PIECE = 256 * 1024  # bytes of a file that are read ahead
_PAGE = 1000  # files that are listed at once
_FRESH = 43_200.0  # seconds: a file that a run is to use is no older, so that `forget_older` leaves it to the run
_KEY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}(\.[^/]*)?")


class BlobStore:
    """A file's key is the digest of its content and its suffix, so the same file is stored once."""

    def __init__(self, store: ObjectStore, folder: Path | None = None, mode: int = 0o700) -> None:
        """`folder` is the folder of the store, if it is one. It is made with this mode whenever it is missing."""
        self._store, self._folder, self._mode = store, folder, mode

    @classmethod
    def open(cls, where: Path | str, mode: int = 0o700) -> BlobStore:
        """Open a folder, made with this mode if it is missing, or the URL of an object store. Raises `ConfigError`."""
        try:
            if isinstance(where, Path):
                private.make_folder(where, mode)
                return cls(LocalStore(where), where, mode)
            return cls(from_url(where))
        except (BaseError, OSError, ValueError) as fault:
            reason = _first_line(fault)
            raise ConfigError(_("The media store cannot be used: {reason}").format(reason=reason)) from fault

    async def keep(self, path: Path) -> str:
        """Store a file and return its key. Raises `StorageAway`; `DiskFull` if a folder has no room for it."""
        try:
            if self._folder is not None:  # one thread for all of it: to change threads costs more
                return await asyncio.to_thread(self._keep_in, self._folder, path)
            key = await asyncio.to_thread(_key, path)
            if await self._age(key) > _FRESH:
                await obstore.put_async(self._store, key, path)
        except (BaseError, OSError) as fault:
            if self._folder is not None:
                raise no_room() from fault
            _log.warning("the media store took no file: %s", _first_line(fault))
            words = _("The media store takes no files just now. The operator can see the reason in the log.")
            raise StorageAway(words) from fault
        return key

    def _keep_in(self, folder: Path, path: Path) -> str:
        """Store a file in the folder of the store; it and its folder get the mode of that."""
        key = _key(path)
        if time.time() - _stored_at(folder / key) > _FRESH:
            private.make_folder(folder, self._mode)
            private.make_folder((folder / key).parent, stat.S_IMODE(folder.stat().st_mode) & 0o777)
            obstore.put(self._store, key, path)
            (folder / key).chmod(private.as_folder(folder))
        return key

    async def take_in(self, path: Path, key: str) -> None:
        """Move a file that has this key into the store. Raises as `keep` does."""
        if self._folder is None:
            await self.keep(path)
            return
        try:
            await asyncio.to_thread(self._move_in, self._folder, path, key)
        except OSError as fault:
            raise no_room() from fault

    def _move_in(self, folder: Path, path: Path, key: str) -> None:
        target = folder / key
        private.make_folder(folder, self._mode)
        private.make_folder(target.parent, stat.S_IMODE(folder.stat().st_mode) & 0o777)
        shutil.move(path, target)
        target.chmod(private.as_folder(folder))
        os.utime(target)

    def path(self, key: str) -> Path | None:
        """Return where a stored file lies; None if the store is no folder."""
        return self._folder / key if self._folder is not None else None

    async def fetch(self, key: str, path: Path) -> Path:
        """Write a stored file to `path`. Raises `StorageFailed`; `DiskFull` if there is no room for it."""
        try:
            if self._folder is not None:
                await asyncio.to_thread(shutil.copyfile, self._folder / key, path)
                return path
            found = await obstore.get_async(self._store, key)
            await asyncio.to_thread(path.write_bytes, b"")
            async for chunk in found.stream():
                await asyncio.to_thread(_append, path, chunk)
        except (BaseError, OSError) as fault:
            if isinstance(fault, OSError) and is_full(fault):
                raise no_room() from fault
            raise StorageFailed(_("A file of this run is gone. Please send the request again.")) from fault
        return path

    async def size(self, key: str) -> int:
        """Return the size of a stored file in bytes. Raises `StorageFailed`."""
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except (BaseError, OSError) as fault:
            raise StorageFailed(_("A file of this run is gone. Please send the request again.")) from fault

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a stored file from `start` to before `end`, in pieces. Raises `StorageFailed`."""
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in found.stream(_PIECE):
                yield bytes(chunk)
        except (BaseError, OSError) as fault:
            raise StorageFailed(_("A file of this run is gone. Please send the request again.")) from fault

    async def has(self, key: str) -> bool:
        return await self._age(key) < math.inf

    async def _age(self, key: str) -> float:
        """Return the seconds since a file was stored; infinity if it is not there."""
        try:
            return time.time() - (await obstore.head_async(self._store, key))["last_modified"].timestamp()
        except (BaseError, FileNotFoundError):
            return math.inf

    async def older_than(self, age: float) -> AsyncIterator[list[str]]:
        """Yield the keys of files that were stored longer ago than `age` seconds, a page at a time. Files that are not
        ours are left out. Raises `StorageFailed`.
        """
        before = time.time() - age
        try:
            async for page in obstore.list(self._store, chunk_size=_PAGE):
                yield [
                    each["path"]
                    for each in page
                    if each["last_modified"].timestamp() < before and _KEY.fullmatch(each["path"])
                ]
        except (BaseError, OSError) as fault:
            words = _("The stored files cannot be listed: {reason}")
            raise StorageFailed(words.format(reason=_first_line(fault))) from fault

    async def sizes(self) -> dict[str, int]:
        """Return the bytes of each of our files. Raises `StorageFailed`."""
        found = dict[str, int]()
        try:
            async for page in obstore.list(self._store, chunk_size=_PAGE):
                found |= {each["path"]: int(each["size"]) for each in page if _KEY.fullmatch(each["path"])}
        except (BaseError, OSError) as fault:
            words = _("The stored files cannot be listed: {reason}")
            raise StorageFailed(words.format(reason=_first_line(fault))) from fault
        return found

    async def delete(self, key: str) -> int:
        """Delete a file. Returns the bytes that it had; 0 if it is already gone."""
        with contextlib.suppress(BaseError, FileNotFoundError):
            size = int((await obstore.head_async(self._store, key))["size"])
            await obstore.delete_async(self._store, key)
            return size
        return 0

    async def forget_older(self, keys: Iterable[str], age: float) -> None:
        """Delete those of the files that were not stored again within `age` seconds, which is a day or more."""
        for key in keys:
            if await self._age(key) > age:
                await self.forget([key])

    async def forget(self, keys: Iterable[str]) -> None:
        """Delete files. It is not an error if they are already gone."""
        for key in keys:
            with contextlib.suppress(BaseError, FileNotFoundError):
                await obstore.delete_async(self._store, key)


def _key(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest[:2]}/{digest}{path.suffix.lower()}"


def _stored_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return -math.inf


def _append(path: Path, chunk: bytes) -> None:
    """Open, write and close in one call, so that no file stays open if the caller is cancelled."""
    with path.open("ab") as file:
        file.write(chunk)


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
