"""The pace of registrations: what flaps is not told to Discord each time, and what is new is told soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

_STILL = 2.0  # seconds for which commands have to stay as they are
_RESERVE = 30  # new commands of a day that are kept for those that never were there
_APART = 3.0  # seconds between two registrations because of new commands


@dataclass
class _Allowance:
    """So many at once, and one more after each `every` seconds. More may be taken at once while something is left."""

    most: int
    every: float
    left: float
    at: float

    def take(self, count: int, now: float) -> None:
        self.left = min(self.left + (now - self.at) / self.every, self.most) - count
        self.at = now

    def ready(self, reserve: int = 0) -> float:
        """The moment from which more than a reserve is left."""
        return self.at + max(0.0, reserve + 1 - self.left) * self.every


@dataclass
class _Told:
    """The news of one server: `names` are the commands that this process told it last, if it has, and `ever` are all
    that it told it.
    """

    changes: _Allowance
    creations: _Allowance
    at: float
    names: frozenset[str] | None = None
    ever: frozenset[str] = frozenset()
    mark: str = ""
    since: float = 0.0


class SyncPace:
    """A new command is told within seconds. One that changes or goes is told once it has stayed so, a few times at once
    and then once a minute. Discord takes 200 new commands a day in a server: those that come and go leave some to
    others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, _Told] = {}
        self._waiting: dict[str, float] = {}

    @property
    def is_due(self) -> bool:
        """True if commands that have waited may be told now."""
        return any(moment <= self._clock() for moment in self._waiting.values())

    @property
    def holds_back(self) -> bool:
        """True if commands wait until they may be told."""
        return bool(self._waiting)

    def allows(self, where: str, mark: str, names: Collection[str]) -> bool:
        """True if these commands, of which `mark` is a digest, may be told to a server now. Else they wait."""
        now, told = self._clock(), self._of(where)
        if told.mark != mark:
            told.mark, told.since = mark, now
        if created := _created(told, names):
            moment = max(told.at + _APART, told.creations.ready(_RESERVE if created <= told.ever else 0))
        else:
            moment = max(told.since + _STILL, told.changes.ready())
        if moment <= now:
            return True
        self._waiting[where] = moment
        return False

    def tell(self, where: str, names: Collection[str], *, first: bool = False) -> None:
        """Note that a server is told these commands, by any process for the `first` time or not."""
        now, told = self._clock(), self._of(where)
        if created := frozenset(names) if first else _created(told, names):
            told.creations.take(len(created), now)
        else:
            told.changes.take(1, now)
        told.at, told.names, told.ever = now, frozenset(names), told.ever | frozenset(names)
        self.settle(where)

    def settle(self, where: str) -> None:
        """Note that a server knows its commands as they are."""
        self._waiting.pop(where, None)
        self._of(where).mark = ""

    def _of(self, where: str) -> _Told:
        if where not in self._told:
            now = self._clock()
            self._told[where] = _Told(_Allowance(4, 60.0, 4, now), _Allowance(150, 1728.0, 150, now), now - _APART)
        return self._told[where]


def _created(told: _Told, names: Collection[str]) -> frozenset[str]:
    return frozenset() if told.names is None else frozenset(names) - told.names
