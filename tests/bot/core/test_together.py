"""Works that are done together: none is left behind, whatever ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.errors import StorageFailed
from bot.core.platform import Services
from bot.core.together import AskedTogether, end_all, in_turns, together
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.process import serve
from bot.settings import Role, Settings
from tests.bot.harness import RecordingPlatform, layers

_WRITES = 200


class _Slow:
    """Work that takes its time to end when it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.let_go, self.ended = asyncio.Event(), asyncio.Event(), False

    async def work(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.let_go.wait()
            self.ended = True


async def test_a_task_that_has_lost_its_cancellation_is_cancelled_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.together._TO_TIDY", 0.01)
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while lost < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1

    tasks = {asyncio.create_task(deaf(), name="deaf"), asyncio.create_task(asyncio.Event().wait(), name="idle")}
    await asyncio.sleep(0)  # both have begun
    await end_all(tasks)
    assert lost == 3
    assert all(task.done() for task in tasks)
    assert "“deaf” has not ended" in caplog.text
    assert "idle" not in caplog.text


async def test_tasks_that_are_added_while_others_end_are_ended_too() -> None:
    slow, tasks = _Slow(), set[asyncio.Task[None]]()
    tasks.add(asyncio.create_task(slow.work()))
    await slow.begun.wait()
    ending = asyncio.create_task(end_all(tasks))
    await asyncio.sleep(0)
    tasks.add(late := asyncio.create_task(_Slow().work()))
    slow.let_go.set()
    await asyncio.sleep(0)
    await ending
    assert slow.ended
    assert late.done()


async def test_what_each_returned_is_returned_in_order() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await together(after(3), after(1), after(2)) == [3, 1, 2]
    assert await together() == []


async def test_the_others_have_ended_when_one_fails() -> None:
    slow = _Slow()

    async def fail() -> None:
        await slow.begun.wait()
        asyncio.get_running_loop().call_soon(slow.let_go.set)
        raise ConnectionError("away") from OSError("no route")

    with pytest.raises(ConnectionError, match="away") as caught:
        await together(slow.work(), fail())
    assert slow.ended
    assert isinstance(caught.value.__cause__, OSError)


async def test_all_have_ended_when_the_caller_was_cancelled() -> None:
    slow = _Slow()
    task = asyncio.create_task(together(slow.work(), asyncio.sleep(3600)))
    await slow.begun.wait()
    task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    slow.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.ended


class _Leaving(RecordingPlatform):
    """A platform that still writes while it leaves."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.serves, self.written = asyncio.Event(), 0

    async def serve(self, services: Services) -> None:
        self.serves.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(_WRITES):
                await services.health.probe()
                self.written += 1


@pytest.mark.long
async def test_the_records_are_open_until_the_last_platform_has_left(tmp_path: Path) -> None:
    settings = Settings.read({"DARKROOM_DATA_DIR": str(tmp_path / "data")}, None)
    leaving, tasks = _Leaving(), TaskHealth()
    async with LiveCatalog(*layers(settings.folder), tasks=tasks, step=0.2) as shelf:
        platforms = [RecordingPlatform("quick"), leaving]
        work = asyncio.create_task(serve(settings, shelf, platforms, Role(), tasks, lambda _line: None))
        await leaving.serves.wait()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert leaving.written == _WRITES


async def test_what_is_asked_at_the_same_moment_is_one_question() -> None:
    questions = list[set[str]]()

    async def which(about: Collection[str]) -> set[str]:
        questions.append(set(about))
        await asyncio.sleep(0)
        return {"ann", "cat"}

    asked = AskedTogether(which)
    assert await together(*map(asked.has, ("ann", "ben", "cat", "ann"))) == [True, False, True, True]
    assert not await asked.has("dan")
    assert questions == [{"ann", "ben", "cat"}, {"dan"}]


async def test_who_asks_during_an_answer_gets_one_of_their_own() -> None:
    """The answer may be from before what they have just done."""
    here, looking, gate = set[str](), asyncio.Event(), asyncio.Event()

    async def which(about: Collection[str]) -> set[str]:
        found = here & set(about)
        looking.set()
        await gate.wait()
        return found

    asked = AskedTogether(which)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(asked.has("ann"))
        await looking.wait()
        here.add("ann")
        second = group.create_task(asked.has("ann"))
        await asyncio.sleep(0)
        gate.set()
    assert (first.result(), second.result()) == (False, True)


@pytest.mark.parametrize("leaves", [0, 1])
async def test_one_who_asks_no_longer_leaves_the_others_their_answer(leaves: int) -> None:
    gate, looking = asyncio.Event(), asyncio.Event()

    async def which(_about: Collection[str]) -> set[str]:
        looking.set()
        await gate.wait()
        return {"ben", "ann"}

    asked = AskedTogether(which)
    tasks = [asyncio.create_task(asked.has(name)) for name in ("ann", "ben")]
    await looking.wait()
    tasks[leaves].cancel()
    await asyncio.wait({tasks[leaves]})
    gate.set()
    assert await tasks[1 - leaves]
    assert tasks[leaves].cancelled()


async def test_one_who_leaves_before_the_question_is_asked_leaves_it_to_the_others() -> None:
    async def which(about: Collection[str]) -> Collection[str]:
        return about

    asked = AskedTogether(which)
    first = asyncio.create_task(asked.has("ann"))
    second = asyncio.create_task(asked.has("ben"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert await asked.has("cat")


async def test_a_failure_is_raised_for_each_who_asked() -> None:
    async def which(_about: Collection[str]) -> Collection[str]:
        raise StorageFailed("away")

    asked = AskedTogether(which)
    said = await asyncio.gather(asked.has("ann"), asked.has("ben"), return_exceptions=True)
    assert [type(each) for each in said] == [StorageFailed, StorageFailed]


async def test_others_have_their_turn_between_the_parts_of_long_work() -> None:
    turns, parts = 0, list[int]()

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    async for part in in_turns(range(20), at_once=0.0):
        parts.append(part)
    task.cancel()
    assert parts == list(range(20))
    assert turns >= 19
