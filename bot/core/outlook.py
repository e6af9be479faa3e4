"""The outlook: when waiting runs should start, by what the records say of the servers of all workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bot.core.bays import Bays, Jobs
from bot.core.catalog import Workflows
from bot.core.records import Records
from bot.core.roster import Roster
from bot.core.run import RunRecord
from comfy.schedule import assign

_LATE = 10.0  # seconds that the clocks of two machines may differ without a run being overlooked


class Outlook:
    """Needs no worker in its own process. What it has learnt it keeps, and reads only what is new."""

    def __init__(self, catalog: Workflows, records: Records, roster: Roster) -> None:
        self._records, self._roster = records, roster
        self._bays = Bays()
        self._jobs = Jobs(catalog, lambda: roster.known, lambda: roster.version)
        self._learnt: set[str] = set()
        self._since = 0.0

    async def starts(self, waiting: Sequence[RunRecord]) -> Mapping[str, float]:
        """In how many seconds each of these runs should start, given in the order of their turns; those that can run
        nowhere are left out. Raises `StorageFailed`.
        """
        ended = await self._records.measured(self._since)
        active = await self._records.active()
        self._since = max([self._since, *(run.ended_at - _LATE for run in ended if run.ended_at is not None)])
        self._learn([*ended, *(run for run in active if run.outcome is not None)])
        self._see([run for run in active if run.outcome is None])
        return await asyncio.to_thread(self._assigned, waiting)

    def _learn(self, executed: Sequence[RunRecord]) -> None:
        servers = self._roster.servers
        for run in executed:
            if run.id not in self._learnt:
                server = servers.get(self._server(run))
                self._bays.recall(self._server(run), run, learn=server is None or server.at_once == 1)
        self._learnt = {run.id for run in executed}

    def _see(self, running: Sequence[RunRecord]) -> None:
        self._bays.keep({run.id for run in running})
        for run in running:
            self._bays.enter(self._server(run), run)

    def _server(self, run: RunRecord) -> str:
        return self._roster.label(run.worker or "", run.server or "")

    def _assigned(self, waiting: Sequence[RunRecord]) -> Mapping[str, float]:
        servers = {name: each.at_once for name, each in self._roster.servers.items() if each.up}
        jobs, server_states = (
            (self._jobs.of(run, frozenset(servers)) for run in waiting),
            self._bays.server_states(servers),
        )
        return {job.id: start for job, _server, start in assign(jobs, server_states, self._bays.estimates)}
