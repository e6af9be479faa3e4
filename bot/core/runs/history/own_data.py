"""A person's own data as one file: what is kept of them as JSON, and the files of their runs beside it, in a ZIP."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import msgspec
from sqlalchemy import Connection, select

from bot.core.errors import StorageFailed, UserError
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Failed, Person, StoredFile
from bot.core.people.accounts import KnownAccounts
from bot.core.people.invitations import OwnInvitation, invited_as
from bot.core.pings.wishes import PingWish, wish_of
from bot.core.policy.audit import Audit, AuditLine
from bot.core.presets.store import Preset, PresetStore
from bot.core.run import RunRecord
from bot.core.runs.rows import read_run
from bot.core.storage.database import Database
from bot.core.storage.private import opener
from bot.core.storage.schema import charges, favourites, reports, runs
from bot.core.storage.temporary import room, work_folder
from bot.core.together import to_its_end
from bot.i18n import _, ngettext

NAME = "my-data.zip"
_PAGE = 200  # runs that are read at once
_AT_ONCE = 100  # runs that are told without a pause
_MARGIN, _OF_A_FILE = 1000, 400  # bytes of the ZIP for its own lists, and of a file's entries there and in data.json
_AGAIN = 600.0  # seconds after which a person may ask again


@dataclass(frozen=True)
class OwnFile:
    """A file of a run: its `path` in the ZIP, or else its `link` on the page, if it has one."""

    name: str
    kind: str
    path: str = ""
    link: str = ""


@dataclass(frozen=True)
class OwnRun:
    """A run as its person has `written` it, and as it was `said`, with what was chosen; results that moderators hold
    are not in it.
    """

    id: str
    workflow: str
    asked_at: float
    ended_at: float | None
    state: str
    place: str
    place_name: str
    written: Mapping[str, Any]
    said: Mapping[str, Any]
    given: tuple[OwnFile, ...]
    results: tuple[OwnFile, ...]
    texts: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class OwnCharge:
    """The share of a run in the limits of its person."""

    run: str
    workflow: str
    at: float
    seconds: float
    credits: float


@dataclass(frozen=True)
class OwnDraft:
    """A draft of a workflow in the studio: its sidecar, and its graph as JSON."""

    name: str
    at: float
    sidecar: str
    graph: str


class Drafts(Protocol):
    """The drafts of authors."""

    async def drafts_of(self, accounts: Sequence[str]) -> tuple[OwnDraft, ...]: ...


@dataclass(frozen=True)
class OwnData:
    """All that is kept of a person with their `accounts`, but for their files. Moments are seconds since 1970. `notify`
    has what each account has chosen about being told of an end.
    """

    person: str
    accounts: tuple[str, ...]
    made_at: float
    runs: tuple[OwnRun, ...]
    presets: tuple[Preset, ...]
    log: tuple[AuditLine, ...]
    favourites: tuple[str, ...]
    reported: tuple[str, ...]
    notify: Mapping[str, PingWish]
    charges: tuple[OwnCharge, ...]
    invitations: tuple[OwnInvitation, ...]
    drafts: tuple[OwnDraft, ...] = ()


@dataclass(frozen=True)
class PackedData:
    """A ZIP, and how many files are in it, and how many for which there was no room or that are gone."""

    path: Path
    runs: int
    files: int
    left_out: int

    @property
    def words(self) -> str:
        """Say what is in it, and what is not."""
        runs = ngettext("{count} run", "{count} runs", self.runs).format(count=self.runs)
        files = ngettext("with {count} file", "with {count} files", self.files).format(count=self.files)
        said = [_("What I keep about you: {runs}, {files}.").format(runs=runs, files=files)]
        if self.left_out:
            more = ngettext(
                "{count} file is not in it, because it is too large or gone.",
                "{count} files are not in it, because they are too large or gone.",
                self.left_out,
            )
            said.append(more.format(count=self.left_out))
        return " ".join(said)


class OwnDataService:
    """Makes one such file at a time."""

    def __init__(
        self,
        database: Database,
        media: BlobStore,
        links: SignedLinks,
        presets: PresetStore,
        audit: Audit,
        accounts: KnownAccounts,
        drafts: Drafts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._media, self._links, self._drafts = database, media, links, drafts
        self._presets, self._audit, self._accounts, self._clock = presets, audit, accounts, clock
        self._turn = asyncio.Lock()
        self._made: dict[str, float] = {}

    @asynccontextmanager
    async def handed_over(self, person: Person, most: int) -> AsyncIterator[PackedData]:
        """Make the file for the person who asks for it, with so many bytes at most; it is gone after the context.
        Raises `UserError` if they have had it a moment ago, `StorageFailed` and `DiskFull`.
        """
        now = self._clock()
        self._made = {each: at for each, at in self._made.items() if now - at < _AGAIN}
        if person.key in self._made:
            raise UserError(_("You have asked for your data a moment ago. Please wait for ten minutes."))
        self._made[person.key] = now
        with work_folder() as folder:
            packed = None
            try:
                packed = await self.pack(person.key, folder / NAME, most)
            finally:
                if packed is None:
                    self._made.pop(person.key, None)
            yield packed

    async def pack(self, person: str, path: Path, most: int | None = None) -> PackedData:
        """Write the data of a person, given as "platform:id", to a new file: the files of the newest runs first, as
        many as there is room for. Raises `StorageFailed`, `DiskFull` and `OSError`.
        """
        packed = None
        async with self._turn:
            with work_folder() as folder, room():
                file = await asyncio.to_thread(_new, path)
                try:
                    with file, ZipFile(file, "w", ZIP_STORED) as archive:
                        packing = _Packing(archive, folder, self._media, self._links, most)
                        packed = await self._fill(packing, person, path)
                finally:
                    if packed is None:
                        await asyncio.to_thread(path.unlink)
        return packed

    async def _fill(self, packing: _Packing, person: str, path: Path) -> PackedData:
        accounts = self._accounts.in_order(person)
        found = [run for account in accounts async for run in self._runs(account)]
        found.sort(key=lambda run: run.asked_at, reverse=True)
        log = tuple([line for each in accounts for line in await self._audit.about(each)])
        presets = tuple(await self._presets.of(accounts))
        beside = partial(_beside_runs, person=person, accounts=accounts, now=self._clock(), presets=presets, log=log)
        data = replace(await self._database.ask(beside), drafts=await self._drafts.drafts_of(accounts))
        packing.reserve(await asyncio.to_thread(_room, data, found))
        told = list[OwnRun]()
        found.reverse()
        while found:
            if len(told) % _AT_ONCE == 0:
                await asyncio.sleep(0)  # others have a turn, even where no file is to be read
            told.append(await packing.run(found.pop()))
        count = len(told)
        await to_its_end(partial(packing.finish, data, told))
        return PackedData(path, count, packing.files, packing.left_out)

    async def _runs(self, account: str) -> AsyncIterator[RunRecord]:
        """Yield all runs of an account."""
        place = -1
        while found := await self._database.ask(partial(_page, account=account, after=place)):
            for _place, run in found:
                yield run
            place = found[-1][0]


class _Packing:
    """A ZIP that is being filled."""

    def __init__(self, archive: ZipFile, folder: Path, media: BlobStore, links: SignedLinks, most: int | None) -> None:
        self._archive, self._folder, self._media, self._links = archive, folder, media, links
        self._left = most
        self._paths: dict[str, str] = {}  # of what is in it, by its key
        self.files = self.left_out = 0

    def reserve(self, told: int) -> None:
        """Keep so many bytes for all but files. Raises `UserError` if there is no room for that."""
        if self._left is None:
            return
        self._left -= told
        if self._left < 0:
            words = _(
                "Your data are too large to be sent here, even without the files. Get them on the page, or ask "
                "the operator of this bot for them."
            )
            raise UserError(words)

    async def run(self, run: RunRecord) -> OwnRun:
        """Take the files of a run in. Returns what is to be said of it."""
        results = [await self._file(run.id, file, number) for number, file in enumerate(run.shown.files, 1)]
        given = [await self._file(run.id, file) for file in run.inputs.values()]
        return _own(run, given, results)

    async def _file(self, run: str, file: StoredFile, number: int = 0) -> OwnFile:
        path = await self._path(run, file)
        link = "" if path or not number else await self._links.url(run, number, file.filename)
        return OwnFile(file.filename, file.kind, path, link)

    async def _path(self, run: str, file: StoredFile) -> str:
        """Return where a file is in the ZIP, after it was put there if there is room; empty if it is not in it."""
        if file.key in self._paths:
            return self._paths[file.key]
        try:
            size = await self._media.size(file.key)
            if self._left is not None and size > self._left:
                self.left_out += 1
                return ""
            fetched = await self._media.fetch(file.key, self._folder / "file")
        except StorageFailed:  # it was deleted meanwhile, or to make room
            self.left_out += 1
            return ""
        path = f"files/{run}/{self.files + 1}{PurePosixPath(file.key).suffix}"
        await to_its_end(partial(self._archive.write, fetched, path))
        await asyncio.to_thread(fetched.unlink)
        if self._left is not None:
            self._left -= size
        self.files += 1
        self._paths[file.key] = path
        return path

    def finish(self, data: OwnData, told: list[OwnRun]) -> None:
        """Put data.json in, with these runs, and close the ZIP. The list is empty then: to let go of many, or to close
        a ZIP with many files, takes the event loop long.
        """
        self._archive.writestr("data.json", _json(replace(data, runs=tuple(told))), ZIP_DEFLATED)
        told.clear()
        self._archive.close()


def _own(run: RunRecord, given: Sequence[OwnFile] = (), results: Sequence[OwnFile] = ()) -> OwnRun:
    """Return what is to be said of a run, with its files as far as they are known."""
    return OwnRun(
        run.id,
        run.workflow,
        run.asked_at,
        run.ended_at,
        run.state.value,
        run.place.key,
        run.place.name,
        run.written,
        run.said,
        tuple(given),
        tuple(results),
        run.shown.texts,
        run.end.sentence if isinstance(run.end, Failed) else "",
    )


def _room(data: OwnData, found: Sequence[RunRecord]) -> int:
    """Return how many bytes of a ZIP at most are not those of files: data.json with these runs, and the lists."""
    told = _json(replace(data, runs=tuple(map(_own, found))))
    files = sum(len(run.shown.files) + len(run.inputs) for run in found)
    return len(zlib.compress(told)) + _OF_A_FILE * files + _MARGIN


def _page(connection: Connection, account: str, after: int) -> list[tuple[int, RunRecord]]:
    """Return the next runs of an account after a place among all runs, with their places."""
    mine = (runs.c.person == account, runs.c.seq > after)
    rows = connection.execute(select(runs).where(*mine).order_by(runs.c.seq).limit(_PAGE))
    return [(row.seq, read_run(row)) for row in rows]


def _beside_runs(
    connection: Connection,
    person: str,
    accounts: tuple[str, ...],
    now: float,
    presets: tuple[Preset, ...],
    log: tuple[AuditLine, ...],
) -> OwnData:
    """Return the data of a person without their runs."""
    wishes = {each: wish for each in accounts if (wish := wish_of(connection, each)) is not None}
    liked = select(favourites.c.run_id).where(favourites.c.person.in_(accounts)).order_by(favourites.c.at)
    reported = select(reports.c.run_id).where(reports.c.person.in_(accounts)).order_by(reports.c.at)
    columns = (charges.c.run_id, charges.c.workflow, charges.c.at, charges.c.seconds, charges.c.credits)
    counted = connection.execute(select(*columns).where(charges.c.person.in_(accounts)).order_by(charges.c.at))
    return OwnData(
        person,
        accounts,
        now,
        (),
        presets,
        log,
        tuple(dict.fromkeys(connection.execute(liked).scalars())),
        tuple(dict.fromkeys(connection.execute(reported).scalars())),
        wishes,
        tuple(OwnCharge(*row) for row in counted),
        invited_as(connection, accounts),
    )


def _new(path: Path) -> IO[bytes]:
    """Open a new file that its owner alone can read."""
    return open(path, "xb", opener=opener)


def _json(data: OwnData) -> bytes:
    return msgspec.json.format(msgspec.json.encode(data), indent=2)
