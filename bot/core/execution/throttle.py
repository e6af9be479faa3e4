"""Latest wins: statuses come at any speed, and are shown no oftener than a platform bears."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from bot.core import events_log
from bot.core.errors import DeliveryFailed, NotNow
from bot.core.model import Status

_TICK = 3.0  # seconds

#: A status, or a function that tells what it is at the moment it is shown: most are never shown.
Shown = Status | Callable[[], Status]


class Throttle:
    """Shows the latest of the statuses that it is offered, one at a time; on the way out, the last one at once.

    A show that fails harms nothing: a later one, or the result, says more.
    """

    def __init__(
        self,
        show: Callable[[Status], Awaitable[None]],
        interval: float,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._show, self._interval, self._clock, self._sleep = show, interval, clock, sleep
        self._latest: Shown | None = None
        self._shown: Status | None = None
        self._next = clock()
        self._news = asyncio.Event()
        self._showing = asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None

    def offer(self, status: Shown) -> None:
        """Let a status be the next one to be shown, instead of any that still waits."""
        self._latest = status
        self._news.set()

    async def __aenter__(self) -> Throttle:
        self._worker = asyncio.create_task(self._work(), name="throttle")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            async with self._showing:  # a show that is under way ends first
                self._stop()
        except asyncio.CancelledError:
            self._stop()
            raise
        if self._worker is not None:
            await asyncio.wait({self._worker})
            if not self._worker.cancelled():
                self._worker.result()
        await self._show_latest()

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            wait = self._next - self._clock()
            if wait > 0:
                await self._sleep(wait)
            await self._show_latest()

    async def _show_latest(self) -> None:
        async with self._showing:
            latest, self._latest = self._latest, None
            status = latest() if callable(latest) else latest
            if status is None or status == self._shown:
                return
            pause = self._interval
            try:
                await self._show(status)
                self._shown = status
            except NotNow as full:
                pause = min(pause, pause if full.after is None else full.after)
                if self._latest is None:  # it is still the news, and is said when there is room
                    self.offer(status)
            except DeliveryFailed as failure:
                events_log.chat_refused(type(status).__name__, str(failure))
            self._next = self._clock() + pause


class Ticker:
    """Calls a function while nothing is heard: the time left goes on. Use it in `with`, where `note` begins it."""

    def __init__(self, tick: Callable[[], None], pause: float = _TICK) -> None:
        self._tick, self._pause = tick, pause
        self._due: asyncio.TimerHandle | None = None
        self._next = 0.0  # by the loop's clock

    def note(self, *, ticks: bool) -> None:
        """Something was heard: the next call is a pause later, if at all."""
        if not ticks:
            self._stop()
            return
        loop = asyncio.get_running_loop()
        self._next = loop.time() + self._pause
        if self._due is None:  # else it waits for what is left when it comes: most are put off many times
            self._due = loop.call_at(self._next, self._call)

    async def __aenter__(self) -> Ticker:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _call(self) -> None:
        loop, self._due = asyncio.get_running_loop(), None
        if loop.time() < self._next:
            self._due = loop.call_at(self._next, self._call)
            return
        self._tick()
        self.note(ticks=True)

    def _stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
