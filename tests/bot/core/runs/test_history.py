"""A person finds their own results by words, by pages, with small pictures; what is deleted is not found."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from bot.core.model import Address, Person, Place
from bot.core.run import RunRecord, State
from bot.core.runs.history.search import RunSearch
from bot.core.runs.history.tokens import tokens
from bot.core.runs.queue import NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from tests.bot.harness import ANN, BEN, PLAIN, house, until

HERE = Place("test", "here", "Here", "guild")


def test_words_are_found_as_people_type_them() -> None:
    assert tokens(["Two red FOXES, boxes & glass"]) == ["two", "red", "fox", "box", "glass"]
    assert tokens(["house houses, glasses, tree trees, bus"]) == ["hous", "glass", "tree", "bus"]
    assert tokens(["ﬁre 一只狐狸 ガラス"]) == ["fire", "一只", "只狐", "狐狸", "ガラ", "ラス"]
    assert tokens(["a " + "x" * 500]) == ["a", "x" * 64]
    assert len(tokens([" ".join(f"w{number}x" for number in range(1000))])) == 64
    assert tokens(["\ud800 <&> ::"]) == []


async def _ask(queue: RunQueue, records: RunRepository, person: Person, words: str) -> RunRecord:
    name = f"{person.id}-{words}"[:36]
    new = NewRun(
        name,
        "night_sky",
        {"prompt": words, "steps": 3},
        {},
        "x",
        person,
        HERE,
        Address("test", "c", name),
        "k",
        frozenset(),
    )
    await queue.enqueue(new)
    run = await records.get(name)
    assert run is not None
    await records.end(run, State.DONE)
    return run


@pytest.mark.parametrize("read", [True, False], ids=["read", "not read yet"])
async def test_a_search(database: Database, queue: RunQueue, records: RunRepository, *, read: bool) -> None:
    search = RunSearch(database)
    for words in ("a red fox", "a blue fox", "the red sea", "a fox in red snow"):
        await _ask(queue, records, ANN, words)
    await _ask(queue, records, BEN, "a red fox")
    if read:
        assert not await search.read()
        assert not await search.read()

    async def found(typed: str, skip: int = 0, count: int = 10) -> list[str]:
        return [str(run.values["prompt"]) for run in await search.find((ANN.key,), typed, skip, count)]

    assert await found("Foxes red") == ["a fox in red snow", "a red fox"]
    assert await found("red", 1, 1) == ["the red sea"]
    assert await found("red", 2, 5) == ["a red fox"]
    assert await found("night sky", 0, 1) == ["a fox in red snow"]  # the workflow's name
    assert await found("&", 3) == ["a red fox"]  # no word: all of them
    assert await found("fox whale") == []
    (gone,) = await search.find((ANN.key,), "blue", 0, 9)
    await records.forget([gone.id])
    assert await found("blue") == []
    await _ask(queue, records, ANN, "blue again")  # some are read, and some are not
    assert await found("blue") == ["blue again"]


@pytest.mark.long
async def test_a_page_has_small_pictures(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for color in ("255", "16711680"):
            run_id, _message = await home.ask(PLAIN, color=color)
            await home.ended(run_id)
        history = home.services.history
        page = await history.page(ANN, size=1)
        assert (len(page.runs), page.more) == (1, True)
        page = await history.page(ANN, "plain", 1, size=1)
        assert ([run.values["color"] for run in page.runs], page.more) == ([255], False)
        page = await history.page(ANN)
        sheet = await history.sheet(page.runs, tmp_path, {page.runs[0].id})
        assert sheet is not None
        with Image.open(sheet) as picture:
            assert picture.size == (2 * 248 + 8, 248 + 8)
            first, second = picture.getpixel((128, 128)), picture.getpixel((376, 128))
        assert first != second  # the other one is not to be seen here
        assert await history.sheet(page.runs, tmp_path, ()) is None
        assert (await history.page(BEN)).runs == ()


async def test_words_are_read_once_there_are_new_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.runs.history.service._EVERY", 0.0)
    async with house(tmp_path) as home, Database.in_folder(tmp_path) as database:
        for _time in range(2):
            run_id, _shown = await home.ask()

            async def is_read(run_id: str = run_id) -> bool:
                question = select(runs.c.searchable).where(runs.c.id == run_id)
                return bool(await database.ask(lambda connection: connection.execute(question).scalar_one()))

            await until(is_read)
