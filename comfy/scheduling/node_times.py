"""Times of nodes on servers: medians of what was measured, by class, models and size. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import log
from statistics import median
from typing import NamedTuple

from comfy.scheduling.node_work import NodeWork, class_of

_REMEMBERED = 16  # measurements of each class with the same models
_COUNTED = 5  # of these, the latest that are alike: a server may become slower for a while
_MOST = 5000  # classes with their models, of one server
_SAME = 0.01  # sizes that differ by so little, as a logarithm, are the same
_FAR = 2.5  # sizes that differ by more, as a logarithm, tell nothing of each other
COLD = "+"  #: the end of the key of a node for which models were loaded just before


class Measurement(NamedTuple):
    """The seconds that a node took once, and those of them before its first step; see `NodeWork`."""

    signature: str
    size: float
    seconds: float
    lead: float = 0.0


@dataclass(frozen=True)
class Expected:
    """The seconds that a node is expected to take, and those of them before its first step. `alike`: so many
    measurements of the same work say so.
    """

    seconds: float
    lead: float
    alike: int


@dataclass
class ServerTimes:
    """The times of nodes at one server. `changed` has the keys with news, and `news` is called with each."""

    measured: dict[str, list[Measurement]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    news: Callable[[], None] = lambda: None
    _latest: dict[str, str] = field(default_factory=dict)  # key of each class

    def expected(self, work: NodeWork, *, cold: bool) -> Expected | None:
        """Estimate how long a node takes; `cold` if its models are loaded just before. None if nothing is known.

        Where it has not worked with these models, it is taken to need as long as with those that it last had.
        """
        known = self.measured.get(work.key + COLD * cold)
        if known:
            return _estimate(known, work)
        for key in (work.key, self._latest.get(work.class_type)):
            for each in (f"{key}{COLD * cold}", f"{key}{COLD * (not cold)}"):
                other = _estimate(self.measured[each], work) if self.measured.get(each) else None
                if other is not None:
                    return replace(other, alike=0)
        return None

    def fill(self, measured: Mapping[str, list[Measurement]]) -> None:
        """Take in what was measured before, the oldest first."""
        self.measured.update(measured)
        self._latest.update((class_of(key), key.removesuffix(COLD)) for key in measured)

    def learn(self, taken: Iterable[tuple[NodeWork, bool, float, float]]) -> None:
        """Add the seconds that nodes took: each with its work, whether it was cold, and the seconds before its first
        step.
        """
        for work, cold, seconds, lead in taken:
            key = work.key + COLD * cold
            recent = self.measured.pop(key, [])  # what was used last is at the end
            recent.append(Measurement(work.signature, work.size, round(seconds, 4), round(lead, 4)))
            self.measured[key] = recent[-_REMEMBERED:]
            self._latest[work.class_type] = work.key
            self.changed.add(key)
        while len(self.measured) > _MOST:
            gone = next(iter(self.measured))
            del self.measured[gone]
            self.changed.discard(gone)
        self.news()


class NodeTimes:
    """The times of nodes at all servers of a process."""

    def __init__(self) -> None:
        self._servers: dict[str, ServerTimes] = {}
        self._news: Callable[[], None] = lambda: None

    def at(self, server: str) -> ServerTimes:
        return self._servers.setdefault(server, ServerTimes(news=lambda: self._news()))

    def on_news(self, call: Callable[[], None]) -> None:
        """Have a function called whenever something was measured."""
        self._news = call

    def fill(self, server: str, measured: Mapping[str, list[Measurement]]) -> None:
        """Take in what was measured before, the oldest first."""
        self.at(server).fill(measured)

    def take_news(self) -> dict[tuple[str, str], list[Measurement]]:
        """Return what is new since the last time, by server and key."""
        news = {}
        for name, server in self._servers.items():
            for key in sorted(server.changed):
                news[name, key] = list(server.measured[key])
            server.changed.clear()
        return news

    def give_back(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note that these could not be kept, and are still new."""
        for name, key in keys:
            if key in self._servers[name].measured:
                self._servers[name].changed.add(key)


def _estimate(known: list[Measurement], work: NodeWork) -> Expected | None:
    alike = [each for each in known if each.signature == work.signature]
    same = alike or [each for each in known if _distance(each.size, work.size) <= _SAME]
    if same:
        latest = same[-_COUNTED:]
        seconds, lead = median(each.seconds for each in latest), median(each.lead for each in latest)
        return Expected(seconds, min(lead, seconds), min(len(alike), _COUNTED))
    nearest = min(_distance(each.size, work.size) for each in known)
    if nearest > _FAR:
        return None
    near = [each for each in known if _distance(each.size, work.size) <= nearest + _SAME]
    lead = median(each.lead for each in near)
    return Expected(lead + median((each.seconds - each.lead) * work.size / each.size for each in near), lead, 0)


def _distance(one: float, other: float) -> float:
    return abs(log(one / other))
