"""Small pictures of results, made when they are first asked for, and kept as long as a run has the result."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, delete, insert, select

from bot.core.errors import StorageFailed, WorkerFailed
from bot.core.media.blob_store import BlobStore
from bot.core.media.films.making import poster
from bot.core.model import StoredFile
from bot.core.pool.pool import run_apart
from bot.core.runs import statements
from bot.core.storage.database import Database
from bot.core.storage.schema import runs, thumbnails
from bot.core.storage.temporary import work_folder

SIDE = 384  #: pixels of the longer side: a tile, on a screen with two pixels a point
_QUALITY = 78
_SECONDS = 30.0  # to make one
_AT_ONCE = 2  # that are made
_LARGEST = 100_000_000  # bytes of a file that is worth reading for it
_MOST = 60_000_000  # pixels
_HOPELESS = 1000  # files that are remembered to have none


class ThumbnailMaker:
    def __init__(self, database: Database, media: BlobStore) -> None:
        self._database, self._media = database, media
        self._some = asyncio.Semaphore(_AT_ONCE)
        self._hopeless = OrderedDict[str, None]()

    async def of(self, run_id: str, file: StoredFile) -> StoredFile | None:
        """Return the small picture of a file of a run; None if there is nothing to be seen in it. Raises
        `StorageFailed` if the file is gone.
        """
        if file.kind not in ("image", "video") or file.key in self._hopeless:
            return None
        if (found := await self._kept(run_id, file.key)) is not None:
            return found
        async with self._some:
            if (found := await self._kept(run_id, file.key)) is not None:
                return found
            with work_folder() as folder:
                made = await self._made(file, folder)
                if made is None:
                    self._give_up(file.key)
                    return None
                small = await self._media.keep(made)
        await self._note(run_id, file.key, small)
        return _small(small)

    async def _kept(self, run_id: str, key: str) -> StoredFile | None:
        question = select(thumbnails.c.small).where(thumbnails.c.key == key)
        small = await self._database.ask(lambda connection: connection.execute(question).scalar_one_or_none())
        if small is None or not await self._media.has(small):
            return None
        if not await self._database.ask(lambda connection: _uses(connection, run_id, small)):
            await self._note(run_id, key, small)
        return _small(small)

    async def _note(self, run_id: str, key: str, small: str) -> None:
        """Record the small picture of a file, and that a run uses it. One that was deleted meanwhile uses nothing."""

        def note(connection: Connection) -> None:
            if connection.execute(select(runs.c.id).where(runs.c.id == run_id)).first() is None:
                return
            statements.note_uses(connection, run_id, [small])
            known = select(thumbnails.c.small).where(thumbnails.c.key == key)
            if connection.execute(known).scalar_one_or_none() != small:
                connection.execute(delete(thumbnails).where(thumbnails.c.key == key))
                connection.execute(insert(thumbnails).values(key=key, small=small))

        await self._database.write(note, locks=(f"files of {run_id}", f"thumbnail of {key}"))

    async def _made(self, file: StoredFile, folder: Path) -> Path | None:
        if await self._media.size(file.key) > _LARGEST:
            return None
        source = self._media.path(file.key)
        if source is None:
            source = await self._media.fetch(file.key, folder / f"source{PurePosixPath(file.key).suffix}")
        if file.kind == "video":
            source = await poster(source, folder)
        try:
            return None if source is None else await run_apart(draw, source, folder / "small.webp", timeout=_SECONDS)
        except WorkerFailed:
            return None

    def _give_up(self, key: str) -> None:
        self._hopeless[key] = None
        if len(self._hopeless) > _HOPELESS:
            self._hopeless.popitem(last=False)


def draw(source: Path, target: Path) -> Path | None:
    """Make a picture small, and return its path; None if it cannot be read. It belongs into the pool of processes."""
    from PIL import Image

    try:
        with Image.open(source) as picture:
            if picture.width * picture.height > _MOST:
                return None
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))
            picture.thumbnail((SIDE, SIDE), reducing_gap=2.0)
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            picture.convert("RGBA" if has_alpha else "RGB").save(target, "WEBP", quality=_QUALITY, method=3)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return target


def _uses(connection: Connection, run_id: str, key: str) -> bool:
    return key in {row.key for row in statements.USES.rows(connection, {"of_run": run_id})}


def _small(key: str) -> StoredFile:
    return StoredFile(key, "small.webp", "image")


async def is_there(media: BlobStore, file: StoredFile) -> int | None:
    """Return the size of a file in bytes; None if it is gone."""
    try:
        return await media.size(file.key)
    except StorageFailed:
        return None
