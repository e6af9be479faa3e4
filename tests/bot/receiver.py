"""A receiver of OpenTelemetry on loopback, which reads what it gets as the protocol says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.patience import PATIENCE


@dataclass(frozen=True)
class SentSpan:
    """A span as it was received; ids are in hexadecimal digits."""

    trace: str
    id: str
    parent: str
    name: str
    begun: int
    ended: int
    facts: dict[str, Any]
    failed: bool
    process: str


@dataclass
class Receiver:
    url: str = ""
    spans: list[SentSpan] = field(default_factory=list)
    body: bytes = b""  #: all that came
    status: int = 200
    asked: int = 0  #: how often something came
    answers: asyncio.Event = field(default_factory=asyncio.Event)  #: nothing is answered while it is not set
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of(self, run: str) -> list[SentSpan]:
        """Return the spans of a run, earliest first."""
        return sorted((each for each in self.spans if each.trace == run.replace("-", "")), key=lambda each: each.begun)

    def named(self, run: str, name: str) -> list[SentSpan]:
        return [each for each in self.of(run) if each.name == name]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what has come makes it true."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(condition)

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        body = await request.read()
        self.asked += 1
        await self.answers.wait()
        async with self._news:
            if self.status == 200:
                self.body += body
                self.spans += _read(body)
            self._news.notify_all()
        return web.Response(status=self.status, content_type="application/x-protobuf")


def _read(body: bytes) -> list[SentSpan]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        process = _facts(resource.resource.attributes)["service.instance.id"]
        for span in (each for scope in resource.scope_spans for each in scope.spans):
            ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
            times = span.start_time_unix_nano, span.end_time_unix_nano
            failed = span.status.code == span.status.STATUS_CODE_ERROR
            found.append(SentSpan(*ids, span.name, *times, _facts(span.attributes), failed, process))
    return found


def _facts(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.answers.set()
    app = web.Application(client_max_size=100 << 20)
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
