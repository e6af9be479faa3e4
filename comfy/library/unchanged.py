"""Wait until a server gives another answer, with requests that cost a program at rest next to nothing.

What an event loop and a request of aiohttp's need has left the processor's caches after some seconds, and to bring it
back takes many times what the request does. So a small thread asks, and recognizes an answer that is the last one,
byte for byte.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from aiohappyeyeballs import start_connection
from yarl import URL

_PATIENCE = 10.0  # seconds for an answer
_CONNECT = 3.0  # seconds for a connection
_NEXT_ADDRESS = 0.25  # seconds after which another address of a server is tried beside the first
_LARGEST_HEAD = 16_384  # bytes
_AT_ONCE = 65_536  # bytes
_SHORTEST = 0.001  # seconds between two requests
_THREADS = threading.BoundedSemaphore(64)


async def until_other(
    url: URL,
    headers: Mapping[str, str],
    status: int,
    body: bytes,
    pause: Callable[[], float],
    patience: float = _PATIENCE,
) -> None:
    """GET an address again and again, over a connection of its own, until the answer is not this one any longer, cannot
    be told from it, or has not come after `patience` seconds. `pause` returns the seconds until the next request; it is
    called in a thread. Returns at once if the address is not one of http, or names a user, and where many threads ask
    already.
    """
    if url.scheme != "http" or url.user is not None or not (request := _request(url, headers)):
        return
    if _THREADS.acquire(blocking=False):
        try:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT):
                    connection = await _connected(url)
                await _asked(connection, request, _Answer(status, body), pause, patience)
        finally:
            _THREADS.release()


async def _connected(url: URL) -> socket.socket:
    # A name with other letters is looked up as aiohttp does it: they have two encodings.
    host, port = url.raw_host or "", url.port or 80
    there = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await start_connection(there, happy_eyeballs_delay=_NEXT_ADDRESS)


class _Answer:
    """The answer that is known."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = b"HTTP/1.1 %d " % status, body
        self._length = b"\r\ncontent-length: %d\r\n" % len(body)

    def is_same(self, received: bytes) -> bool | None:
        """Compare what has come so far; None if more has to come."""
        if not received.startswith(self._status[: len(received)]):
            return False
        head, end, body = received.partition(b"\r\n\r\n")
        if not end:
            return None if len(head) < _LARGEST_HEAD else False
        if self._length not in (head + b"\r\n").lower():
            return False
        return body == self._body if len(body) >= len(self._body) else None


async def _asked(
    connection: socket.socket, request: bytes, known: _Answer, pause: Callable[[], float], patience: float
) -> None:
    loop, other = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        try:
            _ask(connection, request, known, pause, patience)
        finally:
            connection.close()
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(other.set)

    threading.Thread(target=work, name="unchanged", daemon=True).start()
    try:
        await other.wait()
    finally:
        with suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_RDWR)  # the thread reads its end


def _ask(
    connection: socket.socket, request: bytes, known: _Answer, pause: Callable[[], float], patience: float
) -> None:
    """Ask until there is another answer. Between two requests, the connection has nothing to say."""
    with suppress(OSError):
        while True:
            connection.settimeout(patience)
            connection.sendall(request)
            received = data = connection.recv(_AT_ONCE)
            while data and (is_same := known.is_same(received)) is None:
                data = connection.recv(_AT_ONCE)
                received += data
            if not data or not is_same:
                return
            connection.settimeout(max(pause(), _SHORTEST))
            try:
                connection.recv(1)
            except TimeoutError:
                continue
            return


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
