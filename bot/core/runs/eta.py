"""Estimate when waiting runs will start, and in which order, from the records of all workers' servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bot.core.people.accounts import NO_LINKS, KnownAccounts
from bot.core.run import RunRecord, State
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository, SeenRuns, seen_since
from bot.core.servers.condition import Condition
from bot.core.servers.load import JobFactory, ServerLoad
from bot.core.servers.registry import ServerRegistry
from bot.core.workflows.identity.versions import WorkflowVersions

_LATE = 10.0  # seconds that the clocks of two machines may differ
_FEW = 32  # waiting runs, times servers, that are estimated sooner than a thread is woken
_FORESEEN = 64  # runs that start next; of the others the order of their turns is told


def _may_pay(_server: str) -> bool:
    """Only a worker knows which of its servers have an account's key."""
    return True


@dataclass(frozen=True)
class LineOutlook:
    """The seconds until waiting runs start, in the order in which they do, and until those on servers end; how many
    servers execute; and in which conditions servers are.
    """

    starts: Mapping[str, float]
    left: Mapping[str, float]
    running: int
    conditions: frozenset[Condition] = frozenset({Condition.UP})


class EtaEstimator:
    """Works without a worker in its process. It remembers what it learned, and reads only new records."""

    def __init__(
        self,
        versions: WorkflowVersions,
        queue: RunQueue,
        records: RunRepository,
        registry: ServerRegistry,
        accounts: KnownAccounts = NO_LINKS,
    ) -> None:
        self._accounts, self._turn, self._queue = accounts, asyncio.Lock(), queue
        self._records, self._registry, self._versions = records, registry, versions
        self._load = ServerLoad()
        self._jobs = JobFactory(versions, lambda: registry.known, lambda: registry.version, _may_pay)
        self._learnt: set[str] = set()
        self._since = 0.0
        self._up = frozenset[str]()
        self._asleep = frozenset[str]()
        self._taken_by: Mapping[str, str] = {}

    async def starts(self, waiting: Sequence[RunRecord]) -> Mapping[str, float]:
        """Return the seconds until each of these runs starts, in the order in which they start. The runs are given in
        queue order; runs that no server can run are left out. Raises `StorageFailed`.
        """
        return (await self.outlook(waiting)).starts

    async def wanted(self, waiting: Sequence[RunRecord]) -> frozenset[str]:
        """Return the servers that are asleep and that some of these runs would get. Raises `StorageFailed`."""
        async with self._turn:
            await self._outlook(waiting)
            return frozenset(self._taken_by[run.id] for run in waiting if run.id in self._taken_by) & self._asleep

    async def outlook(self, waiting: Sequence[RunRecord]) -> LineOutlook:
        """Return the same, and what is known of the runs on servers. Raises `StorageFailed`."""
        async with self._turn:
            return await self._outlook(waiting)

    async def line(self) -> tuple[list[RunRecord], LineOutlook]:
        """Return all waiting runs in the order in which they start, and what is known of the line. Raises
        `StorageFailed`.
        """
        async with self._turn:
            since = partial(seen_since, since=self._since, known=self._learnt)
            waiting, seen = await self._queue.waiting_and(since)
            outlook = await self._looked(waiting, seen)
            return _in_order(waiting, outlook.starts), outlook

    async def _outlook(self, waiting: Sequence[RunRecord]) -> LineOutlook:
        return await self._looked(waiting, await self._records.seen_since(self._since, self._learnt))

    async def _looked(self, waiting: Sequence[RunRecord], seen: SeenRuns) -> LineOutlook:
        self._since = max([self._since, *(at - _LATE for at in seen.ended.values())])
        delivered = [run for run in seen.active if run.outcome is not None]
        self._learn([*seen.done, *delivered])
        self._learnt = {*seen.ended, *(run.id for run in delivered)}
        self._see([run for run in seen.active if run.outcome is None])
        starts = await self._foresee(waiting, seen.active)
        if await self._versions.fetch():
            starts = await self._foresee(waiting, seen.active)
        running = sum(run.state is State.RUNNING for run in seen.active)
        return LineOutlook(starts, self._load.left(), running, self._registry.conditions)

    def _learn(self, executed: Sequence[RunRecord]) -> None:
        servers = self._registry.servers
        for run in executed:
            if run.id not in self._learnt:
                server = servers.get(self._server(run))
                self._load.recall(self._server(run), run, learn=server is None or server.at_once == 1)

    def _see(self, running: Sequence[RunRecord]) -> None:
        self._load.keep({run.id for run in running})
        for run in running:
            self._load.enter(self._server(run), run)

    def _server(self, run: RunRecord) -> str:
        return self._registry.label(run.worker or "", run.server or "")

    async def _foresee(self, waiting: Sequence[RunRecord], active: Sequence[RunRecord]) -> Mapping[str, float]:
        if len(waiting) * len(self._registry.servers) <= _FEW:
            return self._foreseen(waiting, active)
        return await asyncio.to_thread(self._foreseen, waiting, active)

    def _foreseen(self, waiting: Sequence[RunRecord], active: Sequence[RunRecord]) -> Mapping[str, float]:
        registered = self._registry.servers
        wakes = {name: each.wakes_in for name, each in registered.items() if each.wakes_in is not None}
        servers = {name: each.at_once for name, each in registered.items() if each.up or name in wakes}
        self._load.offer(servers, wakes=wakes)
        self._asleep = frozenset(wakes)
        if self._up != servers.keys():
            self._up = frozenset(servers)
        jobs = [self._jobs.of(run, self._up) for run in waiting if not run.is_ahead]
        owners = {run.id: self._accounts.whole(run.person.key) for run in [*waiting, *active] if not run.priority}
        foresight = self._load.foresight(owners, self._queue.most.running)
        first = dict(foresight.starts(jobs, _FORESEEN))
        self._taken_by = foresight.taken_by
        rest = {run_id: start for run_id, start in self._load.starts(jobs) if run_id not in first}
        least = max(first.values(), default=0.0)
        return first | {run_id: max(start, least) for run_id, start in rest.items()}


def _in_order(waiting: Sequence[RunRecord], starts: Mapping[str, float]) -> list[RunRecord]:
    """Return waiting runs in the order in which they start; those without an estimate last, in queue order."""
    places = {run_id: place for place, run_id in enumerate(starts)}
    return sorted(waiting, key=lambda run: places.get(run.id, len(places)))
