"""Turn what people save at servers into workflows that are offered, or that operators are asked about.

Everything is decided in one transaction of the database. Afterwards `Shelf`, from which the catalog reads, is told all
that is to be offered; so whatever a crash left out is made good the next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Protocol

from bot.core import events_log
from bot.core.model import Publish
from bot.core.sources.found import SavedContent, SavedFault, SavedListing
from bot.core.sources.holdings import Holding, NewId, SavedAt, leaders, place_id, renewed, titles
from bot.core.sources.needs import WorkflowNeeds, needs_of
from bot.core.sources.publication import Refusal, Stage, judged
from bot.core.sources.store import (
    LOCKS,
    SavedServer,
    SavedState,
    SavedStore,
    SavedWorkflow,
    add_version,
    find_version,
    packed,
    read_state,
    write_state,
)
from bot.core.storage.bells import Topic
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.workflows.identity.identities import Identity
from bot.core.workflows.live.live_catalog import LiveCatalog, SavedFiles
from bot.core.workflows.reader import SourceFile, graph_of
from bot.core.workflows.source import Layer
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow

_SOURCE = "saved/"  # before the id, in what the catalog calls its source


@dataclass(frozen=True)
class Offered:
    """A workflow to offer: its id among saved ones, its title, and the version, by its digest. While it is on `trial`,
    only operators may see it.
    """

    id: str
    title: str
    digest: str
    trial: bool


class Shelf(Protocol):
    """The place where the catalog finds what is offered."""

    async def offer(self, offered: Collection[Offered]) -> None:
        """Offer exactly these workflows. Raises `StorageFailed`."""


class SavedShelf:
    """Offers saved workflows in the catalog, of this process and of all that share its database."""

    def __init__(self, store: SavedStore, catalog: LiveCatalog) -> None:
        self._store, self._catalog = store, catalog
        self._made: dict[Offered, SourceFile] = {}

    async def offer(self, offered: Collection[Offered]) -> None:
        """See `Shelf`. What is offered is on record already."""
        await self._catalog.renew()

    async def files(self) -> SavedFiles:
        """Return the files of what is offered now, and what is closed. Raises `StorageFailed`."""
        state = await self._store.state()
        wanted = offered(state)
        found = await self._store.contents((each.id, each.digest) for each in wanted if each not in self._made)
        made = await asyncio.to_thread(_files, [(each, *found[each.id]) for each in wanted if each.id in found])
        self._made = {each: self._made.get(each) or made[each] for each in wanted if each in self._made or each in made}
        closed = (each.id for each in state.workflows.values() if each.publication.stage is Stage.CLOSED)
        return SavedFiles(tuple(self._made.values()), frozenset(map(_source, closed)))


def _files(offers: Iterable[tuple[Offered, SavedAt, bytes]]) -> dict[Offered, SourceFile]:
    made = {}
    for offer, at, content in offers:
        with suppress(UnreadableWorkflow, PromptRejected):  # an earlier version of this program took it
            made[offer] = _file(offer, at, content)
    return made


def _file(offer: Offered, at: SavedAt, content: bytes) -> SourceFile:
    path = at.path[: len(at.path) - len(PurePosixPath(at.path).name)] + at.stem
    called = "" if offer.title == at.stem else offer.title
    source, graph = _source(offer.id), graph_of(content)
    return SourceFile.of(Layer.SAVED, path, at.path, graph, source=source, called=called, trial=offer.trial)


def _source(workflow: str) -> str:
    return f"{_SOURCE}{workflow}"


def saved_id(identity: Identity) -> str:
    """Return the id among saved workflows of one in the catalog; empty if it is not saved at a server."""
    return identity.source.removeprefix(_SOURCE) if identity.source.startswith(_SOURCE) else ""


@dataclass(frozen=True)
class _Examined:
    """A content, packed, with what it needs, or why it is no workflow."""

    packed: bytes
    needs: WorkflowNeeds | None
    fault: str = ""


class SavedPublisher:
    """A `SavedFilesSink`. `infos` has the nodes of each server by its key, and `labels` its name for people."""

    def __init__(
        self,
        store: SavedStore,
        shelf: Shelf,
        worker: str,
        infos: Callable[[], Mapping[str, ObjectInfo]],
        labels: Mapping[str, str],
        allowed: Collection[str],
        new_id: NewId = place_id,
    ) -> None:
        self._store, self._shelf, self._worker = store, shelf, worker
        self._infos, self._labels, self._allowed, self._new_id = infos, labels, allowed, new_id
        self._one_by_one = asyncio.Lock()
        self._logged: set[tuple[str, str]] = set()

    async def take(self, listing: SavedListing, publish: Publish) -> None:
        """See `SavedFilesSink`."""
        digests = {file.path: file.digest for file in listing.changed}
        examined = await self._looked_at(listing)

        def listed(state: SavedState) -> SavedState:
            holdings = renewed(state.holdings, listing.server, listing.user, listing.paths, digests, self._new_id)
            old = state.servers.get(listing.server)
            faults = () if old is None else old.faults
            server = SavedServer(listing.server, self._worker, publish, self._store.clock(), faults)
            return replace(state, holdings=tuple(holdings), servers={**state.servers, server.name: server})

        await self._change(listed, examined)

    async def _looked_at(self, listing: SavedListing) -> dict[str, _Examined]:
        """Examine the contents about which not all is decided, as at a restart it is about most. Returns them by their
        digests.
        """
        state, info = await self._store.state(), self._infos()[listing.server]
        settled = state.settled_at(listing.server, listing.user)
        new = [file for file in listing.changed if settled.get(file.path) != file.digest]
        return {file.digest: await asyncio.to_thread(_examine, file, info) for file in new}

    async def looked(self, server: str, users: Sequence[str] | None, faults: Sequence[SavedFault]) -> None:
        """See `SavedFilesSink`."""

        def noted(state: SavedState) -> SavedState:
            old = state.servers.get(server)
            publish = Publish.OFF if old is None else old.publish
            told = tuple((each.path, each.reason) for each in faults)
            new = SavedServer(server, self._worker, publish, self._store.clock(), told)
            kept = [
                each for each in state.holdings if each.at.server != server or users is None or each.at.user in users
            ]
            return replace(state, holdings=tuple(kept), servers={**state.servers, server: new})

        await self._change(noted, {})

    async def keep(self, servers: Collection[str]) -> None:
        """Forget what was saved at other servers than these: the settings name them no longer."""

        def kept(state: SavedState) -> SavedState:
            holdings = tuple(each for each in state.holdings if each.at.server in servers)
            left = {name: each for name, each in state.servers.items() if name in servers}
            return replace(state, holdings=holdings, servers=left)

        await self._change(kept, {})

    async def offer(self) -> None:
        """Tell the shelf what is offered now."""
        async with self._one_by_one:
            await self._shelf.offer(offered(await self._store.state()))

    async def _change(self, change: Callable[[SavedState], SavedState], examined: Mapping[str, _Examined]) -> None:
        async with self._one_by_one:
            async with self._store.database.change(Topic.SAVED, locks=LOCKS) as connection:
                before = await read_state(connection)
                after = await self._judged(connection, change(before), examined)
                await write_state(connection, before, after)
            self._log_faults(after)
            await self._shelf.offer(offered(after))

    def _log_faults(self, state: SavedState) -> None:
        """Log each fault once for as long as it is there."""
        faults = {(f"{at.server}: {at.path}", reason) for at, reason in state.faults.items()}
        faults |= {(server.name, reason) for server in state.servers.values() for _path, reason in server.faults}
        for file, reason in sorted(faults - self._logged):
            events_log.workflow_faulty(file, None, reason)
        self._logged = faults

    async def _judged(
        self, connection: AsyncConnection, state: SavedState, examined: Mapping[str, _Examined]
    ) -> SavedState:
        """Decide about each workflow whose file has changed, and give all of them their titles. What an operator closed
        stays on record when its file goes, so that it is closed if it is saved there again.
        """
        leading = leaders(state.holdings)
        workflows = {
            key: each
            for key, each in state.workflows.items()
            if key in leading or each.publication.stage is Stage.CLOSED
        }
        held = {each.at for each in state.holdings}
        faults = {at: fault for at, fault in state.faults.items() if at in held}
        for key, holding in leading.items():
            found = workflows.get(key)
            if not _is_new(found, holding, state.publish(key), is_faulty=holding.at in faults):
                continue
            if (content := await self._examined(connection, holding.digest, examined)) is None:
                continue
            made = self._judge(state, found, holding, content)
            faults.pop(holding.at, None)
            if isinstance(made, str):
                faults[holding.at] = made
                continue
            if content.needs is not None and (found is None or found.publication.newest != holding.digest):
                await add_version(connection, made, holding.at, content.needs, content.packed)
            workflows[key] = made
        named = titles(leading, self._labels)
        shown = {key: replace(each, title=named.get(key, each.title)) for key, each in workflows.items()}
        return replace(state, workflows=shown, faults=faults)

    async def _examined(
        self, connection: AsyncConnection, digest: str, examined: Mapping[str, _Examined]
    ) -> _Examined | None:
        """Return a content that has just come, or that was a version already."""
        if digest in examined:
            return examined[digest]
        found = await find_version(connection, digest)
        return None if found is None else _Examined(found[1], found[0])

    def _judge(
        self, state: SavedState, found: SavedWorkflow | None, holding: Holding, content: _Examined
    ) -> SavedWorkflow | str:
        """Return the workflow as it is offered from now on, or why this version is not."""
        if content.needs is None:
            return content.fault
        before, approved = (None, None) if found is None else (found.publication, found.approved)
        publish = state.publish(holding.workflow)
        made = judged(publish, before, holding.digest, content.needs, approved, self._allowed)
        if isinstance(made, Refusal):
            return made.reason
        return SavedWorkflow(holding.workflow, "", made, self._store.clock(), (), approved)


def offered(state: SavedState) -> list[Offered]:
    """Return what is to be offered."""
    return [
        Offered(each.id, each.title, each.publication.shown, each.publication.stage is Stage.TRIAL)
        for each in state.workflows.values()
        if each.publication.shown
    ]


def _is_new(found: SavedWorkflow | None, holding: Holding, publish: Publish, *, is_faulty: bool) -> bool:
    """True if there is something to decide: other content, a fault that may be mended, or a trial that is none now."""
    if found is None or is_faulty or found.publication.newest != holding.digest:
        return True
    return found.publication.stage is Stage.TRIAL and publish is Publish.OPEN


def _examine(file: SavedContent, info: ObjectInfo) -> _Examined:
    try:
        return _Examined(packed(file.content), needs_of(file.content, info))
    except UnreadableWorkflow as fault:
        return _Examined(b"", None, str(fault))
