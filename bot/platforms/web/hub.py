"""The hub: carries what replies say to the open pages of the visitor whom it concerns, latest wins."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.core.chat import Cancelled, Done, Failed, Running, Status

_KEPT = 600.0  # seconds that the last word on a run is kept, should its record be late


@dataclass(frozen=True)
class Word:
    """The latest word on a run, whose it is, when it came, and how many previews it has had by then."""

    visitor: str
    status: Status
    at: float
    previews: int = 0


class Inbox:
    """What one open page has not been told yet: the ids of runs. However slow it is, each is there but once."""

    def __init__(self) -> None:
        self.closed = False
        self._fresh: dict[str, None] = {}
        self._news = asyncio.Event()

    def put(self, run_id: str) -> None:
        self._fresh[run_id] = None
        self._news.set()

    def close(self) -> None:
        self.closed = True
        self._news.set()

    async def take(self, patience: float) -> list[str]:
        """The runs of which there is news; none where that takes longer than `patience`."""
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        fresh, self._fresh = list(self._fresh), {}
        return fresh


class Hub:
    """Knows the open pages of this process, and the latest word on every run that has not ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._inboxes: defaultdict[str, set[Inbox]] = defaultdict(set)
        self._words: dict[str, Word] = {}

    @contextmanager
    def listen(self, visitor: str) -> Iterator[Inbox]:
        """An inbox for one open page, while the context lasts."""
        inbox = Inbox()
        self._inboxes[visitor].add(inbox)
        try:
            yield inbox
        finally:
            self._inboxes[visitor].discard(inbox)
            if not self._inboxes[visitor]:
                del self._inboxes[visitor]

    def say(self, visitor: str, run_id: str, status: Status) -> None:
        """Pass on what there is to say of a run."""
        if not isinstance(status, Done | Cancelled):
            before = self._words.get(run_id)
            previews = before.previews if before is not None else 0
            fresh = isinstance(status, Running) and status.preview is not _preview(before)
            self._words[run_id] = Word(visitor, status, self._clock(), previews + fresh)
        else:
            self._words.pop(run_id, None)  # its record says all
        self.tell(visitor, run_id)

    def tell(self, visitor: str, run_id: str) -> None:
        """Have a visitor's pages look at a run again."""
        for inbox in self._inboxes.get(visitor, ()):
            inbox.put(run_id)

    def word(self, run_id: str) -> Word | None:
        return self._words.get(run_id)

    def forget(self, run_id: str) -> None:
        """Drop the word on a run whose record says more."""
        self._words.pop(run_id, None)

    def tidy(self) -> None:
        """Drop last words that nobody came for, and words of runs that have gone on elsewhere."""
        now = self._clock()
        old = [run_id for run_id, word in self._words.items() if now - word.at > _KEPT and _is_last(word)]
        for run_id in old:
            del self._words[run_id]

    def hang_up(self) -> None:
        """Close every inbox: the page is going down."""
        for inboxes in self._inboxes.values():
            for inbox in inboxes:
                inbox.close()


def _preview(word: Word | None) -> bytes | None:
    return word.status.preview if word is not None and isinstance(word.status, Running) else None


def _is_last(word: Word) -> bool:
    return isinstance(word.status, Failed)
