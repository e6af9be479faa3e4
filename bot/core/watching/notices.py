"""Tells operators in their own chats what is wrong, once, and once when it is over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import DeliveryFailed
from bot.core.port import OperatorTeller
from bot.core.retry import Pauses
from bot.core.watching.trouble import Trouble, Weight
from bot.i18n import _

_log = logging.getLogger(__name__)
_EVERY = 15.0  # seconds between two looks
_PATIENCE = 30.0  # seconds that a chat may take for a message
_CALM = 60.0  # seconds without a trouble after which it is over
_APART = 60.0  # seconds between two messages to one operator
_QUIET = 3600.0  # seconds in which a trouble that was over is not told again
_PAUSES = Pauses(60.0, 900.0)  # before a message that was not sent is tried again
_MOST = 10  # lines of a message about what is new, and about what is over

Key = tuple[str, str]


@dataclass(frozen=True)
class Notice:
    """The content of one message: troubles that are new to its reader, and those that are over."""

    news: tuple[Trouble, ...] = ()
    over: tuple[Trouble, ...] = ()

    def text(self, name: str) -> str:
        """Say it in a message of the process of this name."""
        lines = list[str]()
        if self.news:
            news = [each.for_operators for each in self.news]
            lines += [_("Darkroom ({name}) needs you:").format(name=name), *_listed(news)]
        if self.over:
            over = [each.words for each in self.over]
            lines += [_("Darkroom ({name}): this is over:").format(name=name), *_listed(over)]
        return "\n".join(lines)


@dataclass
class _Reader:
    told: dict[Key, Trouble] = field(default_factory=dict)
    quiet: dict[Key, float] = field(default_factory=dict)  # until when a trouble is not told again
    free_at: float = float("-inf")
    pauses: Iterator[float] = field(default_factory=lambda: iter(_PAUSES))


class NoticeBook:
    """Knows what was told to whom. It asks no clock but the given one, so it does the same at any pace."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Key, float] = {}
        self._last: dict[Key, float] = {}
        self._now: dict[Key, Trouble] = {}
        self._readers: dict[str, _Reader] = {}

    def look(self, troubles: Sequence[Trouble]) -> None:
        """Note what is wrong now. What is not among it for a minute is over."""
        now = self._clock()
        for each in troubles:
            self._since.setdefault(each.key, now)
            self._last[each.key], self._now[each.key] = now, each
        for key in [key for key, last in self._last.items() if now - last >= _CALM]:
            del self._since[key], self._last[key], self._now[key]

    def due(self, reader: str) -> Notice | None:
        """Return what a reader is to be told now."""
        now, known = self._clock(), self._readers.setdefault(reader, _Reader())
        if now < known.free_at:
            return None
        news = tuple(
            each
            for key, each in self._now.items()
            if not _knows(known.told.get(key), each)
            and now >= known.quiet.get(key, now)
            and self._last[key] - self._since[key] >= each.patience
        )
        over = tuple(each for key, each in known.told.items() if key not in self._now)
        return Notice(news, over) if news or over else None

    def told(self, reader: str, notice: Notice) -> None:
        """Note that a reader has been told this."""
        now, known = self._clock(), self._readers[reader]
        known.free_at, known.pauses = now + _APART, iter(_PAUSES)
        known.told |= {each.key: each for each in notice.news}
        for each in notice.over:
            known.told.pop(each.key, None)
            known.quiet[each.key] = now + _QUIET
        known.quiet = {key: until for key, until in known.quiet.items() if until > now}

    def not_told(self, reader: str) -> None:
        """Note that a message to a reader was not sent."""
        known = self._readers[reader]
        known.free_at = self._clock() + next(known.pauses)


class Notices:
    """Looks, and tells each of the operators who are on one of these platforms."""

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[Sequence[Trouble]]],
        operators: Sequence[str],
        platforms: Mapping[str, object],
        tasks: TaskHealth,
        book: NoticeBook | None = None,
    ) -> None:
        """`name` is that of the process, and `operators` are given as "platform:id"."""
        self._name, self._look, self._book = name, look, book or NoticeBook()
        self._readers = [
            (operator, partial(teller.tell, person))
            for operator in operators
            for platform, _colon, person in [operator.partition(":")]
            if isinstance(teller := platforms.get(platform), OperatorTeller)
        ]
        self._chore = BackgroundTask("notices", tasks)

    async def __aenter__(self) -> Notices:
        if self._readers:
            self._chore.repeat(self.step, _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()

    async def step(self) -> None:
        """Look once, and tell what is due."""
        self._book.look(_without_effects(await self._look()))
        for reader, tell in self._readers:
            notice = self._book.due(reader)
            if notice is None:
                continue
            try:
                async with asyncio.timeout(_PATIENCE):
                    await tell(notice.text(self._name))
            except (DeliveryFailed, TimeoutError) as fault:
                _log.warning(
                    "an operator was not told on %s: %s", reader.partition(":")[0], fault or "it takes too long"
                )
                self._book.not_told(reader)
            else:
                self._book.told(reader, notice)


def _knows(told: Trouble | None, now: Trouble) -> bool:
    """True if a reader was told of a trouble, and not before it became a fault."""
    return told is not None and (told.weight is Weight.FAULT or now.weight is not Weight.FAULT)


def _without_effects(troubles: Sequence[Trouble]) -> list[Trouble]:
    """Leave out tasks that fail because the database is away."""
    is_away = any(each.kind == "database" for each in troubles)
    return [each for each in troubles if not (is_away and each.kind == "task")]


def _listed(told: Sequence[str]) -> list[str]:
    lines = [f"• {each}" for each in told[:_MOST]]
    if more := len(told) - _MOST:
        lines += [_("… and {count} more.").format(count=more)] if more > 0 else []
    return lines
