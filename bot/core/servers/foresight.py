"""Foresee when waiting runs start, by having the schedule decide as it will, and letting time pass in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.servers.slots import ServerSlot, Stay
from comfy.scheduling.dispatch import Schedule
from comfy.scheduling.schedule import MOST_PUT_OFF, Estimates, Job

_WINDOW = 64  # waiting runs to choose from, as a worker does
_WAKING = "waking "  # in the place of a run's id
_LEAST = 0.01  # seconds that a run takes at least, so that time passes


@dataclass
class Foresight:
    """The servers as they are now, by name. `owners` has the person of each run for whom only `most` runs may be on
    servers at a time; it lacks those that this does not hold for.
    """

    estimates: Estimates
    servers: Mapping[str, int]  #: how many runs each takes at once
    slots: Mapping[str, ServerSlot]
    owners: Mapping[str, str]
    most: int
    now: float
    wakes: Mapping[str, float] = field(default_factory=dict)  #: seconds until those that are asleep are there
    weights: Mapping[frozenset[str], float] = field(default_factory=dict)  #: of the schedule that decides
    taken_by: dict[str, str] = field(default_factory=dict)  #: the server of each run that was foreseen
    _slots: dict[str, ServerSlot] = field(default_factory=dict)
    _ends: dict[tuple[str, str], float] = field(default_factory=dict)  # by server and run
    _busy: Counter[str] = field(default_factory=Counter)

    def starts(self, jobs: Sequence[Job], count: int) -> Iterator[tuple[str, float]]:
        """Yield the ids of the runs that start next, those that are ahead among them, in the order in which they do,
        each with the seconds until then: so many at most. `jobs` are in queue order.
        """
        schedule, left = Schedule(self.estimates, weights=self.weights), list(jobs)
        for name in self.servers:
            slot = self.slots.get(name)
            self._slots[name] = ServerSlot(slot.loaded, dict(slot.stays)) if slot is not None else ServerSlot()
            self._busy.update(self.owners.get(run_id, "") for run_id in self._slots[name].stays)
            for run_id, stay in self._slots[name].stays.items():
                if stay.begun is not None:
                    self._ends[name, run_id] = self.now + max(_LEAST, stay.left(self.now))
            if name in self.wakes:
                self._fill(name, self.wakes[name])
            self._tell(schedule, name, self.now)
        at, told = self.now, 0
        while told < count:
            begun = [*self._begin(at), *self._choose(schedule, left, at)]
            yield from ((run_id, at - self.now) for run_id in begun)
            told += len(begun)
            if not self._ends:
                return
            at = self._end(schedule)

    def _choose(self, schedule: Schedule, left: list[Job], at: float) -> Iterator[str]:
        """Let the schedule choose until it has no more for now. Yields the runs that begin at once."""
        schedule.advance(at)
        while True:
            heads = [job for job in left if self._may_start(job.id)][:_WINDOW]
            line = sorted(heads, key=lambda job: job.put_off < MOST_PUT_OFF)
            choice = schedule.choose(line, at, more=len(heads) >= _WINDOW)
            if choice is None:
                return
            slot, run_id = self._slots[choice.server], choice.job.id
            self.taken_by[run_id] = choice.server
            left[:] = [
                job._replace(put_off=job.put_off + 1) if job.id in choice.passed else job
                for job in left
                if job.id != run_id
            ]
            took = max(_LEAST, self.estimates.total(choice.server, slot.loaded, choice.job))
            stay = Stay(None if choice.ahead else at, took, choice.job.switches(slot.loaded), slot.loaded, 0)
            slot.stays[run_id] = stay
            slot.loaded = choice.job.models or slot.loaded
            self._busy[self.owners.get(run_id, "")] += 1
            if not choice.ahead:
                self._ends[choice.server, run_id] = at + took
                yield run_id
            self._tell(schedule, choice.server, at)

    def _fill(self, name: str, seconds: float) -> None:
        """Let a server that is asleep look busy until it is there."""
        slot = self._slots[name]
        for number in range(self.servers[name]):
            until_then = Stay(self.now, 0.0 if number else seconds, False, slot.loaded, 0)
            slot.stays[f"{_WAKING}{number}"] = until_then
            self._ends[name, f"{_WAKING}{number}"] = self.now + max(_LEAST, seconds)

    def _may_start(self, run_id: str) -> bool:
        owner = self.owners.get(run_id, "")
        return not owner or self._busy[owner] < self.most

    def _end(self, schedule: Schedule) -> float:
        """Let time pass until the next run ends. Returns that moment."""
        (server, run_id), at = min(self._ends.items(), key=lambda each: (each[1], each[0]))
        del self._ends[server, run_id]
        del self._slots[server].stays[run_id]
        self._busy[self.owners.get(run_id, "")] -= 1
        self._tell(schedule, server, at)
        return at

    def _begin(self, at: float) -> Iterator[str]:
        """Let servers begin what is ahead there. Yields these runs."""
        for name, slot in self._slots.items():
            begun = sum(stay.begun is not None for stay in slot.stays.values())
            for run_id, stay in list(slot.stays.items()):
                if stay.begun is None and begun < self.servers[name]:
                    slot.stays[run_id] = stay._replace(begun=at)
                    self._ends[name, run_id] = at + max(_LEAST, stay.expected)
                    begun += 1
                    yield run_id

    def _tell(self, schedule: Schedule, name: str, at: float) -> None:
        schedule.put(self._slots[name].state(name, at, self.servers[name], shared=False, kept=False))
