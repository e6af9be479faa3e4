"""The gallery of a person: their own results by pages, favourites, small pictures, archives, and deletion with undo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from time import time
from types import TracebackType

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import TooMany, UserError
from bot.core.media.blob_store import BlobStore
from bot.core.model import Person, StoredFile
from bot.core.people.accounts import LinkedAccounts
from bot.core.run import RunRecord, person_of
from bot.core.runs.gallery.marks import FavouriteStore, PendingDeletions
from bot.core.runs.gallery.pages import GalleryFilter, GalleryPages, PlacedRun
from bot.core.runs.gallery.thumbnails import ThumbnailMaker, is_there
from bot.core.runs.service import RunService
from bot.core.storage.bells import Bell
from bot.core.storage.database import Database
from bot.i18n import _

UNDO = 10.0  #: seconds in which a deletion can be undone
MOST_CHOSEN = 500  #: results that one act is for
_EVERY = 1.0  # seconds between two looks at what is to be deleted
_ARCHIVE = 4_000_000_000  # bytes of an archive
_BESIDE = 20  # runs among which the next one with a result is looked for


@dataclass(frozen=True)
class GalleryPage:
    """Some of a person's results, newest first. `beyond` is where the next page begins; None if there is none."""

    entries: tuple[PlacedRun, ...]
    beyond: int | None


@dataclass(frozen=True)
class GalleryEntry:
    """One result, and the ids of the results beside it; empty where there is none."""

    run: RunRecord
    favourite: bool
    newer: str
    older: str


@dataclass(frozen=True)
class ArchiveFile:
    """A file of an archive, under a name that no other one there has."""

    name: str
    file: StoredFile
    size: int


@dataclass(frozen=True)
class Archive:
    """The files of results, and how many of them are gone from the store."""

    files: tuple[ArchiveFile, ...]
    gone: int

    @property
    def size(self) -> int:
        return sum(each.size for each in self.files)


class GalleryService:
    """Everything is for a person's own results, of all their accounts. All methods raise `StorageFailed`.

    In `async with`, it deletes what is to be deleted, also what an earlier process was asked to.
    """

    def __init__(
        self,
        database: Database,
        media: BlobStore,
        runs: RunService,
        accounts: LinkedAccounts,
        tasks: TaskHealth,
        clock: Callable[[], float] = time,
    ) -> None:
        self._runs, self._media, self._accounts, self._clock = runs, media, accounts, clock
        self._pages, self._thumbnails = GalleryPages(database), ThumbnailMaker(database, media)
        self._favourites, self._pending = FavouriteStore(database, clock), PendingDeletions(database)
        self._going = dict[str, float]()  # runs that are to be deleted, and when
        self._deleting, self._news = asyncio.Lock(), Bell(None)
        self._chore = BackgroundTask("deletions", tasks)

    async def __aenter__(self) -> GalleryService:
        self._going = {run_id: at for run_id, _person, at in await self._pending.all()}
        self._chore.repeat(self._delete_due, until=self._wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()

    async def page(
        self, person: Person, chosen: GalleryFilter, beyond: int | None = None, count: int = 100
    ) -> GalleryPage:
        """Return a page of a person's results."""
        found = await self._pages.page(self._of(person), chosen, count, beyond)
        shown = tuple(each for each in found if self._is_shown(each.run))
        return GalleryPage(shown, found[-1].place if len(found) == count else None)

    async def entry(self, person: Person, run_id: str, chosen: GalleryFilter) -> GalleryEntry | None:
        """Return a result of a person with those beside it among the chosen ones; None if there is none."""
        found = await self._pages.placed(self._of(person), run_id)
        if found is None or not self._is_shown(found.run):
            return None
        newer, older = [await self._beside(person, chosen, found.place, newer=newer) for newer in (True, False)]
        return GalleryEntry(found.run, found.favourite, newer, older)

    async def workflows(self, person: Person) -> dict[str, int]:
        """Count a person's results by workflow, given by its id."""
        return await self._pages.workflows(self._of(person))

    async def mark(self, person: Person, run_ids: Collection[str], *, on: bool) -> None:
        """Make a person's results favourites, or no longer. Raises `UserError`."""
        own = [run.id for run in await self._own(person, run_ids)]
        await self._favourites.mark(self._of(person), own, on=on)

    async def thumbnail(self, person: Person, run: RunRecord, number: int) -> StoredFile | None:
        """Return the small picture of a result of a run that the person may have, counted from 0; None if there is
        none.
        """
        files = self._runs.files_for(run, person, present=False)
        return await self._thumbnails.of(run.id, files[number]) if number < len(files) else None

    async def archive(self, person: Person, run_ids: Collection[str]) -> Archive:
        """Return the files of a person's results for one archive. Raises `UserError` if they are too many."""
        taken, files, gone = set[str](), list[ArchiveFile](), 0
        for run in await self._own(person, run_ids):
            for file in self._runs.files_for(run, person, present=False):
                size = await is_there(self._media, file)
                if size is None:
                    gone += 1
                else:
                    files.append(ArchiveFile(_unused(file.filename, taken), file, size))
        archive = Archive(tuple(files), gone)
        if archive.size > _ARCHIVE:
            words = _("These files have {size:.1f} GB together; the maximum is {most:.0f} GB. Please choose fewer.")
            raise TooMany(words.format(size=archive.size / 1e9, most=_ARCHIVE / 1e9))
        if not files:
            raise UserError(_("None of these results has a file."))
        return archive

    async def delete(self, person: Person, run_ids: Collection[str], group: str = "") -> list[str]:
        """Note that a person's results, or those of a group, are to be deleted in `UNDO` seconds, and return their ids.
        From now on nobody sees them. Raises `UserError` if one has not ended.
        """
        beside = await self._pages.together(self._of(person), group) if group else []
        found = await self._own(person, [*run_ids, *beside])
        if any(run.ended_at is None for run in found):
            if len(found) > 1:
                raise UserError(_("Some of these runs have not ended yet. Cancel them first."))
            raise UserError(_("This run has not ended yet. Cancel it first."))
        ids = {run.id: run.person.key for run in found if run.id not in self._going}
        at = self._clock() + UNDO
        await self._pending.add(ids, at)
        self._going |= dict.fromkeys(ids, at)
        self._news.ring()
        return list(ids)

    async def restore(self, person: Person, run_ids: Collection[str]) -> list[str]:
        """Undo deletions of a person, and return the ids of the runs that stay."""
        _check_count(run_ids)
        async with self._deleting:  # what is being deleted now is gone before anyone is told that it stays
            back = await self._pending.take_back(self._of(person), run_ids)
        for run_id in back:
            self._going.pop(run_id, None)
        return back

    def is_going(self, run_id: str) -> bool:
        """True if a run is to be deleted, so that nobody sees it."""
        return run_id in self._going

    async def _own(self, person: Person, run_ids: Collection[str]) -> list[RunRecord]:
        """Return those of the runs that are a person's own."""
        _check_count(run_ids)
        found = [await self._runs.get(run_id) for run_id in dict.fromkeys(run_ids)]
        return [run for run in found if run is not None and self._runs.is_of(run, person)]

    def _of(self, person: Person) -> tuple[str, ...]:
        return self._accounts.in_order(person.key)

    async def _beside(self, person: Person, chosen: GalleryFilter, place: int, *, newer: bool) -> str:
        found = await self._pages.page(self._of(person), chosen, _BESIDE, place, newer=newer)
        return next((each.run.id for each in found if self._is_shown(each.run)), "")

    def _is_shown(self, run: RunRecord) -> bool:
        return run.id not in self._going and bool(run.shown.files or run.shown.texts)

    async def _wait(self) -> None:
        await self._news.wait(_EVERY if self._going else None)

    async def _delete_due(self) -> None:
        now = self._clock()
        if not any(at <= now for at in self._going.values()):
            return
        async with self._deleting:
            due = [(run_id, person) for run_id, person, at in await self._pending.all() if at <= now]
            for person in sorted({person for _run_id, person in due}):
                await self._runs.delete_all([run_id for run_id, of in due if of == person], person_of(f"{person}:"))
            await self._pending.drop(sorted(run_id for run_id, _person in due))
        left = {run_id for run_id, _person, _at in await self._pending.all()}
        self._going = {run_id: at for run_id, at in self._going.items() if at > now or run_id in left}


def _check_count(run_ids: Collection[str]) -> None:
    if len(run_ids) > MOST_CHOSEN:
        raise TooMany(_("Please choose {most} results at most.").format(most=MOST_CHOSEN))


def _unused(filename: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, and take it."""
    path, name, number = PurePath(filename), filename, 2
    while name.casefold() in taken:
        name, number = f"{path.stem} ({number}){path.suffix}", number + 1
    taken.add(name.casefold())
    return name


def ids_of(text: str) -> Sequence[str]:
    """Read ids that are written with commas between."""
    return [each for each in text.split(",") if each]
