"""One websocket a server, however many prompts are under way: connect, reconnect, hand each prompt its own events.

The reader only sorts. Nobody depends on it: what it does not deliver is found over HTTP (`comfy.tracking.poller`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from uuid import uuid4

import aiohttp

from comfy.bodies import MB
from comfy.errors import Redirected
from comfy.http import Http
from comfy.json_text import LARGE
from comfy.messages.events import (
    Executing,
    ExecutionStart,
    Message,
    ProgressState,
    QueueStatus,
    StepProgress,
    parse_binary,
    parse_large_text,
    parse_text,
)
from comfy.messages.previews import Preview, ProgressText
from comfy.server import Server
from comfy.tracking.sent_pictures import SentPictures
from comfy.tracking.step_course import StepCourse
from comfy.tracking.subscription import Subscription
from comfy.tracking.websocket import Websocket

_HANDSHAKE = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
_HEARTBEAT = 30.0  # seconds; a dead connection is noticed after 1.5 times as long
_LONGEST_PAUSE = 5.0  # seconds between attempts to reconnect
_LARGEST_FRAME = 64 * MB  # after unpacking; a node can send a whole picture, and an error with all its inputs
_UNFOLLOWED = 1024  # subscriptions kept for prompts without a follower

_log = logging.getLogger(__name__)


class Socket:
    """The connection and its subscriptions. It opens with the first prompt, and reconnects while there are unfinished
    ones.
    """

    def __init__(
        self, http: Http, server: Server, share: Callable[[bool], None], on_lost: Callable[[], None] = lambda: None
    ) -> None:
        self._http = http
        self._server = server
        self._share, self._has_others = share, False
        self._on_lost = on_lost
        self._remaining = 0  # prompts in the server's queue, as it said last
        self._subscriptions: dict[str, Subscription] = {}
        self._task: asyncio.Task[None] | None = None
        self._attempted = asyncio.Event()
        self._wanted = asyncio.Event()
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._running: str | None = None
        self.client_id = uuid4().hex
        self.connection = 0  #: counts the connections; a prompt's events come only over the one it was sent with
        self.heard = 0.0  #: the time of the last message, on the loop's clock

    @property
    def is_open(self) -> bool:
        return self._websocket is not None

    async def open(self) -> None:
        """Connect, or at least try. A prompt can also be followed over HTTP alone."""
        if self.is_open:
            return
        self._attempted.clear()
        self._wanted.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._stay_connected(), name=f"websocket of {self._server}")
        await self._attempted.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def register(self, prompt_id: str, *, ours: bool, senders: frozenset[str] = frozenset()) -> Subscription:
        """Return the subscription of a prompt. `ours` means that it will be sent under this connection's client_id, and
        `senders` are its nodes that send their results.
        """
        connection = self.connection if ours and self.is_open else 0
        subscription = self._subscriptions.get(prompt_id)
        if subscription is None:
            self._make_room()
            subscription = Subscription(prompt_id, connection, _now(), senders)
            self._subscriptions[prompt_id] = subscription
            if not ours:
                self._judge()  # it was sent before, so the server has counted it
        elif ours:
            subscription.connection, subscription.pictures = connection, SentPictures(senders)
        return subscription

    def forget(self, prompt_id: str) -> None:
        self._subscriptions.pop(prompt_id, None)

    def subscription(self, prompt_id: str) -> Subscription | None:
        return self._subscriptions.get(prompt_id)

    def hears(self, subscription: Subscription) -> bool:
        """True if events of this prompt can come, because its connection is still open."""
        return self.is_open and subscription.connection == self.connection

    async def renew(self) -> None:
        """Close a silent connection. The next one has a new id."""
        if self._websocket is not None:
            _log.warning("the websocket of %s is silent while prompts end: reconnecting", self._server)
            await self._websocket.close()

    async def _stay_connected(self) -> None:
        pause = 0.1
        try:
            while True:
                if await self._connect():
                    pause = 0.1
                if not self._subscriptions:
                    return
                await self._rest(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            self._attempted.set()

    async def _rest(self, pause: float) -> None:
        """Wait before the next attempt, unless a prompt needs the connection now."""
        self._wanted.clear()
        try:
            async with asyncio.timeout(pause):
                await self._wanted.wait()
        except TimeoutError:
            return

    async def _connect(self) -> bool:
        """Keep one connection until it ends. Returns True if it was established."""
        self.client_id = uuid4().hex
        try:
            url = self._server.websocket.update_query(clientId=self.client_id)
            timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
            async with asyncio.timeout(self._server.connect_timeout) as patience:
                async with self._http.session.ws_connect(
                    url, max_msg_size=_LARGEST_FRAME, heartbeat=_HEARTBEAT, timeout=timeout
                ) as websocket:
                    patience.reschedule(None)
                    await self._listen(websocket)
                    return True
        except Redirected as fault:
            _log.warning("websocket: %s", fault)
            return False
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            _log.info("no websocket to %s: %s", self._server, type(fault).__name__)
            return False
        finally:
            self._lost()

    async def _listen(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        await websocket.send_str(_HANDSHAKE)
        self._websocket = websocket
        self.connection += 1
        self.heard = _now()
        self._attempted.set()
        course = StepCourse()
        async for message in websocket:
            self.heard = _now()
            if message.type is aiohttp.WSMsgType.TEXT:
                course.note(len(message.data))
                large = len(message.data) > LARGE
                event = await parse_large_text(message.data) if large else parse_text(message.data)
                self._sort(event, len(message.data))
                if isinstance(websocket, Websocket) and not isinstance(event, ProgressState | ProgressText | None):
                    websocket.rest(self._unheard(course, event))  # of all that came together, the last one counts
            elif message.type is aiohttp.WSMsgType.BINARY:
                course.note(len(message.data))
                self._sort(parse_binary(message.data), len(message.data))
            elif message.type is aiohttp.WSMsgType.ERROR:
                _log.warning("the websocket of %s is closed, and opened again: %s", self._server, message.data)

    def _unheard(self, course: StepCourse, event: Message) -> float:
        """Return the seconds for which nothing is expected that the caller is told of at once."""
        if not isinstance(event, StepProgress):
            return 0.0
        subscription = self._subscriptions.get(event.prompt_id or "")
        return course.rest(event, self.heard, subscription.pace) if subscription is not None else 0.0

    def _judge(self) -> None:
        """Note whether the server's queue has prompts without a subscription."""
        has_others = self._remaining > sum(not each.is_over for each in self._subscriptions.values())
        if has_others is not self._has_others:
            self._has_others = has_others
            self._share(has_others)

    def _lost(self) -> None:
        if self._websocket is not None:
            self._on_lost()
        self._websocket = None
        self._running, self._remaining = None, 0
        self._judge()
        self._attempted.set()
        for subscription in self._subscriptions.values():
            subscription.wake()

    def _sort(self, event: Message | None, size: int) -> None:
        prompt_id = getattr(event, "prompt_id", None)
        match event:
            case ExecutionStart():
                self._running = prompt_id
            case Executing(node=None) if prompt_id == self._running:
                self._running = None
            case QueueStatus(queue_remaining=remaining):
                self._remaining = remaining
                self._judge()
            case Preview(prompt_id=None) | ProgressText():
                prompt_id = self._running  # these have no prompt id: they belong to the running prompt, if it is ours
        subscription = self._subscriptions.get(prompt_id) if prompt_id else None
        if subscription is not None and event is not None:
            subscription.put(event, self.heard, size)
            if subscription.ended.is_set():
                self._judge()

    def _make_room(self) -> None:
        unfollowed = [box.prompt_id for box in self._subscriptions.values() if not box.followed]
        for prompt_id in unfollowed[: len(unfollowed) - _UNFOLLOWED + 1]:
            self.forget(prompt_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
