"""The workflows of some folders, read again when a file changes, or when servers have other nodes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from watchfiles import awatch

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.reader import WorkflowFault, WorkflowReader
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo

_LOOK = 1.0  # seconds between two looks at what servers have

#: The nodes and models of each known server, by the server's name.
KnownServers = Callable[[], Mapping[str, ObjectInfo]]


class LiveCatalog:
    """Use it in `async with` to watch the folders. `on_change` adds a listener for new readings. Each mistake in a file
    is logged once.
    """

    def __init__(self, *folders: Path, tasks: TaskHealth) -> None:
        self._folders, self._reader = folders, WorkflowReader()
        self._catalog = Catalog.read(*folders, reader=self._reader)
        self._infos: list[ObjectInfo] = []
        self._info: ObjectInfo | None = None
        self._one_by_one = asyncio.Lock()
        self._learning = BackgroundTask("workflows for servers", tasks)
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
    def waiting(self) -> tuple[str, ...]:
        return self._catalog.waiting

    @property
    def version(self) -> int:
        return self._catalog.version

    def get(self, name: str) -> Workflow:
        return self._catalog.get(name)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call a function after every new reading."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Read the folders again: what has changed there."""
        async with self._one_by_one:
            fresh = await asyncio.to_thread(Catalog.read, *self._folders, info=self._info, reader=self._reader)
            _log_faults(fault for fault in fresh.faults if fault not in self.faults)
            if fresh.is_same(self._catalog):
                return
            self._catalog = replace(fresh, version=self.version + 1)
        for listener in self._listeners:
            listener()

    async def follow(self, servers: KnownServers) -> None:
        """Make the workflows that the editor saved with what these servers have, now and whenever it changes."""
        await self._learn(servers())
        self._learning.repeat(lambda: self._learn(servers()), _LOOK)

    async def _learn(self, known: Mapping[str, ObjectInfo]) -> None:
        infos = list(known.values())
        if len(infos) != len(self._infos) or any(one is not other for one, other in zip(infos, self._infos)):  # noqa: B905
            self._infos, self._info = infos, ObjectInfo.union(infos) if infos else None
            await self.refresh()
            await asyncio.to_thread(_make_ready, self._catalog, infos)

    async def __aenter__(self) -> LiveCatalog:
        _log_faults(self.faults)
        for file in self._catalog.waiting:
            events_log.workflow_waits(file)
        self._task.start(self._watch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        await self._learning.stop()
        await self._task.stop()

    async def _watch(self) -> None:
        if self._missed:
            await self.refresh()
        self._missed = True  # changes between this watch and the next
        folders = [folder for folder in self._folders if folder.is_dir()]
        async for _changes in awatch(*folders, stop_event=self._stop, recursive=False):
            await self.refresh()


def _make_ready(catalog: Catalog, infos: Iterable[ObjectInfo]) -> None:
    """Make each saved workflow's prompt for each server, so that nothing has to wait for it later."""
    for each in catalog.workflows.values():
        for info in infos:
            each.prompt_for(info)
    gc.freeze()  # what is known of servers is large, and stays: looking through it for garbage would stop all else


def _log_faults(faults: Iterable[WorkflowFault]) -> None:
    for fault in faults:
        events_log.workflow_faulty(fault.file, fault.field, fault.reason)
