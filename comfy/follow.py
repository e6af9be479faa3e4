"""From the first event of a prompt to its end, by events for speed and by looks over HTTP for certainty."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from comfy.errors import (
    ExecutionFailed,
    ExecutionInterrupted,
    PromptLost,
    PromptRemoved,
    ServerUnavailable,
    UnexpectedAnswer,
    WorkerWedged,
)
from comfy.events import (
    Event,
    Executing,
    ExecutionError,
    ExecutionStart,
    ExecutionSuccess,
    Message,
    Queued,
)
from comfy.events import ExecutionInterrupted as Interrupted
from comfy.history import End
from comfy.lookout import Ended, Lookout, Running, Unknown, Waiting
from comfy.mailbox import Mailbox
from comfy.server import Server
from comfy.socket import Socket

_AFTER_SUCCESS = 0.25  # seconds: the closing message follows within milliseconds, unless it is lost
_UNHEARD = 0.5  # seconds between looks at a prompt whose connection is gone: no event can come any more
_UNKNOWN_LOOKS = 3  # a prompt moves from queue to history; one look can fall between the two


async def follow(mailbox: Mailbox, socket: Socket, lookout: Lookout, server: Server) -> AsyncGenerator[Event]:
    """Yield events until the end; see `ComfyClient.follow`."""
    course = _Course(mailbox, socket, lookout, server)
    while course.end is None:
        message = await mailbox.get(course.patience)
        event = course.take(message) if message is not None else await course.look()
        if event is not None:
            yield event
    yield ExecutionSuccess(mailbox.prompt_id, cached=course.end.cached)


class _Course:
    """What is known of one prompt while it is followed."""

    def __init__(self, mailbox: Mailbox, socket: Socket, lookout: Lookout, server: Server) -> None:
        self.end: ExecutionSuccess | None = None
        self._mailbox, self._socket, self._lookout, self._server = mailbox, socket, lookout, server
        self._success = False
        self._started = False
        self._worked = False
        self._position = 0
        self._unknown = 0
        self._gone_since: float | None = None

    @property
    def patience(self) -> float:
        """Seconds to wait for an event before looking."""
        if self._mailbox.removed:
            return 0.0
        if self._success:
            return _AFTER_SUCCESS
        if not self._socket.hears(self._mailbox):
            return min(_UNHEARD, self._server.look_every)
        return self._server.look_every

    def take(self, message: Message) -> Event | None:
        """Note what an event says of the prompt's course; the event itself where it is for the follower."""
        self._gone_since, self._unknown = None, 0
        match message:
            case ExecutionError() | Interrupted():
                raise _error(message)
            case ExecutionSuccess():
                self._success = True
                return None
            case Executing(node=None):
                if self._success:
                    self.end = ExecutionSuccess(self._mailbox.prompt_id, self._started and not self._worked)
                    return None
                self._mailbox.wake()  # ended, but how was lost: look at once
                return None
            case ExecutionStart():
                self._started = True
            case Executing():
                self._worked = True
        return message  # type: ignore[return-value]  # what is left of Message is Event

    async def look(self) -> Event | None:
        """Find out over HTTP where the prompt is; a `Queued` when its place in line has changed."""
        if self._mailbox.removed:
            raise PromptRemoved(self._mailbox.prompt_id)
        try:
            sighting = await self._lookout.look(self._mailbox.prompt_id, since=self._mailbox.registered)
        except (ServerUnavailable, UnexpectedAnswer) as fault:
            self._bear_absence(fault)
            return None
        self._gone_since = None
        match sighting:
            case Ended(record):
                await self._doubt_socket()
                self._close(record.end)
            case Unknown():
                self._count_unknown()
            case Running():
                self._unknown = 0
                self._check_stall()
            case Waiting(position):
                self._unknown = 0
                self._mailbox.touched = _now()
                if position != self._position:
                    self._position = position
                    return Queued(self._mailbox.prompt_id, position)
        return None

    def _close(self, end: End) -> None:
        if not isinstance(end, ExecutionSuccess):
            raise _error(end)
        self.end = end

    def _count_unknown(self) -> None:
        """Told apart by the connection: one that was never lost belongs to a server that was never restarted (§9)."""
        self._unknown += 1
        if self._unknown >= _UNKNOWN_LOOKS:
            if self._socket.hears(self._mailbox):
                raise PromptRemoved(self._mailbox.prompt_id)
            raise PromptLost(self._mailbox.prompt_id)

    def _bear_absence(self, fault: ServerUnavailable | UnexpectedAnswer) -> None:
        """A server that starts, or the proxy before it, may answer anything for a while."""
        now = _now()
        self._gone_since = self._gone_since or now
        if now - self._gone_since >= self._server.gone_after:
            if isinstance(fault, UnexpectedAnswer):
                raise fault
            raise ServerUnavailable(f"{self._server} is gone: it has not answered for {now - self._gone_since:.0f} s")

    def _check_stall(self) -> None:
        still = _now() - self._mailbox.touched
        if self._server.stall_limit is not None and still >= self._server.stall_limit:
            raise WorkerWedged(self._mailbox.prompt_id, still)

    async def _doubt_socket(self) -> None:
        """An end that was not told, over a connection that has been silent for long: it is deaf (§8)."""
        if self._socket.hears(self._mailbox) and _now() - self._socket.heard >= self._server.look_every:
            await self._socket.renew()


def _error(end: ExecutionError | Interrupted) -> Exception:
    match end:
        case ExecutionError():
            return ExecutionFailed(end.node_id, end.class_type, end.exception_type, end.message)
        case Interrupted():
            return ExecutionInterrupted(end.prompt_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
