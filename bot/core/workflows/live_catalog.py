"""The workflows of some folders, read again when a file changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from watchfiles import awatch

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.workflows.catalog import Catalog, WorkflowFault
from bot.core.workflows.workflow import Workflow


class LiveCatalog:
    """Use it in `async with` to watch the folders. `on_change` adds a listener for new readings. Each mistake in a file
    is logged once.
    """

    def __init__(self, *folders: Path, tasks: TaskHealth) -> None:
        self._folders = folders
        self._catalog = Catalog.read(*folders)
        self._listeners: list[Callable[[], None]] = []
        self._stop = asyncio.Event()
        self._task, self._missed = BackgroundTask("workflow folders", tasks), False

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        return self._catalog.workflows

    @property
    def faults(self) -> tuple[WorkflowFault, ...]:
        return self._catalog.faults

    @property
    def version(self) -> int:
        return self._catalog.version

    def get(self, name: str) -> Workflow:
        return self._catalog.get(name)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call a function after every new reading."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Read the folders again."""
        fresh = await asyncio.to_thread(Catalog.read, *self._folders)
        _log_faults(fault for fault in fresh.faults if fault not in self.faults)
        self._catalog = replace(fresh, version=self.version + 1)
        for listener in self._listeners:
            listener()

    async def __aenter__(self) -> LiveCatalog:
        _log_faults(self.faults)
        self._task.start(self._watch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        await self._task.stop()

    async def _watch(self) -> None:
        if self._missed:
            await self.refresh()
        self._missed = True  # changes between this watch and the next
        folders = [folder for folder in self._folders if folder.is_dir()]
        async for _changes in awatch(*folders, stop_event=self._stop, recursive=False):
            await self.refresh()


def _log_faults(faults: Iterable[WorkflowFault]) -> None:
    for fault in faults:
        events_log.workflow_faulty(fault.file, fault.field, fault.reason)
