from __future__ import annotations

import asyncio

import pytest

from bot.core.errors import DeliveryFailed, NotNow
from bot.core.execution.throttle import Throttle, Ticker
from bot.core.model import Queued, Status


class Time:
    """A clock that moves when somebody sleeps; while `held`, sleepers wait."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.open = asyncio.Event()
        self.open.set()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.open.wait()
        self.now += seconds


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_latest_wins_and_the_last_is_always_shown() -> None:
    time, shown = Time(), list[Status]()

    async def show(status: Status) -> None:
        shown.append(status)

    async with Throttle(show, 1.0, clock=time, sleep=time.sleep) as throttle:
        throttle.offer(Queued(9))
        await turns()
        time.open.clear()
        for position in (8, 7, 6):
            throttle.offer(Queued(position))
            await turns()
        assert shown == [Queued(9)]
        time.open.set()
        await turns()
        time.open.clear()
        throttle.offer(Queued(1))
        await turns()
    assert shown == [Queued(9), Queued(6), Queued(1)]
    assert time.slept == [1.0, 1.0]


async def test_one_show_at_a_time_also_at_the_end() -> None:
    time, log, gate = Time(), list[str](), asyncio.Event()

    async def show(status: Status) -> None:
        log.append("begin")
        await gate.wait()
        log.append("end")

    async with Throttle(show, 0.0, clock=time, sleep=time.sleep) as throttle:
        throttle.offer(Queued(2))
        await turns()
        throttle.offer(Queued(1))
        asyncio.get_running_loop().call_soon(gate.set)
    assert log == ["begin", "end"] * 2


async def test_a_show_that_fails_harms_nothing() -> None:
    time, shown = Time(), list[Status]()

    async def show(status: Status) -> None:
        shown.append(status)
        raise DeliveryFailed("the message is gone")

    async with Throttle(show, 0.0, clock=time, sleep=time.sleep) as throttle:
        throttle.offer(Queued(2))
        await turns()
        throttle.offer(Queued(1))
    assert shown == [Queued(2), Queued(1)]


async def test_a_bug_in_a_show_is_not_swallowed() -> None:
    async def show(status: Status) -> None:
        raise ZeroDivisionError

    async def offer() -> None:
        async with Throttle(show, 0.0, clock=Time()) as throttle:
            throttle.offer(Queued(2))
            await turns()

    with pytest.raises(ZeroDivisionError):
        await offer()


async def test_what_has_been_shown_is_not_shown_again() -> None:
    shown = list[Status]()

    async def show(status: Status) -> None:
        shown.append(status)

    async with Throttle(show, 0.0, clock=Time()) as throttle:
        for _ in range(3):
            throttle.offer(Queued(2))
            await turns()
    assert shown == [Queued(2)]


async def test_a_status_is_worked_out_when_it_is_shown() -> None:
    time, shown, asked = Time(), list[Status](), 0

    async def show(status: Status) -> None:
        shown.append(status)

    def latest() -> Status:
        nonlocal asked
        asked += 1
        return Queued(asked)

    async with Throttle(show, 1.0, clock=time, sleep=time.sleep) as throttle:
        throttle.offer(latest)
        await turns()
        time.open.clear()
        for _ in range(5):
            throttle.offer(latest)
            await turns()
    assert shown == [Queued(1), Queued(2)]


async def test_what_there_is_no_room_for_is_shown_later_unless_there_is_newer() -> None:
    time, tried, room = Time(), list[Status](), False

    async def show(status: Status) -> None:
        tried.append(status)
        if not room:
            raise NotNow

    async with Throttle(show, 1.0, clock=time, sleep=time.sleep) as throttle:
        time.open.clear()
        throttle.offer(Queued(2))
        await turns()
        assert tried == [Queued(2)]
        time.open.set()
        room = True
        await turns()
        assert tried == [Queued(2), Queued(2)]
        await turns()
        assert len(tried) == 2
        time.open.clear()
        room = False
        throttle.offer(Queued(1))
        await turns()


async def test_a_ticker_calls_again_and_again_once_nothing_is_heard() -> None:
    ticks = asyncio.Queue[None]()
    async with Ticker(lambda: ticks.put_nowait(None), pause=0.01) as ticker:
        for _ in range(3):
            ticker.note(ticks=True)
            await turns()
        for _ in range(3):
            await ticks.get()
        ticker.note(ticks=False)
        waiting = ticks.qsize()
        ticker.note(ticks=False)
    await asyncio.sleep(0)
    assert ticks.qsize() == waiting
