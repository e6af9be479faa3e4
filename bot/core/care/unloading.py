"""Unloads the models of servers that nobody uses, so that other programs can use the GPU."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from comfy.errors import ComfyError
from comfy.fleet import Fleet

_EVERY = 15.0  # seconds between two looks


class IdleUnloader:
    """Use it in `async with`. A server is asked only while none of our runs is there."""

    def __init__(
        self,
        fleet: Fleet,
        after: float | None,
        is_busy: Callable[[str], bool],
        unloaded: Callable[[str], None],
        tasks: TaskHealth,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`after` so many seconds without work the models go; None never. `unloaded` is called for each server."""
        self._fleet, self._after, self._clock = fleet, after, clock
        self._is_busy, self._unloaded = is_busy, unloaded
        self._idle_since: dict[str, float] = {}
        self._empty = set[str]()  # unloaded, and without work since
        self._chore = BackgroundTask("unloading", tasks)

    async def __aenter__(self) -> IdleUnloader:
        if self._after is not None:
            self._chore.repeat(self.step, _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()

    async def step(self) -> None:
        """Look once at each server."""
        for name in sorted(self._fleet.up):
            try:
                await self._look(name)
            except ComfyError:  # the fleet sees to it
                self._idle_since.pop(name, None)

    async def _look(self, name: str) -> None:
        now = self._clock()
        if self._is_busy(name) or await self._has_prompts(name):
            self._idle_since.pop(name, None)
            self._empty.discard(name)
            return
        since = self._idle_since.setdefault(name, now)
        if self._after is None or name in self._empty or now - since < self._after or self._is_busy(name):
            return
        await self._fleet.client(name).free()
        self._empty.add(name)
        self._unloaded(name)
        events_log.models_unloaded(name, "idle")

    async def _has_prompts(self, name: str) -> bool:
        queue = await self._fleet.client(name).queue()
        return bool(queue.running or queue.pending)
