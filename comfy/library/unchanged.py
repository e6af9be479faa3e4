"""Wait until a server gives another answer, with requests that cost a program at rest next to nothing.

What an event loop and a request of aiohttp's need has left the processor's caches after some seconds, and to bring it
back takes many times what the request does. So a small thread asks, and recognizes an answer that is the last one,
byte for byte.
"""

from __future__ import annotations

import asyncio
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum, auto

from aiohappyeyeballs import start_connection
from yarl import URL

_PATIENCE = 10.0  # seconds for an answer
_CONNECT = 3.0  # seconds for a connection
_NEXT_ADDRESS = 0.25  # seconds after which another address of a server is tried beside the first
_LARGEST_HEAD = 16_384  # bytes
_AT_ONCE = 65_536  # bytes
_SHORTEST = 0.001  # seconds between two requests, and of a wait
_THREADS = threading.BoundedSemaphore(64)


class End(Enum):
    """Why a wait has ended."""

    NOT_ASKED = auto()  #: the address is not one of http, or names a user, or there are too many threads
    ANOTHER = auto()
    NO_ANSWER = auto()


async def until_other(
    url: URL,
    headers: Mapping[str, str],
    status: int,
    body: bytes,
    pause: Callable[[], float],
    patience: float = _PATIENCE,
) -> End:
    """GET an address again and again, over a connection of its own, until the answer is not this one any longer, cannot
    be told from it, or has not come after `patience` seconds. `pause` returns the seconds until the next request; it is
    called in a thread.
    """
    if url.scheme != "http" or url.user is not None or not (request := _request(url, headers)):
        return End.NOT_ASKED
    if not _THREADS.acquire(blocking=False):
        return End.NOT_ASKED
    try:
        async with asyncio.timeout(_CONNECT):
            connection = await _connected(url)
        return await _asked(connection, request, _Answer(status, body), pause, patience)
    except OSError:
        return End.NO_ANSWER
    except RuntimeError:  # the system has no room for one more thread
        return End.NOT_ASKED
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
) -> End:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    ends, closing = [End.NO_ANSWER], threading.Lock()  # or another file could get the number that is shut down

    def work() -> None:
        try:
            with suppress(OSError):
                ends[0] = _ask(connection, request, known, pause, patience)
        finally:
            with closing:
                connection.close()
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(ended.set)

    try:
        threading.Thread(target=work, name="unchanged", daemon=True).start()
    except RuntimeError:
        connection.close()
        raise
    try:
        await ended.wait()
    finally:
        with closing, suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_RDWR)  # the thread reads its end
    return ends[0]


def _ask(connection: socket.socket, request: bytes, known: _Answer, pause: Callable[[], float], patience: float) -> End:
    """Ask until there is another answer. Between two requests, the connection has nothing to say. Raises `OSError`."""
    connection.setblocking(False)  # a request has room: the one before it was answered
    comes = _listener(connection)
    while True:
        received, is_same, until = b"", None, time.monotonic() + patience
        connection.sendall(request)
        while is_same is None:
            if not comes(until - time.monotonic()) or not (data := connection.recv(_AT_ONCE)):
                return End.NO_ANSWER
            received += data
            is_same = known.is_same(received)
        if not is_same:
            return End.ANOTHER
        if comes(pause()):
            return End.ANOTHER if connection.recv(1) else End.NO_ANSWER


def _listener(connection: socket.socket) -> Callable[[float], bool]:
    """Return what waits for so many seconds, and says whether something came. A socket's own time limit ends in an
    exception, which costs more than all else here.
    """
    if sys.platform == "win32":  # it has no poll
        return lambda seconds: bool(select.select([connection], [], [], max(seconds, _SHORTEST))[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return lambda seconds: bool(poll.poll(max(seconds, _SHORTEST) * 1000))


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
