"""Failures that are worth another try, the pauses between tries, and the wishes of a server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from comfy.errors import CertificateRefused, ComfyError, FileMissing, Garbled, ServerUnavailable, UnexpectedAnswer
from comfy.retry import Retry, answered, may_pass, wish

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Time that passes only by pauses, and by how long each try takes."""

    def __init__(self, takes: float = 0.0) -> None:
        self.time, self.takes = 0.0, takes
        self.pauses: list[float] = []
        self.tries = 0

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def failing(self, fault: ComfyError, times: int = 100) -> Callable[[], object]:
        async def ask() -> str:
            self.tries += 1
            self.time += self.takes
            if self.tries <= times:
                raise fault
            return "answer"

        return ask

    def retry(self, chance: float = 0.0) -> Retry:
        return Retry(31.0, limit=60.0, sleep=self.sleep, chance=lambda: chance, clock=lambda: self.time)


async def test_what_goes_well_at_once_has_no_pause() -> None:
    clock = Clock()
    assert await clock.retry()(clock.failing(Garbled("page"), 0)) == "answer"  # type: ignore[arg-type]
    assert clock.pauses == []


async def test_pauses_double_and_the_last_failure_is_raised() -> None:
    clock = Clock()
    with pytest.raises(Garbled):
        await clock.retry()(clock.failing(Garbled("page")))  # type: ignore[arg-type]
    assert (clock.tries, clock.pauses) == (6, [1.0, 2.0, 4.0, 8.0, 16.0])


async def test_up_to_half_of_a_pause_is_left_to_chance() -> None:
    clock = Clock()
    await clock.retry(chance=1.0)(clock.failing(Garbled("page"), 2))  # type: ignore[arg-type]
    assert clock.pauses == [0.5, 1.0]


@pytest.mark.parametrize(("asked", "paused"), [(7.0, 7.0), (0.1, 1.0), (3600.0, 30.0)])
async def test_a_server_is_asked_no_sooner_than_it_wants_within_reason(asked: float, paused: float) -> None:
    clock, busy = Clock(), UnexpectedAnswer("busy", 429)
    busy.retry_after = asked
    await clock.retry()(clock.failing(busy, 1))  # type: ignore[arg-type]
    assert clock.pauses == [paused]


async def test_a_server_that_takes_a_minute_to_fail_is_asked_twice() -> None:
    clock = Clock(takes=60.0)
    with pytest.raises(ServerUnavailable):
        await clock.retry()(clock.failing(ServerUnavailable("slow")))  # type: ignore[arg-type]
    assert clock.tries == 2


async def test_what_cannot_pass_is_not_asked_for_again() -> None:
    clock = Clock()
    with pytest.raises(FileMissing):
        await clock.retry()(clock.failing(FileMissing("gone", 404)))  # type: ignore[arg-type]
    assert clock.tries == 1


@pytest.mark.parametrize(
    ("fault", "passes"),
    [
        (ServerUnavailable("away"), True),
        (CertificateRefused("whose?"), False),
        (Garbled("page", 200), True),
        (UnexpectedAnswer("x", 429), True),
        (UnexpectedAnswer("x", 500), True),
        (UnexpectedAnswer("x", 307), False),
        (UnexpectedAnswer("x", 401), False),
        (UnexpectedAnswer("x", 200), False),
        (UnexpectedAnswer("x"), False),
    ],
)
def test_what_may_pass(fault: ComfyError, passes: bool) -> None:
    assert may_pass(fault) is passes
    assert answered(fault) is passes


def test_a_server_that_was_never_reached_has_not_answered() -> None:
    refused = ServerUnavailable("refused")
    refused.unsent = True
    assert may_pass(refused)
    assert not answered(refused)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("-3", None),
        ("soon", None),
        ("9" * 5000, float("inf")),
        ("Thu, 01 Jan 2026 00:00:05 GMT", 5.0),
        ("Thu, 01 Jan 2026 00:00:05", 5.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("Fri, 31 Dec 99999999999999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert wish(header, lambda: NOW) == seconds
