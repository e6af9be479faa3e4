"""Do something again until it succeeds, with growing pauses: the one idiom for it in `bot`. (`comfy` has its own.)"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Fault = TypeVar("_Fault", bound=Exception)


@dataclass(frozen=True)
class Pauses:
    """Seconds before each next try: they double, from the first to the longest. Without `times` they have no end."""

    first: float
    longest: float
    times: int | None = None

    def __iter__(self) -> Iterator[float]:
        return map(self.after, count(1) if self.times is None else range(1, self.times + 1))

    def after(self, failures: int) -> float:
        """Return the pause after so many failures in a row."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)


def _no_wish(_fault: Exception) -> float:
    return 0.0


async def retry(
    work: Callable[[], Awaitable[_T]],
    passing: type[_Fault] | tuple[type[_Fault], ...],
    pauses: Iterable[float],
    what: str,
    wish: Callable[[_Fault], float] = _no_wish,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> _T:
    """Return the result of `work`, which is done again after errors that may pass. The log says `what` waits meanwhile.

    `wish` returns the seconds that an error asks for at least, or raises what it means if it will not pass. When there
    are no more pauses, the last error is raised.
    """
    left = iter(pauses)
    while True:
        try:
            return await work()
        except passing as fault:
            wished, pause = wish(fault), next(left, None)
            if pause is None:
                raise
            pause = max(pause, wished)
            _log.warning("%s; the next try is in %.1f s: %s", what, pause, fault)
        await sleep(pause)
