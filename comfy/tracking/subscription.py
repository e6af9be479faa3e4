"""The events of one prompt, from the websocket's reader to the caller that follows the prompt."""

from __future__ import annotations

import asyncio
from collections import deque

from comfy.messages.events import Executing, Message, ProgressState, StepProgress
from comfy.messages.previews import Preview

#: Only the newest of these is kept, so that a slow caller uses no memory.
_REPLACEABLE = (Preview, StepProgress, ProgressState)


class Subscription:
    """Events in order. `put` never waits, so the reader never waits."""

    def __init__(self, prompt_id: str, connection: int, now: float) -> None:
        self.prompt_id = prompt_id
        self.connection = connection  #: the number of the connection for its events; 0 if it is not one of ours
        self.registered = now
        self.touched = now  #: the time of the last event
        self.followed = False
        self.removed = False
        self.ended = asyncio.Event()
        self._waiting: deque[Message] = deque()
        self._news = asyncio.Event()
        self._woken = False

    def put(self, event: Message, now: float) -> None:
        self.touched = now
        if isinstance(event, _REPLACEABLE):
            self._drop(type(event))
        if isinstance(event, Executing) and event.node is None:
            self.ended.set()
        self._waiting.append(event)
        self._news.set()

    def wake(self) -> None:
        """Make the caller check over HTTP: the connection is lost, or the prompt was removed from the queue."""
        self._woken = True
        self._news.set()

    async def get(self, patience: float) -> Message | None:
        """Return the next event; None after `patience` seconds without one, or at once after `wake`."""
        if not self._waiting and not self._woken:
            self._news.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._news.wait()
            except TimeoutError:
                return None
        if self._waiting:
            return self._waiting.popleft()
        self._woken = False
        return None

    def _drop(self, kind: type[Message]) -> None:
        for event in self._waiting:
            if type(event) is kind:
                self._waiting.remove(event)
                return
