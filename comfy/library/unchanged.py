"""Wait until a server gives another answer, with requests that cost a program at rest next to nothing.

What a request of aiohttp's needs has left the processor's caches after some seconds, and to bring it back takes many
times what the request does. So an answer that is the last one, byte for byte, is recognized without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from yarl import URL

_PATIENCE = 10.0  # seconds for an answer
_CONNECT = 3.0  # seconds for a connection
_NEXT_ADDRESS = 0.25  # seconds after which another address of a server is tried beside the first
_LARGEST_HEAD = 16_384  # bytes


async def until_other(
    url: URL,
    headers: Mapping[str, str],
    status: int,
    body: bytes,
    pause: Callable[[], float],
    patience: float = _PATIENCE,
) -> None:
    """GET an address again and again, over a connection of its own, until the answer is not this one any longer, cannot
    be told from it, or has not come after `patience` seconds. `pause` returns the seconds until the next request.
    Returns at once if the address is not one of http, or names a user.
    """
    if url.scheme != "http" or url.user is not None or not (request := _request(url, headers)):
        return
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CONNECT):
            transport, questions = await asyncio.get_running_loop().create_connection(
                lambda: _Questions(request, b"HTTP/1.1 %d " % status, body, pause, patience),
                url.raw_host or "",  # a name with other letters as aiohttp asks for it: they have two encodings
                url.port or 80,
                happy_eyeballs_delay=_NEXT_ADDRESS,
            )
        try:
            await questions.other
        finally:
            questions.stop()
            transport.abort()


class _Questions(asyncio.Protocol):
    """Everything happens in callbacks: a task and its timers would cost several times as much."""

    def __init__(self, request: bytes, status: bytes, body: bytes, pause: Callable[[], float], patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.other: asyncio.Future[None] = self._loop.create_future()
        self._request, self._status, self._body = request, status, body
        self._pause, self._patience = pause, patience
        self._length = b"\r\ncontent-length: %d\r\n" % len(body)
        self._received, self._is_asked = b"", False
        self._next: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._write = transport.write
            self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        is_same = self._is_same() if self._is_asked else False
        if is_same is False:
            self._end()
        elif is_same:
            self._received, self._is_asked = b"", False
            self._then(self._pause(), self._ask)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _ask(self) -> None:
        self._is_asked = True
        self._write(self._request)
        self._then(self._patience, self._end)

    def _then(self, seconds: float, act: Callable[[], None]) -> None:
        self.stop()
        self._next = self._loop.call_later(seconds, act)

    def _end(self) -> None:
        if not self.other.done():
            self.other.set_result(None)

    def _is_same(self) -> bool | None:
        """Compare what has come so far; None if more has to come."""
        received = self._received
        if not received.startswith(self._status[: len(received)]):
            return False
        head, end, body = received.partition(b"\r\n\r\n")
        if not end:
            return None if len(head) < _LARGEST_HEAD else False
        if self._length not in (head + b"\r\n").lower():
            return False
        return body == self._body if len(body) >= len(self._body) else None


def _request(url: URL, headers: Mapping[str, str]) -> bytes:
    """Return a request in bytes; nothing if a header has more than one line."""
    given = {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}
    there = {name.lower() for name in given}
    own = {"Host": url.host_port_subcomponent or "", "Accept": "*/*"}
    given |= {name: value for name, value in own.items() if name.lower() not in there}
    lines = [f"GET {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    if any(letter in line for line in lines for letter in "\r\n\0"):
        return b""
    return "\r\n".join([*lines, "", ""]).encode()
