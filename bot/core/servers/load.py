"""Bays: what each server is doing, which models it has loaded, and how long runs take there; and runs as the schedule
sees them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import time

from bot.core.errors import UnknownWorkflow
from bot.core.run import QueuedRun, RunRecord
from bot.core.workflows.catalog import Workflows
from bot.core.workflows.workflow import choices_of
from comfy.object_info import ObjectInfo
from comfy.schedule import Estimates, Job, ServerState

_GROWING = 1.5  # a run that is overdue is thought to take so many times as long as it has taken


@dataclass(frozen=True)
class _RunningJob:
    """A run at a server: when it began, how long it was thought to take, and whether it had models loaded for it."""

    begun: float
    expected: float
    switched: bool


@dataclass
class _Slot:
    loaded: frozenset[str] = frozenset()
    stays: dict[str, _RunningJob] = field(default_factory=dict)

    def busy_for(self, now: float) -> float:
        """The seconds until it has done what it has: one after the other."""
        left, first = 0.0, True
        for stay in self.stays.values():
            elapsed = now - stay.begun
            ahead = stay.expected - elapsed if elapsed < stay.expected else elapsed * (_GROWING - 1)
            left, first = left + (ahead if first else stay.expected), False
        return left

    def load(self, run: RunRecord) -> bool:
        """Have a run's models loaded; whether there are others now."""
        switched = bool(run.models) and not run.models <= self.loaded
        if switched:
            self.loaded = run.models
        return switched


class ServerLoad:
    """The servers by name, as far as runs tell of them: those that are there now, and those that have ended."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self.estimates = Estimates()
        self._clock = clock
        self._load: defaultdict[str, _Slot] = defaultdict(_Slot)

    def server_states(self, servers: Mapping[str, int]) -> dict[str, ServerState]:
        """Servers as the schedule sees them, each given with how many runs it takes at once."""
        now, load = self._clock(), {name: self._load[name] for name in servers}
        return {
            name: ServerState(name, bay.loaded, bay.busy_for(now), len(bay.stays) < servers[name])
            for name, bay in load.items()
        }

    def enter(self, server: str, run: RunRecord) -> None:
        """A run is at a server: since then that its record says, or from now on. Nothing happens if it was there."""
        bay = self._load[server]
        if run.id not in bay.stays:
            job = Job(run.id, run.kind, run.models, frozenset({server}))
            expected = self.estimates.total(ServerState(server, bay.loaded), job)
            bay.stays[run.id] = _RunningJob(run.started_at or self._clock(), expected, bay.load(run))

    def leave(self, server: str, run: RunRecord, *, learn: bool) -> None:
        """A run is not at a server any more. `learn`: what it took says how long its kind takes there."""
        stay = self._load[server].stays.pop(run.id, None)
        if stay is not None and learn:
            self.estimates.learn(server, run.kind, self._clock() - stay.begun, switched=stay.switched)

    def keep(self, runs: Collection[str]) -> None:
        """All runs but these have left."""
        for bay in self._load.values():
            bay.stays = {run_id: stay for run_id, stay in bay.stays.items() if run_id in runs}

    def recall(self, server: str, run: RunRecord, *, learn: bool) -> None:
        """The same from the record of a run that has been executed; of several, the earliest first."""
        stay = self._load[server].stays.pop(run.id, None)
        switched = self._load[server].load(run) if stay is None else stay.switched
        if learn and run.took is not None and run.outcome is not None and not run.outcome.nothing_new:
            self.estimates.learn(server, run.kind, run.took, switched=switched)


class JobFactory:
    """Runs as jobs for servers of which it is known what they have."""

    def __init__(
        self, catalog: Workflows, known: Callable[[], Mapping[str, ObjectInfo]], version: Callable[[], int]
    ) -> None:
        """`version` is another whenever what is known has changed."""
        self._catalog, self._known, self._version = catalog, known, version
        self._where = lru_cache(10_000)(self._able)

    def of(self, run: QueuedRun, up: frozenset[str]) -> Job:
        """A run for the servers that can run it: those that failed it are left out while there are others."""
        able = self._where(run.kind, run.workflow, (self._version(), self._catalog.version))
        return Job(run.id, run.kind, run.models, (able & up) - run.avoid or able, run.put_off)

    def _able(self, kind: str, workflow: str, _version: tuple[int, int]) -> frozenset[str]:
        """The servers that have all that runs of a kind need."""
        try:
            wanted = self._catalog.get(workflow)
        except UnknownWorkflow:
            return frozenset()
        values, known = choices_of(kind), self._known().items()
        return frozenset(name for name, info in known if not info.missing(wanted.fill(values, info)))
