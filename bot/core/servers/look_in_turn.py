"""The turn of a worker to look at the line. All workers hear at once that a run has joined it, and one takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import time

_STAGGER = 0.02  # seconds in which a worker takes a run and says so, between two that look for one
_TURN = 0.5  # seconds for which the same worker is the first to look
_LATER = 2.0  # seconds after which one looks although another worker has said that the line is empty


class LookInTurn:
    """Calls `look` when it is this worker's turn to look at the line."""

    def __init__(
        self,
        worker: str,
        others: Callable[[], Collection[str]],
        look: Callable[[], object],
        clock: Callable[[], float] = time,
    ) -> None:
        """`others` tells which other workers are at work. All of them should have about the same `clock`."""
        self._worker, self._others, self._look, self._clock = worker, others, look, clock
        self._due: asyncio.TimerHandle | None = None
        self._latest: float | None = None  # by the loop's clock: a look is put off until then, and no further

    def run_joined(self) -> None:
        """Look now if this worker is the first, or else in its turn."""
        workers = sorted({self._worker, *self._others()})
        before = (workers.index(self._worker) + int(self._clock() / _TURN)) % len(workers)
        if not before:
            self._look_now()
            return
        due = asyncio.get_running_loop().time() + before * _STAGGER
        if self._due is None or due < self._due.when():
            self._look_at(due)

    def put_off(self) -> bool:
        """Look later, because another worker has taken the last run that waited; not never, because a run may have
        joined meanwhile. True if a look was due.
        """
        if self._due is None:
            return False
        if self._latest is None:
            self._latest = asyncio.get_running_loop().time() + _LATER
        self._look_at(self._latest)
        return True

    def forget(self) -> None:
        """Do not look until the next run joins."""
        if self._due is not None:
            self._due.cancel()
        self._due = self._latest = None

    def _look_at(self, due: float) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due = asyncio.get_running_loop().call_at(due, self._look_now)

    def _look_now(self) -> None:
        self.forget()
        self._look()
