"""The workflows of some folders, made again when a file or a server changes, and those that other processes know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import time
from types import TracebackType

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.storage.bells import Bell, Topic
from bot.core.workflows.catalog import Catalog, without_hidden
from bot.core.workflows.identity.identities import Identity, identified, offered
from bot.core.workflows.identity.store import FilePlace, WorkflowStore
from bot.core.workflows.kept.folder import KeptWorkflows
from bot.core.workflows.kept.quick_json import quick_json
from bot.core.workflows.live.folder_watch import watching
from bot.core.workflows.reader import FolderReader, Reading, SourceFile, WorkflowFault
from bot.core.workflows.source import Layer, SavedSource
from bot.core.workflows.workflow import Workflow
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow

_STEP = 0.3  # seconds without a change after which a folder is read again

#: The nodes and models of each known server, by the server's name.
KnownServers = Callable[[], Mapping[str, ObjectInfo]]


@dataclass(frozen=True)
class SavedFiles:
    """Saved workflows at servers: the files to offer, and the sources of those that an operator closed."""

    files: tuple[SourceFile, ...] = ()
    closed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Settled:
    """The state on record: the files that are `there` for this process at its `own` places, all `files` with those that
    only other processes see, and everyone's identities.
    """

    there: tuple[SourceFile, ...]
    own: frozenset[FilePlace]
    everyone: Mapping[FilePlace, Identity]
    files: tuple[SourceFile, ...]


class LiveCatalog:
    """Use it in `async with` to watch the folders. `on_change` adds a listener for new readings. Each mistake in a file
    is logged once.
    """

    def __init__(
        self, *folders: Path | tuple[Layer, Path], tasks: TaskHealth, kept: Path | None = None, step: float = _STEP
    ) -> None:
        """A folder without a layer is the operator's. What is made of files is `kept` in a folder for later starts.
        Files are read again when nothing has changed for `step` seconds.
        """
        self._folders = [each if isinstance(each, tuple) else (Layer.FOLDER, each) for each in folders]
        self._kept = KeptWorkflows(kept) if kept is not None else None
        self._reader = FolderReader(self._folders, self._kept.find if self._kept is not None else None, quick_json)
        self._reading = self._reader.read()
        self._catalog, self._made_of = Catalog.of(self._reading), self._reading
        self._servers: KnownServers = dict
        self._infos: list[ObjectInfo] = []
        self._info: ObjectInfo | None = None
        self._learning = BackgroundTask("workflows for servers", tasks)
        self._listeners: list[Callable[[], None]] = []
        self._step = step
        self._task = BackgroundTask("workflow folders", tasks)
        self._keeping, self._made_again = BackgroundTask("workflows kept for the next start", tasks), Bell(None)
        self._looking = BackgroundTask("workflows of other processes", tasks)
        self._one_by_one = asyncio.Lock()
        self._store: WorkflowStore | None = None
        self._seen: frozenset[FilePlace] | None = None  # where this process saw files, if it has looked
        self._settled: _Settled | None = None
        self._elsewhere: dict[str, SourceFile] = {}  # by version: those that only other processes see
        self._edition = -1
        self._ask_saved: Callable[[], Awaitable[SavedFiles]] | None = None
        self._saved = SavedFiles()
        self._news_of_servers = Bell()
        self._ready_for: list[int] = []  # the ids of the definitions for which all prompts are made

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
    def info(self) -> ObjectInfo | None:
        """The definitions of all servers, if any was seen."""
        return self._info

    @property
    def version(self) -> int:
        return self._catalog.version

    def get(self, workflow: str) -> Workflow:
        return self._catalog.get(workflow)

    def find(self, words: str) -> Workflow:
        return self._catalog.find(words)

    def title(self, workflow: str) -> str:
        return self._catalog.title(workflow)

    def is_on_trial(self, workflow: str) -> bool:
        return self._catalog.is_on_trial(workflow)

    def is_closed(self, workflow: str) -> bool:
        return self._catalog.is_closed(workflow)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call a function after every new reading."""
        self._listeners.append(listener)

    async def refresh(self, changed: Collection[str] | None = None) -> None:
        """Read the folders again, or only files that a watch saw to have `changed`. Raises `StorageFailed`."""
        async with self._one_by_one:
            await self._learn_servers()
            self._reading = await asyncio.to_thread(self._reader.read, changed)
            await self._renew(ask=False)

    def note_servers(self) -> None:
        """Report that a server of this process comes, goes, or has other nodes or models."""
        self._news_of_servers.ring()

    @asynccontextmanager
    async def following(self, servers: KnownServers) -> AsyncIterator[None]:
        """Meanwhile, make the workflows that the editor saved with what these servers have. Raises `StorageFailed`."""
        self._servers = servers
        await self._learn()
        for file in self.waiting:
            events_log.workflow_waits(file)
        self._learning.repeat(self._learn, until=self._news_of_servers.wait)
        try:
            yield
        finally:
            await self._learning.stop()

    async def _learn(self) -> None:
        async with self._one_by_one:
            if await self._learn_servers():
                await self._renew(ask=False)

    async def _learn_servers(self) -> bool:
        """See what servers have; True if that has changed."""
        infos = list(self._servers().values())
        if len(infos) == len(self._infos) and all(one is other for one, other in zip(infos, self._infos, strict=True)):
            return False
        if infos:
            self._info = await asyncio.to_thread(_joined, infos, self._infos)
        self._infos = infos
        return True

    async def offer_saved(self, saved: Callable[[], Awaitable[SavedFiles]]) -> None:
        """From now on, offer what people saved at servers, as the database has it at each reading. Raises
        `StorageFailed`.
        """
        self._ask_saved = saved
        await self.renew()

    async def renew(self) -> None:
        """See what has changed in the database. Raises `StorageFailed`."""
        async with self._one_by_one:
            await self._renew()

    async def foreseen(self, file: SourceFile) -> str:
        """Return the id that a new file will have. Raises `StorageFailed`."""
        known = await self._store.all() if self._store is not None else []
        return identified(known, [*self._reading.files, *self._saved.files, file], time())[file.place].id

    @asynccontextmanager
    async def recorded_in(self, store: WorkflowStore) -> AsyncIterator[None]:
        """Meanwhile, give ids and names that are kept in a database, and have the workflows of other processes too.
        Raises `StorageFailed`.
        """
        self._store = store
        async with self._one_by_one:
            await self._renew()
        if store.is_shared:
            self._looking.repeat(self._look, until=store.bells.bell(Topic.WORKFLOWS).wait)
        try:
            yield
        finally:
            await self._looking.stop()
            async with self._one_by_one:  # a refresh that is under way asks the database to its end
                self._store = self._ask_saved = None

    async def __aenter__(self) -> LiveCatalog:
        _log_faults(self.faults, ())
        self._task.start(self._watch)
        if self._kept is not None:
            self._keeping.repeat(partial(self._keep, self._kept), until=self._made_again.wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._task.stop()
        await self._keeping.stop()

    async def _look(self) -> None:
        """See what other processes have recorded."""
        async with self._one_by_one:
            if self._store is not None and await self._store.edition() != self._edition:
                await self._renew()

    async def _renew(self, *, ask: bool = True) -> None:
        """Make the catalog again. Unless it is to `ask`, what others record is seen at the next look."""
        known: Mapping[FilePlace, Identity] | None = None
        made_of, files = self._reading, self._reading.files
        if self._store is not None:
            settled = await self._recorded_now(self._store, ask=ask)
            known, files = settled.everyone, settled.files
        reading = Reading(files, self._reading.faults, self._reading.unreadable)
        fresh = await asyncio.to_thread(Catalog.of, reading, self._info, known, self._catalog)
        fresh = replace(fresh, closed=self._closed_of(known))
        before = self._catalog.workflows if self._ready_for == list(map(id, self._infos)) else {}
        new = [each for key, each in fresh.workflows.items() if before.get(key) is not each]
        await asyncio.to_thread(_make_ready, new, self._infos)
        self._ready_for = list(map(id, self._infos))
        self._made_again.ring()
        self._made_of = made_of
        _log_faults(fresh.faults, self.faults)
        if fresh.is_same(self._catalog):
            self._catalog = replace(fresh, version=self.version)
            return
        self._catalog = replace(fresh, version=self.version + 1)
        for listener in self._listeners:
            listener()

    async def _recorded_now(self, store: WorkflowStore, *, ask: bool) -> _Settled:
        """Record what was read, if that is not on record."""
        if ask and self._ask_saved is not None:
            self._saved = await self._ask_saved()
        there, own = await asyncio.to_thread(_found, self._reading, self._saved.files)
        last = self._settled
        if not ask and last is not None and (last.there, last.own) == (there, own):
            return last
        self._settled = None  # until it is on record
        self._edition = await store.edition()  # first: what others change meanwhile is seen at the next look
        everyone = await store.settle(there, lambda known: self._places_before(known) - own)
        self._seen = own
        others = await asyncio.to_thread(_of_others, everyone, own)
        kept = {version: file for version, file in self._elsewhere.items() if version in others}
        self._elsewhere = kept | await store.versions(sorted(others.keys() - kept.keys()))
        elsewhere = [
            replace(file, layer=others[version].layer, source=others[version].source)
            for version, file in self._elsewhere.items()
        ]
        self._settled = _Settled(there, own, everyone, (*there, *elsewhere))
        return self._settled

    def _closed_of(self, known: Mapping[FilePlace, Identity] | None) -> frozenset[str]:
        closed = self._saved.closed
        return frozenset(each.id for each in (known or {}).values() if each.source in closed) if closed else closed

    def _places_before(self, known: Sequence[Identity]) -> frozenset[FilePlace]:
        """Return the places where this process saw files. The database knows of all that is still saved at servers.

        At the start these are all of its folders, but not where it has no files of the operator's while other processes
        may.
        """
        layers = {Layer.SAVED} if self._ask_saved is not None else set()
        if self._seen is None and not self._may_be_blind:
            layers |= {layer for layer, _folder in self._folders}
        return (self._seen or frozenset()) | {(each.source, each.path) for each in known if each.layer in layers}

    @property
    def _may_be_blind(self) -> bool:
        shared = self._store is not None and self._store.is_shared
        return shared and not any(file.layer is Layer.FOLDER for file in self._reading.files)

    async def _keep(self, kept: KeptWorkflows) -> None:
        """Keep what was made of the files, once that is all."""
        if self._ready_for:
            sources = [each.graph for each in self._reading.files if isinstance(each.graph, SavedSource)]
            await asyncio.to_thread(_keep_all, kept, sources, tuple(self.workflows.values()))

    async def _watch(self) -> None:
        folders = [folder for _layer, folder in self._folders]
        while True:
            async with watching(folders, self._step) as watch:
                await self._catch_up()
                while watch.is_whole:
                    if changed := await watch.take():
                        await self.refresh(changed)
                    else:
                        await self._catch_up()
            await asyncio.sleep(self._step)

    async def _catch_up(self) -> None:
        """See what changed while nothing watched."""
        async with self._one_by_one:
            reading = await asyncio.to_thread(self._reader.read)
            if reading != self._made_of:
                self._reading = reading
                await self._renew(ask=False)


def _joined(infos: Sequence[ObjectInfo], before: Iterable[ObjectInfo]) -> ObjectInfo:
    """Join servers. What is declared as before stays the same object, so that what was made with it holds."""
    return ObjectInfo.union(infos, before)


def _found(reading: Reading, saved: Iterable[SourceFile]) -> tuple[tuple[SourceFile, ...], frozenset[FilePlace]]:
    """Return the files that are offered, and the places at which there are files."""
    there = offered(without_hidden(replace(reading, files=(*reading.files, *saved))))
    unreadable = {(source.value, path) for _layer, path in reading.unreadable for source in Layer}
    return there, frozenset({file.place for file in there} | unreadable)


def _of_others(everyone: Mapping[FilePlace, Identity], own: frozenset[FilePlace]) -> dict[str, Identity]:
    """Return what only other processes see, by version."""
    return {
        each.version: each
        for place, each in everyone.items()
        if each.source and each.gone_at is None and place not in own
    }


def _make_ready(workflows: Iterable[Workflow], infos: Sequence[ObjectInfo]) -> None:
    """Make the prompts of saved workflows for each server, so that no menu has to wait for one."""
    for source in (each.source for each in workflows if each.source is not None):
        for info in infos:
            try:
                source.made_for(info)
            except (UnreadableWorkflow, PromptRejected):
                continue


def _keep_all(kept: KeptWorkflows, sources: Iterable[SavedSource], workflows: Iterable[Workflow]) -> None:
    for each in workflows:
        len(each.declared)  # its form is made now at the latest, and kept with the rest
    kept.keep(sources)


def _log_faults(faults: Sequence[WorkflowFault], before: Sequence[WorkflowFault]) -> None:
    for fault in faults:
        if fault not in before:
            events_log.workflow_faulty(fault.file, fault.field, fault.reason)
    for file in sorted({fault.file for fault in before} - {fault.file for fault in faults}):
        events_log.workflow_mended(file)
