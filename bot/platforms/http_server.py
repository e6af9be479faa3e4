"""An HTTP server for the open network: its connections are bounded in number and time, and refusals are short."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import StreamReader, web

from bot.core.background import aligned
from bot.core.guesses import is_private, origin
from bot.i18n import _
from bot.platforms.seldom import Seldom

_SERVER = "Darkroom"  # what answers call us: no versions
_LOOK_EVERY = 3.0  # seconds between two looks at all connections
_MANY_FILES = 1 << 20  # where the system sets no limit
_LINGERS = 5.0  # seconds that the rest of a refused request is read for, so that its answer arrives

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of a server's connections, in seconds: `head` for the head of a request, `silence` between two pieces of
    a body, `body` for all of it, `idle` between two requests, and `unread` for an answer that is not taken. `total` is
    the number of all connections, `each` that from one public address, and `near` that from one address of this
    computer or of a private network, where a proxy may speak for everyone.
    """

    total: int = 3000
    each: int = 128
    near: int = 2000
    head: float = 20.0
    silence: float = 30.0
    body: float = 900.0
    idle: float = 75.0
    unread: float = 120.0


@asynccontextmanager
async def listening(
    application: web.Application,
    host: str,
    ports: Sequence[int],
    limits: ConnectionLimits | None = None,
    shutdown_timeout: float = 2.0,
    stopping: Callable[[], None] = lambda: None,
) -> AsyncIterator[int]:
    """Serve an application until the context is left; the port, of `ports` the first that is free. `stopping` is called
    before the answers under way are given `shutdown_timeout` seconds. Raises `OSError`.
    """
    application.on_response_prepare.append(_name)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    listener = _Listener(_server_of(runner), limits or ConnectionLimits())
    try:
        server = await _listen(listener, host, ports)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            stopping()
    finally:
        listener.close()
        await runner.cleanup()


def _most_files(wanted: int) -> int:
    """Return the number of files and connections that this process may have open; where it may allow itself more, it
    does so, up to the number that it wants.
    """
    try:
        import resource
    except ImportError:
        return _MANY_FILES
    given = resource.getrlimit(resource.RLIMIT_NOFILE)
    most, hard = (_MANY_FILES if each == resource.RLIM_INFINITY else each for each in given)
    if most < min(wanted, hard):
        most = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, given[1]))
    return most


async def _name(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = _SERVER


def _server_of(runner: web.AppRunner) -> web.Server:
    if runner.server is None:
        raise AssertionError("the runner was not set up")
    return runner.server


async def _listen(listener: _Listener, host: str, ports: Sequence[int]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    for port in ports:
        try:
            return await loop.create_server(listener, host, port, backlog=128)
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE or port == ports[-1]:
                raise
    raise AssertionError("there is always a port")


class _Listener:
    """Knows all connections, and makes room for new ones."""

    def __init__(self, server: web.Server, limits: ConnectionLimits) -> None:
        self.server, self.limits = server, limits
        self.log = logging.getLogger(f"{__name__}.requests")
        self._seldom = Seldom(), Seldom("socket.accept() out of system resource")
        self.log.addFilter(self._seldom[0])
        logging.getLogger("asyncio").addFilter(self._seldom[1])
        self._loop = asyncio.get_running_loop()
        self._open: dict[_Connection, str] = {}
        self._total = min(limits.total, _most_files(2 * limits.total) // 2)
        self._make, server.request_factory = server.request_factory, self._begin
        self._every = min(_LOOK_EVERY, limits.head, limits.silence, limits.body, limits.unread)
        self._next: asyncio.TimerHandle | None = None

    def __call__(self) -> asyncio.Protocol:
        return _Connection(self)

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self.log.removeFilter(self._seldom[0])
        logging.getLogger("asyncio").removeFilter(self._seldom[1])

    def admit(self, connection: _Connection, address: str) -> bool:
        """Take in a connection, if need be for one that has no request; false if there is no room."""
        key = origin(address) or address
        neighbours = [each for each, other in self._open.items() if other == key]
        most = self.limits.near if is_private(address) else self.limits.each
        for crowd, room in ((neighbours, most), (list(self._open), self._total)):
            if len(crowd) >= room and not _make_room(crowd):
                self.log.warning("A connection was refused: all that are allowed are busy.")
                return False
        self._open[connection] = key
        return True

    def leave(self, connection: _Connection) -> None:
        self._open.pop(connection, None)

    def _begin(self, message: Any, payload: StreamReader, protocol: Any, *rest: Any) -> web.BaseRequest:
        if isinstance(protocol, _Connection):
            protocol.begin(payload)
        return self._make(message, payload, protocol, *rest)

    def watch(self) -> None:
        """Look at all connections from now on, as long as one of them is timed."""
        if self._next is None:
            self._next = self._loop.call_later(aligned(self._every, self._loop.time()), self._look)

    def _look(self) -> None:
        self._next = None
        for connection in list(self._open):
            connection.look(self._loop.time())
        if any(each.is_timed for each in self._open):
            self.watch()


def _make_room(connections: Sequence[_Connection]) -> bool:
    """Close the one that has rested longest; false if all have requests."""
    resting = [each for each in connections if each.rests]
    if resting:
        min(resting, key=lambda each: each.since).evict()
    return bool(resting)


class _Connection(web.RequestHandler):
    """One connection: it rests, receives the head of a request, or answers one."""

    def __init__(self, listener: _Listener) -> None:
        limits, loop = listener.limits, asyncio.get_running_loop()
        options: dict[str, Any] = {"access_log": None, "auto_decompress": False, "lingering_time": _LINGERS}
        super().__init__(listener.server, loop=loop, logger=listener.log, keepalive_timeout=limits.idle, **options)
        self._listener, self._limits = listener, limits
        self._clock = loop.time
        self.since = self._clock()  # when it began to rest, or its request began
        self._heard = self.since
        self._head_since: float | None = self.since
        self._body: StreamReader | None = None
        self._is_late = False
        self._unread_since: float | None = None
        self._is_held = False

    @property
    def rests(self) -> bool:
        return self._body is None

    @property
    def is_timed(self) -> bool:
        """True if time may run out for it."""
        awaited = self._head_since is not None if self._body is None else not (self._is_late or self._body.is_eof())
        return awaited or self._unread_since is not None

    def evict(self) -> None:
        self._listener.leave(self)
        self.force_close()

    def begin(self, body: StreamReader) -> None:
        """Note the beginning of a request."""
        self.since = self._heard = self._clock()
        self._head_since, self._body, self._is_late = None, body, False
        self._listener.watch()

    def look(self, now: float) -> None:
        """End what takes too long."""
        if self._unread_since is not None and now - self._unread_since > self._limits.unread:
            if self.transport is not None:
                self.transport.abort()
        elif self._body is None:
            if self._head_since is not None and now - self._head_since > self._limits.head:
                self.evict()
        elif self._is_held:
            self._heard = now
        elif not self._body.is_eof() and not self._is_late and self._is_slow(now):
            self._is_late = True
            self._body.set_exception(web.HTTPRequestTimeout(text=_("The request took too long to arrive.")))

    def _is_slow(self, now: float) -> bool:
        return now - self._heard > self._limits.silence or now - self.since > self._limits.body

    # What the transport and the request handler say.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        if isinstance(transport, asyncio.Transport) and not self._listener.admit(self, str(peer[0]) if peer else ""):
            transport.abort()
        else:
            self._listener.watch()
            super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._listener.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard = self._clock()
        if data and self._body is None and self._head_since is None:
            self._head_since = self._heard
            self._listener.watch()
        super().data_received(data)

    def pause_writing(self) -> None:
        self._unread_since = self._clock()
        self._listener.watch()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def pause_reading(self) -> None:
        self._is_held = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        self._is_held = False
        super().resume_reading(resume_parser)

    async def finish_response(self, request: Any, resp: Any, start_time: float | None) -> Any:
        finished = await super().finish_response(request, resp, start_time)
        self._body, self.since = None, self._clock()
        if self._is_late:
            self.force_close()
        return finished

    def handle_error(
        self, request: Any, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer a request that is not HTTP, or on which we failed, with one line."""
        if status < 500:
            self.logger.warning("A request that is not HTTP was refused (%s).", type(exc).__name__)
            words = _("The request cannot be understood.")
        else:
            self.logger.error("A request failed.", exc_info=exc)
            words = _("Something went wrong on our side. Please try again later.")
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        answer = web.Response(status=status, text=words, headers={"Server": _SERVER})
        answer.force_close()
        return answer
