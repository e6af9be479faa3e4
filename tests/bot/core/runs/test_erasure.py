"""Files that no run uses are deleted, and only those."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.media.blob_store import BlobStore
from bot.core.model import StoredFile
from bot.core.runs.erasure import delete_orphans
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from tests.bot.core.runs.counting import new

DAY = 86_400.0
_LONG = pytest.mark.long


@pytest.fixture
def media(tmp_path: Path) -> BlobStore:
    return BlobStore.open(tmp_path / "media")


def grow_old(folder: Path, days: float = 2.0) -> None:
    """Set the times of all stored files back."""
    then = time.time() - days * DAY
    for path in (folder / "media").rglob("*.png"):
        os.utime(path, (then, then))


async def kept(media: BlobStore, folder: Path, words: str) -> str:
    given = folder / "given.png"
    given.write_text(words)
    return await media.keep(given)


async def used(queue: RunQueue, key: str) -> None:
    """Have a run that uses a file."""
    await queue.enqueue(replace(new(), inputs={"image": StoredFile(key, "given.png", "image")}))


async def test_an_old_file_that_no_run_uses_is_deleted(
    queue: RunQueue, records: RunRepository, media: BlobStore, tmp_path: Path
) -> None:
    orphan, mine = [await kept(media, tmp_path, words) for words in ("orphan", "mine")]
    await used(queue, mine)
    await delete_orphans(records, media)
    assert await media.has(orphan)  # its run may be about to be written
    grow_old(tmp_path)
    await delete_orphans(records, media)
    assert (await media.has(orphan), await media.has(mine)) == (False, True)


async def test_a_file_that_is_sent_again_waits_for_its_run(
    records: RunRepository, media: BlobStore, tmp_path: Path
) -> None:
    key = await kept(media, tmp_path, "sent twice")
    grow_old(tmp_path)
    assert await kept(media, tmp_path, "sent twice") == key
    await delete_orphans(records, media)
    assert await media.has(key)


async def test_a_file_that_is_sent_again_after_it_was_listed_stays(media: BlobStore, tmp_path: Path) -> None:
    key = await kept(media, tmp_path, "sent twice")
    grow_old(tmp_path)
    (listed,) = [keys async for keys in media.older_than(DAY)]
    assert listed == [key]
    await kept(media, tmp_path, "sent twice")
    await media.forget_older(listed, DAY)
    assert await media.has(key)


async def test_files_that_are_not_ours_stay(records: RunRepository, media: BlobStore, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    others = [tmp_path / "media" / name for name in ("holiday.png", f"zz/{digest}.png", f"{digest}.png")]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    grow_old(tmp_path)
    await delete_orphans(records, media)
    assert all(path.exists() for path in others)


async def test_a_store_whose_folder_is_gone_has_nothing_to_delete(
    records: RunRepository, media: BlobStore, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "media")
    await delete_orphans(records, media)


@pytest.mark.parametrize("count", [30, pytest.param(10_000, marks=_LONG)])
async def test_many_files_are_swept_in_pages(
    queue: RunQueue, records: RunRepository, media: BlobStore, tmp_path: Path, count: int
) -> None:
    mine = await kept(media, tmp_path, "mine")
    await used(queue, mine)
    for number in range(count):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        path = tmp_path / "media" / digest[:2] / f"{digest}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    grow_old(tmp_path)
    assert max([len(keys) async for keys in media.older_than(DAY)]) <= 1000
    await delete_orphans(records, media)
    assert [path.name for path in (tmp_path / "media").rglob("*.png")] == [Path(mine).name]
