"""Background tasks: work that goes on beside something, and is started again whenever it fails."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core import events_log
from bot.core.errors import StorageFailed
from bot.core.listeners import Listeners
from bot.core.retry import Pauses
from bot.core.together import end_all

_PAUSES = Pauses(1.0, 60.0)  # before work that failed is started again
_PAUSES_OF_STEPS = Pauses(1.0, 5.0)  # a step is short: trying it again costs little
_SETTLED = 30.0  # seconds after which work that was started again counts as well
_KEEPS_FAILING = 2  # failures in a row
_BEATS, _LONG = (30.0, 15.0, 3.0, 1.0), 15.0  # seconds
_NEARLY = 0.01  # of a beat: a timer may end a moment before one

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Remark:
    """Words that everybody may read, and a detail for the operator alone."""

    words: str
    detail: str = ""


def aligned(pause: float, now: float) -> float:
    """Return a pause that ends at a beat of the clock: so a process that rests wakes once for all that is due. The beat
    is of 1 or 3 seconds, and then the pause ends a little early or late; for a pause of 15 seconds or more it is of 15
    or 30, and then it ends early. A pause of less than a second stays as it is.
    """
    beat = next((each for each in _BEATS if each <= pause), None)
    if beat is None:
        return pause
    beats = (now + pause) / beat
    return (round(beats) if beat < _LONG else int(beats + _NEARLY)) * beat - now


async def until_set(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until an event is set. After so many seconds it is set here, and stays so; then return False, though there
    may be news by then.
    """
    # `asyncio.timeout` ends in exceptions, which cost a process at rest more than what it has to do then.
    late = False

    def end() -> None:
        nonlocal late
        late = not event.is_set()
        event.set()

    if event.is_set():
        return True
    timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, end)
    try:
        await event.wait()
    finally:
        if timer is not None:
            timer.cancel()
    return not late


class TaskHealth:
    """The state of one process's background tasks, and of its connections to the platforms."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._in_a_row: Counter[str] = Counter()
        self._restarted: dict[str, float] = {}
        self._platforms: dict[str, bool] = {}  # whether each is connected
        self._remarks: dict[str, Remark] = {}
        self._refusals: dict[str, str] = {}
        self._began: dict[str, float] = {}
        #: How often each task has failed since the process started.
        self.failures: Counter[str] = Counter()
        #: Told the name of a platform whenever it gets connected.
        self.on_connected = Listeners[[str]]()

    def failed(self, name: str) -> int:
        """Count a failure; how many there were in a row."""
        if self._has_settled(name):
            del self._in_a_row[name]
        self._restarted.pop(name, None)
        self._in_a_row[name] += 1
        self.failures[name] += 1
        return self._in_a_row[name]

    def restarted(self, name: str) -> None:
        """Say that a task is running again; it counts as well if it still runs in half a minute."""
        if name in self._in_a_row:
            self._restarted[name] = self._clock()

    def begins(self, name: str) -> None:
        """Say that a task begins a step."""
        self._began[name] = self._clock()

    def began(self, name: str) -> float | None:
        """Return when a task began its last step, by the clock; None if it never did."""
        return self._began.get(name)

    def well(self, name: str) -> None:
        """Say that a task works, or has ended."""
        self._in_a_row.pop(name, None)
        self._restarted.pop(name, None)

    @property
    def failing(self) -> Mapping[str, int]:
        """The tasks that keep failing, and how often each has failed in a row."""
        return {
            name: count
            for name, count in self._in_a_row.items()
            if count >= _KEEPS_FAILING and not self._has_settled(name)
        }

    def disconnected(self, platform: str) -> None:
        """Say that a platform is expected, and not connected."""
        if self._platforms.get(platform):
            events_log.platform_disconnected(platform)
        self._platforms[platform] = False

    def connected(self, platform: str) -> None:
        """Say that a platform is connected."""
        if not self._platforms.get(platform):
            events_log.platform_connected(platform)
            self.on_connected(platform)
        self._platforms[platform] = True
        self._refusals.pop(platform, None)

    def refused(self, platform: str, words: str) -> None:
        """Say that a platform no longer takes our token, until it is connected again."""
        self._refusals[platform] = words

    @property
    def refusals(self) -> Mapping[str, str]:
        """The platforms that no longer take our token, and what to do."""
        return dict(self._refusals)

    @property
    def platforms(self) -> Mapping[str, bool]:
        """The platforms that this process serves, and whether each is connected."""
        return dict(self._platforms)

    @property
    def away(self) -> tuple[str, ...]:
        """The platforms that are not connected."""
        return tuple(name for name, connected in self._platforms.items() if not connected)

    def remark(self, topic: str, words: str, detail: str = "") -> None:
        """Say what the operator should know of a topic, though the process works. Everybody may read the words; the
        `detail`, such as what a command or the system said, is for the operator alone.
        """
        self._remarks[topic] = Remark(words, detail)

    def settle(self, topic: str) -> None:
        """Say that there is nothing to remark on a topic any longer."""
        self._remarks.pop(topic, None)

    @property
    def remarks(self) -> Mapping[str, Remark]:
        """Remarks for the operator, by topic, about a process that works."""
        return dict(self._remarks)

    def _has_settled(self, name: str) -> bool:
        return self._clock() - self._restarted.get(name, self._clock()) >= _SETTLED


class BackgroundTask:
    """Supervises work: a failure is logged, counted in `TaskHealth`, and the work is started again after a pause.

    The owner stops it. Work that returns has ended, and is not started again.
    """

    def __init__(
        self,
        name: str,
        health: TaskHealth,
        *,
        fatal: tuple[type[Exception], ...] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fatal` errors are not survived: `run` raises them."""
        self.name, self._health, self._fatal, self._sleep, self._clock = name, health, fatal, sleep, clock
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self, work: Work) -> None:
        """Do work that goes on until it is stopped. `work` makes a new coroutine at each start."""
        self._begin(self.run(work))

    def repeat(self, step: Work, every: float = 0.0, until: Work | None = None) -> None:
        """Do a step again and again, with so many seconds in between (see `aligned`), and then `until` that returns."""

        async def work() -> None:
            while True:
                self._health.begins(self.name)
                await step()
                self._health.well(self.name)
                await self._sleep(aligned(every, self._clock()))
                if until is not None:
                    await until()

        self._begin(self._supervise(work, _PAUSES_OF_STEPS, lambda: None))

    async def run(self, work: Work) -> None:
        """Like `start`, for an owner that awaits it."""
        await self._supervise(work, _PAUSES, lambda: self._health.restarted(self.name))

    async def stop(self) -> None:
        """End the work and wait for its end; nothing happens if it was never started."""
        if self._task is not None:
            self._stopping = True
            await end_all({self._task})
            self._health.well(self.name)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._stopping = False
        self._task = asyncio.create_task(work, name=self.name)

    async def _supervise(self, work: Work, pauses: Pauses, restarted: Callable[[], None]) -> None:
        while True:
            restarted()
            try:
                await work()
            except self._fatal:
                raise
            except Exception as fault:  # noqa: BLE001 - a supervisor survives every failure of its work
                if self._stopping:
                    return
                count = self._health.failed(self.name)
                pause = pauses.after(count)
                self._tell(fault, count, pause)
                await self._sleep(pause)
            else:
                self._health.well(self.name)
                return

    def _tell(self, fault: Exception, count: int, pause: float) -> None:
        """Log a failure; the traceback of an unexpected one only once in a row."""
        expected = isinstance(fault, OSError | StorageFailed)
        shown = None if expected or count > 1 else fault
        events_log.task_failed(self.name, count, pause, _reason(fault), shown)


def _reason(fault: Exception) -> str:
    """A failure's cause, in one line."""
    cause = fault.__cause__ if isinstance(fault, StorageFailed) and fault.__cause__ is not None else fault
    return f"{type(cause).__name__}: {cause}".splitlines()[0]
