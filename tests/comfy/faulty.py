"""A proxy before a ComfyUI server that answers wrongly by a plan: from a seed, or of single faults.

The plan says what becomes of the n-th request of a route and of the n-th frame of the websockets, so the same seed is
the same trouble; `faults` holds what has happened.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from aiohttp import web

FRAME = "frame"  #: the route of frames that the server sends over its websockets
_LATE = 0.05  # seconds that a delay takes where nothing else happens meanwhile
_STREAK = 3  # faults in a row that one request meets: what is asked for again has an answer in the end
_PAGE = "<html><body>The server is starting. Please wait.</body></html>"


class Kind(StrEnum):
    """The fault of a request or a frame. With `reaches`, the server still gets the request."""

    STATUS = "status"
    PAGE = "page"
    DELAY = "delay"
    CUT = "cut"  #: the connection is reset, before or in the middle of the answer
    DOUBLE = "double"
    REDIRECT = "redirect"
    GARBLE = "garble"
    LOSE = "lose"  #: a frame that never comes


@dataclass(frozen=True)
class Fault:
    kind: Kind
    status: int = 0
    retry_after: str = ""
    reaches: bool = False


@dataclass(frozen=True)
class Met:
    """A fault that has happened, to the `number`-th request or frame of a route."""

    route: str
    number: int
    fault: Fault


#: What becomes of the n-th request of a route, counted from 1; None where all goes well.
Plan = Callable[[str, int], Fault | None]


def seeded(seed: int, share: float = 0.2) -> Plan:
    """Trouble for this share of all requests and frames."""

    def plan(route: str, number: int) -> Fault | None:
        chance = random.Random(f"{seed} {route} {number}")
        if chance.random() >= share:
            return None
        kinds = [Kind.DELAY, Kind.CUT, Kind.DOUBLE, Kind.GARBLE]
        kinds += [Kind.LOSE] if route == FRAME else [*[Kind.STATUS] * 4, *[Kind.PAGE] * 2]
        kind = Kind.REDIRECT if route != FRAME and chance.random() < 0.02 else chance.choice(kinds)
        status = chance.choice([302, 307] if kind is Kind.REDIRECT else [408, 429, 500, 502, 503, 504, 522])
        retry_after = chance.choice(["", "", "0", "Fri, 31 Dec 1999 23:59:59 GMT", "soon"])
        return Fault(kind, status, retry_after, reaches=chance.random() < 0.5)

    return plan


def single(route: str, *faults: Fault) -> Plan:
    """These faults for the first requests of one route."""
    return lambda asked, number: faults[number - 1] if asked == route and number <= len(faults) else None


class FaultProxy:
    """Use it in `async with`; all goes well until it is told to `follow` a plan."""

    def __init__(self, upstream: str) -> None:
        self.faults: list[Met] = []
        self.calls: Counter[str] = Counter()  #: requests by their routes, as the client sent them
        self.posted: Counter[str] = (
            Counter()
        )  #: prompts that the server was given, by their ids; our doubles not counted
        self._upstream = upstream
        self._plan: Plan | None = None
        self._numbers: Counter[str] = Counter()
        self._streaks: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> FaultProxy:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        await self._session.close()

    def follow(self, plan: Plan) -> None:
        """Count the requests from here on, and do to them as the plan says."""
        self._plan = plan
        self._numbers.clear()
        self._streaks.clear()

    def met(self, kind: Kind) -> int:
        """Count the requests with a kind of fault."""
        return sum(met.fault.kind is kind and met.route != FRAME for met in self.faults)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        route = f"{request.method} {_ROUTE.match(request.path)[0]}"  # type: ignore[index]
        self.calls[route] += 1
        fault = self._next(route, _identity(request, body))
        self._wake()
        if fault is not None and fault.kind in (Kind.STATUS, Kind.PAGE, Kind.REDIRECT):
            return await self._instead(request, body, fault)
        if fault is not None and fault.kind is Kind.DELAY:
            await self._late()
        if fault is not None and fault.kind is Kind.CUT and not fault.reaches:
            return _reset(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        answer = await self._forward(request, body)
        match fault:
            case Fault(Kind.CUT):
                return await _cut(request, answer)
            case Fault(Kind.DOUBLE):
                return await self._forward(request, body, again=True)
            case Fault(Kind.GARBLE):
                return _garbled(answer)
        return answer

    def _next(self, route: str, identity: str) -> Fault | None:
        if self._plan is None:
            return None
        self._numbers[route] += 1
        fault = self._plan(route, self._numbers[route])
        if fault is None or self._streaks[identity] >= _STREAK:
            self._streaks[identity] = 0
            return None
        self._streaks[identity] += 1
        self.faults.append(Met(route, self._numbers[route], fault))
        return fault

    async def _instead(self, request: web.Request, body: bytes, fault: Fault) -> web.StreamResponse:
        """Another answer than the server's, which may have had the request."""
        if fault.reaches and "Upgrade" not in request.headers and fault.kind is not Kind.REDIRECT:
            await self._forward(request, body)
        if fault.kind is Kind.REDIRECT:
            return web.Response(status=fault.status, headers={"Location": request.path_qs})
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        status = fault.status if fault.kind is Kind.STATUS else 200
        return web.Response(status=status, text=_PAGE, content_type="text/html", headers=headers)

    async def _forward(self, request: web.Request, body: bytes, *, again: bool = False) -> web.Response:
        if request.method == "POST" and request.path == "/prompt" and not again:
            self.posted[json.loads(body)["prompt_id"]] += 1
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        url = self._upstream + request.path_qs
        async with self._session.request(
            request.method, url, headers=kept, data=body or None, allow_redirects=False
        ) as answer:
            given = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=given)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        here = web.WebSocketResponse(max_msg_size=0)
        await here.prepare(request)
        async with self._session.ws_connect(self._upstream + request.path_qs, max_msg_size=0) as there:

            async def ask() -> None:
                async for message in here:
                    await there.send_str(message.data)

            pumps = {asyncio.create_task(ask()), asyncio.create_task(self._frames(request, there, here))}
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        return here

    async def _frames(
        self, request: web.Request, there: aiohttp.ClientWebSocketResponse, here: web.WebSocketResponse
    ) -> None:
        async for message in there:
            fault = self._next(FRAME, FRAME)
            self._wake()
            match fault:
                case Fault(Kind.LOSE):
                    continue
                case Fault(Kind.CUT):
                    _reset(request)
                    return
                case Fault(Kind.DELAY):
                    await self._late()
            text = message.type is aiohttp.WSMsgType.TEXT
            data = message.data[: len(message.data) // 2] if fault and fault.kind is Kind.GARBLE else message.data
            for _ in range(2 if fault and fault.kind is Kind.DOUBLE else 1):
                await (here.send_str(data) if text else here.send_bytes(data))

    def _wake(self) -> None:
        self._news.set()
        self._news.clear()

    async def _late(self) -> None:
        """Let something else go first, where there is anything."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LATE):
                await self._news.wait()


_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "date", "server", "keep-alive"})
_ROUTE = re.compile(r"/(upload/\w+|api/jobs|[^/]*)")
_FILE = re.compile(rb'name="image"; filename="([^"]*)"')


def _identity(request: web.Request, body: bytes) -> str:
    """Return the part of a request that stays the same when it is repeated."""
    if request.path == "/ws":
        return "/ws"
    if request.method == "POST" and request.path == "/prompt":
        return f"prompt {json.loads(body)['prompt_id']}"
    named = _FILE.search(body)
    return f"{request.method} {request.path_qs} {named[1]!r}" if named else f"{request.method} {request.path_qs}"


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, answer: web.Response) -> web.StreamResponse:
    body = answer.body
    assert isinstance(body, bytes)
    begun = web.StreamResponse(status=answer.status, headers={"Content-Length": str(max(len(body), 2))})
    await begun.prepare(request)
    await begun.write(body[: len(body) // 2] or b"{")
    _reset(request)
    return begun


def _garbled(answer: web.Response) -> web.Response:
    """Half of what should be JSON; a page in the place of a file, since half of one is for its decoder to find."""
    body = answer.body
    assert isinstance(body, bytes)
    if answer.content_type == "application/json":
        return web.Response(status=answer.status, body=body[: len(body) // 2], content_type="application/json")
    return web.Response(status=answer.status, text=_PAGE, content_type="text/html")
