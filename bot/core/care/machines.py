"""Starts the machines of servers when a run wants them, and stops them when they are idle."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.care.hooks import Hook, call_hook
from bot.core.care.machine import Machine
from bot.core.errors import HookFailed
from bot.core.retry import Pauses
from bot.core.servers.condition import SLEEP, Condition, ServerConditions
from bot.core.status_text import duration
from bot.i18n import _
from comfy.errors import ComfyError
from comfy.fleet import Fleet

_EVERY = 1.0  # seconds between two looks
_GRACE = 10.0  # seconds that a server may be out of reach before its machine counts as stopped
_PAUSES = Pauses(60.0, 1800.0)  # before a machine that did not start is started again


class MachineKeeper:
    """Use it in `async with`. A machine has a task of its own, so one that starts slowly holds up no other."""

    def __init__(
        self,
        machines: Mapping[str, Machine],
        fleet: Fleet,
        conditions: ServerConditions,
        wanted: Callable[[], Awaitable[frozenset[str]]],
        is_busy: Callable[[str], bool],
        learned: Callable[[str, float], Awaitable[None]],
        tasks: TaskHealth,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wanted` names the servers that are asleep and that a waiting run would get, and `is_busy` tells whether a
        run is at a server. `learned` is told how long a start took.
        """
        self._machines, self._fleet, self._conditions = machines, fleet, conditions
        self._wanted, self._is_busy, self._learned = wanted, is_busy, learned
        self._tasks, self._clock = tasks, clock
        self._chores = {name: BackgroundTask(f"machine of {name}", tasks) for name in machines}
        self._idle_since: dict[str, float] = {}
        self._down_since: dict[str, float] = {}
        self._seen_up = set[str]()
        self._failures: defaultdict[str, int] = defaultdict(int)
        self._not_before: dict[str, float] = {}

    async def __aenter__(self) -> MachineKeeper:
        for name, chore in self._chores.items():
            chore.repeat(partial(self.step, name), _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        for chore in self._chores.values():
            await chore.stop()

    async def step(self, name: str) -> None:
        """Look once at a server, and start or stop its machine."""
        await self._fleet.looked()
        match self._conditions.of(name):
            case Condition.UP:
                self._down_since.pop(name, None)
                self._seen_up.add(name)
                if self._failures.pop(name, 0):
                    self._conditions.is_awake(name)
                    self._tasks.settle(_topic(name))
                await self._stop_if_idle(name)
            case Condition.ASLEEP | Condition.AWAY:
                self._idle_since.pop(name, None)
                await self._start_if_wanted(name)
            case _:
                self._idle_since.pop(name, None)

    async def _start_if_wanted(self, name: str) -> None:
        if name in self._fleet.reachable:
            if name in self._down_since:  # someone else has started it
                self._conditions.is_awake(name)
                return
        else:
            self._down_since.setdefault(name, self._clock())
        if self._clock() < self._not_before.get(name, 0.0) or not self._may_be_stopped(name):
            return
        if name not in self._fleet.known or name in await self._wanted():
            await self._start(name)

    def _may_be_stopped(self, name: str) -> bool:
        """False for a moment after a server that was up is out of reach."""
        if self._fleet.is_held(name, SLEEP) or name not in self._seen_up:
            return True
        return self._clock() - self._down_since.get(name, self._clock()) >= _GRACE

    async def _start(self, name: str) -> None:
        machine = self._machines[name]
        self._conditions.wakes(name)
        events_log.machine_wanted(name)
        try:
            await call_hook(machine.on_wanted, name)
            self._fleet.doubt(name)  # it may have answered before it was stopped
            async with asyncio.timeout(machine.start_limit):
                while name not in self._fleet.reachable:
                    self._fleet.look_again(name)
                    await asyncio.sleep(_EVERY)
        except HookFailed as fault:
            self._did_not_start(name, _("on_wanted failed."), str(fault))
        except TimeoutError:
            words = _("it did not answer within {limit} after on_wanted: look at its machine")
            self._did_not_start(name, words.format(limit=duration(machine.start_limit)))
        except asyncio.CancelledError:
            self._conditions.did_not_wake(name)
            raise
        else:
            took = self._conditions.woke(name)
            events_log.machine_started(name, took)
            self._not_before.pop(name, None)
            self._tasks.settle(_topic(name))
            await self._learned(name, took)

    def _did_not_start(self, name: str, words: str, detail: str = "") -> None:
        self._conditions.did_not_wake(name)
        self._failures[name] += 1
        self._not_before[name] = self._clock() + _PAUSES.after(self._failures[name])
        self._tell(name, words, detail)

    async def _stop_if_idle(self, name: str) -> None:
        machine, now = self._machines[name], self._clock()
        if machine.on_idle is None:
            return
        if self._is_busy(name):
            self._idle_since.pop(name, None)
            return
        if now - self._idle_since.setdefault(name, now) < machine.idle_after:
            return
        try:
            queue = await self._fleet.client(name).queue()
        except ComfyError:  # the fleet sees to it
            return
        self._idle_since[name] = now
        if not queue.running and not queue.pending:
            await self._stop(name, machine.on_idle)

    async def _stop(self, name: str, hook: Hook) -> None:
        self._conditions.sends_to_sleep(name)
        if self._is_busy(name):  # a run was given to it just now
            self._conditions.is_awake(name)
            return
        events_log.machine_idle(name)
        try:
            await call_hook(hook, name)
        except HookFailed as fault:
            self._conditions.is_awake(name)
            self._tell(name, _("on_idle failed."), str(fault))
            return
        self._fleet.doubt(name)
        self._tasks.settle(_topic(name))

    def _tell(self, name: str, words: str, detail: str = "") -> None:
        events_log.hook_failed(name, f"{words} {detail}".rstrip())
        self._tasks.remark(_topic(name), words, detail)


def _topic(name: str) -> str:
    return _("machine of {name}").format(name=name)
