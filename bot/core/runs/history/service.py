"""The runs of a person: the latest, or found by words, by pages, with a picture of each page."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import StorageFailed, WorkerFailed
from bot.core.media.blob_store import BlobStore
from bot.core.media.contact_sheet import SheetTile, draw_sheet
from bot.core.model import Person
from bot.core.people.accounts import NO_LINKS, KnownAccounts
from bot.core.pool.pool import run_apart
from bot.core.run import RunRecord
from bot.core.runs.history.search import RunSearch
from bot.core.storage.bells import Bell, Topic
from bot.core.storage.database import Database

_EVERY = 60.0  # seconds between two looks for runs whose words were not read yet, if there are new ones
_NET = 600.0  # seconds after which it looks in any case; until then the latest runs are looked through
_REST = 0.2  # seconds between two parts of many
_SECONDS = 20.0  # to draw a page
_PAGES = 1000
_LONGEST = 30_000_000  # bytes of a picture that is worth reading for a thumbnail


@dataclass(frozen=True)
class HistoryPage:
    """Some of a person's runs, newest first. `number` is that of the page, from 0; `more` says that others follow."""

    runs: tuple[RunRecord, ...]
    number: int
    more: bool


class HistoryService:
    """In `async with`, it reads the words of runs, so that they can be found."""

    def __init__(
        self, database: Database, media: BlobStore, tasks: TaskHealth, accounts: KnownAccounts = NO_LINKS
    ) -> None:
        self._search, self._media, self._accounts = RunSearch(database), media, accounts
        self._chore, self._news = BackgroundTask("words of runs", tasks), Bell(_NET)
        for topic in (Topic.LINE, Topic.HELD):
            database.bells.on(topic, self._news.ring)

    async def __aenter__(self) -> HistoryService:
        self._chore.repeat(self._read, _EVERY, until=self._news.wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()

    async def page(self, person: Person, words: str = "", number: int = 0, size: int = 5) -> HistoryPage:
        """Return a page of a person's runs; with words, of those that have all of them."""
        number = max(0, min(number, _PAGES))
        runs = await self._search.find(self._accounts.in_order(person.key), words, number * size, size + 1)
        return HistoryPage(tuple(runs[:size]), number, len(runs) > size)

    async def sheet(self, runs: Sequence[RunRecord], folder: Path, shown: Collection[str]) -> Path | None:
        """Draw the results of runs side by side, numbered from 1, as one picture in a folder; of runs that are not in
        `shown`, by their ids, only the numbers. None if no picture is to be seen.
        """
        tiles = [
            await self._tile(number, run, folder) if run.id in shown else SheetTile(number, None)
            for number, run in enumerate(runs, 1)
        ]
        if not any(tile.path for tile in tiles):
            return None
        try:
            return await run_apart(draw_sheet, tuple(tiles), folder / "sheet.jpg", timeout=_SECONDS)
        except WorkerFailed:
            return None

    async def _tile(self, number: int, run: RunRecord, folder: Path) -> SheetTile:
        files = run.shown.files
        picture = next((file for file in files if file.kind == "image"), None)
        label = files[0].kind if files else ""
        if picture is None:
            return SheetTile(number, None, label)
        try:
            if await self._media.size(picture.key) > _LONGEST:
                return SheetTile(number, None, label)
            path = folder / f"mine-{number}{Path(picture.key).suffix}"
            return SheetTile(number, await self._media.fetch(picture.key, path), label)
        except StorageFailed:
            return SheetTile(number, None, label)

    async def _read(self) -> None:
        more = True
        while more:
            more = await self._search.read()
            await asyncio.sleep(_REST)  # so that others have their turn
