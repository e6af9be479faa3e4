"""Retry: a request that may be repeated is repeated a few times, with pauses that grow, as late as the server asks.

A request may be repeated where a second one does no harm: to look, to fetch, to upload the same content under the same
name, to cancel. A prompt is handed over again only after a look says that the server does not have it (`comfy.client`).
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

from comfy.errors import CertificateRefused, ComfyError, Garbled, ServerUnavailable, UnexpectedAnswer

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_TRIES = 6
_LONGEST_WISH = 30.0  # seconds: a server that asks for more is asked again after these
_BUSY = frozenset({408, 425, 429})


def may_pass(fault: ComfyError) -> bool:
    """Whether the same request may be answered well a moment later."""
    match fault:
        case ServerUnavailable():
            return not isinstance(fault, CertificateRefused)
        case Garbled():
            return True
        case UnexpectedAnswer(status=int(status)):
            return status in _BUSY or status >= 500
        case _:
            return False


def answered(fault: ComfyError) -> bool:
    """Whether it may pass, and something is there: while nothing is lost, another server may do better."""
    return may_pass(fault) and not (isinstance(fault, ServerUnavailable) and fault.unsent)


@dataclass(frozen=True)
class Retry:
    """Asks up to six times. The pauses double, add up to `patience` seconds at most, and up to half of each is left to
    chance, so that many do not come back at once. After a failure no try begins later than `limit` seconds.
    """

    patience: float
    limit: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    async def __call__(self, ask: Callable[[], Awaitable[_T]], again: Callable[[ComfyError], bool] = may_pass) -> _T:
        """What `ask` gives, or the last failure. `again` says which failures are worth another try."""
        failed_at: float | None = None
        for tried in range(_TRIES - 1):
            try:
                return await ask()
            except ComfyError as fault:
                failed_at = self.clock() if failed_at is None else failed_at
                if not again(fault) or self.clock() - failed_at >= self.limit:
                    raise
                pause = self._pause(tried, fault.retry_after)
                _log.info("asked again in %.2f s: %s", pause, fault)
            await self.sleep(pause)
        return await ask()

    def _pause(self, tried: int, wish: float | None) -> float:
        pause: float = self.patience * 2.0**tried / (2.0 ** (_TRIES - 1) - 1)
        return max(pause * (1 - self.chance() / 2), min(wish or 0.0, _LONGEST_WISH))


def wish(retry_after: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """The seconds of a Retry-After header, which has a number or a date; None where it has neither."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now()).total_seconds())
