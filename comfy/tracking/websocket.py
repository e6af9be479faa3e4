"""A websocket that is left unread while it would only say, more often than anybody is shown, how far a node is."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from comfy.messages.events import StepProgress

_STEPS = 2  # that come in a rest at least: for one it would only be another reason to wake


class Websocket(aiohttp.ClientWebSocketResponse):
    """A websocket that can rest: the system keeps what comes meanwhile, and it is read after that."""

    def __init__(
        self, reader: Any, writer: Any, protocol: str | None, response: aiohttp.ClientResponse, *more: Any, **named: Any
    ) -> None:
        super().__init__(reader, writer, protocol, response, *more, **named)
        self._wire = response.connection.transport if response.connection is not None else None
        self._reads_on: asyncio.TimerHandle | None = None

    def rest(self, seconds: float) -> None:
        """Read nothing for so many seconds from now, whatever was said before; with 0.0, read on."""
        if self._wire is None or seconds <= 0.0:
            self._read_on()
            return
        if self._reads_on is None:
            self._wire.pause_reading()
        else:
            self._reads_on.cancel()
        self._reads_on = asyncio.get_running_loop().call_later(seconds, self._read_on)

    async def close(self, *, code: int = aiohttp.WSCloseCode.OK, message: bytes = b"") -> bool:
        """See `aiohttp.ClientWebSocketResponse.close`, which reads the server's answer."""
        self._read_on()
        return await super().close(code=code, message=message)

    def _read_on(self) -> None:
        if self._wire is not None and self._reads_on is not None:
            self._reads_on.cancel()
            self._reads_on = None
            self._wire.resume_reading()


class StepCourse:
    """The steps of the running node, and how fast it takes them."""

    def __init__(self) -> None:
        self._node: tuple[str | None, str | None] | None = None
        self._first, self._since = 0.0, 0.0  # its first step that was told, and when

    def rest(self, step: StepProgress, now: float, longest: float) -> float:
        """Return the seconds, at most `longest`, for which nothing but steps is expected: half of what the node still
        takes if it goes on as it did. 0.0 where too few would come meanwhile.
        """
        node = step.prompt_id, step.node
        if node != self._node or step.value <= self._first:
            self._node, self._first, self._since = node, step.value, now
            return 0.0
        each = (now - self._since) / (step.value - self._first)
        rest = min((step.max - step.value) * each / 2, longest)
        return rest if rest >= _STEPS * each > 0.0 else 0.0
