"""Sees whether runs wait that a worker should have taken."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.core.runs.eta import EtaEstimator
from bot.core.runs.queue import RunQueue

_LONG = 10.0  # seconds: a worker that works takes a run within moments
_AGAIN = 2.0  # seconds between two looks


class LineWatch:
    """Compares what it sees each time that it is asked, so it sees nothing the first time."""

    def __init__(
        self,
        queue: RunQueue,
        starts: EtaEstimator,
        looked: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`looked` tells when the only worker there is looked for a run last; None if there are others, too."""
        self._queue, self._starts, self._looked, self._clock = queue, starts, looked, clock
        self._since: dict[tuple[str, int], float] = {}
        self._next = float("-inf")

    async def stands_still(self) -> bool:
        """True if a run waits for whom a server is free that can take it, and nobody has looked for it for ten seconds.
        Raises `StorageFailed`.
        """
        now = self._clock()
        if now >= self._next:
            self._next = now + _AGAIN
            first = await self._queue.next_up()
            starts = await self._starts.starts(first) if first else {}
            free = [(run.id, run.attempt) for run in first if starts.get(run.id) == 0]
            self._since = {key: self._since.get(key, now) for key in free}
        looked = self._looked()
        if looked is not None and now - looked < _LONG:
            return False
        return any(now - since >= _LONG for since in self._since.values())
