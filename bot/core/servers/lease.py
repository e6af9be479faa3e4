"""A worker's lease: for how long after a heartbeat no other worker can have taken its runs over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from sqlalchemy import Update

from bot.core.listeners import Listeners

Clock = Callable[[], float]


def sign_of_life(worker: str) -> str:
    """Return the lock of those who write a worker's heartbeat, or decide by it that the worker is lost."""
    return f"sign of life of {worker}"


class HeldName(Protocol):
    """The name of a worker, as its process holds it."""

    async def confirm(self) -> None:
        """Give a sign of life. Raises `StorageFailed` where the name may be lost."""

    async def write(self, change: Update, locks: Collection[str]) -> int:
        """Change rows in a transaction with these locks, as a sign of life too; return how many: none where the name is
        lost. Raises `StorageFailed`.
        """


class Lease:
    """Each heartbeat renews it. A worker that stood still finds it lapsed, and asks the records what is still its own.

    Several clocks measure it, because a machine that sleeps stops some of them; the one that went farthest counts.
    """

    def __init__(self, seconds: float, clocks: Sequence[Clock] = (time.monotonic, time.time)) -> None:
        """`seconds` is how long it lasts; infinite where there are no other workers."""
        self._seconds, self._clocks = seconds, clocks
        self._renewed = self.now()
        self._number = 0
        #: Told of each new term.
        self.on_term = Listeners[[]]()

    @property
    def is_endless(self) -> bool:
        return math.isinf(self._seconds)

    def now(self) -> tuple[float, ...]:
        return tuple(clock() for clock in self._clocks)

    @property
    def term(self) -> int | None:
        """Return the number of its term, which grows after each lapse; None while it has lapsed."""
        return self._number if self._since(self._renewed) <= self._seconds else None

    def renew(self, begun: tuple[float, ...]) -> None:
        """Note a heartbeat on disk; `begun` is the moment before it was written."""
        lapsed = self.term is None
        self._renewed = begun
        if lapsed:
            self._number += 1
            self.on_term()

    def _since(self, moment: tuple[float, ...]) -> float:
        return max(now - then for now, then in zip(self.now(), moment, strict=True))
