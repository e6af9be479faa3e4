"""Follow a prompt to its end: events are fast, and regular checks over HTTP make sure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from comfy.errors import (
    ExecutionFailed,
    HistoryCleared,
    PromptInterrupted,
    PromptLost,
    PromptRemoved,
    ServerUnavailable,
    TimeLimitReached,
    UnexpectedAnswer,
    WorkerWedged,
)
from comfy.messages.events import (
    Event,
    Executing,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    Message,
    PromptQueued,
)
from comfy.messages.history import End
from comfy.server import PromptLimits, Server
from comfy.socket import Socket
from comfy.tracking.poller import Poller, PromptEnded, PromptRunning, PromptUnknown, PromptWaiting
from comfy.tracking.subscription import Subscription

_AFTER_SUCCESS = 0.25  # seconds; the closing message follows within milliseconds, unless it is lost
_UNHEARD = 0.5  # seconds between checks of a prompt without its connection, because no event can come
_UNKNOWN_LOOKS = 3  # a prompt moves from the queue to the history, and one check can fall in between


async def follow(
    subscription: Subscription, socket: Socket, poller: Poller, server: Server, limits: PromptLimits
) -> AsyncGenerator[Event]:
    """Yield events until the end; see `ComfyClient.follow`."""
    course = _Course(subscription, socket, poller, server, limits)
    while course.end is None:
        message = await subscription.get(course.patience)
        event = course.take(message) if message is not None else await course.look()
        if event is not None:
            yield event
        course.check_time()
    end = ExecutionSuccess(subscription.prompt_id, cached=course.end.cached)
    yield subscription.pictures.close(end, to_the_end=course.was_told and socket.hears(subscription))


class _Course:
    """The state of one prompt while it is followed."""

    def __init__(
        self, subscription: Subscription, socket: Socket, poller: Poller, server: Server, limits: PromptLimits
    ) -> None:
        self._most = server.time_limit if limits.time is None else limits.time
        self._stall = server.stall_limit if limits.stall is None else limits.stall
        self._spent, self._begun = limits.spent, float("inf")
        self.end: ExecutionSuccess | None = None
        self.was_told = False  #: True if the end came as an event, after all others
        self._subscription, self._socket, self._poller, self._server = subscription, socket, poller, server
        self._success = False
        self._started = False
        self._runs = False  # whether its start is known, from an event or from a look
        self._worked = False
        self._place = 0, 0
        self._unknown = 0
        self._gone_since: float | None = None
        self._ended_since: float | None = None

    @property
    def patience(self) -> float:
        """The seconds to wait for an event before the next check."""
        if self._subscription.removed:
            return 0.0
        if self._success:
            return _AFTER_SUCCESS
        if not self._socket.hears(self._subscription):
            return min(_UNHEARD, self._server.look_every)
        return min(self._server.look_every, self._left)

    @property
    def _left(self) -> float:
        """The seconds that it may run, once it is known to run."""
        if self._most is None or not self._runs:
            return float("inf")
        return max(0.0, self._begun + self._most - self._spent - _now())

    def check_time(self) -> None:
        """Raises `TimeLimitReached` if it has not ended in its time."""
        if self._runs:
            self._begun = min(self._begun, _now())
            if self.end is None and not self._success and self._left <= 0.0:
                raise TimeLimitReached(self._subscription.prompt_id, self._most or 0.0)

    def take(self, message: Message) -> Event | None:
        """Update the state from a message. Returns the event if it is for the caller."""
        self._gone_since, self._unknown = None, 0
        match message:
            case ExecutionError() | ExecutionInterrupted():
                raise _error(message)
            case ExecutionSuccess():
                self._success = True
                return None
            case Executing(node=None):
                if self._success:
                    self.was_told = True
                    self.end = ExecutionSuccess(self._subscription.prompt_id, self._started and not self._worked)
                    return None
                self._subscription.wake()  # it ended, but the reason was lost: check at once
                return None
            case ExecutionStart() if self._runs:
                self._started = True
                return None
            case ExecutionStart():
                self._started = self._runs = True
            case Executing():
                self._worked = self._runs = True
        return message  # type: ignore[return-value]  # the rest of Message is Event

    async def look(self) -> Event | None:
        """Check over HTTP where the prompt is. Returns a `PromptQueued` if its place in the queue has changed, and an
        `ExecutionStart` if its event was lost.
        """
        if self._subscription.removed:
            raise PromptRemoved(self._subscription.prompt_id)
        try:
            sighting = await self._poller.look(self._subscription.prompt_id, since=self._subscription.registered)
        except (ServerUnavailable, UnexpectedAnswer) as fault:
            self._bear_absence(fault)
            return None
        self._gone_since = None
        match sighting:
            case PromptEnded(record) if self._has_more_to_hear(record.end):
                return None
            case PromptEnded(record):
                await self._doubt_socket()
                self._close(record.end)
            case PromptUnknown():
                self._count_unknown()
            case PromptRunning():
                self._unknown = 0
                self._check_stall()
                if not self._runs:
                    self._runs = True
                    return ExecutionStart(self._subscription.prompt_id)
            case PromptWaiting(position, running):
                self._unknown = 0
                self._subscription.touched = _now()
                if (position, running) != self._place:
                    self._place = position, running
                    return PromptQueued(self._subscription.prompt_id, position, running)
        return None

    def _has_more_to_hear(self, end: End) -> bool:
        """True for a while if pictures of an ended prompt are still on their way: one slow client delays all (§8)."""
        pictures = self._subscription.pictures
        if not isinstance(end, ExecutionSuccess) or not pictures.nodes:
            return False
        if not pictures.are_awaited:
            return len(self._subscription) > 0
        self._ended_since = self._ended_since or _now()
        return self._socket.hears(self._subscription) and _now() - self._ended_since < self._server.gone_after

    def _close(self, end: End) -> None:
        if not isinstance(end, ExecutionSuccess):
            raise _error(end)
        self.end = end

    def _count_unknown(self) -> None:
        """Count checks without the prompt. If the connection was never lost, the server did not restart (§9)."""
        self._unknown += 1
        if self._unknown >= _UNKNOWN_LOOKS:
            if not self._socket.hears(self._subscription):
                raise PromptLost(self._subscription.prompt_id)
            if self._runs:
                raise HistoryCleared(self._subscription.prompt_id)
            raise PromptRemoved(self._subscription.prompt_id)

    def _bear_absence(self, fault: ServerUnavailable | UnexpectedAnswer) -> None:
        """Tolerate errors for a while: a starting server, or a proxy in front of it, may give any answer."""
        now = _now()
        self._gone_since = self._gone_since or now
        if now - self._gone_since >= self._server.gone_after:
            if isinstance(fault, UnexpectedAnswer):
                raise fault
            raise ServerUnavailable(f"{self._server} is gone: it has not answered for {now - self._gone_since:.0f} s")

    def _check_stall(self) -> None:
        still = _now() - self._subscription.touched
        if self._stall is not None and still >= self._stall:
            raise WorkerWedged(self._subscription.prompt_id, still)

    async def _doubt_socket(self) -> None:
        """Reconnect if an end was not reported and the connection has been silent for long (§8)."""
        if self._socket.hears(self._subscription) and _now() - self._socket.heard >= self._server.look_every:
            await self._socket.renew()


def _error(end: ExecutionError | ExecutionInterrupted) -> Exception:
    match end:
        case ExecutionError():
            return ExecutionFailed(end.node_id, end.class_type, end.exception_type, end.message)
        case ExecutionInterrupted():
            return PromptInterrupted(end.prompt_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
