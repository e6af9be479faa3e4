"""Run what waits at the servers of a process. It loads much, so a page that opens does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from bot.base import Base, start_estimator
from bot.core.care.caretaker import Caretaker
from bot.core.care.machines import MachineKeeper
from bot.core.care.states import ServerStates
from bot.core.execution.attempt import ExecutionContext
from bot.core.execution.durable.attempts import Attempts
from bot.core.execution.durable.step import AttemptFunction
from bot.core.execution.takeover import Takeover
from bot.core.execution.worker import Worker
from bot.core.servers.kept_times import KeptTimes
from comfy.scheduling.node_times import NodeTimes

_THREADS = 64  # at most; they mostly wait for disks and for other processes, so cores do not say how many it takes


@asynccontextmanager
async def executing(base: Base, name: str) -> AsyncIterator[None]:
    """Run what waits at the servers of this process."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "work"))
    store, times = base.store, NodeTimes()
    context = ExecutionContext(
        base.versions,
        store.records,
        store.queue,
        store.media,
        base.replies,
        store.links,
        base.registry.lease,
        base.settings.keep_metadata,
        base.locks,
        times,
    )

    def attempts(attempt: AttemptFunction) -> Attempts:
        return Attempts(store.database, base.settings.folder, name, attempt, base.tasks)

    others, unload_after = (lambda: base.registry.others_at_work), base.settings.unload_after
    async with (
        KeptTimes(store.database, name, times, base.tasks),
        Worker(name, context, base.fleet, attempts, base.tasks, others, unload_after) as worker,
    ):
        for changes in (base.wake, base.servers_changed):
            changes.add(worker.wake)
        base.cancel.add(worker.cancel)
        states = ServerStates(store.database)
        async with (
            Takeover(store.database, base.registry, store.records, base.replies, base.tasks, worker.wake),
            Caretaker(name, states, base.fleet, base.conditions, worker, base.tasks),
            _machines(base, name, states, worker),
        ):
            yield


def _machines(base: Base, worker: str, states: ServerStates, at_work: Worker) -> MachineKeeper:
    """Make what starts and stops the machines of this worker's servers."""
    store, registry = base.store, base.registry
    starts = start_estimator(base)
    machines = {each.name: each.machine for each in base.settings.servers if each.machine is not None}

    async def wanted() -> frozenset[str]:
        first = await store.queue.next_up()
        labels = await starts.wanted(first) if first else frozenset()
        return frozenset(name for name in machines if registry.label(worker, name) in labels)

    learned = partial(states.learn_start, worker)
    return MachineKeeper(machines, base.fleet, base.conditions, wanted, at_work.has_work_at, learned, base.tasks)
