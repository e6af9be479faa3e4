"""Back up what is kept, restore it, and let it go on, as the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.core.backup.maker import BackupMade, BackupSource, make_backup
from bot.core.backup.restorer import Restored, RestoreTarget, Settle, put_in_place, refuse_used, restore_backup
from bot.core.errors import ConfigError
from bot.core.execution.worker_lock import held
from bot.core.storage import ledger, snapshot, standstill
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.ledger import Erasure, ErasureLedger
from bot.core.storage.temporary import locked_folder
from bot.i18n import _
from bot.settings import Role, Settings
from bot.stores import data_folder, database, database_as_it_is, media_store


def backup_source(settings: Settings) -> BackupSource:
    """Return the things to back up, as the settings name them. Raises `ConfigError` if there is nothing."""
    if settings.database is None and not (settings.folder / "darkroom.db").is_file():
        raise snapshot.nothing_in(settings.folder)
    return BackupSource(database_as_it_is(settings), media_store(settings), _folders(settings))


async def backup(settings: Settings, path: Path, *, media: bool | None) -> BackupMade:
    """Write a backup to a new file. Raises `ConfigError` and `StorageFailed`."""
    source = await asyncio.to_thread(backup_source, settings)
    made = await make_backup(source, path, media=media)
    await ErasureLedger(settings.ledger).add([])
    return made


async def restore(
    settings: Settings, path: Path, ledgers: Sequence[Path], settle: Sequence[Settle], *, without_erasures: bool
) -> Restored:
    """Restore a backup to where the settings say. Raises `ConfigError` and `StorageFailed`."""
    erasures = await asyncio.to_thread(_erasures, settings, path, ledgers, without_erasures)
    await asyncio.to_thread(data_folder, settings)
    target = RestoreTarget(
        database(settings),
        await asyncio.to_thread(media_store, settings),
        settings.folder,
        _folders(settings),
        ErasureLedger(settings.ledger),
        Role().worker,
        settle,
        has_files_of_platforms=settings.database is None,
    )
    return await restore_backup(path, target, erasures)


def _erasures(settings: Settings, path: Path, ledgers: Sequence[Path], without: bool) -> list[Erasure]:
    """Read what was deleted since, from the ledgers that are named, and from those that are where they are written."""
    beside = [each for each in (path.parent / ledger.NAME, settings.ledger) if each.is_file()]
    found = list(dict.fromkeys(each.resolve() for each in (*ledgers, *beside)))
    if not found and not without:
        words = _(
            "There is no ledger of erasures ({name}) beside {file}. It lists what people deleted since the backup, "
            "so that it does not come back. Give its path with --erased. If it is lost, say --without-erasures."
        )
        raise ConfigError(words.format(name=ledger.NAME, file=path.name))
    return list(dict.fromkeys(erasure for each in found for erasure in ledger.read(each)))


async def move_to(settings: Settings, url: str) -> int:
    """Copy all records from SQLite to an empty PostgreSQL, while no bot runs, and leave those here for good. Returns
    the number of runs. Raises `ConfigError`.
    """
    here, there = (await asyncio.to_thread(backup_source, settings)).database, Database(url)
    if here.is_shared:
        raise ConfigError(_("The records are in PostgreSQL already: DARKROOM_DATABASE_URL names it."))
    if not there.is_shared:
        raise ConfigError(
            _("The new address is not that of a PostgreSQL: it should look like postgresql://USER@HOST/NAME")
        )
    shown = there.url.render_as_string(hide_password=True)
    if (before := await standstill.moved_to(here)) is not None:
        raise ConfigError(_("The records were moved to {database} already.").format(database=before))
    async with held(here, settings.folder, Role().worker or ""):
        await refuse_used(there)
        async with here:  # upgraded
            pass
        with locked_folder(settings.folder / "tmp") as work:
            taken = await asyncio.to_thread(snapshot.take, here, work / "records.db")
            await put_in_place(taken.path, there, work)
            runs = await asyncio.to_thread(snapshot.count_runs, taken.path)
        async with database(settings) as opened:
            await standstill.leave(KeyValueStore(opened), shown)
    return runs


async def resume(settings: Settings) -> bool:
    """Let what was restored go on, because the original is gone. Returns False if it was not waiting."""
    if not await standstill.is_paused(database_as_it_is(settings)):
        return False
    async with database(settings) as opened:
        await standstill.resume(KeyValueStore(opened))
    return True


def _folders(settings: Settings) -> dict[str, Path]:
    return {"workflows": settings.own_workflows, "added": settings.added_workflows}
