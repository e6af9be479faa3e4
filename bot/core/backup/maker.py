"""Make a backup while the bot runs: the records of one moment, the files that they use, and the workflows."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bot.core import events_log
from bot.core.backup.archive import FOLDERS, FORMAT, RECORDS, ArchiveWriter, Manifest, is_below, writing
from bot.core.errors import ConfigError, StorageFailed
from bot.core.media.blob_store import BlobStore
from bot.core.storage import private, snapshot
from bot.core.storage.database import Database
from bot.core.storage.snapshot import Snapshot
from bot.core.storage.temporary import is_full
from bot.core.workflows.reader import GRAPHS, MEDIA
from bot.i18n import _

_ENDINGS = (*GRAPHS, *MEDIA, ".toml")
_WORK, _LEFT = ".darkroom-backup-", 86_400.0  # a folder of ours, and the seconds after which its process is gone
INCLUDED, ELSEWHERE, LEFT_OUT = "included", "elsewhere", "left out"  #: what becomes of the files of runs


@dataclass(frozen=True)
class BackupSource:
    """The things to keep. `folders` are those of workflows, by their names in a backup."""

    database: Database
    media: BlobStore
    folders: Mapping[str, Path]


@dataclass(frozen=True)
class BackupMade:
    """A backup that is on disk. `missing` files of runs were deleted while it was made, and files of workflows are
    `left_out` that have names which no other system may have. Writing stood still for `paused` seconds.
    """

    path: Path
    runs: int
    files: int
    missing: int
    size: int
    paused: float
    media: str
    left_out: tuple[str, ...] = ()


async def make_backup(source: BackupSource, path: Path, *, media: bool | None = None) -> BackupMade:
    """Write a backup to a new file, which is there only once it is whole. `media` says whether the files of runs are in
    it; None: if they are in a folder. Raises `ConfigError` and `StorageFailed`.
    """
    begun, is_folder = time.monotonic(), source.media.path("") is not None
    with_media = is_folder if media is None else media
    if await asyncio.to_thread(path.exists):
        raise ConfigError(_("There is a file {file} already: name another one.").format(file=path))
    try:
        with _beside(path) as work:
            taken = await asyncio.to_thread(snapshot.take, source.database, work / RECORDS)
            told = INCLUDED if with_media else LEFT_OUT if is_folder else ELSEWHERE
            made = await _written(source, taken, work, path, told)
    except OSError as fault:
        reason = _("there is no room") if is_full(fault) else fault.strerror or fault
        words = _("The backup {file} cannot be written: {reason}")
        raise ConfigError(words.format(file=path, reason=reason)) from fault
    events_log.backup_made(str(path), made.runs, made.files, made.size, time.monotonic() - begun)
    return made


async def _written(source: BackupSource, taken: Snapshot, work: Path, path: Path, media: str) -> BackupMade:
    runs, keys = await asyncio.to_thread(_counted, taken.path)
    records = await asyncio.to_thread(lambda: taken.path.stat().st_size)
    manifest = Manifest(FORMAT, our_version(), taken.revision, taken.moment, records, media)
    part = work / "part"
    with open(part, "wb", opener=private.opener) as file:  # noqa: ASYNC230 - only opened here
        with writing(file) as writer:
            await asyncio.to_thread(writer.begin, manifest, taken.path)
            workflows = await asyncio.to_thread(dict, _workflows(source.folders))
            left_out = [name for name in workflows if not is_below(name)]
            for name, each in workflows.items():
                if name not in left_out:
                    await _add_file(writer, name, each)  # who deletes a workflow meanwhile does not want it
            wanted = keys if media == INCLUDED else []
            missing = [key for key in wanted if not await _add(writer, source.media, key, work)]
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    size = await asyncio.to_thread(lambda: part.stat().st_size)
    await asyncio.to_thread(part.rename, path)
    return BackupMade(path, runs, len(wanted) - len(missing), len(missing), size, taken.paused, media, tuple(left_out))


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A private folder on the disk of a new file. What a killed process left there a day ago goes first."""
    private.make_folder(path.parent)
    for left in path.parent.glob(f"{_WORK}*/"):
        if time.time() - left.stat().st_mtime > _LEFT:
            shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=_WORK, dir=path.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def our_version() -> str:
    """The version of this program."""
    try:
        return version("darkroom")
    except PackageNotFoundError:
        return "?"


def _counted(records: Path) -> tuple[int, list[str]]:
    """Return how many runs there are, and the keys of all files that they use."""
    with closing(sqlite3.connect(records)) as file:
        (runs,) = file.execute("SELECT count(*) FROM runs").fetchone()
        return runs, [key for (key,) in file.execute("SELECT DISTINCT key FROM uses ORDER BY key")]


async def _add_file(writer: ArchiveWriter, name: str, path: Path) -> bool:
    """Add a file; False if it was deleted meanwhile."""
    try:
        await asyncio.to_thread(writer.add, name, path)
    except FileNotFoundError:
        return False
    return True


async def _add(writer: ArchiveWriter, media: BlobStore, key: str, work: Path) -> bool:
    """Add a file of a run; False if it was deleted meanwhile, or is no longer there."""
    own = media.path(key)
    if own is not None:
        return await _add_file(writer, f"media/{key}", own)
    fetched = work / "fetched"
    try:
        await media.fetch(key, fetched)
        await asyncio.to_thread(writer.add, f"media/{key}", fetched)
    except StorageFailed:
        if await media.has(key):
            raise
        return False
    finally:
        await asyncio.to_thread(fetched.unlink, missing_ok=True)
    return True


def _workflows(folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Yield the files of workflows, with their names in a backup: those that a reader of workflows looks at."""
    for folder in FOLDERS:
        root = folders[folder]
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            inside = path.relative_to(root)
            is_hidden = any(part.startswith(".") for part in inside.parts)
            if not is_hidden and path.name.lower().endswith(_ENDINGS) and path.is_file():
                yield f"{folder}/{inside.as_posix()}", path
