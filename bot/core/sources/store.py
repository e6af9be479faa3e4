"""The saved files of servers, as the database has them, the workflows that they are, and all versions."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import Row, and_, delete, func, select, update

from bot.core.model import Publish
from bot.core.sources.holdings import Holding, SavedAt
from bot.core.sources.needs import WorkflowNeeds
from bot.core.sources.publication import Publication, Stage
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.schema import saved_files, saved_servers, saved_versions, saved_workflows

LOCKS = ("saved workflows",)  #: of those who read the state and change it
_MOST_VERSIONS = 50  # of a workflow; older ones are deleted
_OF_VERSIONS = [column for column in saved_versions.c if column is not saved_versions.c.content]


@dataclass(frozen=True)
class SavedWorkflow:
    """A workflow that people saved. `approved` is what the last open version needs; `at` is when the newest was saved,
    and `asked` are the operators who were asked about it, as "platform:id".
    """

    id: str
    title: str
    publication: Publication
    at: float
    asked: tuple[str, ...] = ()
    approved: WorkflowNeeds | None = None


@dataclass(frozen=True)
class SavedVersion:
    """A version: its number, from 1 on, what it needs, and where it was saved."""

    workflow: str
    number: int
    digest: str
    at: float
    where: SavedAt
    needs: WorkflowNeeds


@dataclass(frozen=True)
class SavedServer:
    """A server as the process that looks after it sees it. `faults` are pairs of a path, which may be empty, and a
    reason.
    """

    name: str
    worker: str
    publish: Publish
    at: float
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SavedState:
    """All of it, but the contents."""

    holdings: tuple[Holding, ...] = ()
    faults: Mapping[SavedAt, str] = field(default_factory=dict)
    workflows: Mapping[str, SavedWorkflow] = field(default_factory=dict)
    servers: Mapping[str, SavedServer] = field(default_factory=dict)

    def publish(self, workflow: str) -> Publish:
        """Return what holds for a workflow: it is open if one of the servers that have it says so."""
        return Publish.OPEN if workflow in self._open else Publish.TRIAL

    @property
    def present(self) -> dict[str, SavedWorkflow]:
        """The workflows that have a file now."""
        held = {each.workflow for each in self.holdings}
        return {key: each for key, each in self.workflows.items() if key in held}

    def settled_at(self, server: str, user: str) -> dict[str, str]:
        """Return the files of a user about which all is decided: the digests of their contents, by path."""
        newest = {key: each.publication.newest for key, each in self.workflows.items()}
        return {
            each.at.path: each.digest
            for each in self.holdings
            if (each.at.server, each.at.user) == (server, user)
            and each.at not in self.faults
            and newest.get(each.workflow) == each.digest
        }

    @cached_property
    def _open(self) -> frozenset[str]:
        """The workflows that a server has which lets people publish."""
        open_at = {name for name, each in self.servers.items() if each.publish is Publish.OPEN}
        return frozenset(each.workflow for each in self.holdings if each.at.server in open_at)


class SavedStore:
    """All methods raise `StorageFailed`. Those with a connection are for a transaction of the caller's."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.database, self.clock = database, clock

    async def state(self) -> SavedState:
        async with self.database.read() as connection:
            return await read_state(connection)

    async def versions(self, workflow: str) -> list[SavedVersion]:
        """Return the versions of a workflow, newest first."""
        question = select(*_OF_VERSIONS).where(saved_versions.c.workflow == workflow)
        async with self.database.read() as connection:
            rows = await connection.execute(question.order_by(saved_versions.c.number.desc()))
            return [_version(row) for row in rows]

    async def newest(self) -> dict[str, SavedVersion]:
        """Return the newest version of each workflow, by the workflow's id."""
        mine = and_(
            saved_versions.c.workflow == saved_workflows.c.id, saved_versions.c.digest == saved_workflows.c.newest
        )
        question = select(*_OF_VERSIONS).join(saved_workflows, mine).order_by(saved_versions.c.number)
        async with self.database.read() as connection:
            return {row.workflow: _version(row) for row in await connection.execute(question)}

    async def content(self, workflow: str, digest: str) -> bytes | None:
        """Return the content of a version; None if there is none."""
        async with self.database.read() as connection:
            return await _content(connection, saved_versions.c.workflow == workflow, saved_versions.c.digest == digest)

    async def contents(self, wanted: Iterable[tuple[str, str]]) -> dict[str, tuple[SavedAt, bytes]]:
        """Return where these versions of workflows were saved, given by their digests, and what is in them."""
        found: dict[str, tuple[SavedAt, bytes]] = {}
        async with self.database.read() as connection:
            for workflow, digest in wanted:
                mine = (saved_versions.c.workflow == workflow, saved_versions.c.digest == digest)
                row = (await connection.execute(select(saved_versions).where(*mine).limit(1))).first()
                if row is not None:
                    found[workflow] = _at(row), zlib.decompress(row.content)
        return found

    async def decide(self, seen: SavedWorkflow, to: Callable[[Publication], Publication]) -> SavedWorkflow | None:
        """Change how far a workflow is offered; None if it is gone, or if it is no longer as it was `seen`."""
        async with self.database.change(Topic.SAVED, locks=LOCKS) as connection:
            found = (await read_state(connection)).present.get(seen.id)
            if found is None or found.publication != seen.publication:
                return None
            decided = replace(found, publication=to(found.publication))
            await write_workflow(connection, found, decided)
            return decided

    async def note_asked(self, workflow: str, newest: str, operator: str) -> None:
        """Record that an operator was asked about the newest version."""
        async with self.database.change(Topic.SAVED, locks=LOCKS) as connection:
            found = (await read_state(connection)).workflows.get(workflow)
            if found is not None and found.publication.newest == newest and operator not in found.asked:
                await write_workflow(connection, found, replace(found, asked=(*found.asked, operator)))


async def read_state(connection: AsyncConnection) -> SavedState:
    """Read everything but the contents."""
    files = list(await connection.execute(select(saved_files).order_by(saved_files.c.since)))
    joined = saved_workflows.outerjoin(
        saved_versions,
        and_(
            saved_versions.c.workflow == saved_workflows.c.id,
            saved_versions.c.digest == saved_workflows.c.approved,
        ),
    )
    workflows = await connection.execute(select(saved_workflows, saved_versions.c.needs).select_from(joined))
    servers = await connection.execute(select(saved_servers))
    return SavedState(
        tuple(Holding(_at(row), row.digest, row.workflow, row.since) for row in files),
        {_at(row): row.fault for row in files if row.fault},
        {row.id: _workflow(row) for row in workflows},
        {row.server: _server(row) for row in servers},
    )


async def write_state(connection: AsyncConnection, before: SavedState, after: SavedState) -> None:
    """Write what is different: files, workflows, and servers."""
    old = {each.at: (each, before.faults.get(each.at, "")) for each in before.holdings}
    new = {each.at: (each, after.faults.get(each.at, "")) for each in after.holdings}
    for at in [at for at, row in old.items() if new.get(at) != row]:
        await connection.execute(delete(saved_files).where(*(saved_files.c[key] == value for key, value in _key(at))))
    if fresh := [_file(*row) for at, row in new.items() if old.get(at) != row]:
        await connection.execute(saved_files.insert(), fresh)
    for gone in before.workflows.keys() - after.workflows.keys():
        await connection.execute(delete(saved_workflows).where(saved_workflows.c.id == gone))
        await connection.execute(delete(saved_versions).where(saved_versions.c.workflow == gone))
    for workflow in after.workflows.values():
        await write_workflow(connection, before.workflows.get(workflow.id), workflow)
    for gone in before.servers.keys() - after.servers.keys():
        await connection.execute(delete(saved_servers).where(saved_servers.c.server == gone))
    for server in after.servers.values():
        await _write_server(connection, before.servers.get(server.name), server)


async def write_workflow(connection: AsyncConnection, before: SavedWorkflow | None, after: SavedWorkflow) -> None:
    """Write a workflow if it has changed."""
    if before == after:
        return
    offered = after.publication
    row = {
        "title": after.title,
        "stage": offered.stage.value,
        "newest": offered.newest,
        "shown": offered.shown,
        "approved": offered.approved,
        "at": after.at,
        "asked": list(after.asked),
    }
    if before is None:
        await connection.execute(saved_workflows.insert().values(id=after.id, **row))
    else:
        await connection.execute(update(saved_workflows).where(saved_workflows.c.id == after.id).values(**row))


async def add_version(
    connection: AsyncConnection,
    workflow: SavedWorkflow,
    where: SavedAt,
    needs: WorkflowNeeds,
    content: bytes,
) -> None:
    """Add the newest version of a workflow, and delete the oldest ones if there are too many, but not the offered."""
    mine, offered = saved_versions.c.workflow == workflow.id, workflow.publication
    last = (await connection.execute(select(func.max(saved_versions.c.number)).where(mine))).scalar_one() or 0
    row = {"workflow": workflow.id, "number": last + 1, "digest": offered.newest, "at": workflow.at}
    more = {"needs": needs_json(needs), "content": content}
    await connection.execute(saved_versions.insert().values(**row, **dict(_key(where)), **more))
    old = saved_versions.c.number <= last + 1 - _MOST_VERSIONS
    kept = saved_versions.c.digest.in_((offered.shown, offered.approved))
    await connection.execute(delete(saved_versions).where(mine, old, ~kept))


async def find_version(connection: AsyncConnection, digest: str) -> tuple[WorkflowNeeds, bytes] | None:
    """Return what a content needs, and it as it is packed, whatever workflow it is a version of."""
    question = select(saved_versions.c.needs, saved_versions.c.content).where(saved_versions.c.digest == digest)
    row = (await connection.execute(question.limit(1))).first()
    return None if row is None else (read_needs(row.needs), row.content)


def packed(content: bytes) -> bytes:
    return zlib.compress(content)


def needs_json(needs: WorkflowNeeds) -> dict[str, Any]:
    return {**asdict(needs), "classes": sorted(needs.classes), "paid": sorted(needs.paid)}


def read_needs(data: Any) -> WorkflowNeeds:
    return msgspec.convert(data, WorkflowNeeds)


async def _content(connection: AsyncConnection, *which: Any) -> bytes | None:
    found = (await connection.execute(select(saved_versions.c.content).where(*which).limit(1))).scalar_one_or_none()
    return None if found is None else zlib.decompress(found)


def _at(row: Row[Any]) -> SavedAt:
    return SavedAt(row.server, row.user, row.path)


def _key(at: SavedAt) -> Sequence[tuple[str, str]]:
    return (("server", at.server), ("user", at.user), ("path", at.path))


def _file(holding: Holding, fault: str) -> dict[str, Any]:
    told = fault.replace("\0", "")  # words of the file may be in it, and PostgreSQL takes no such letter
    row = {"digest": holding.digest, "workflow": holding.workflow, "since": holding.since, "fault": told}
    return {**dict(_key(holding.at)), **row}


def _workflow(row: Row[Any]) -> SavedWorkflow:
    offered = Publication(Stage(row.stage), row.newest, row.shown, row.approved)
    approved = None if row.needs is None else read_needs(row.needs)
    return SavedWorkflow(row.id, row.title, offered, row.at, tuple(row.asked), approved)


def _version(row: Row[Any]) -> SavedVersion:
    return SavedVersion(row.workflow, row.number, row.digest, row.at, _at(row), read_needs(row.needs))


def _server(row: Row[Any]) -> SavedServer:
    faults = tuple((str(path), str(reason)) for path, reason in row.faults)
    return SavedServer(row.server, row.worker, Publish(row.publish), row.at, faults)


async def _write_server(connection: AsyncConnection, before: SavedServer | None, after: SavedServer) -> None:
    if before == after:
        return
    row = {
        "worker": after.worker,
        "publish": after.publish.value,
        "at": after.at,
        "faults": [list(each) for each in after.faults],
    }
    mine = saved_servers.c.server == after.name
    changed = await connection.execute(update(saved_servers).where(mine).values(**row))
    if not changed.rowcount:
        await connection.execute(saved_servers.insert().values(server=after.name, **row))
