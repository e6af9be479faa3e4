"""Decide which server takes which job next. Without a clock, and without input or output.

The jobs are in queue order. Each is assigned to the server that would finish it first, given the server's other jobs
and the models that it would have to load. A free server takes the first job assigned to it.

While many wait for each server, loading models holds up those behind, so it counts for twice or four times its time.
How long a job itself takes counts for as much less, so that slow servers help instead of waiting.

For jobs that are alike the servers are kept in order. When a server changes, it alone moves, so a decision costs as
much as has changed since the one before, however many servers there are.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from typing import NamedTuple

from comfy.scheduling.schedule import Estimates, Job, ServerState

_WORTH_A_MOVE = 0.5  # seconds that a job must end sooner for it to be taken to another server
# These three did best in `benchmarks/planner.py`, over 24 days.
_HELD_UP, _MOST_HELD_UP = 1.2, 2.5  # what loading should count more for each job behind at a server, and at most
_CLEARLY = 1.6  # the factor by which it should count more or less than it does before that changes
_MOST_RANKINGS = 256  # orders of servers that are kept, one for all jobs that are alike

_SERVERS = attrgetter("servers")
_Alike = tuple[str, frozenset[str], frozenset[str]]  # kind, models and servers of a job
_Place = tuple[float, bool, str]  # when the server would end a job, weighed; False if it is free; its name


class Choice(NamedTuple):
    """A job for a server. `passed` are the ids of the jobs that are put off for it. If it is `ahead`, the server begins
    it after what it is doing now.
    """

    job: Job
    server: str
    passed: tuple[str, ...] = ()
    ahead: bool = False


@lru_cache(1024)
def _part(servers: frozenset[str], others: frozenset[str]) -> float:
    """Of a job for `others`: how much of it falls on each of these servers, on average."""
    return len(servers & others) / len(others) / len(servers)


@dataclass(eq=False)
class _Ranking:
    """The servers for jobs that are alike, the soonest first. Of those that do nothing the seconds for a job are kept,
    and of the others the moment at which they would end it, both weighed.
    """

    job: Job
    weight: float
    edition: tuple[int, ...] = ()  # of the estimates
    seen: int = -1  # changes of servers that it has taken in
    idle: list[_Place] = field(default_factory=list)
    busy: list[_Place] = field(default_factory=list)
    _places: dict[str, tuple[list[_Place], _Place]] = field(default_factory=dict)

    def update(
        self,
        names: Iterable[str],
        states: Mapping[str, ServerState],
        estimates: Estimates,
        now: float,
        *,
        anew: bool,
    ) -> None:
        """Put these servers where they belong now; with `anew`, these alone. Most of the time of a decision is here."""
        if anew:
            self.idle, self.busy, self._places = [], [], {}
        idle, busy, places, job, parts = self.idle, self.busy, self._places, self.job, estimates.parts
        put, weight = list.append if anew else insort, self.weight
        for name in names:
            if name in places:
                ranks, place = places[name]
                del ranks[bisect_left(ranks, place)]
            if name not in states:
                places.pop(name, None)
                continue
            _name, loaded, until, is_free, _room = states[name]
            seconds, switching = parts(name, loaded, job)
            took = seconds / weight + weight * switching
            ranks, end = (idle, took) if until <= now else (busy, until + took)
            place = end, not is_free, name
            put(ranks, place)
            places[name] = ranks, place
        if anew:
            idle.sort()
            busy.sort()

    def free(self) -> str | None:
        """Return a free server, if possible one that does nothing."""
        return next((name for _end, taken, name in itertools.chain(self.idle, self.busy) if not taken), None)


class _View:
    """A ranking during one walk through the line: its first servers that were assigned no job, and those that were."""

    def __init__(self, ranking: _Ranking) -> None:
        self.job, self.weight = ranking.job, ranking.weight
        self.all_idle, self.all_busy = iter(ranking.idle), iter(ranking.busy)
        self.idle, self.busy = next(self.all_idle, None), next(self.all_busy, None)
        self.assigned: list[tuple[_Place, int]] = []


class _Walk:
    """One walk through the line. It assigns each job in turn, and remembers what servers would then have to do."""

    def __init__(self, schedule: Schedule, now: float, most: float) -> None:
        """`most` is the largest weight of the jobs. In what servers have to do, loading counts as much for each job: so
        no server ends another job sooner than before.
        """
        self._schedule, self._now, self._most = schedule, now, most
        self._views: dict[_Alike, _View] = {}
        self._assigned: dict[str, tuple[float, frozenset[str], int]] = {}  # until, loaded, number of jobs

    def assign(self, job: Job) -> tuple[str, float] | None:
        """Assign a job. Returns the server and when it starts; None if no server can run it."""
        alike = job.kind, job.models, job.servers
        view = self._views.get(alike)
        if view is None:
            view = self._views[alike] = _View(self._schedule.ranking(job, self._now))
        place = self._soonest(view)
        if place is None:
            return None
        end, _taken, name = place
        before = self._assigned.get(name)
        if before is None:
            state = self._schedule.states[name]
            before = max(self._now, state.until), state.loaded, 0
        until, loaded, count = before
        if self._most > 1:
            seconds, switching = self._schedule.estimates.parts(name, loaded, job)
            end = until + (seconds + self._most * switching)
        self._assigned[name] = end, job.models or loaded, count + 1
        return name, until

    def _soonest(self, view: _View) -> _Place | None:
        """Find the server that would end a job first; of several, a free one. A server that was assigned jobs does not
        end another one sooner than before, so it is looked at again only where it would have been the first.
        """
        assigned = self._assigned
        if view.idle is not None and view.idle[2] in assigned:
            view.idle = self._next(view, view.idle, view.all_idle)
        if view.busy is not None and view.busy[2] in assigned:
            view.busy = self._next(view, view.busy, view.all_busy)
        while view.assigned and view.assigned[0][1] != assigned[view.assigned[0][0][2]][2]:
            heapreplace(view.assigned, self._look_again(view, view.assigned[0][0][2]))
        best = view.busy
        if view.idle is not None:
            took, taken, name = view.idle
            idle = self._now + took, taken, name
            best = idle if best is None or idle < best else best
        if view.assigned and (best is None or view.assigned[0][0] < best):
            best = view.assigned[0][0]
        return best

    def _next(self, view: _View, first: _Place, rest: Iterator[_Place]) -> _Place | None:
        """Return the next server that was assigned no job."""
        for place in itertools.chain((first,), rest):
            if place[2] not in self._assigned:
                return place
            heappush(view.assigned, self._look_again(view, place[2]))
        return None

    def _look_again(self, view: _View, name: str) -> tuple[_Place, int]:
        until, loaded, count = self._assigned[name]
        took = self._schedule.estimates.total(name, loaded, view.job, view.weight)
        return (until + took, True, name), count


class Schedule:
    """The servers, and the estimates for them. Tell it each change with `put`, `drop` and `learn`."""

    def __init__(
        self,
        estimates: Estimates | None = None,
        server_states: Iterable[ServerState] = (),
        weights: Mapping[frozenset[str], float] | None = None,
    ) -> None:
        """`weights` are those of another schedule, for one that is to decide as that one would."""
        self.estimates = estimates or Estimates()
        self.states: dict[str, ServerState] = {}
        self._waiting = dict[frozenset[str], int]()  # jobs that wait, by the servers that can run them
        self.weights = dict(weights or {})  #: how many times loading models counts for these jobs: see `weight`
        self._free, self._room = set[str](), set[str]()
        self._changes, self._forgotten = list[str](), 0  # names of changed servers; how many are no longer listed
        self._now, self._ends = 0.0, list[tuple[float, str]]()
        self._rankings: dict[tuple[str, frozenset[str], frozenset[str], float], _Ranking] = {}
        for server_state in server_states:
            self.put(server_state)

    @property
    def takes_more(self) -> bool:
        """True if a server is free, or has room."""
        return bool(self._free or self._room)

    def put(self, state: ServerState) -> None:
        """Take in a server that is new or has changed."""
        name = state.name
        self.states[name] = state
        (self._free.add if state.free else self._free.discard)(name)
        (self._room.add if state.room else self._room.discard)(name)
        if state.until > self._now:
            heappush(self._ends, (state.until, name))
        self._note(name)

    def drop(self, name: str) -> None:
        """Forget a server."""
        if self.states.pop(name, None) is not None:
            self._free.discard(name)
            self._room.discard(name)
            self._note(name)

    def learn(self, server: str, kind: str, seconds: float, *, switched: bool) -> None:
        """Add a measurement to the estimates."""
        self.estimates.learn(server, kind, seconds, switched=switched)
        self._note(server)

    def advance(self, now: float) -> list[str]:
        """Let time go on. Returns the servers that should have done all their jobs by now. Call it before you ask."""
        self._now, due = now, []
        while self._ends and self._ends[0][0] <= now:
            until, name = heappop(self._ends)
            if name in self.states and self.states[name].until == until:
                self._note(name)
                due.append(name)
        return due

    def choose(self, jobs: Sequence[Job], now: float, *, more: bool = False) -> Choice | None:
        """Choose the next job for a free server, or else for one with room; None if every job should wait, or cannot
        run there. The jobs are in queue order, but those that are overdue come first. `more` jobs may wait behind
        these: then no server waits for one of them.
        """
        if not self.takes_more:
            return None
        if len(self._rankings) > _MOST_RANKINGS:
            self._rankings.clear()
        self._expect(jobs)
        ahead, full, walk = None, set[str](), _Walk(self, now, max(self.weights.values(), default=1.0))
        for place, job in enumerate(jobs):
            name, _start = walk.assign(job) or ("", 0.0)
            if name in self._free:
                return self._chosen(jobs, place, name)
            if ahead is None and name in self._room and name not in full:
                choice = self._chosen(jobs, place, name)._replace(ahead=True)
                ahead = choice if choice.job.patient else None
                full.add(name)
            if ahead is not None and not self._free:
                return ahead
        return (self._from_behind(jobs, now) if more and self._free else None) or ahead

    def assign(self, jobs: Iterable[Job], now: float) -> Iterator[tuple[Job, str, float]]:
        """Assign each job, in order, to the server that would finish it first. Yields the job, the server, and the
        moment at which it starts. Jobs that no server can run are left out.
        """
        jobs = list(jobs)
        walk = _Walk(self, now, max(map(self.weight, jobs), default=1.0))
        for job in jobs:
            if (assigned := walk.assign(job)) is not None:
                yield job, *assigned

    def weight(self, job: Job) -> float:
        """Return how many times loading models counts for a job, whose own time is divided by as much: 1, 2 or 4."""
        weight = self.weights.get(job.servers)
        if weight is None:
            weight = self.weights[job.servers] = self._weighed(job.servers)
        return weight

    def has_idle(self, now: float) -> bool:
        """True if a free server has nothing to do."""
        return any(self.states[name].until <= now for name in self._free)

    def ends_sooner(self, job: Job, there: ServerState, now: float) -> str | None:
        """Return the idle server that ends a job well before the server where it waits, which is given as it will be
        when it begins it; None if there is none, or if the job would be assigned to that server again.
        """
        first = next((place for place in self.ranking(job, now).idle if not place[1]), None)
        if first is None:
            return None
        took, _taken, name = first
        total, weight = self.estimates.total, self.weight(job)
        if now + took >= there.until + total(there.name, there.loaded, job, weight):
            return None
        ends_at = now + total(name, self.states[name].loaded, job)
        return name if ends_at + _WORTH_A_MOVE < there.until + total(there.name, there.loaded, job) else None

    def ranking(self, job: Job, now: float) -> _Ranking:
        """Return the order of the servers for a job, with all changes."""
        weight = self.weight(job)
        alike = job.kind, job.models, job.servers, weight
        ranking = self._rankings.get(alike)
        if ranking is None:
            ranking = self._rankings[alike] = _Ranking(job, weight)
        edition = self.estimates.edition(job.kind)
        seen, last = ranking.seen - self._forgotten, len(self._changes)
        anew = ranking.edition != edition or seen < 0 or last - seen > 2 * len(self.states)
        if anew or seen < last:
            changed = job.servers if anew else job.servers.intersection(self._changes[seen:])
            ranking.update(changed, self.states, self.estimates, now, anew=anew)
            ranking.edition, ranking.seen = edition, self._forgotten + last
        return ranking

    def _expect(self, jobs: Sequence[Job]) -> None:
        waiting = self._waiting = dict[frozenset[str], int]()
        for servers in map(_SERVERS, jobs):
            waiting[servers] = waiting.get(servers, 0) + 1
        waiting.pop(frozenset(), None)
        self.weights = {servers: self._weighed(servers) for servers in waiting}

    def _weighed(self, servers: frozenset[str]) -> float:
        """The weight changes seldom, since each has its own order of servers."""
        if not servers:
            return 1.0
        behind = 0.0  # jobs for each of these servers; the job itself is not one of them
        for others, count in self._waiting.items():
            behind += (count - 1) / len(servers) if others is servers else count * _part(servers, others)
        wanted, weight = 1 + min(_HELD_UP * behind, _MOST_HELD_UP), self.weights.get(servers, 1.0)
        while wanted > weight * _CLEARLY:
            weight *= 2
        while wanted < weight / _CLEARLY:
            weight /= 2
        return weight

    def _note(self, name: str) -> None:
        self._changes.append(name)
        if len(self._changes) > 1000 + 4 * len(self.states):
            self._forgotten += len(self._changes)
            self._changes.clear()

    def _chosen(self, jobs: Sequence[Job], place: int, server: str) -> Choice:
        """Choose a later job with loaded models, instead of loading other models for this one, if there is one.

        Jobs for other servers are not put off by that, because they finish earlier there.
        """
        job, loaded, passed = jobs[place], self.states[server].loaded, list[str]()
        if job.is_overdue or not job.switches(loaded):
            return Choice(job, server)
        for mate in itertools.islice(jobs, place, None):
            if server in mate.servers:
                if mate.models and mate.models <= loaded:
                    return Choice(mate, server, tuple(passed))
                passed.append(mate.id)
        return Choice(job, server)

    def _from_behind(self, jobs: Sequence[Job], now: float) -> Choice | None:
        """Choose the last job for a free server, although all of these end sooner elsewhere: so many wait behind them
        that the others have enough to do. A job with loaded models is better.
        """
        last = dict[_Ranking, Job]()
        for job in reversed(jobs):
            last.setdefault(self.ranking(job, now), job)
        choices = [Choice(job, server) for ranking, job in last.items() if (server := ranking.free()) is not None]
        warm = (each for each in choices if not each.job.switches(self.states[each.server].loaded))
        return next(warm, choices[0] if choices else None)
