"""Open the stores for runs and files from the settings, and do maintenance in them from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from bot.core.background import TaskHealth
from bot.core.errors import ConfigError, StorageFailed
from bot.core.execution.worker_lock import in_use
from bot.core.masks.links import MaskLinks
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.moderation.saved_workflows import saved_lines
from bot.core.people.accounts import LinkedAccounts
from bot.core.people.invitations import Invitations
from bot.core.policy.audit import Audit
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.policy.rule_store import RuleStore
from bot.core.presets.store import PresetStore
from bot.core.runs.erasure import forget_person
from bot.core.runs.handover import release_worker
from bot.core.runs.history.own_data import OwnDataService, PackedData
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.servers.registry import remove_worker
from bot.core.sources.store import read_state
from bot.core.storage import data_folder as data
from bot.core.storage.database import Database
from bot.core.storage.herald import Herald
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.ledger import ErasureLedger
from bot.core.storage.standstill import moved_to
from bot.core.studio.drafts import DraftStore
from bot.core.studio.forgetting import AuthorTraces
from bot.core.workflows.identity.authors import VersionAuthors
from bot.i18n import _
from bot.settings import Settings


@dataclass(frozen=True)
class Stores:
    """The stores for runs and their files."""

    database: Database
    media: BlobStore
    records: RunRepository
    queue: RunQueue
    links: SignedLinks
    ledger: ErasureLedger
    accounts: LinkedAccounts
    invitations: Invitations


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    """Open the configured stores. Raises `ConfigError` if they cannot be read and written."""
    folder = await asyncio.to_thread(data_folder, settings)
    await asyncio.to_thread(data.narrow, folder, shared=settings.shared_media)
    kept = await asyncio.to_thread(database, settings)
    media = await asyncio.to_thread(media_store, settings)
    async with kept:
        caps = ConcurrencyLimits(settings.running_per_person, settings.waiting_per_person)
        records = RunRepository(kept, ping_after=settings.ping_after)
        links = SignedLinks(settings.public_url, KeyValueStore(kept))
        accounts = LinkedAccounts(kept)
        queue = RunQueue(kept, caps, accounts=accounts)
        ledger = ErasureLedger(settings.ledger)
        yield Stores(kept, media, records, queue, links, ledger, accounts, Invitations(kept))


@asynccontextmanager
async def opened_beside(settings: Settings) -> AsyncIterator[Stores]:
    """Open the stores for a command: a bot that is at work on them hears what it changes. Raises `ConfigError`."""
    async with opened(settings) as store, Herald(store.database, TaskHealth(), hears=False):
        yield store


def database(settings: Settings, name: str = "darkroom") -> Database:
    """Return the configured database, not yet opened. In the data folder it is a file of this name, so that frequent
    writers do not wait for each other. Raises `ConfigError`.
    """
    if settings.database is not None:
        return Database(settings.database.reveal(), **settings.database_limits())
    return Database.in_folder(data_folder(settings), name, **settings.database_limits())


def database_as_it_is(settings: Settings) -> Database:
    """Return the configured database, not yet opened. No folder is made for it. Raises `ConfigError`."""
    if settings.database is not None:
        return database(settings)
    return Database.in_folder(settings.folder, "darkroom", **settings.database_limits())


def key_value(settings: Settings, name: str = "darkroom") -> KeyValueStore:
    """Return a key-value store in the database of this name, not yet opened. Raises `ConfigError`."""
    return KeyValueStore(database(settings, name))


def data_folder(settings: Settings) -> Path:
    """Return the data folder, with a folder for workflows in it. It is made if it is missing. Raises `ConfigError` if
    it cannot be written.
    """
    folder = settings.folder
    try:
        data.make(folder, shared=settings.shared_media)
    except OSError as fault:
        path = Path(fault.filename or folder)
        raise _unwritable(path if folder in path.parents else folder, fault) from fault
    return folder


async def examine(settings: Settings, worker: str | None) -> tuple[list[str], str | None]:
    """Return why the stores cannot be opened; and, in words, whether another process already works under the worker's
    name. Everything is left as it is.
    """
    faults: list[str] = []
    busy: str | None = None
    with _tentative(settings.folder):
        try:
            await asyncio.to_thread(data_folder, settings)
        except ConfigError as fault:
            return [str(fault)], None
        try:
            for kept in _databases(settings, worker):
                await kept.examine()
            main = database(settings)
            if not main.is_shared and (where := await moved_to(main)) is not None:
                faults.append(_was_moved(Path(str(main.url.database)).parent, where))
            busy = None if worker is None else await in_use(database(settings), settings.folder, worker)
        except ConfigError as fault:
            faults.append(str(fault))
        try:
            await asyncio.to_thread(media_store, settings)
        except ConfigError as fault:
            faults.append(str(fault))
        if settings.backup_dir is not None:
            faults += await asyncio.to_thread(_backups_faults, settings.backups)
    return faults, busy


def _backups_faults(folder: Path) -> list[str]:
    """Return in words that the folder of backups and of the ledger cannot be written. It is left as it is."""
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryFile(dir=folder):
            return []
    except OSError as fault:
        words = _("DARKROOM_BACKUP_DIR: {folder} cannot be written: {reason}")
        return [words.format(folder=folder, reason=fault.strerror)]
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()


def _was_moved(folder: Path, where: str) -> str:
    words = _(
        "The records in {folder} were moved to {database}: set DARKROOM_DATABASE_URL to it. To use this folder for new "
        "ones, delete darkroom.db, discord.db, telegram.db and engine.db there."
    )
    return words.format(folder=folder, database=where)


async def saved_notes(settings: Settings) -> list[str]:
    """Say what people saved at the servers, which worker looks after which, and which files cannot be used, as the
    database has it. Nothing is opened or changed; nothing is said if there is no database, or none that answers.
    """
    if settings.database is None and not await asyncio.to_thread(settings.folder.is_dir):
        return []
    with suppress(ConfigError, StorageFailed), _tentative(settings.folder):
        async with database(settings).as_it_is() as connection:
            return saved_lines(await read_state(connection)) if connection is not None else []
    return []


def _databases(settings: Settings, worker: str | None) -> list[Database]:
    """Return all databases that a process opens; with PostgreSQL it is one."""
    if settings.database is not None:
        return [database(settings)]
    platforms = {"discord": settings.discord_token, "telegram": settings.telegram_token, "engine": worker}
    return [database(settings, name) for name in ("darkroom", *(name for name, on in platforms.items() if on))]


@contextmanager
def _tentative(folder: Path) -> Iterator[None]:
    """Remove the folder again, and its parents, if they were not there before and are empty."""
    wanted = [folder / "media", folder / "workflows", folder / "added", folder, *folder.parents]
    made = [path for path in wanted if not path.exists()]
    try:
        yield
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def media_store(settings: Settings) -> BlobStore:
    """Open the store for files. Raises `ConfigError`."""
    if settings.media is not None:
        return BlobStore.open(settings.media.reveal())
    return BlobStore.open(settings.folder / "media", 0o750 if settings.shared_media else 0o700)


async def forget(settings: Settings, person: str) -> int:
    """Cancel a person's unfinished runs and delete all their data. Returns the number of runs."""
    async with opened_beside(settings) as store:
        for run in await store.records.unfinished_of(person):
            await store.records.request_cancel(run.id, f"{person}:")
        audit = Audit(store.database)
        rules = RuleStore(store.database, audit, TaskHealth())
        presets = PresetStore(store.database)
        await MaskLinks(store.links, KeyValueStore(store.database)).forget(person)
        await author_traces(settings, store).forget(person)
        kept = (store.records, store.media, audit, rules, presets, store.accounts)
        return await forget_person(person, *kept, store.ledger)


def author_traces(settings: Settings, store: Stores) -> AuthorTraces:
    """Return what is kept of authors beside their workflows."""
    return AuthorTraces(DraftStore(settings.folder / "studio"), VersionAuthors(KeyValueStore(store.database)))


async def export(settings: Settings, person: str, path: Path) -> PackedData:
    """Write the data of a person to a new file. Raises `OSError` too."""
    async with opened(settings) as store:
        presets, audit = PresetStore(store.database), Audit(store.database)
        await store.accounts.refresh()
        own = (presets, audit, store.accounts, author_traces(settings, store))
        service = OwnDataService(store.database, store.media, store.links, *own)
        return await service.pack(person, path)


async def hand_over(settings: Settings, worker: str) -> int:
    """Give a lost worker's runs to the other workers. Returns the number of runs."""
    async with opened_beside(settings) as store:
        await remove_worker(store.database, worker)
        return await release_worker(store.database, worker)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise `ConfigError` in words if the folder cannot be written."""
    try:
        yield
    except OSError as fault:
        raise _unwritable(Path(fault.filename or folder), fault) from fault


def _unwritable(path: Path, fault: OSError) -> ConfigError:
    words = _("DARKROOM_DATA_DIR: {folder} cannot be written: {reason}")
    return ConfigError(words.format(folder=path, reason=fault.strerror))
