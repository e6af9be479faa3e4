"""The hub: carries what replies say to the open pages of the visitor whom it concerns, latest wins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.core.errors import TooMany
from bot.core.model import Cancelled, Delivering, Done, Failed, Paused, Queued, Running, Status
from bot.core.platform import RunRecord
from bot.i18n import _
from bot.platforms.web.live.event_log import EventInbox, EventLog

_PAGES = 32  # pages that one visitor may have open
_LEFT = 1000  # visitors without an open page whose journals are kept
_WRITTEN = 100  # runs that are known as they were written
_FRESH = 1.0  # seconds for which that may be true: another process may change them
_KEPT = 600.0  # seconds that the last word on a run is kept, should its record be late; and an unread journal


@dataclass(frozen=True)
class Word:
    """The latest word on a run, whose it is, when it came, and how many previews it has had by then."""

    visitor: str
    status: Status
    at: float
    previews: int = 0


@dataclass(frozen=True)
class _Written:
    run: RunRecord
    at: float


class Hub:
    """Knows the open pages of this process, and the latest word on every run that has not ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._journals: dict[str, EventLog] = {}
        self._left: dict[str, float] = {}  # when the last page of a visitor was closed
        self._words: dict[str, Word] = {}
        self._written: dict[tuple[str, str], _Written] = {}  # by visitors and runs, the latest at the end

    @contextmanager
    def listen(self, visitor: str, last_event: str = "") -> Iterator[tuple[EventLog, EventInbox]]:
        """A visitor's journal, and an inbox for one open page that goes on after an event, while the context lasts.

        Raises `TooMany`.
        """
        journal = self._journals.setdefault(visitor, EventLog(self._clock))
        if len(journal.inboxes) >= _PAGES:
            raise TooMany(_("Too many pages are open. Please close some of them."))
        self._left.pop(visitor, None)
        inbox = journal.inbox(last_event)
        journal.inboxes.add(inbox)
        try:
            yield journal, inbox
        finally:
            journal.inboxes.discard(inbox)
            if not journal.inboxes:
                self._left[visitor] = self._clock()
                if len(self._left) > _LEFT:
                    self._drop(next(iter(self._left)))

    @property
    def has_pages(self) -> bool:
        return len(self._journals) > len(self._left)

    def is_open(self, visitor: str) -> bool:
        """True if a visitor has a page open."""
        return visitor in self._journals and visitor not in self._left

    def say(self, visitor: str, run_id: str, status: Status) -> None:
        """Pass on what there is to say of a run."""
        known = self.written(visitor, run_id)
        if known is not None and known.ended_at is not None and isinstance(status, Delivering | Done | Cancelled):
            self._words.pop(run_id, None)
            return  # its pages were told of its end
        if not isinstance(status, Done | Cancelled):
            before = self._words.get(run_id)
            previews = before.previews if before is not None else 0
            fresh = isinstance(status, Running) and status.preview != _preview(before)
            self._words[run_id] = Word(visitor, status, self._clock(), previews + fresh)
        else:
            self._words.pop(run_id, None)  # its record says all
        self._note(visitor, run_id, whole=not isinstance(status, Queued | Running | Delivering | Paused))

    def tell(self, visitor: str, run_id: str) -> None:
        """Have a visitor's pages look at a run again."""
        self._note(visitor, run_id, whole=True)

    def wants(self, person: str) -> bool:
        """True if a visitor has a page, or may come back to one."""
        return person in self._journals

    def show(self, run: RunRecord) -> None:
        """Have its visitor's pages show a run as it was written just now."""
        if self.wants(visitor := run.person.id):
            self._note(visitor, run.id, whole=True)
            self._written[visitor, run.id] = _Written(run, self._clock())
            if len(self._written) > _WRITTEN:
                del self._written[next(iter(self._written))]

    def written(self, visitor: str, run_id: str) -> RunRecord | None:
        """Return a run as it was written just now, if nothing was said of it and no end read since."""
        found, journal = self._written.get((visitor, run_id)), self._journals.get(visitor)
        if found is None or journal is None or self._clock() - found.at >= _FRESH:
            return None
        return found.run if found.run.ended_at is not None or not journal.has_ended(run_id) else None

    def look_again(self) -> None:
        """Have all pages look at what is on offer."""
        for journal in self._journals.values():
            for inbox in journal.inboxes:
                inbox.looks_again = True
                inbox.ring()

    def word(self, run_id: str) -> Word | None:
        return self._words.get(run_id)

    def forget(self, run_id: str) -> None:
        """Drop the word on a run whose record says more."""
        self._words.pop(run_id, None)

    def tidy(self) -> None:
        """Drop old statuses that no page asked for, and event logs of pages that did not return."""
        long_ago = self._clock() - _KEPT
        for run_id in [run_id for run_id, word in self._words.items() if word.at < long_ago and _is_last(word)]:
            del self._words[run_id]
        for visitor in [visitor for visitor, at in self._left.items() if at < long_ago]:
            self._drop(visitor)

    def hang_up(self) -> None:
        """Close every inbox: the page is going down."""
        for visitor in self._journals:
            self.hang_up_on(visitor)

    def hang_up_on(self, visitor: str) -> None:
        """Close the inboxes of a visitor, who may no longer see the page."""
        if (journal := self._journals.get(visitor)) is not None:
            for inbox in journal.inboxes:
                inbox.close()

    def _drop(self, visitor: str) -> None:
        del self._left[visitor], self._journals[visitor]

    def _note(self, visitor: str, run_id: str, *, whole: bool) -> None:
        self._written.pop((visitor, run_id), None)
        if (journal := self._journals.get(visitor)) is not None:
            journal.note(run_id, whole=whole)


def _preview(word: Word | None) -> bytes | None:
    return word.status.preview if word is not None and isinstance(word.status, Running) else None


def _is_last(word: Word) -> bool:
    return isinstance(word.status, Failed)
