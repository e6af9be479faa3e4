"""Does for a worker what operators want of its servers, whatever process they ask in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.care.states import FreeAnswer, GpuReport, KeptServer, RamReport, ServerReport, ServerStates
from bot.core.error_text import explain
from bot.core.servers.condition import Condition, ServerConditions
from bot.core.together import together
from bot.i18n import _
from comfy.errors import ComfyError
from comfy.fleet import Fleet
from comfy.http import Queue

_PATIENCE = 3.0  # seconds that a server may take for an answer


class ServersAtWork(Protocol):
    """A worker, as it knows its servers."""

    def loaded_at(self, server: str) -> Sequence[str]:
        """Return the models that our runs have loaded."""

    def has_work_at(self, server: str) -> bool: ...

    def prompts_at(self, server: str) -> frozenset[str]:
        """Return the ids of our prompts that a server may have."""

    def leave_alone(self, server: str) -> None:
        """Take back the run that is ahead at a server."""

    def unloaded(self, server: str) -> None:
        """Note that a server has unloaded its models."""


class Caretaker:
    """Use it in `async with`, while the worker serves."""

    def __init__(
        self,
        worker: str,
        states: ServerStates,
        fleet: Fleet,
        conditions: ServerConditions,
        at_work: ServersAtWork,
        tasks: TaskHealth,
    ) -> None:
        self._worker, self._states, self._fleet = worker, states, fleet
        self._conditions, self._at_work = conditions, at_work
        self._chore = BackgroundTask("servers", tasks)

    async def __aenter__(self) -> Caretaker:
        self._chore.repeat(self.step, until=self._states.bell.wait)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()

    async def step(self) -> None:
        """Do once what operators want."""
        wishes = {each.name: each for each in await self._states.wishes(self._worker)}
        for name in self._fleet.members:
            drained = name in wishes and wishes[name].drained
            if drained != (self._conditions.of(name) is Condition.DRAINING):
                self._drain(name, wanted=drained)
        await together(*(self._grant(each) for each in wishes.values() if each.name in self._fleet.members))

    def _drain(self, name: str, *, wanted: bool) -> None:
        self._conditions.drain(name, wanted=wanted)
        if wanted:
            self._at_work.leave_alone(name)
        events_log.server_drained(name, drained=wanted)

    async def _grant(self, state: KeptServer) -> None:
        if state.free_asked > state.free_answered:
            await self._states.answer_free(state, await self._free(state.name))
        if not state.is_current:
            await self._states.answer(state, await self._report(state.name))

    async def _free(self, name: str) -> FreeAnswer:
        """Unload a server's models, unless something of anybody's is there."""
        try:
            async with asyncio.timeout(_PATIENCE):
                prompts, ours = self._counted(name, await self._fleet.client(name).queue())
                if prompts or self._at_work.has_work_at(name):
                    return FreeAnswer(done=False, prompts=max(prompts, 1), ours=max(ours, prompts == 0))
                await self._fleet.client(name).free()
        except (ComfyError, TimeoutError) as fault:
            return FreeAnswer(done=False, fault=_words(fault))
        self._at_work.unloaded(name)
        events_log.models_unloaded(name, "operator")
        return FreeAnswer(done=True)

    def _counted(self, name: str, queue: Queue) -> tuple[int, int]:
        """Count the prompts at a server, and ours among them."""
        there = {*queue.running, *queue.pending}
        return len(there), len(there & self._at_work.prompts_at(name))

    async def _report(self, name: str) -> ServerReport:
        condition, wakes_in = self._conditions.of(name), self._conditions.wakes_in(name)
        loaded = tuple(sorted(self._at_work.loaded_at(name)))
        if condition in (Condition.ASLEEP, Condition.WAKING):
            return ServerReport(condition, wakes_in=wakes_in)
        client, began = self._fleet.client(name), time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE):
                stats = await client.system_stats()
                latency = time.monotonic() - began
                prompts, ours = self._counted(name, await client.queue())
        except (ComfyError, TimeoutError) as fault:
            return ServerReport(condition, fault=_words(fault))
        gpus = tuple(GpuReport(each.name, each.vram_total, each.vram_free) for each in stats.devices)
        ram = RamReport(stats.ram_total, stats.ram_free) if stats.ram_total else None
        others = prompts - ours
        return ServerReport(condition, stats.comfyui_version, gpus, loaded, others, ram=ram, latency=latency)


def _words(fault: Exception) -> str:
    if isinstance(fault, ComfyError):
        return explain(fault, None)
    return _("It has not answered within {count} seconds.").format(count=round(_PATIENCE))
