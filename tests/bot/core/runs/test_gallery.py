"""A person's gallery: their own results by pages, favourites, small pictures, archives, and deletion with undo."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.core.background import TaskHealth
from bot.core.errors import TooMany, UserError
from bot.core.model import Address, Person, Place, StoredFile
from bot.core.run import Outcome, RunRecord, State
from bot.core.runs.gallery.pages import GalleryFilter, GalleryPages
from bot.core.runs.gallery.service import MOST_CHOSEN, UNDO, GalleryService
from bot.core.runs.history.search import RunSearch
from bot.core.runs.queue import NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from tests.bot.core.groups.recording import GroupPlatform, ask, write_seeded
from tests.bot.harness import ANN, BEN, PLAIN, House, Studio, house, until

HERE = Place("test", "here", "Here", "guild")
ALL = GalleryFilter()


async def _made(
    queue: RunQueue, records: RunRepository, name: str, words: str, workflow: str = "sky", person: Person = ANN
) -> RunRecord:
    address = Address("test", "c", name)
    await queue.enqueue(
        NewRun(name, workflow, {"prompt": words}, {}, "x", person, HERE, address, "k", frozenset(), opened=True)
    )
    run = await records.get(name)
    assert run is not None
    await records.end(run, State.DONE)
    return run


@pytest.mark.parametrize("read", [True, False], ids=["read", "not read yet"])
@pytest.mark.long
async def test_pages_go_on_after_a_run(
    database: Database, queue: RunQueue, records: RunRepository, *, read: bool
) -> None:
    pages = GalleryPages(database)
    for number in range(7):
        words, workflow = f"a {'red' if number % 2 else 'blue'} fox {number}", "sky" if number < 5 else "sea"
        await _made(queue, records, f"r{number}", words, workflow)
    await _made(queue, records, "other", "a red fox", person=BEN)
    await queue.enqueue(replace(_waiting(), values={"prompt": "a red fox"}))
    await records.favourites.mark((ANN.key,), ["r1", "r2", "r5"], on=True)
    await records.favourites.mark((ANN.key,), ["r1"], on=False)
    await records.favourites.mark((BEN.key,), ["r3"], on=True)
    if read:
        assert not await RunSearch(database).read()

    async def found(chosen: GalleryFilter, count: int = 9, beyond: int | None = None, *, newer: bool = False) -> str:
        return " ".join(each.run.id for each in await pages.page((ANN.key,), chosen, count, beyond, newer=newer))

    first = await pages.page((ANN.key,), ALL, 3)
    assert [(each.run.id, each.favourite) for each in first] == [("r6", False), ("r5", True), ("r4", False)]
    await records.forget(["r6"])  # what is deleted meanwhile moves nothing
    assert await found(ALL, 3, first[-1].place) == "r3 r2 r1"
    assert await found(ALL, 2, first[-1].place, newer=True) == "r5"
    assert await found(GalleryFilter("Foxes red")) == "r5 r3 r1"
    assert await found(GalleryFilter("red"), 1, first[-1].place) == "r3"
    assert await found(GalleryFilter("red", "sky")) == "r3 r1"
    assert await found(GalleryFilter(favourites=True)) == "r5 r2"
    assert await found(GalleryFilter("blue", favourites=True)) == "r2"
    assert await found(GalleryFilter("whale")) == ""
    both = await pages.page((ANN.key, BEN.key), GalleryFilter("fox"), 9)  # of one person, who has two accounts
    assert [each.run.id for each in both] == ["other", "r5", "r4", "r3", "r2", "r1", "r0"]
    assert await pages.workflows((ANN.key,)) == {"sky": 5, "sea": 1}
    await records.favourites.forget(ANN.key)
    assert await found(GalleryFilter(favourites=True)) == ""


def _waiting() -> NewRun:
    address = Address("test", "c", "w")
    return NewRun("waits", "sky", {}, {}, "x", ANN, HERE, address, "k", frozenset())


@pytest.mark.long
async def test_a_result_is_small_and_its_small_picture_goes_with_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        gallery, runs = home.services.gallery, home.services.runs
        run_id, _message = await home.ask(PLAIN, color="255")
        await home.ended(run_id)
        run = await home.run(run_id)
        small = await gallery.thumbnail(ANN, run, 0)
        assert small is not None
        data = b"".join([part async for part in home.services.files.stream(small, 0, 1_000_000)])
        with Image.open(BytesIO(data)) as picture:
            assert (picture.format, max(picture.size) <= 384) == ("WEBP", True)
        assert await gallery.thumbnail(ANN, run, 0) == small
        assert await gallery.thumbnail(ANN, run, 1) is None
        assert await gallery.thumbnail(BEN, run, 0) is None  # it is not theirs
        again, _message = await home.ask(PLAIN, color="255")
        await home.ended(again)
        assert await gallery.thumbnail(ANN, await home.run(again), 0) == small
        await runs.delete(run_id, ANN)
        assert await gallery._media.has(small.key)  # another run has it
        await runs.delete(again, ANN)
        assert not await gallery._media.has(small.key)
        sound = StoredFile("00/" + "0" * 64 + ".flac", "song.flac", "audio")
        loud = replace(run, outcome=Outcome((sound,)))
        assert await gallery.thumbnail(ANN, loud, 0) is None


@pytest.mark.long
async def test_a_deletion_can_be_undone_until_it_is_due(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_ids = [(await home.ask(PLAIN, color=color))[0] for color in ("1", "2", "3")]
        await home.ended(*run_ids)
        later, gallery = [0.0], home.services.gallery
        assert await gallery.delete(BEN, run_ids) == []  # not theirs
        assert await gallery.delete(ANN, run_ids[:2]) == run_ids[:2]
        assert [each.run.id for each in (await gallery.page(ANN, ALL)).entries] == run_ids[2:]
        assert await gallery.entry(ANN, run_ids[0], ALL) is None
        found = await gallery.entry(ANN, run_ids[2], ALL)
        assert found is not None
        assert (found.newer, found.older) == ("", "")
        assert await gallery.restore(BEN, run_ids) == []
        assert await gallery.restore(ANN, run_ids[:1]) == run_ids[:1]
        assert len((await gallery.page(ANN, ALL)).entries) == 2
        async with _another(home, later) as other:  # a process that starts later
            assert other.is_going(run_ids[1])
            later[0] = UNDO + 1

            async def is_gone() -> bool:
                return await home.services.runs.get(run_ids[1]) is None

            await until(is_gone)
            assert await other.restore(ANN, [run_ids[1]]) == []
        assert [(await home.run(each)).state for each in (run_ids[0], run_ids[2])] == [State.DONE] * 2


@pytest.mark.long
async def test_what_is_said_to_be_restored_is_there(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, _message = await home.ask(PLAIN, color="1")
        await home.ended(run_id)
        later = [0.0]
        gallery = _another(home, later)
        await gallery.delete(ANN, [run_id])
        later[0] = UNDO + 1
        back, _done = await asyncio.gather(gallery.restore(ANN, [run_id]), gallery._delete_due())
        assert bool(back) is (await home.services.runs.get(run_id) is not None)
        await gallery.delete(ANN, [run_id])
        later[0] = 2 * (UNDO + 1)
        _done, back = await asyncio.gather(gallery._delete_due(), gallery.restore(ANN, [run_id]))
        assert bool(back) is (await home.services.runs.get(run_id) is not None)


@pytest.mark.long
async def test_all_of_one_request_goes_and_comes_back_together(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with house(tmp_path, GroupPlatform(), [Studio(["a.ckpt"], lambda _color: 60.0)]) as home:
        gallery = home.services.gallery
        ids, others = await ask(home, 3), await ask(home, 2)
        await home.ended(*ids, *others)
        group = (await home.run(ids[0])).group_id or ""
        assert await gallery.delete(BEN, [], group) == []  # not theirs
        assert await gallery.delete(ANN, ids[:1], group) == ids
        assert sorted(each.run.id for each in (await gallery.page(ANN, ALL)).entries) == sorted(others)
        assert sorted(await gallery.restore(ANN, ids)) == sorted(ids)
        waiting = await ask(home, 2, workflow="slow")
        group = (await home.run(waiting[0])).group_id or ""
        with pytest.raises(UserError, match="Some of these runs have not ended yet"):
            await gallery.delete(ANN, [], group)
        assert not any(map(gallery.is_going, waiting))
        await home.services.groups.cancel(group, ANN)
        await home.ended(*waiting)


def _another(home: House, later: list[float]) -> GalleryService:
    first = home.services.gallery
    database, media = first._pages._database, first._media
    return GalleryService(
        database, media, home.services.runs, first._accounts, TaskHealth(), lambda: time.time() + later[0]
    )


@pytest.mark.long
async def test_an_archive_has_each_name_once(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        gallery = home.services.gallery
        run_ids = [(await home.ask(PLAIN, color=color))[0] for color in ("1", "2", "3")]
        await home.ended(*run_ids)
        archive = await gallery.archive(ANN, [*run_ids, run_ids[0], "none"])
        names = [each.name for each in archive.files]
        assert len(set(names)) == 3
        assert any(" (2)." in name for name in names)
        (gone,) = (await home.run(run_ids[0])).shown.files
        await gallery._media.forget([gone.key])
        archive = await gallery.archive(ANN, run_ids)
        assert (len(archive.files), archive.gone) == (2, 1)
        with pytest.raises(UserError, match="None of these"):
            await gallery.archive(BEN, run_ids)
        with pytest.raises(TooMany, match="500"):
            await gallery.archive(ANN, [str(number) for number in range(MOST_CHOSEN + 1)])
