from __future__ import annotations

import ast
import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

import bot
from bot.core.background import BackgroundTask, TaskHealth, until_set
from bot.core.errors import ConfigError, StorageFailed
from tests.patience import PATIENCE

#: Where a task is made outside of `BackgroundTask`: the owner awaits it, and hears how it ended.
_OWNERS = {
    "core/background.py": "the supervisor itself",
    "core/care/hooks.py": "a file that is being opened is closed if it is no longer wanted",
    "core/execution/durable/attempts.py": "each attempt is awaited at the end, and what ends it is logged",
    "core/execution/durable/engine.py": "each attempt is awaited where it is made, and its end is on record",
    "core/execution/steps.py": "what is being sent or stopped is awaited by the step that does it",
    "core/execution/throttle.py": "the attempt that shows its progress awaits it and raises its failure",
    "core/groups/board.py": "each message is drawn within a task group, which is supervised and awaits it",
    "core/together.py": "all are awaited where they are made",
    "core/storage/database.py": "the signs of life of a lock end with what is done under it",
    "platforms/telegram/adapter.py": "two halves of one conversation: serve() fails with either, and is supervised",
    "platforms/telegram/dispatcher.py": "one answer each; the dispatcher awaits them all, and logs what fails",
    "platforms/telegram/runs/media.py": "a file that is being opened is closed if it is no longer wanted",
    "platforms/terminal/session.py": "the command itself",
    "platforms/web/health.py": "a probe of the database that readiness asks for and awaits",
    "process.py": "the whole process, until a signal",
}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> TaskHealth:
    return TaskHealth(clock)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a task has no bell
            await asyncio.sleep(0)


async def test_it_is_ended_and_awaited(health: TaskHealth) -> None:
    begun, tidied = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.set()

    task = BackgroundTask("waiting", health)
    await task.stop()
    task.start(work)
    await begun.wait()
    await task.stop()
    assert tidied.is_set()


async def test_work_that_fails_is_logged_counted_and_started_again_later_and_later(
    health: TaskHealth, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun <= 9:
            raise KeyError("bug")
        await asyncio.Event().wait()

    task = BackgroundTask("counting", health, sleep=clock.sleep)
    task.start(work)
    await until(lambda: begun == 10)
    assert clock.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert health.failures == {"counting": 9}
    assert health.failing == {"counting": 9}
    told = caplog.records[0].__dict__
    assert (told["msg"], told["task"], told["in_a_row"]) == ("task_failed", "counting", 1)
    assert (told["next_try_in"], told["reason"]) == (1, "KeyError: 'bug'")
    assert caplog.text.count("Traceback") == 1
    await task.stop()
    assert health.failing == {}


async def test_work_that_ran_well_for_a_while_is_tried_again_soon(health: TaskHealth, clock: Clock) -> None:
    lasts = iter([0.0, 0.0, 0.0, 40.0, 0.0, 0.0])
    ended = asyncio.Event()

    async def work() -> None:
        last = next(lasts, None)
        if last is None:
            ended.set()
            return
        clock.now += last
        raise ConnectionError("away")

    task = BackgroundTask("flaky", health, sleep=clock.sleep)
    task.start(work)
    await ended.wait()
    assert clock.pauses == [1, 2, 4, 1, 2, 4]
    await task.stop()


async def test_one_failure_does_not_make_the_process_unready(health: TaskHealth, clock: Clock) -> None:
    health.failed("reading")
    assert health.failing == {}
    health.failed("reading")
    assert health.failing == {"reading": 2}
    health.restarted("reading")
    assert health.failing == {"reading": 2}
    clock.now += 30
    assert health.failing == {}
    health.failed("reading")
    assert health.failing == {}


async def test_a_step_that_works_again_is_well_at_once(
    health: TaskHealth, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([False, False, False, False, True])
    done = asyncio.Event()

    async def step() -> None:
        if next(answers, True):
            done.set()
            return
        raise StorageFailed("The records cannot be read.") from TimeoutError("QueuePool limit\nand more")

    task = BackgroundTask("turns", health, sleep=clock.sleep, clock=clock)
    task.repeat(step, every=9.0)
    await until(lambda: bool(health.failing))
    await done.wait()
    await until(lambda: 9.0 in clock.pauses)
    assert clock.pauses[:5] == [1, 2, 4, 5, 9]
    assert health.failing == {}
    await task.stop()
    assert caplog.records[0].levelno == logging.WARNING
    assert caplog.records[0].__dict__["reason"] == "TimeoutError: QueuePool limit"


@pytest.mark.parametrize(
    ("every", "begun", "ends"),
    [
        (1.0, 10.2, [11, 12, 13]),
        (2.0, 10.7, [13, 15, 17]),
        (3.0, 10.7, [15, 18, 21]),
        (15.0, 10.2, [15, 30, 45]),
        (60.0, 10.2, [60, 120, 180]),
        (0.25, 10.2, [10.45, 10.7, 10.95]),
    ],
)
async def test_pauses_of_seconds_end_together(
    health: TaskHealth, clock: Clock, every: float, begun: float, ends: list[float]
) -> None:
    clock.now, ended = begun, list[float]()

    async def step() -> None:
        ended.append(clock())

    task = BackgroundTask("looks", health, sleep=clock.sleep, clock=clock)
    task.repeat(step, every)
    await until(lambda: len(ended) > 3)
    await task.stop()
    assert ended[:4] == pytest.approx([begun, *ends])


async def test_a_fault_of_the_settings_ends_it_where_that_is_asked_for(health: TaskHealth) -> None:
    async def work() -> None:
        raise ConfigError("DISCORD_TOKEN is wrong.")

    with pytest.raises(ConfigError):
        await BackgroundTask("discord", health, fatal=(ConfigError,)).run(work)


async def test_work_that_fails_while_it_is_stopped_is_not_started_again(health: TaskHealth) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("the connection was closed") from None

    task = BackgroundTask("polling", health)
    task.start(work)
    await begun.wait()
    async with asyncio.timeout(PATIENCE):
        await task.stop()


def test_no_task_is_made_outside_of_the_supervisor_and_owners_that_await_theirs() -> None:
    root = Path(bot.__file__).parent
    makers = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if _makes_tasks(path.read_text())}
    assert makers == set(_OWNERS)


def _makes_tasks(source: str) -> bool:
    names = {"create_task", "ensure_future", "TaskGroup", "run_coroutine_threadsafe"}
    named = any(name in source for name in names)  # most modules need not be parsed
    return named and any(isinstance(node, ast.Attribute) and node.attr in names for node in ast.walk(ast.parse(source)))


async def test_who_waits_hears_whether_it_was_news_or_only_time() -> None:
    event = asyncio.Event()
    assert not await until_set(event, 0.0)
    assert event.is_set()
    assert await until_set(event, 0.0)
    event.clear()
    waiting = asyncio.create_task(until_set(event, None))
    await asyncio.sleep(0)
    event.set()
    assert await waiting
