"""Restore a backup into a place that has no records yet. What is restored waits until the original is gone."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from bot.core.background import TaskHealth
from bot.core.backup import archive
from bot.core.backup.archive import FOLDERS, RECORDS, BadBackup, Manifest
from bot.core.errors import ConfigError
from bot.core.media.blob_store import BlobStore
from bot.core.people.accounts import LinkedAccounts
from bot.core.people.invitations import Invitations
from bot.core.policy.audit import Audit
from bot.core.policy.rule_store import RuleStore
from bot.core.presets.store import PresetStore
from bot.core.runs.erasure import erase_again
from bot.core.runs.handover import go_on_elsewhere
from bot.core.runs.repository import RunRepository
from bot.core.storage import private, snapshot, standstill, transfer
from bot.core.storage.database import Database, in_short
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.ledger import Erasure, ErasureLedger
from bot.core.storage.temporary import is_full, locked_folder
from bot.core.storage.upgrade import revisions, upgrade
from bot.i18n import _

_BESIDE = ("engine",)  # files of the data folder that make it one that is used, beside those of snapshots
_OURS = "SELECT coalesce(to_regclass('alembic_version'), to_regclass('dbos.workflow_status'))"

#: What a platform does with its notes, before it goes on with what others may have finished.
Settle = Callable[[KeyValueStore], Awaitable[None]]


@dataclass(frozen=True)
class RestoreTarget:
    """A place without records. `folders` are those of workflows, by their names in a backup. With SQLite platforms may
    have files of their own for their notes, and the only `worker` has all runs that are at servers.
    """

    database: Database
    media: BlobStore
    folder: Path
    folders: Mapping[str, Path]
    ledger: ErasureLedger
    worker: str | None
    settle: Sequence[Settle] = ()
    has_files_of_platforms: bool = True


@dataclass(frozen=True)
class Restored:
    """The outcome of a restore: the runs, and those that have not ended; files; runs that were deleted since and are
    gone again; and workflow files that were here already and are different.
    """

    made_at: float
    runs: int
    unfinished: int
    files: int
    erased: int
    media: str
    kept: tuple[str, ...]


async def restore_backup(path: Path, target: RestoreTarget, erasures: Sequence[Erasure]) -> Restored:
    """Restore a backup, but for what was erased since. Nothing is changed if it is no good, or if there are records
    here. Raises `ConfigError`, such as `BadBackup`, and `StorageFailed`.
    """
    await asyncio.to_thread(_check, path)
    await refuse_used(target.database)
    try:
        with locked_folder(target.folder / "tmp") as work:
            manifest = await asyncio.to_thread(archive.unpack, path, work)
            records = work / RECORDS
            await asyncio.to_thread(_check_records, path, records)
            erased, unfinished = await _made_ready(records, manifest, target, erasures, work)
            kept, files = await _filled(work, target)
            runs = await asyncio.to_thread(snapshot.count_runs, records)
            await put_in_place(records, target.database, work, apart=target.has_files_of_platforms)
    except OSError as fault:
        reason = _("there is no room") if is_full(fault) else fault.strerror
        words = _("The backup cannot be restored to {folder}: {reason}")
        raise ConfigError(words.format(folder=target.folder, reason=reason)) from fault
    await target.ledger.add_missing(erasures)
    return Restored(manifest.made_at, runs, unfinished, files, erased, manifest.media, kept)


def _check(path: Path) -> None:
    """Raise `BadBackup` for what is no backup, or a later version's, before anything is unpacked."""
    manifest = archive.look(path)
    if manifest.revision > revisions()[-1]:
        raise archive.newer(path, manifest.darkroom)


async def refuse_used(database: Database) -> None:
    """Raise `ConfigError` if there are records of Darkroom in a database, or if it cannot be asked."""
    if not database.is_shared:
        main = Path(str(database.url.database))
        files = [main.with_name(f"{name}.db") for name in (main.stem, *snapshot.APART, *_BESIDE)]
        used = [each for each in files if each.exists()]
        if used:
            words = _("There are records of Darkroom in {folder} ({file}): name another folder, or move these away.")
            raise ConfigError(words.format(folder=main.parent, file=used[0].name))
        return
    try:
        is_used = await asyncio.to_thread(_is_used, database)
    except psycopg.Error as fault:
        raise ConfigError(_("The database cannot be used: {reason}").format(reason=in_short(fault))) from fault
    if is_used:
        raise ConfigError(_("There are records of Darkroom in this database. Give the address of an empty one."))


def _is_used(database: Database) -> bool:
    with snapshot.connected(database.driver_url) as server:
        return server.execute(_OURS).fetchone() != (None,)


def _check_records(path: Path, records: Path) -> None:
    try:
        with closing(sqlite3.connect(records)) as file:
            is_good = file.execute("PRAGMA quick_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        is_good = False
    if not is_good:
        words = _("The records in {file} are damaged: nothing was restored. Use another backup.")
        raise BadBackup(words.format(file=path))


async def _made_ready(
    records: Path, manifest: Manifest, target: RestoreTarget, erasures: Sequence[Erasure], work: Path
) -> tuple[int, int]:
    """Upgrade the records, erase what was erased since, and let runs go on. Returns how many of each there are."""
    async with Database(f"sqlite:///{records}") as database:
        repository, audit = RunRepository(database), Audit(database)
        rules = RuleStore(database, audit, TaskHealth())
        people = (LinkedAccounts(database), Invitations(database))
        erased, keys = await erase_again(
            erasures, manifest.made_at, repository, audit, rules, PresetStore(database), *people
        )
        for key in keys:
            await asyncio.to_thread((work / "media" / key).unlink, missing_ok=True)
        await repository.pings.clear()
        worker = None if target.database.is_shared else target.worker
        unfinished = await go_on_elsewhere(database, manifest.made_at, worker)
        notes = KeyValueStore(database)
        for settle in target.settle:
            await settle(notes)
        await standstill.pause(notes, manifest.made_at)
    return erased, unfinished


async def _filled(work: Path, target: RestoreTarget) -> tuple[tuple[str, ...], int]:
    """Put workflows and the files of runs in place. Returns the files of workflows that were here and are different,
    and how many files of runs there are.
    """
    kept = await asyncio.to_thread(_put_workflows, work, target.folders)
    found = await asyncio.to_thread(lambda: sorted((work / "media").glob("*/*")))
    for each in found:
        await target.media.take_in(each, f"{each.parent.name}/{each.name}")
    return tuple(kept), len(found)


def _put_workflows(work: Path, folders: Mapping[str, Path]) -> list[str]:
    kept = []
    for name in FOLDERS:
        for path in sorted((work / name).rglob("*")):
            target = folders[name] / path.relative_to(work / name)
            if path.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
            elif path.is_file() and target.read_bytes() != path.read_bytes():
                kept.append(str(target))
    return kept


async def put_in_place(records: Path, database: Database, work: Path, *, apart: bool = True) -> None:
    """Make a file with the newest tables the records of a place that has none. With SQLite, notes of platforms may be
    kept `apart`, in files of their own. Raises `ConfigError`.
    """
    try:
        if database.is_shared:
            await asyncio.to_thread(_put_into_server, records, database)
        else:
            await asyncio.to_thread(_put_into_folder, records, Path(str(database.url.database)), work, apart)
    except (psycopg.Error, SQLAlchemyError, sqlite3.Error) as fault:
        raise ConfigError(_("The records cannot be written: {reason}").format(reason=in_short(fault))) from fault


def _put_into_server(records: Path, database: Database) -> None:
    """Make the tables and fill them, in one transaction."""
    engine = create_engine(database.driver_url)
    try:
        with engine.begin() as connection:
            upgrade(connection)
            server: Any = connection.connection.driver_connection
            transfer.to_postgresql(records, server)
    finally:
        engine.dispose()


def _put_into_folder(records: Path, main: Path, work: Path, apart: bool) -> None:
    """Put the notes of platforms into their own files, and each file into its place; that of the runs comes last."""
    for name in snapshot.APART if apart else ():
        its = work / f"{name}.db"
        private.make_file(its)
        snapshot.make_tables(its)
        _move_notes(records, its, f"{name}:")
        shutil.move(its, main.with_name(its.name))
    with closing(sqlite3.connect(records, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
        file.execute("VACUUM")  # no free page keeps what was erased
    shutil.move(records, main)


def _move_notes(records: Path, apart: Path, prefix: str) -> None:
    with closing(sqlite3.connect(records)) as source, closing(sqlite3.connect(apart)) as target, source, target:
        its = (len(prefix), prefix)
        rows = source.execute("SELECT name, value, at FROM notes WHERE substr(name, 1, ?) = ?", its).fetchall()
        target.executemany("INSERT INTO notes (name, value, at) VALUES (?, ?, ?)", rows)
        source.execute("DELETE FROM notes WHERE substr(name, 1, ?) = ?", its)
