"""Runs that are ahead: each waits at a server behind what that executes, so that the server goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.execution.attempt import Attempt
from bot.core.run import RunRecord


@dataclass(frozen=True)
class _Ahead:
    run: RunRecord
    attempt: Attempt


class RunsAhead:
    """The runs of one worker that are ahead. Use it in `async with`; `wake` is called when some were taken back."""

    def __init__(self, tasks: TaskHealth, wake: Callable[[], None]) -> None:
        self._ahead: dict[str, _Ahead] = {}
        self._moving: dict[str, str] = {}  # runs that are being taken back, with the servers kept for them
        self._wanted: list[str] = []
        self._news, self._wake = asyncio.Event(), wake
        self._taking_back = BackgroundTask("runs ahead", tasks)

    async def __aenter__(self) -> RunsAhead:
        self._taking_back.repeat(self._work)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._taking_back.stop()

    def __iter__(self) -> Iterator[RunRecord]:
        return iter([each.run for each in self._ahead.values()])

    @property
    def kept(self) -> frozenset[str]:
        """The servers that are kept for runs which are being taken back."""
        return frozenset(self._moving.values())

    def add(self, run: RunRecord, attempt: Attempt) -> None:
        self._ahead[run.id] = _Ahead(run, attempt)

    def discard(self, run: RunRecord) -> None:
        """Forget an attempt that its server has begun, or that is no longer there."""
        if run.id in self._ahead and self._ahead[run.id].run.attempt == run.attempt:
            del self._ahead[run.id]
            self._moving.pop(run.id, None)

    def take_back(self, run: RunRecord, to: str = "") -> None:
        """Let a run wait in the queue again, unless its server begins it first. `to` is kept for it meanwhile.
        This is done in the background, because a server may answer late.
        """
        if run.id in self._ahead and run.id not in self._moving:
            self._moving[run.id] = to
            self._wanted.append(run.id)
            self._news.set()

    async def _work(self) -> None:
        await self._news.wait()
        self._news.clear()
        while self._wanted:
            run_id = self._wanted.pop()
            if (ahead := self._ahead.get(run_id)) is not None and not await ahead.attempt.take_back():
                self._moving.pop(run_id, None)
        self._wake()
