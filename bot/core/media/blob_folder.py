"""Store files by content in a folder of this machine."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from bot.core.media.blob_store import FRESH, KEY, PAGE, PIECE, BlobStore, gone, key_of, unlisted
from bot.core.storage import private
from bot.core.storage.temporary import is_full, no_room


class BlobFolder(BlobStore):
    """A file is in its place whole or not at all. The folder is made with its mode whenever it is missing."""

    def __init__(self, folder: Path, mode: int = 0o700) -> None:
        self._folder, self._mode = folder, mode
        private.make_folder(folder, mode)

    async def keep(self, path: Path) -> str:
        try:
            return await asyncio.to_thread(self._keep, path)  # one thread for all of it: to change threads costs more
        except OSError as fault:
            raise no_room() from fault

    def _keep(self, path: Path) -> str:
        """Store a file; it and its folder get the mode of the folder of the store."""
        key = key_of(path)
        kept = self._folder / key
        if time.time() - _stored_at(kept) > FRESH:
            private.make_folder(self._folder, self._mode)
            private.make_folder(kept.parent, stat.S_IMODE(self._folder.stat().st_mode) & 0o777)
            unfinished = kept.with_name(f"{kept.name}.{secrets.token_hex(8)}")  # a key too, so it is swept if we die
            try:
                private.make_file(unfinished)
                shutil.copyfile(path, unfinished)
                unfinished.chmod(private.as_folder(self._folder))
                unfinished.replace(kept)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
        return key

    async def take_in(self, path: Path, key: str) -> None:
        try:
            await asyncio.to_thread(self._move_in, path, key)
        except OSError as fault:
            raise no_room() from fault

    def _move_in(self, path: Path, key: str) -> None:
        target = self._folder / key
        private.make_folder(self._folder, self._mode)
        private.make_folder(target.parent, stat.S_IMODE(self._folder.stat().st_mode) & 0o777)
        shutil.move(path, target)
        target.chmod(private.as_folder(self._folder))
        os.utime(target)

    def path(self, key: str) -> Path | None:
        return self._folder / key

    async def fetch(self, key: str, path: Path) -> Path:
        try:
            await asyncio.to_thread(shutil.copyfile, self._path(key), path)
        except OSError as fault:
            raise (no_room() if is_full(fault) else gone()) from fault
        return path

    async def size(self, key: str) -> int:
        try:
            return (await asyncio.to_thread(self._path(key).stat)).st_size
        except OSError as fault:
            raise gone() from fault

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        try:
            while start < end and (piece := await asyncio.to_thread(self._part, key, start, min(PIECE, end - start))):
                yield piece
                start += len(piece)
        except OSError as fault:
            raise gone() from fault

    def _part(self, key: str, start: int, length: int) -> bytes:
        """Open, read and close in one call, so that no file stays open if the reader goes away."""
        with self._path(key).open("rb") as file:
            file.seek(start)
            return file.read(length)

    async def stored_at(self, key: str) -> float:
        with suppress(FileNotFoundError):
            return await asyncio.to_thread(_stored_at, self._path(key))
        return -math.inf

    async def older_than(self, age: float) -> AsyncIterator[list[str]]:
        before = time.time() - age
        files = self._files()
        try:
            while page := await asyncio.to_thread(list, islice(files, PAGE)):
                yield [key for key, stored, _size in page if stored < before]
        except OSError as fault:
            raise unlisted(fault) from fault

    def _files(self) -> Iterator[tuple[str, float, int]]:
        """Yield the keys of our files, when they were stored, and their sizes."""
        for folder in _entries(self._folder):
            for file in _entries(Path(folder.path)) if folder.is_dir() else ():
                if KEY.fullmatch(key := f"{folder.name}/{file.name}"):
                    with suppress(FileNotFoundError):
                        found = file.stat()
                        yield key, found.st_mtime, found.st_size

    def _path(self, key: str) -> Path:
        """Return the place of a file. Raises `FileNotFoundError` for what is no key, as for a file that is gone."""
        if KEY.fullmatch(key) is None:
            raise FileNotFoundError(key)
        return self._folder / key

    async def sizes(self) -> dict[str, int]:
        try:
            return await asyncio.to_thread(lambda: {key: size for key, _stored, size in self._files()})
        except OSError as fault:
            raise unlisted(fault) from fault

    async def delete(self, key: str) -> int:
        try:
            return await asyncio.to_thread(_delete, self._path(key))
        except FileNotFoundError:
            return 0


def _delete(path: Path) -> int:
    size = path.stat().st_size
    path.unlink()
    return size


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing if it was removed."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _stored_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return -math.inf
