"""Sends spans to a receiver of OpenTelemetry (OTLP over HTTP), from a thread. Imported only where that is on."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from importlib.metadata import version
from threading import Thread
from uuid import UUID, uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from bot.core.background import TaskHealth
from bot.core.traces.spans import REQUEST, Span
from bot.i18n import _

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_PATIENCE = 10.0  # seconds that the receiver may take for an answer
_EVERY = 1.0  # seconds between two batches
_FAREWELL = 5.0  # seconds: an end of the process waits no longer for it
_TOPIC = "traces"


class OtlpRecorder:
    """A `SpanRecorder`. What waits to be sent is sent at the end of `async with`, if the receiver answers."""

    def __init__(self, url: str, process: str, tasks: TaskHealth) -> None:
        """`url` is that of the receiver, such as http://127.0.0.1:4318, and `process` the name of this process."""
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it repeats addresses; a remark says it
        described = {"service.name": "darkroom", "service.version": version("darkroom"), "service.instance.id": process}
        self._resource, self._scope = Resource.create(described), InstrumentationScope("darkroom")
        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces", timeout=_PATIENCE)
        told = _Told(exporter, tasks, asyncio.get_running_loop())
        self._sending = BatchSpanProcessor(told, schedule_delay_millis=_EVERY * 1000)

    async def __aenter__(self) -> OtlpRecorder:
        return self

    async def __aexit__(self, *_exit: object) -> None:
        ending = Thread(target=self._sending.shutdown, daemon=True)  # asyncio.run would wait for one of its own threads
        ending.start()
        await asyncio.to_thread(ending.join, _FAREWELL)

    def record(self, span: Span) -> None:
        trace = UUID(span.run).int
        parent = _context(trace, _id(span.run, span.within)) if span.within else None
        own = _id(span.run, span.key) if span.key else uuid4().int >> 64
        status = Status(StatusCode.ERROR, span.fault) if span.fault else Status(StatusCode.UNSET)
        facts = {f"darkroom.{name}": fact for name, fact in {"run": span.run, **span.facts}.items()}
        self._sending.on_end(
            ReadableSpan(
                name=span.name,
                context=_context(trace, own),
                parent=parent,
                resource=self._resource,
                attributes=facts,
                kind=SpanKind.SERVER if span.key == REQUEST else SpanKind.INTERNAL,
                status=status,
                start_time=span.begun,
                end_time=span.ended,
                instrumentation_scope=self._scope,
            )
        )


class _Told(SpanExporter):
    """Says in `/readyz` that the receiver takes nothing, and no more of it once it does."""

    def __init__(self, exporter: SpanExporter, tasks: TaskHealth, loop: asyncio.AbstractEventLoop) -> None:
        self._exporter, self._tasks, self._loop = exporter, tasks, loop

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, result)
        return result

    def _tell(self, result: SpanExportResult) -> None:
        if result is SpanExportResult.SUCCESS:
            self._tasks.settle(_TOPIC)
        else:
            self._tasks.remark(_TOPIC, _("their receiver does not take them: look at DARKROOM_OTLP_URL"))

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED)


def _id(run: str, key: str) -> int:
    """Return the id of the span of a run that has a key: the same in each process."""
    return int.from_bytes(hashlib.sha256(f"{run} {key}".encode()).digest()[:8], "big")
