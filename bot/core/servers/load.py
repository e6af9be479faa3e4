"""Track what each server is doing, its loaded models, and how long runs take there; and turn runs into jobs for the
schedule.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from time import time

from bot.core.run import QueuedRun, RunRecord
from bot.core.servers.foresight import Foresight
from bot.core.servers.slots import ServerSlot, Stay
from bot.core.workflows.identity.versions import WorkflowVersions
from bot.core.workflows.workflow import choices_of
from comfy.object_info import ObjectInfo
from comfy.prices import paid_nodes
from comfy.scheduling.dispatch import Choice, Schedule
from comfy.scheduling.schedule import MOST_PUT_OFF, Estimates, Job, ServerState


class ServerLoad:
    """The load of servers, by name, as known from running and ended runs. The schedule hears of each change at once."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._schedule = Schedule()
        self._clock = clock
        self._load: defaultdict[str, ServerSlot] = defaultdict(ServerSlot)
        self._servers: Mapping[str, int] = {}
        self._shared, self._kept = frozenset[str](), frozenset[str]()
        self._wakes: Mapping[str, float] = {}

    @property
    def estimates(self) -> Estimates:
        return self._schedule.estimates

    def offer(
        self,
        servers: Mapping[str, int],
        shared: frozenset[str] = frozenset(),
        kept: frozenset[str] = frozenset(),
        wakes: Mapping[str, float] | None = None,
    ) -> None:
        """Tell which servers there are now, and how many runs each takes at once; where others' prompts wait too; which
        are kept for a run; and in how many seconds those that are asleep are there. Call it before you ask.
        """
        changed = set[str]()
        if wakes or self._wakes or kept is not self._kept or shared is not self._shared:
            wakes = wakes or {}
            changed |= (kept ^ self._kept) | (shared ^ self._shared) | wakes.keys() | self._wakes.keys()
            self._wakes, self._kept, self._shared = wakes, kept, shared
        if servers is not self._servers:
            names = servers.keys() | self._servers.keys()
            changed.update(name for name in names if servers.get(name) != self._servers.get(name))
            self._servers = servers
        for name in [*changed, *self._schedule.advance(self._clock())]:
            self._tell(name)

    @property
    def takes_more(self) -> bool:
        """True if a server is free, or has room for one that waits there."""
        return self._schedule.takes_more

    @property
    def has_idle(self) -> bool:
        """True if a server has nothing to do."""
        return self._schedule.has_idle(self._clock())

    def choose(self, jobs: Sequence[Job], *, more: bool) -> Choice | None:
        """Choose the next job for a server. `more` may wait behind these."""
        return self._schedule.choose(jobs, self._clock(), more=more)

    def starts(self, jobs: Iterable[Job]) -> Iterator[tuple[str, float]]:
        """Yield the id of each of these jobs, which are in queue order, and the seconds until it starts."""
        now = self._clock()
        return ((job.id, max(0.0, start - now)) for job, _server, start in self._schedule.assign(jobs, now))

    def foresight(self, owners: Mapping[str, str], most: int) -> Foresight:
        """Return what can be foreseen from how the servers are now; see there."""
        weights = self._schedule.weights
        return Foresight(self.estimates, self._servers, self._load, owners, most, self._clock(), self._wakes, weights)

    def left(self) -> dict[str, float]:
        """Return the seconds until runs that servers execute end, by their ids."""
        now = self._clock()
        stays = ((run_id, stay) for slot in self._load.values() for run_id, stay in slot.stays.items())
        return {run_id: stay.left(now) for run_id, stay in stays if stay.begun is not None}

    def ends_sooner(self, server: str, run: RunRecord, job: Job) -> str | None:
        """Return the idle server that ends a run well before the server where it is ahead."""
        stay, now = self._load[server].stays.get(run.id), self._clock()
        loaded = self._load[server].loaded if stay is None else stay.before
        there = ServerState(server, loaded, now + self.starts_in(server, run), free=False)
        return self._schedule.ends_sooner(job, there, now)

    def _tell(self, name: str) -> None:
        """Let the schedule know how a server is now."""
        if name not in self._servers:
            self._schedule.drop(name)
            return
        now, at_once = self._clock(), self._servers[name]
        shared, kept = name in self._shared, name in self._kept
        state = self._load[name].state(name, now, at_once, shared=shared, kept=kept)
        if name in self._wakes:
            state = state._replace(until=max(state.until, now + self._wakes[name]), free=False, room=False)
        self._schedule.put(state)

    def starts_in(self, server: str, run: RunRecord) -> float:
        """Return the seconds until a server begins a run that is ahead there."""
        bay = self._load[server]
        before = dict(itertools.takewhile(lambda stay: stay[0] != run.id, bay.stays.items()))
        return ServerSlot(bay.loaded, before).busy_for(self._clock())

    def enter(self, server: str, run: RunRecord) -> None:
        """Record that a server has a run, which it started at `started_at` or now, or which is ahead. Idempotent."""
        bay = self._load[server]
        begun = None if run.is_ahead else run.started_at or self._clock()
        stay = bay.stays.get(run.id)
        if stay is None or stay.attempt != run.attempt:
            before, expected = bay.loaded, self.estimates.total(server, bay.loaded, run)
            bay.stays[run.id] = Stay(begun, expected, bay.load(run), before, run.attempt)
        elif stay.begun is None and begun is not None:
            bay.stays[run.id] = stay._replace(begun=begun)
        self._tell(server)

    def leave(self, server: str, run: RunRecord, *, learn: bool) -> None:
        """Record that an attempt left a server. With `learn`, its time improves the estimates."""
        stay = self._load[server].stays.get(run.id)
        if stay is None or stay.attempt != run.attempt:
            return
        del self._load[server].stays[run.id]
        if stay.begun is None:
            self._load[server].loaded = stay.before
        elif learn:
            self._schedule.learn(server, run.kind, self._clock() - stay.begun, switched=stay.switched)
        self._tell(server)

    def has_work(self, server: str) -> bool:
        """True if a run is on a server, or ahead there."""
        return bool(self._load[server].stays)

    def loaded(self, server: str) -> frozenset[str]:
        """Return the models that our runs have loaded."""
        return self._load[server].loaded if server in self._load else frozenset()

    def unload(self, server: str) -> None:
        """Record that a server has unloaded its models."""
        self._load[server].loaded = frozenset()
        self._tell(server)

    def keep(self, runs: Set[str]) -> None:
        """Record that all other runs have left."""
        for name, bay in self._load.items():
            if gone := bay.stays.keys() - runs:
                bay.stays = {run_id: stay for run_id, stay in bay.stays.items() if run_id not in gone}
                self._tell(name)

    def recall(self, server: str, run: RunRecord, *, learn: bool) -> None:
        """Record an executed run from its record. Call it in the order of execution."""
        stay = self._load[server].stays.pop(run.id, None)
        switched = self._load[server].load(run) if stay is None else stay.switched
        if learn and run.took is not None and run.outcome is not None and not run.outcome.nothing_new:
            self._schedule.learn(server, run.kind, run.took, switched=switched)
        self._tell(server)


class JobFactory:
    """Turns runs into jobs for servers with known nodes and models. A run whose version of its workflow is not at hand
    can run nowhere until it is fetched.
    """

    def __init__(
        self,
        versions: WorkflowVersions,
        known: Callable[[], Mapping[str, ObjectInfo]],
        version: Callable[[], int],
        pays: Callable[[str], bool],
    ) -> None:
        """`version` changes whenever the known nodes or models change. `pays` says which servers can pay for nodes that
        cost money.
        """
        self._versions, self._known, self._version, self._pays = versions, known, version, pays
        self._same = dict[frozenset[str], frozenset[str]]()  # one of those that are equal: the schedule compares them
        self._where = lru_cache(10_000)(self._able)
        self._here = lru_cache(1_000)(_without)

    def line(self, runs: Sequence[QueuedRun], up: frozenset[str]) -> Iterator[Job]:
        """Return the jobs of waiting runs, which are in queue order, in the order in which they are assigned."""
        return (self.of(run, up) for run in sorted(runs, key=lambda run: run.put_off < MOST_PUT_OFF))

    def of(self, run: QueuedRun, up: frozenset[str]) -> Job:
        """Return a job for the servers that can run it. Servers that failed it are left out if there are others. One
        that costs money is never ahead: it is posted once, to be begun at once.
        """
        workflow = self._versions.at_hand(run.workflow, run.version)
        able = frozenset[str]()
        if workflow is not None:
            able = self._where(
                run.kind, run.workflow, workflow.version, (self._version(), self._versions.catalog.version)
            )
        servers = self._here(able, up, run.avoid)
        return Job(run.id, run.kind, run.models, servers, run.put_off, patient=run.price is None)

    def _able(self, kind: str, workflow: str, version: str, _version: tuple[int, int]) -> frozenset[str]:
        """Return the servers that have all nodes and models for a kind of run, and can pay for them if any can."""
        wanted = self._versions.at_hand(workflow, version)
        if wanted is None:
            return frozenset()
        values, able, paying = choices_of(kind), set[str](), set[str]()
        for name, info in self._known().items():
            if wanted.verdict(info, values).runs:
                able.add(name)
                if self._pays(name) or not paid_nodes(wanted.fill(values, info), info):
                    paying.add(name)
        servers = frozenset(paying or able)
        return self._same.setdefault(servers, servers)


def _without(able: frozenset[str], up: frozenset[str], avoid: frozenset[str]) -> frozenset[str]:
    return (able & up) - avoid or able
