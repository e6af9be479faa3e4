"""A journal: what changed of one visitor's runs, in order, so that after a break a page hears what it missed."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from time import monotonic

from bot.core.platform import RunRecord, State, until_set

_MOST = 1000  # runs whose latest change, or end, is kept
_ID = re.compile(r"(?P<journal>[0-9a-f]{16})-(?P<number>\d{1,15})")


@dataclass(frozen=True)
class News:
    """A run that changed. `id` is the event's: a page that received it has received all before it. `whole`: more
    than the status of the run is new.
    """

    id: str
    run_id: str
    whole: bool


@dataclass(frozen=True)
class _Seen:
    run: RunRecord
    at: float


@dataclass(frozen=True)
class _Change:
    number: int
    whole: int  # the number of the last change of this run that was not of its status alone


class EventLog:
    """Numbers every change; of each run only the latest counts. It knows the runs as they were last looked at."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._unfinished: dict[str, _Seen] = {}
        self._ended: dict[str, tuple[State, float]] = {}  # those that were looked at last are at the end
        self.looked = float("-inf")
        self.inboxes: set[EventInbox] = set()
        self._name = secrets.token_hex(8)
        self._changes: dict[str, _Change] = {}  # the earliest first
        self._number, self._dropped = 0, 0

    def know(self, run: RunRecord) -> bool:
        """Note a run as it is now. Returns False if it was known like that already. Of one that has ended, only its end
        is kept: a page is open for long.
        """
        if run.ended_at is None:
            before, self._unfinished[run.id] = self._unfinished.get(run.id), _Seen(run, self._clock())
            return before is None or before.run != run
        self._unfinished.pop(run.id, None)
        end = run.state, run.ended_at
        known = self._ended.pop(run.id, None)
        self._ended[run.id] = end
        if len(self._ended) > _MOST:
            del self._ended[next(iter(self._ended))]
        return known != end

    def has_ended(self, run_id: str) -> bool:
        """True if a run is known to have ended."""
        return run_id in self._ended

    def forget(self, run_id: str) -> None:
        self._unfinished.pop(run_id, None)
        self._ended.pop(run_id, None)

    @property
    def unfinished(self) -> Collection[str]:
        """The ids of the runs that had not ended."""
        return self._unfinished.keys()

    @property
    def ends(self) -> Mapping[str, tuple[State, float]]:
        """The ends of the runs that are known to have ended: their states then, and the moments."""
        return dict(self._ended)

    def seen_at(self, run_id: str) -> float:
        """The moment at which an unfinished run was last looked at."""
        return self._unfinished[run_id].at

    def note(self, run_id: str, *, whole: bool) -> None:
        self._number += 1
        before = self._changes.pop(run_id, None)
        kept = before.whole if before is not None else 0
        self._changes[run_id] = _Change(self._number, self._number if whole else kept)
        if len(self._changes) > _MOST:
            self._dropped = self._changes.pop(next(iter(self._changes))).number
        for inbox in self.inboxes:
            inbox.ring()

    def tell_others(self, own: EventInbox, run_id: str) -> None:
        """Have the other open pages look at a run again: what one page has just read is no news for those that open
        later.
        """
        for inbox in self.inboxes - {own}:
            inbox.look_at(run_id)

    def inbox(self, last_event: str) -> EventInbox:
        """An inbox that goes on after an event; `resumed` says whether all since then is still kept."""
        found = _ID.fullmatch(last_event)
        heard = int(found["number"]) if found and found["journal"] == self._name else -1
        if self._dropped <= heard <= self._number:
            return EventInbox(self, heard, resumed=True)
        return EventInbox(self, self._number, resumed=False)

    def since(self, number: int) -> list[News]:
        """The changes after a given one."""
        return [
            News(self.id(change.number), run_id, change.whole > number)
            for run_id, change in self._changes.items()
            if change.number > number
        ]

    @property
    def number(self) -> int:
        return self._number

    def id(self, number: int) -> str:
        return f"{self._name}-{number}"


class EventInbox:
    """The news that one open page has not been sent yet. Each run is in it only once, however slow the page is."""

    def __init__(self, journal: EventLog, heard: int, *, resumed: bool) -> None:
        self.closed, self.resumed = False, resumed
        self.looks_again = False  #: whether the page is to look at what is on offer
        self._journal, self._heard = journal, heard
        self._looks_at = set[str]()
        self._bell = asyncio.Event()
        if heard < journal.number:
            self._bell.set()

    @property
    def id(self) -> str:
        """The id of the event up to which everything has been taken."""
        return self._journal.id(self._heard)

    def ring(self) -> None:
        self._bell.set()

    def look_at(self, run_id: str) -> None:
        """Have the page look at a run again, whatever is news."""
        self._looks_at.add(run_id)
        self.ring()

    def close(self) -> None:
        self.closed = True
        self._bell.set()

    async def take(self, patience: float | None) -> list[News]:
        """The news; none where there is none for longer than `patience`, or when it is time to look at all else."""
        await until_set(self._bell, patience)
        self._bell.clear()
        news = self._journal.since(self._heard)
        self._heard = self._journal.number
        beside = self._looks_at - {each.run_id for each in news}
        self._looks_at.clear()
        return [*news, *(News(self.id, run_id, whole=True) for run_id in beside)]
