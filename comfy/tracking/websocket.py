"""A websocket that can be left unread for a moment."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp


class Websocket(aiohttp.ClientWebSocketResponse):
    """While it rests, the system keeps what comes. aiohttp pauses the same transport where too much waits in its own
    queue: each may end the other's pause, which loses nothing.
    """

    def __init__(
        self, reader: Any, writer: Any, protocol: str | None, response: aiohttp.ClientResponse, *more: Any, **named: Any
    ) -> None:
        super().__init__(reader, writer, protocol, response, *more, **named)
        self._transport = response.connection.transport if response.connection is not None else None
        self._resuming: asyncio.TimerHandle | None = None

    def rest(self, seconds: float) -> None:
        """Read nothing for so many seconds from now, whatever was said before; with 0.0, read on."""
        if self._transport is None or seconds <= 0.0:
            self._resume()
            return
        if self._resuming is None:
            self._transport.pause_reading()
        else:
            self._resuming.cancel()
        self._resuming = asyncio.get_running_loop().call_later(seconds, self._resume)

    async def close(self, *, code: int = aiohttp.WSCloseCode.OK, message: bytes = b"") -> bool:
        """See `aiohttp.ClientWebSocketResponse.close`, which reads the server's answer."""
        self._resume()
        return await super().close(code=code, message=message)

    def _resume(self) -> None:
        if self._transport is not None and self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
            self._transport.resume_reading()
