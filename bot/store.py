"""The store: where runs and their files are kept, by the settings; and what is done there while nothing else runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.config import Settings
from bot.core.audit import Audit
from bot.core.caps import Caps
from bot.core.database import Database
from bot.core.errors import ConfigError
from bot.core.forgetting import forget_person
from bot.core.line import Line
from bot.core.links import Links
from bot.core.media import Media
from bot.core.notes import Notes
from bot.core.records import Records
from bot.core.roster import strike
from bot.core.rulebook import Rulebook
from bot.words import _


@dataclass(frozen=True)
class Store:
    """Where runs and their files are kept."""

    database: Database
    media: Media
    records: Records
    line: Line
    links: Links


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The store that the settings name. Raises `ConfigError` where it cannot be read and written."""
    folder = await asyncio.to_thread(data_folder, settings)
    kept = await asyncio.to_thread(database, settings)
    media = Media.open(settings.media.reveal() if settings.media else folder / "media")
    async with kept:
        caps = Caps(settings.running_per_person, settings.waiting_per_person)
        records = Records(kept)
        yield Store(kept, media, records, Line(kept, caps), Links(settings.public_url, Notes(kept), records))


def database(settings: Settings, name: str = "darkroom") -> Database:
    """The database that the settings name, not yet opened; in the data folder, the file of this name, so that those who
    write often do not wait for each other. Raises `ConfigError`.
    """
    if settings.database is not None:
        return Database(settings.database.reveal())
    return Database.in_folder(data_folder(settings), name)


def data_folder(settings: Settings) -> Path:
    """The folder for data, made where it is missing, with room in it for workflows. Raises `ConfigError` where it
    cannot be written.
    """
    folder = settings.folder
    try:
        (folder / "workflows").mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"x" * 4096)
        probe.unlink(missing_ok=True)  # another process may be starting in the same folder
    except OSError as fault:
        raise _unwritable(folder, fault) from fault
    return folder


async def forget(settings: Settings, person: str) -> int:
    """Cancel what a person has under way, and delete all that is kept of them; how many runs there were."""
    async with opened(settings) as store:
        for run in await store.records.unfinished_of(person):
            await store.records.ask_to_cancel(run.id, f"{person}:")
        audit = Audit(store.database)
        return await forget_person(person, store.records, store.media, audit, Rulebook(store.database, audit))


async def hand_over(settings: Settings, worker: str) -> int:
    """Let other workers take the runs of one that is gone; how many there were."""
    async with opened(settings) as store:
        await strike(store.database, worker)
        return await store.line.hand_over(worker)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in words what in the folder cannot be written."""
    try:
        yield
    except OSError as fault:
        raise _unwritable(Path(fault.filename or folder), fault) from fault


def _unwritable(path: Path, fault: OSError) -> ConfigError:
    words = _("DARKROOM_DATA_DIR: {folder} cannot be written: {reason}")
    return ConfigError(words.format(folder=path, reason=fault.strerror))
