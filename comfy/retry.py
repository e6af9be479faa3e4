"""Repeat failed requests a few times, with growing pauses, or when the server asks for it.

Only requests that do no harm twice are repeated: queries, downloads, uploads of the same content and name, and cancels.
A prompt is sent again only after a check that the server does not have it (`comfy.client`).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from comfy.errors import CertificateRefused, ComfyError, Garbled, ServerUnavailable, UnexpectedAnswer, WrongScheme

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_TRIES = 6
_LONGEST_WISH = 30.0  # seconds; a server that asks for a longer pause gets this one
_BUSY = frozenset({408, 425, 429})


def may_pass(fault: ComfyError) -> bool:
    """True if the same request may succeed a moment later."""
    match fault:
        case ServerUnavailable():
            return not isinstance(fault, CertificateRefused | WrongScheme)
        case Garbled():
            return True
        case UnexpectedAnswer(status=int(status)):
            return status in _BUSY or status >= 500
        case _:
            return False


def answered(fault: ComfyError) -> bool:
    """True if the error may pass and something answered. Nothing is lost yet, and another server may succeed."""
    return may_pass(fault) and not (isinstance(fault, ServerUnavailable) and fault.unsent)


@dataclass(frozen=True)
class Retry:
    """Makes up to six tries. The pauses double, and add up to at most `patience` seconds. Up to half of each pause is
    random, so that many clients do not return at once. No try begins more than `limit` seconds after a failure.
    """

    patience: float
    limit: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    async def __call__(self, ask: Callable[[], Awaitable[_T]], again: Callable[[ComfyError], bool] = may_pass) -> _T:
        """Return the result of `ask`, or raise its last error. `again` decides which errors are worth another try."""
        failed_at: float | None = None
        for tried in range(_TRIES - 1):
            try:
                return await ask()
            except ComfyError as fault:
                failed_at = self.clock() if failed_at is None else failed_at
                if not again(fault) or self.clock() - failed_at >= self.limit:
                    raise
                pause = self._pause(tried, fault.retry_after)
                _log.info("retry in %.2f s: %s", pause, fault)
            await self.sleep(pause)
        return await ask()

    def _pause(self, tried: int, wish: float | None) -> float:
        pause: float = self.patience * 2.0**tried / (2.0 ** (_TRIES - 1) - 1)
        return max(pause * (1 - self.chance() / 2), min(wish or 0.0, _LONGEST_WISH))


def wish(retry_after: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds of a Retry-After header, with a number or a date; None if it has neither."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now()).total_seconds())
