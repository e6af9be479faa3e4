"""Prompts that a server may still have although their runs went on elsewhere: they are stopped once it is back, so that
nothing is made, or paid for, twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.run import State
from bot.core.runs.repository import RunRepository
from bot.core.servers.condition import STUCK
from bot.core.storage.bells import Bell
from comfy.errors import ComfyError
from comfy.fleet import Fleet

_log = logging.getLogger(__name__)
_EVERY, _PATIENCE = 1.0, 5.0  # seconds between two tries, and for one


class LeftBehind:
    """Use it in `async with`."""

    def __init__(self, records: RunRepository, fleet: Fleet, tasks: TaskHealth) -> None:
        self._records, self._fleet = records, fleet
        self._prompts: defaultdict[str, dict[str, str]] = defaultdict(dict)  # by server: run and prompt
        self._noted = Bell(None)
        self._stopping = BackgroundTask("prompts left behind", tasks)

    async def __aenter__(self) -> LeftBehind:
        self._stopping.repeat(self._stop_all, until=self._wait)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._stopping.stop()

    def note(self, server: str, run_id: str, prompt_id: str) -> None:
        """Remember a prompt whose server is in trouble."""
        self._prompts[server][run_id] = prompt_id
        self._noted.ring()

    def hold(self, server: str, run_id: str, prompt_id: str) -> None:
        """Remember a prompt that its server does not stop: the server gets no others until it has."""
        self._fleet.hold(server, STUCK)
        self.note(server, run_id, prompt_id)

    async def _wait(self) -> None:
        await self._noted.wait(_EVERY if self._prompts else None)

    async def _stop_all(self) -> None:
        for server in self._fleet.reachable & self._prompts.keys():
            for run_id in list(self._prompts[server]):
                await self._stop(server, run_id)
            if not self._prompts[server]:
                del self._prompts[server]
                if self._fleet.is_held(server, STUCK):
                    self._fleet.release(server, STUCK)

    async def _stop(self, server: str, run_id: str) -> None:
        run = await self._records.get(run_id)
        if run is not None and run.state is State.WAITING and not self._fleet.is_held(server, STUCK):
            return  # it may yet go on at this server, with this prompt
        prompt_id = self._prompts[server][run_id]
        is_paid = run is not None and run.state is State.FAILED and run.price is not None
        if run is None or run.server != server or is_paid or self._fleet.is_held(server, STUCK):
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._fleet.client(server).cancel(prompt_id)
            except (ComfyError, TimeoutError) as fault:
                _log.info("run %s: its prompt on %s is not stopped yet: %s", run_id, server, fault)
                return
        if self._prompts[server].get(run_id) == prompt_id:
            del self._prompts[server][run_id]
