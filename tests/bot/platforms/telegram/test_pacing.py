"""Pacing on a clock of our own: nobody waits in these tests."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections import defaultdict
from typing import Any

import pytest

from bot.core.errors import NotNow
from bot.core.execution.throttle import Throttle
from bot.core.model import Running, Status
from bot.platforms.telegram.api.rate_limit import RateLimiter, Window


class Clock:
    """Time that goes on when everybody sleeps; `turns` of the loop are enough until then."""

    def __init__(self, turns: int = 8) -> None:
        self._turns = turns
        self.now, self.slept = 0.0, 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._count), future))
        await future

    async def run(self, until: float) -> None:
        """Let time pass, from one who wakes to the next."""
        while True:
            for _turn in range(self._turns):
                await asyncio.sleep(0)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > until:
                self.now = until
                return
            self.now, _number, future = heapq.heappop(self._sleepers)
            future.set_result(None)


async def take(
    pace: RateLimiter, chat: int, message: int | None = None, patience: float = math.inf, cost: int = 1
) -> bool:
    async with pace.turn(chat, message, patience=patience, cost=cost) as granted:
        return granted


async def test_edits_of_a_message_stand_apart() -> None:
    for chat, gap in ((5, 1.0), (-5, 3.0)):
        clock = Clock()
        pace = RateLimiter(clock, clock.sleep)
        times = []

        async def edit(
            chat: int = chat, pace: RateLimiter = pace, clock: Clock = clock, times: list[float] = times
        ) -> None:
            for _number in range(4):
                async with pace.turn(chat, 7):
                    times.append(clock())

        task = asyncio.create_task(edit())
        await clock.run(60)
        await task
        assert all(later - earlier >= gap for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize("chat", [5, -5], ids=["private", "group"])
async def test_who_waits_for_a_message_looks_at_the_clock_a_few_times_only(chat: int) -> None:
    class Moving(Clock):
        """Goes on with each look, as a real one does."""

        looks = 0

        def __call__(self) -> float:
            self.looks += 1
            self.now += 1e-6
            return self.now

    clock = Moving()
    pace = RateLimiter(clock, clock.sleep)
    assert await take(pace, chat, 7)
    waits = asyncio.create_task(take(pace, chat, 7))
    await clock.run(60)
    assert await waits
    assert clock.looks < 50  # it held up the loop for all this time before, and everybody else with it


@pytest.mark.long
async def test_ten_thousand_chats_are_answered_one_after_the_other() -> None:
    clock = Clock(turns=100)
    pace = RateLimiter(clock, clock.sleep)
    answered: list[tuple[float, int]] = []

    async def answer(chat: int) -> None:
        async with pace.turn(chat):
            answered.append((clock(), chat))

    tasks = [asyncio.create_task(answer(chat)) for chat in range(1, 10_001)]
    await clock.run(1000)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [chat for _at, chat in answered] == list(range(1, 10_001))
    assert all(later - earlier > 1.0 for (earlier, _), (later, _) in zip(answered, answered[30:], strict=False))
    assert answered[-1][0] < 10_000 / 30 * 1.1
    assert clock.slept < 400  # all of them were woken each second before


@pytest.mark.long
async def test_many_chats_are_forgotten_without_looking_at_all_of_them_each_time() -> None:
    clock = Clock()
    pace = RateLimiter(clock, clock.sleep)
    looks = 0

    class Counting(dict[int, Window]):
        def items(self) -> Any:
            nonlocal looks
            looks += len(self)
            return super().items()

    pace._chats = Counting()
    for chat in range(1, 10_001):
        pace.hold(chat, 60.0)
    assert looks < 20_000
    clock.now = 1000.0
    for chat in range(10_001, 40_001):
        pace.hold(chat, 60.0)
    assert len(pace._chats) <= 30_000  # the first ones are gone


async def test_progress_gives_way_and_is_dropped() -> None:
    clock = Clock()
    pace = RateLimiter(clock, clock.sleep)
    assert await take(pace, -5, 1, patience=0)
    assert not await take(pace, -5, 1, patience=0)  # too soon
    for message in range(2, 20):
        clock.now = min(56.5, clock.now + 4.34)
        await take(pace, -5, message, patience=0)
    assert await take(pace, -5, 30)  # there is room left for what matters
    for message in range(31, 36):
        assert await take(pace, -5, message)
    last = asyncio.create_task(take(pace, -5, 40))
    await asyncio.sleep(0)
    clock.now = 60.0
    assert not await take(pace, -5, 50, patience=0)  # a result waits, so progress does not come before it
    await clock.run(61)
    assert await last


@pytest.mark.parametrize(
    ("chat", "interval", "most"), [(5, 2.0, 5 * 1.05), (-5, 6.0, 5 * 60.5 / 14)], ids=["private", "group"]
)
@pytest.mark.long
async def test_each_of_several_runs_in_a_chat_has_its_turn_to_show_progress(
    chat: int, interval: float, most: float
) -> None:
    """`most` is the seconds that a turn of all five takes; they begin one after another, or all at once."""
    for apart in (0.0, 0.3, interval / 5, 1.0):
        for times in (await shown(chat, interval, apart)).values():
            assert max(later - earlier for earlier, later in itertools.pairwise([0.0, *times])) < 2 * most


async def shown(chat: int, interval: float, apart: float) -> dict[int, list[float]]:
    """Return the times of shown progress for five runs in a chat, with progress twice a second for five minutes."""
    clock = Clock()
    pace = RateLimiter(clock, clock.sleep)
    times: dict[int, list[float]] = {message: [] for message in range(5)}

    async def run(message: int) -> None:
        async def show(_status: Status) -> None:
            async with pace.turn(chat, message, patience=0.0) as granted:
                if not granted:
                    raise NotNow(after=pace.room(chat, message))
            times[message].append(clock())

        await clock.sleep(message * apart)
        async with Throttle(show, interval, clock=clock, sleep=clock.sleep) as throttle:
            for step in range(600):
                throttle.offer(Running(step=step))
                await clock.sleep(0.5)
        times[message].append(clock())

    tasks = [asyncio.create_task(run(message)) for message in times]
    await clock.run(400)
    await asyncio.gather(*tasks)
    return times


async def test_a_hold_stops_one_chat_only() -> None:
    clock = Clock()
    pace = RateLimiter(clock, clock.sleep)
    pace.hold(5, 30)
    assert not await take(pace, 5, 1, patience=1)
    assert await take(pace, 6, 1, patience=0)
    held = asyncio.create_task(take(pace, 5, 1))
    await clock.run(29)
    assert not held.done()
    await clock.run(31)
    assert await held


@pytest.mark.long
async def test_an_hour_of_load_within_the_documented_limits() -> None:
    """Twenty private chats and four groups, all of whose runs send, show progress every second, and deliver."""
    clock = Clock()
    pace = RateLimiter(clock, clock.sleep)
    sent: dict[int, list[float]] = defaultdict(list)
    edits: dict[tuple[int, int], list[float]] = defaultdict(list)
    waits: list[float] = []

    async def ask(chat: int, message: int | None, patience: float = math.inf, cost: int = 1) -> None:
        async with pace.turn(chat, message, patience=patience, cost=cost) as granted:
            if granted:
                sent[chat] += [clock()] * cost
                if message is not None:
                    edits[chat, message].append(clock())

    async def person(chat: int, number: int) -> None:
        for run in range(60):
            message = number * 1000 + run
            await ask(chat, None)
            for _second in range(10 + number % 7):
                await clock.sleep(1.0)
                await ask(chat, message, 0.0)
            ended = clock()
            await ask(chat, message, cost=1 if run % 5 else 4)
            waits.append(clock() - ended)
            await clock.sleep(30.0)

    chats = [*range(1, 21), *(-chat for chat in range(1, 5))]
    tasks = [asyncio.create_task(person(chat, number)) for number, chat in enumerate(chats)]
    await clock.run(3600)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert all(most_in(times, 60) <= (20 if chat < 0 else 60) for chat, times in sent.items())
    assert most_in(sorted(time for times in sent.values() for time in times), 1.0) <= 30
    for (chat, _message), times in edits.items():
        assert all(later - earlier >= (3 if chat < 0 else 1) for earlier, later in itertools.pairwise(times))
    assert sorted(waits)[len(waits) // 2] < 1.5


def most_in(times: list[float], seconds: float) -> int:
    """The most of these moments that lie within so many seconds."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] <= time - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
