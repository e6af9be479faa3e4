"""Work that is done at the same time, with nothing of it left behind, and long work in turns with others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)
_AT_ONCE = 0.003  # seconds of work after which others have their turn
_TO_TIDY = 20.0  # seconds that a cancelled task has to tidy up: a server has 10 to end a run, a chat 3 to hear of it


@dataclass(frozen=True)
class _Question:
    about: set[str] = field(default_factory=set)
    #: None if the question has to be asked again.
    answer: asyncio.Future[Collection[str] | None] = field(default_factory=lambda: asyncio.Future())


class AskedTogether:
    """Makes one question of those that several tasks ask at the same moment: which of these are so?"""

    def __init__(self, which: Callable[[Collection[str]], Awaitable[Collection[str]]]) -> None:
        """`which` is asked after all who get its answer have asked."""
        self._which = which
        self._next: _Question | None = None

    async def has(self, one: str) -> bool:
        """True if it is so of this one. Raises what `which` raises."""
        while True:
            if self._next is not None:
                self._next.about.add(one)
                found = await asyncio.shield(self._next.answer)
            else:
                found = await self._ask(one)
            if found is not None:
                return one in found

    async def _ask(self, one: str) -> Collection[str]:
        question = self._next = _Question({one})
        found = None
        try:
            await asyncio.sleep(0)  # others ask meanwhile
            self._next = None
            found = await self._which(question.about)
            return found
        finally:
            if self._next is question:
                self._next = None
            question.answer.set_result(found)


async def together(*works: Coroutine[Any, Any, T]) -> list[T]:
    """Do all at the same time, and return what each returned. Where one fails, or the caller is cancelled, the others
    are cancelled and awaited first: `asyncio.gather` leaves them behind. Raises the first failure.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in works]
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__
    return [task.result() for task in tasks]


async def to_its_end(work: Callable[[], T]) -> T:
    """Return what a function makes in a thread. A thread goes on when the caller is cancelled, so the caller waits for
    it even then, before what it works with is closed.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait({thread})
        raise


async def in_turns(parts: Iterable[T], at_once: float = _AT_ONCE) -> AsyncIterator[T]:
    """Yield the parts of long work. Between them, others have their turn after `at_once` seconds."""
    begun = time.perf_counter()
    for part in parts:
        yield part
        if time.perf_counter() - begun > at_once:
            await asyncio.sleep(0)
            begun = time.perf_counter()


async def end_all(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, those too that are added meanwhile, and return when they have ended. One that has not ended after
    20 seconds is named in the log and cancelled again: a library may lose a cancellation, and what a task needs to tidy
    up may not answer.
    """
    while left := {each for each in tasks if not each.done()}:
        for each in left:
            each.cancel()
        _ended, late = await asyncio.wait(left, timeout=_TO_TIDY)
        for each in late:
            _log.warning("“%s” has not ended after %.0f s, and is cancelled again", each.get_name(), _TO_TIDY)
