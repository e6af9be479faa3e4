"""The engine's own tables: what an older version wrote there is understood, and nothing stays there for ever."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from bot.core.background import TaskHealth
from bot.core.execution.durable.attempts import Attempts
from bot.core.execution.durable.engine import DurableEngine
from bot.core.execution.durable.leftovers import has_leftovers
from bot.core.execution.durable.step import FOLLOW, SUBMIT, DurableStep
from bot.core.storage.database import Database
from tests.bot.databases import RUNS, fill
from tests.bot.harness import until
from tests.patience import PATIENCE

_TABLES = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs")


class Count:
    """Counts the rows of the engine's tables."""

    def __init__(self, database: Database, folder: Path) -> None:
        schema = "dbos" if database.is_shared else None
        self._tables = [sqlalchemy.table(name, schema=schema) for name in _TABLES]
        url = database.driver_url if database.is_shared else f"sqlite:///{folder / 'engine.db'}"
        self._engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

    async def rows(self) -> int:
        return await asyncio.to_thread(self._rows)

    async def none(self) -> bool:
        return await self.rows() == 0

    def _rows(self) -> int:
        with self._engine.connect() as connection:
            questions = [sqlalchemy.select(sqlalchemy.func.count()).select_from(table) for table in self._tables]
            return sum(connection.execute(question).scalar_one() for question in questions)


async def attempt(run_id: str, _attempt: int, step: DurableStep) -> None:
    """Every third fails."""
    await step(SUBMIT, said)
    if int(run_id) % 3 == 0:
        raise ValueError(run_id)


async def said() -> str:
    return "[]"


@pytest.mark.long
async def test_attempts_that_have_ended_leave_nothing_in_the_tables(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave_nothing(database, tmp_path, monkeypatch, runs=60)


@pytest.mark.long
async def test_ten_thousand_attempts_that_have_ended_leave_nothing_in_the_tables(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave_nothing(database, tmp_path, monkeypatch, runs=10_000)


async def leave_nothing(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, *, runs: int) -> None:
    """Those of a process that is gone too, and those that failed."""
    monkeypatch.setattr("bot.core.execution.durable.engine._AT_ONCE", max(7, runs // 20))
    monkeypatch.setattr(
        "bot.core.execution.durable.engine._TIDY_EVERY", 86_400.0
    )  # each process looks once, at its start
    count, ended = Count(database, folder), asyncio.Semaphore(0)

    async def counted(run_id: str, number: int, step: DurableStep) -> None:
        try:
            await attempt(run_id, number, step)
        finally:
            ended.release()

    async with DurableEngine(database, folder, "garage", counted, TaskHealth()) as engine:
        await until(count.none)  # the only look is over
        for number in range(runs):
            await engine.start(str(number), 1)
        for _ in range(runs):
            await ended.acquire()
        assert await count.rows() >= runs
    async with DurableEngine(database, folder, "attic", counted, TaskHealth()):
        while not await count.none():  # noqa: ASYNC110 - the engine's own task does it
            await asyncio.sleep(0.02)


@pytest.mark.long
async def test_an_attempt_that_an_older_version_began_goes_on(database: Database, tmp_path: Path) -> None:
    """It remembered both steps of every attempt, whatever they said."""
    followed = json.dumps({"nothing_new": False, "warnings": []})
    begun, gone_on = asyncio.Event(), asyncio.Event()
    answers: list[str] = []

    async def older(_run: str, _attempt: int, step: DurableStep) -> None:
        await step("submit", said)
        await step("follow", partial(answered, followed))
        begun.set()
        await asyncio.Event().wait()

    async def newer(_run: str, _attempt: int, step: DurableStep) -> None:
        answers.append(await step(SUBMIT, never))
        answers.append(await step(FOLLOW, never))
        gone_on.set()

    async with DurableEngine(database, tmp_path, "garage", older, TaskHealth()) as engine:
        await engine.start("1", 1)
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
    async with DurableEngine(database, tmp_path, "garage", newer, TaskHealth()), asyncio.timeout(PATIENCE):
        await gone_on.wait()
    assert answers == ["[]", followed]


async def test_an_attempt_goes_on_whose_last_steps_are_gone(database: Database, tmp_path: Path) -> None:
    begun, gone_on = asyncio.Event(), asyncio.Event()

    async def older(_run: str, _attempt: int, step: DurableStep) -> None:
        for name in ("submit", "follow", "something else"):
            await step(name, said)
        begun.set()
        await asyncio.Event().wait()

    async def newer(_run: str, _attempt: int, step: DurableStep) -> None:
        assert await step(SUBMIT, never) == "[]"
        gone_on.set()

    async with DurableEngine(database, tmp_path, "garage", older, TaskHealth()) as engine:
        await engine.start("1", 1)
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
    async with DurableEngine(database, tmp_path, "garage", newer, TaskHealth()), asyncio.timeout(PATIENCE):
        await gone_on.wait()


async def test_what_an_earlier_process_left_behind_goes_on_though_no_record_asks_for_it(
    database: Database, tmp_path: Path
) -> None:
    begun, gone_on = asyncio.Event(), asyncio.Event()

    async def older(_run: str, _attempt: int, _step: DurableStep) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def newer(_run: str, _attempt: int, _step: DurableStep) -> None:
        gone_on.set()

    assert not await has_leftovers(database, tmp_path)
    async with DurableEngine(database, tmp_path, "garage", older, TaskHealth()) as engine:
        assert not await has_leftovers(database, tmp_path)
        await engine.start("1", 1)
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
    assert await has_leftovers(database, tmp_path)
    attempts = Attempts(database, tmp_path, "garage", newer, TaskHealth())
    await attempts.open(resumes=False)
    async with asyncio.timeout(PATIENCE):
        await gone_on.wait()
    await attempts.close()


def test_an_attempt_runs_on_our_loop_though_that_stood_still_when_it_was_handed_out(tmp_path: Path) -> None:
    database, begun, gone_on = Database.in_folder(fill(tmp_path, RUNS)), asyncio.Event(), asyncio.Event()
    loops = list[asyncio.AbstractEventLoop]()

    async def older(_run: str, _attempt: int, _step: DurableStep) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def newer(_run: str, _attempt: int, step: DurableStep) -> None:
        assert await step(SUBMIT, said) == "[]"
        loops.append(asyncio.get_running_loop())
        loops[0].call_soon_threadsafe(gone_on.set)

    async def leave_behind() -> None:
        async with database, DurableEngine(database, tmp_path, "garage", older, TaskHealth()) as engine:
            await engine.start("1", 1)
            await _until(begun)

    with asyncio.Runner() as runner:
        runner.run(leave_behind())
        engine = DurableEngine(database, tmp_path, "garage", newer, TaskHealth())
        runner.run(engine.__aenter__())
        until = time.monotonic() + PATIENCE
        while not engine._dbos._workflow_tasks:  # until it is handed out
            assert time.monotonic() < until
            time.sleep(0.01)
        runner.run(_until(gone_on))
        runner.run(engine.__aexit__(None, None, None))
        assert loops == [runner.get_loop()]


async def _until(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()


async def answered(words: str) -> str:
    return words


async def never() -> Any:
    raise AssertionError


@pytest.mark.long
async def test_attempts_that_begin_as_the_process_ends_are_left_for_the_next_one(
    database: Database, tmp_path: Path
) -> None:
    made, faults = set[str](), list[Exception]()

    async def once(run_id: str, _attempt: int, step: DurableStep) -> None:
        try:
            await step(SUBMIT, said)
            made.add(run_id)
        except Exception as fault:  # noqa: BLE001 - the end of an attempt
            faults.append(fault)

    begun = {f"{turn} {number}" for turn in range(6) for number in range(10)}
    for turn in range(6):
        async with DurableEngine(database, tmp_path, "one", once, TaskHealth()) as engine:
            await asyncio.gather(*(engine.start(f"{turn} {number}", 1) for number in range(10)))

    async def all_made() -> bool:
        return made == begun

    async with DurableEngine(database, tmp_path, "one", once, TaskHealth()):
        await until(all_made)
    assert not faults


@pytest.mark.long
async def test_what_others_gave_to_threads_is_done_though_the_engine_ends(database: Database, tmp_path: Path) -> None:
    loop, held = asyncio.get_running_loop(), threading.Event()
    async with DurableEngine(database, tmp_path, "garage", attempt, TaskHealth()) as engine:
        await engine.start("1", 1)
        threads = engine._dbos._executor  # in the place of the loop's
        threads._max_workers = len(threads._threads)
        busy = [loop.run_in_executor(None, held.wait) for _ in range(threads._max_workers)]
        queued = loop.run_in_executor(None, lambda: "done")
        loop.call_later(0.1, held.set)  # as the engine ends
    assert await queued == "done"
    assert all(await asyncio.gather(*busy))
