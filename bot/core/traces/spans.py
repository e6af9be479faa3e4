"""Spans: something that was done for a run, with its begin and its end. Where nothing records them they cost nothing.

All spans of a run are one trace, in whatever process: the id of the trace is that of the run, and those of its main
spans follow from it. So the run on record is all that a process needs to go on with a trace, after a crash too. A span
never has words or names of people.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, TypeAlias

Fact: TypeAlias = str | int | float | bool

REQUEST = "request"  #: the first span of a run: from the chat's update until the run is on disk and has a message
RUN = "run"  #: from the request to the end on record


def attempt_key(attempt: int) -> str:
    """Return the key of the span of an attempt."""
    return f"attempt {attempt}"


def follow_key(attempt: int) -> str:
    """Return the key of the span in which an attempt follows its prompt."""
    return f"attempt {attempt} follow"


@dataclass(frozen=True)
class Span:
    """Moments are nanoseconds since 1970. `key` names a span that others are within, which name it in `within`; a
    `fault` is the kind of an error.
    """

    run: str
    name: str
    begun: int
    ended: int
    key: str = ""
    within: str = RUN
    facts: Mapping[str, Fact] = field(default_factory=dict)
    fault: str = ""


class SpanRecorder(Protocol):
    """Takes spans, at once and without waiting."""

    def record(self, span: Span) -> None: ...


_recorder: SpanRecorder | None = None
_arrival: ContextVar[int] = ContextVar("arrival")


@contextmanager
def recorded_by(recorder: SpanRecorder) -> Iterator[None]:
    """Give all spans of this process to a recorder."""
    global _recorder
    before, _recorder = _recorder, recorder
    try:
        yield
    finally:
        _recorder = before


def record(span: Span) -> None:
    if _recorder is not None:
        _recorder.record(span)


def is_recording() -> bool:
    return _recorder is not None


def note_arrival() -> None:
    """Say that a chat's update has just come, which this task answers."""
    if _recorder is not None:
        _arrival.set(time.time_ns())


def requested(run: str, workflow: str, platform: str, begun: int) -> None:
    """Record the request for a run, which is on disk now. It began with the chat's update, where that is known."""
    if _recorder is not None:
        facts = {"workflow": workflow, "platform": platform}
        begun = min(begun, _arrival.get(begun))
        record(Span(run, REQUEST, begun, time.time_ns(), REQUEST, "", facts))


def since(run: str, name: str, begun: float | None, ended: float | None = None, **facts: Fact) -> None:
    """Record what began at a moment in seconds since 1970, until another one or now. Nothing is recorded if it never
    began.
    """
    if _recorder is not None and begun:
        end = time.time_ns() if ended is None else nanoseconds(ended)
        key, within = (RUN, REQUEST) if name == RUN else ("", RUN)
        record(Span(run, name, nanoseconds(begun), max(end, nanoseconds(begun)), key, within, facts))


def timed(run: str, name: str, *, key: str = "", within: str = RUN, **facts: Fact) -> AbstractContextManager[None]:
    """Record what is done in `with`."""
    return nullcontext() if _recorder is None else _Timed(run, name, key, within, facts)


def nanoseconds(moment: float) -> int:
    return int(moment * 1e9)


class _Timed(AbstractContextManager[None]):
    def __init__(self, run: str, name: str, key: str, within: str, facts: Mapping[str, Fact]) -> None:
        self._given = run, name, key, within, facts

    def __enter__(self) -> None:
        self._begun = time.time_ns()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """A span with a key that is put aside is not recorded: another process goes on with it under the same key."""
        if self._given[2] and kind is not None and issubclass(kind, asyncio.CancelledError):
            return
        run, name, key, within, facts = self._given
        record(Span(run, name, self._begun, time.time_ns(), key, within, facts, kind.__name__ if kind else ""))
