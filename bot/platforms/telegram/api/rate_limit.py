"""Pacing: no oftener than Telegram bears it, in each chat and in all; what matters goes before progress.

A group bears 20 messages a minute, edits among them; a private chat one a second, and now and then two: a result need
not wait for the second after the message that it takes the place of. All chats together bear 30 a second. The edits of
one message stand a second apart, and three in groups.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_PRIVATE_GAP, _GROUP_GAP = 1.05, 3.05  # seconds between two edits of a message, with some for the way there
_AGAIN = 8.0  # seconds within which progress that had no room is offered again, or is there no more
_SOON = 0.05  # seconds: the least that is worth waiting for room
_IDLE = 120.0  # seconds after which a chat is forgotten
_TIDY_AT = 1000  # chats, or twice as many as are left after that


@dataclass(frozen=True)
class RateRule:
    """So many requests in so many seconds."""

    most: int
    seconds: float

    def wait(self, sent: deque[float], now: float, cost: int) -> float:
        """Seconds until there is room for so many more."""
        over = len(sent) + min(cost, self.most) - self.most
        return sent[over - 1] + self.seconds - now if over > 0 else 0.0


@dataclass(frozen=True)
class RateRules:
    """Limits for all requests, for progress among them, and for a result; and how evenly progress goes out, so that it
    does not use everything up at once and then stand still.
    """

    all: tuple[RateRule, ...]
    progress: tuple[RateRule, ...]
    result: tuple[RateRule, ...]
    evenly: tuple[RateRule, ...] = ()

    def of(self, *, optional: bool, result: bool) -> tuple[RateRule, ...]:
        return self.result if result else self.all + (self.progress if optional else ())


OVERALL = RateRules((RateRule(30, 1.05),), (RateRule(22, 1.05),), (RateRule(30, 1.05),))
PRIVATE = RateRules((RateRule(1, 1.05),), (), (RateRule(2, 1.05),))
GROUP = RateRules((RateRule(20, 60.5),), (RateRule(14, 60.5),), (RateRule(20, 60.5),), (RateRule(3, 13.0),))


@dataclass
class Window:
    """The times of the latest requests under some rules, and of the messages' progress that had no room."""

    rules: RateRules
    sent: deque[float] = field(default_factory=deque)
    progress: deque[float] = field(default_factory=deque)
    passed_over: dict[int, float] = field(default_factory=dict)
    held_until: float = -math.inf
    urgent: int = 0

    def wait(self, now: float, cost: int, *, optional: bool, result: bool) -> float:
        """Seconds until there is room for so many."""
        waits = [0.0, self.held_until - now]
        waits += [rule.wait(self.sent, now, cost) for rule in self.rules.of(optional=optional, result=result)]
        waits += [rule.wait(self.progress, now, cost) for rule in self.rules.evenly if optional]
        return max(waits)

    def note(self, now: float, cost: int, *, optional: bool) -> None:
        longest = max(rule.seconds for rule in self.rules.all)
        for times in (self.sent, self.progress) if optional else (self.sent,):
            times.extend([now] * cost)
            while times and times[0] <= now - longest:
                times.popleft()


@dataclass(frozen=True)
class _Asked:
    """A request that is to go out: `message` is one that it edits, and `optional` is progress."""

    chat: int
    message: int | None
    cost: int
    optional: bool
    result: bool


class RateLimiter:
    """Says when a request to a chat may go out."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._all = Window(OVERALL)
        self._chats: dict[int, Window] = {}
        self._edited: dict[tuple[int, int], float] = {}
        self._crowd = asyncio.Lock()
        self._tidy_at = _TIDY_AT

    def hold(self, chat: int, seconds: float) -> None:
        """Telegram wants nothing from us in a chat for so long; the others go on."""
        window = self._window(chat)
        window.held_until = max(window.held_until, self._clock() + seconds)

    def room(self, chat: int, message: int) -> float | None:
        """Seconds until the chat has room for progress that was refused; None where it is not the chat's."""
        window, now = self._window(chat), self._clock()
        wait = max(window.wait(now, 1, optional=True, result=False), self._apart(chat, message, now))
        return max(wait, _SOON) if wait > 0 else None

    @asynccontextmanager
    async def turn(
        self,
        chat: int,
        message: int | None = None,
        *,
        cost: int = 1,
        patience: float = math.inf,
        result: bool = False,
    ) -> AsyncIterator[bool]:
        """Wait for a turn, at most `patience` seconds; whether there was one. `message` is one that is to be edited.

        Whoever's patience ends is progress: it leaves room for answers and results, and stands back while they wait,
        and for a message of the chat that was shown longer ago and had no room either.
        """
        asked = _Asked(chat, message, cost, optional=patience < math.inf, result=result)
        granted = await self._wait(asked, patience)
        try:
            yield granted
        finally:
            if granted and message is not None:
                self._edited[chat, message] = self._clock()

    async def _wait(self, asked: _Asked, patience: float) -> bool:
        window, until = self._window(asked.chat), self._clock() + patience
        window.urgent += not asked.optional
        try:
            while (wait := self._wait_for(window, asked)) > 0:
                if self._clock() + wait > until:
                    if asked.message is not None:
                        window.passed_over[asked.message] = self._clock()
                    return False
                await self._pass(window, asked, wait)
        finally:
            window.urgent -= not asked.optional
        self._note(window, asked)
        return True

    async def _pass(self, window: Window, asked: _Asked, wait: float) -> None:
        """Let the time pass until there may be room. Those for whom only all chats together have none wait one behind
        the other: thousands that wake at the same moment would hold everything up.
        """
        now = self._clock()
        if asked.optional or self._own_wait(window, asked, now) >= self._shared_wait(asked, now):
            await self._sleep(wait)
            return
        async with self._crowd:
            if (wait := self._shared_wait(asked, self._clock())) > 0:
                await self._sleep(wait)

    def _stands_back(self, window: Window, asked: _Asked) -> bool:
        """True if other progress in the chat goes first; this message asks again in a moment."""
        if asked.message is None:
            return False
        now, shown = self._clock(), self._edited.get((asked.chat, asked.message), -math.inf)
        window.passed_over = {each: at for each, at in window.passed_over.items() if now - at < _AGAIN}
        others = (each for each in window.passed_over if each != asked.message)
        return any(self._edited.get((asked.chat, each), -math.inf) < shown for each in others)

    def _wait_for(self, window: Window, asked: _Asked) -> float:
        if asked.optional and (window.urgent or self._stands_back(window, asked)):
            return math.inf
        now = self._clock()
        return max(self._own_wait(window, asked, now), self._shared_wait(asked, now))

    def _shared_wait(self, asked: _Asked, now: float) -> float:
        """Seconds until all chats together leave room."""
        return self._all.wait(now, asked.cost, optional=asked.optional, result=asked.result)

    def _own_wait(self, window: Window, asked: _Asked, now: float) -> float:
        """Seconds until the chat, and the message, leave room."""
        wait = window.wait(now, asked.cost, optional=asked.optional, result=asked.result)
        return wait if asked.message is None else max(wait, self._apart(asked.chat, asked.message, now))

    def _apart(self, chat: int, message: int, now: float) -> float:
        """Seconds until a message may be edited again."""
        last = self._edited.get((chat, message), -math.inf)
        return last + (_PRIVATE_GAP if chat > 0 else _GROUP_GAP) - now

    def _note(self, window: Window, asked: _Asked) -> None:
        now = self._clock()
        for each in (window, self._all):
            each.note(now, asked.cost, optional=asked.optional)
        if asked.message is not None:
            self._edited[asked.chat, asked.message] = now
            window.passed_over.pop(asked.message, None)

    def _window(self, chat: int) -> Window:
        if chat not in self._chats:
            if len(self._chats) >= self._tidy_at:
                self._tidy()
                self._tidy_at = max(_TIDY_AT, 2 * len(self._chats))
            self._chats[chat] = Window(PRIVATE if chat > 0 else GROUP)
        return self._chats[chat]

    def _tidy(self) -> None:
        """Forget entries that no longer matter."""
        old = self._clock() - _IDLE
        for chat, window in list(self._chats.items()):
            if not window.urgent and window.held_until < old and (not window.sent or window.sent[-1] < old):
                del self._chats[chat]
        self._edited = {key: at for key, at in self._edited.items() if at > old}
