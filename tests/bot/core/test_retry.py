"""One idiom for tries: what is repeated, after which pauses, and what is raised in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice

import pytest

from bot.core.errors import DeliveryFailed
from bot.core.retry import Pauses, retry


class Away(Exception):
    pass


class Work:
    """Fails with these errors, one after the other, and then succeeds."""

    def __init__(self, *faults: Exception) -> None:
        self._faults: Iterator[Exception] = iter(faults)
        self.slept: list[float] = []

    async def __call__(self) -> str:
        for fault in self._faults:
            raise fault
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_pauses_double_up_to_the_longest() -> None:
    assert list(Pauses(0.5, 3, 5)) == [0.5, 1, 2, 3, 3]
    assert list(islice(Pauses(1, 30), 7)) == [1, 2, 4, 8, 16, 30, 30]
    assert Pauses(1, 60).after(10**6) == 60
    assert list(Pauses(1, 60, 0)) == []


async def test_work_is_repeated_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(Away("no"), Away("not yet"))
    assert await retry(work, Away, Pauses(1, 30), "run 7 waits", sleep=work.sleep) == "done"
    assert work.slept == [1, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "run 7 waits; the next try is in 1.0 s: no",
        "run 7 waits; the next try is in 2.0 s: not yet",
    ]


async def test_other_errors_and_the_last_one_are_raised() -> None:
    work = Work(Away(), ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        await retry(work, Away, Pauses(1, 30), "x", sleep=work.sleep)
    work = Work(*(Away(str(number)) for number in range(4)))
    with pytest.raises(Away, match="3"):
        await retry(work, (Away, OSError), Pauses(1, 30, 3), "x", sleep=work.sleep)
    assert work.slept == [1, 2, 4]


async def test_an_error_can_ask_for_a_longer_pause_or_say_that_it_will_not_pass() -> None:
    def wish(fault: Away) -> float:
        if str(fault) == "never":
            raise DeliveryFailed("It is gone.") from fault
        return float(str(fault))

    work = Work(Away("0"), Away("9"), Away("never"))
    with pytest.raises(DeliveryFailed, match="gone"):
        await retry(work, Away, Pauses(1, 30), "x", wish, work.sleep)
    assert work.slept == [1, 9]
    work = Work(Away("never"))
    with pytest.raises(DeliveryFailed, match="gone"):  # also where no try is left
        await retry(work, Away, (), "x", wish, work.sleep)


async def test_a_cancelled_pause_ends_at_once() -> None:
    work = Work(Away())
    task = asyncio.create_task(retry(work, Away, Pauses(1000, 1000), "x"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
