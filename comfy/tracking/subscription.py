"""The events of one prompt, from the websocket's reader to the caller that follows the prompt."""

from __future__ import annotations

import asyncio
from collections import deque

from comfy.messages.events import (
    Executing,
    Message,
    ProgressState,
    StepProgress,
)
from comfy.messages.previews import Preview, ProgressText
from comfy.tracking.sent_pictures import SentPictures

#: Only the newest of these is kept, so that a slow caller uses no memory.
_REPLACEABLE = (Preview, ProgressText, StepProgress, ProgressState)
PACE = 0.1  #: seconds between two of these: a server tells each step, often twice
_LATEST = 1.5  # paces after which the last one is told, if no other one comes
_MOST, _HEAVIEST = 10_000, 128 * 1_000_000  # events that wait for a caller, and the bytes of their messages


class Subscription:
    """Events in order. `put` never waits, so the reader never waits."""

    def __init__(self, prompt_id: str, connection: int, now: float, senders: frozenset[str] = frozenset()) -> None:
        """`senders` are the nodes that send their results."""
        self.prompt_id = prompt_id
        self.pictures = SentPictures(senders)
        self.connection = connection  #: the number of the connection for its events; 0 if it is not one of ours
        self.registered = now
        self.touched = now  #: the time of the last event
        self.followed, self.pace = False, PACE
        self.removed = False
        self.ended = asyncio.Event()
        self._waiting: deque[tuple[Message, int]] = deque()
        self._weight = 0
        self._news = asyncio.Event()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None  # of a caller that waits
        self._paced = float("-inf")  # when the caller was last woken
        self._due: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """True if the prompt is no longer in the server's queue, by the server's last word of it.

        That it succeeded or failed is told before the queue's new length.
        """
        return self.ended.is_set() or self.removed

    def put(self, event: Message, now: float, size: int = 0) -> None:
        """Add an event whose message has `size` bytes. If too many wait, all are dropped: HTTP has what matters."""
        self.touched = now
        event = self.pictures.sort(event)
        if isinstance(event, _REPLACEABLE):
            self._drop(type(event))
        if isinstance(event, Executing) and event.node is None:
            self.ended.set()
        self._waiting.append((event, size))
        self._weight += size
        if len(self._waiting) > _MOST or self._weight > _HEAVIEST:
            self._waiting.clear()
            self._weight = 0
            self.pictures.drop()
            self.wake()
        if self._loop is None or not isinstance(event, _REPLACEABLE) or now - self._paced >= self.pace:
            self._ring(now)
        elif self._due is None:
            due = self._paced + _LATEST * self.pace
            self._due = self._loop.call_at(due, self._ring, due)

    def _ring(self, now: float) -> None:
        """Wake the caller."""
        if self._due is not None:
            self._due.cancel()
        self._paced, self._due = now, None
        self._news.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def wake(self) -> None:
        """Make the caller check over HTTP: the connection is lost, or the prompt was removed from the queue."""
        self._woken = True
        self._news.set()

    async def get(self, patience: float) -> Message | None:
        """Return the next event; None after `patience` seconds without one, or at once after `wake`."""
        if not self._waiting and not self._woken:
            self._news.clear()
            self._loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(patience):
                    await self._news.wait()
            except TimeoutError:
                return None
            finally:
                self._loop = None
        if self._waiting:
            event, size = self._waiting.popleft()
            self._weight -= size
            return event
        self._woken = False
        return None

    def _drop(self, kind: type[Message]) -> None:
        for number, (event, size) in enumerate(self._waiting):
            if type(event) is kind:
                del self._waiting[number]
                self._weight -= size
                return
