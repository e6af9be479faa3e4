"""Find prompts over HTTP, in case an event is lost.

One answer of `/queue` serves all prompts that are checked at about the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from comfy.http import Http, Queue
from comfy.messages.history import Record


@dataclass(frozen=True)
class PromptWaiting:
    """The prompt is in the queue; `position` counts from 1, the next to run. `running` prompts run now."""

    position: int
    running: int


@dataclass(frozen=True)
class PromptRunning:
    """The prompt is being executed."""


@dataclass(frozen=True)
class PromptEnded:
    """The prompt is in the history."""

    record: Record


@dataclass(frozen=True)
class PromptUnknown:
    """The prompt is neither in the queue nor in the history."""


Sighting: TypeAlias = PromptWaiting | PromptRunning | PromptEnded | PromptUnknown


class Poller:
    """Finds prompts in the server's `/queue` and `/history`."""

    def __init__(self, http: Http, freshness: float) -> None:
        """An answer of `/queue` is used again for `freshness` seconds."""
        self._http = http
        self._freshness = freshness
        self._lock = asyncio.Lock()
        self._queue: Queue | None = None
        self._asked = float("-inf")

    async def look(self, prompt_id: str, *, since: float) -> Sighting:
        """Find the prompt. An answer from before `since` (the loop's clock) does not count."""
        queue = await self._fresh_queue(since)
        if prompt_id in queue.running:
            return PromptRunning()
        if prompt_id in queue.pending:
            return PromptWaiting(queue.pending.index(prompt_id) + 1, len(queue.running))
        record = await self._http.history(prompt_id)
        return PromptUnknown() if record is None else PromptEnded(record)

    async def settle(self, prompt_id: str, looks: int, pause: Callable[[float], Awaitable[None]]) -> Sighting:
        """Check up to `looks` times until the prompt is found, because a history entry can come late (§3)."""
        sighting: Sighting = PromptUnknown()
        for attempt in range(looks):
            sighting = await self.look(prompt_id, since=asyncio.get_running_loop().time())
            if not isinstance(sighting, PromptUnknown):
                break
            await pause(0.05 * 2**attempt)
        return sighting

    async def _fresh_queue(self, since: float) -> Queue:
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._queue is None or self._asked < max(since, now - self._freshness):
                self._queue, self._asked = await self._http.queue(), now
            return self._queue
