"""The database of workflows: their identities, and the content of every version that a run may still use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import delete, func, select, update

from bot.core.storage.bells import Bells, Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.schema import workflow_versions, workflows
from bot.core.workflows.identity.identities import Identity, identified
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.source import Layer
from comfy.errors import PromptRejected
from comfy.saved import UnreadableWorkflow

_COLUMNS = [column for column in workflows.c if column.name != "edition"]
_KEPT = 90 * 86_400.0  # seconds after which a version goes that no run uses
_AT_ONCE = 200  # versions asked for in one statement
_LOCKS = ("workflows",)  # editions are on record one after the other

#: A source and a path in it: what an identity belongs to.
FilePlace = tuple[str, str]


class WorkflowStore:
    """All methods raise `StorageFailed`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock
        self._known: list[Identity] = []  # as they were on record in this edition
        self._edition = -1

    @property
    def is_shared(self) -> bool:
        """True if other processes may write to it."""
        return self._database.is_shared

    @property
    def bells(self) -> Bells:
        return self._database.bells

    async def edition(self) -> int:
        """Return a number that grows with every change."""
        async with self._database.read() as connection:
            return await _edition(connection)

    async def all(self) -> list[Identity]:
        """Return the workflows that there are and were. Only what has changed is read."""
        async with self._database.read() as connection:
            return await self._all(connection)

    async def settle(
        self, files: Sequence[SourceFile], gone: Callable[[Sequence[Identity]], Collection[FilePlace]]
    ) -> Mapping[FilePlace, Identity]:
        """Record these files. `gone` tells of what was there before at which places it is no longer. Returns all that
        is on record then.
        """
        known = await self.all()
        news = await asyncio.to_thread(_news, known, files, gone, self._clock())
        if not news:
            return _by_place(known)  # as mostly, and without a transaction that others wait for
        packed = await asyncio.to_thread(news.packed, files)
        async with self._database.change(Topic.WORKFLOWS, locks=_LOCKS) as connection:
            fresh = await self._all(connection)
            if fresh is not known:
                news = await asyncio.to_thread(_news, fresh, files, gone, self._clock())
                packed = await asyncio.to_thread(news.packed, files)
            await self._write(connection, {each.id for each in fresh}, news.changed)
            await self._end(connection, news.lost)
            await self._keep(connection, packed, news.changed)
        return _by_place(await self.all())

    async def versions(self, wanted: Sequence[str]) -> dict[str, SourceFile]:
        """Return the files of these versions; those that are not kept are left out."""
        packed: dict[str, bytes] = {}
        if not wanted:
            return {}
        async with self._database.read() as connection:
            for first in range(0, len(wanted), _AT_ONCE):
                mine = workflow_versions.c.version.in_(wanted[first : first + _AT_ONCE])
                question = select(workflow_versions.c.version, workflow_versions.c.content).where(mine)
                packed |= dict(map(tuple, await connection.execute(question)))
        return await asyncio.to_thread(_unpacked, packed)

    async def history(self, workflow: str, count: int) -> list[tuple[str, float]]:
        """Return the versions of a workflow that are kept, each with when it was new, the newest first."""
        mine, columns = workflow_versions.c.workflow == workflow, (workflow_versions.c.version, workflow_versions.c.at)
        question = select(*columns).where(mine).order_by(workflow_versions.c.at.desc()).limit(count)
        async with self._database.read() as connection:
            return [(row.version, row.at) for row in await connection.execute(question)]

    async def sweep(self, used: Collection[str]) -> None:
        """Delete old versions, but for those that are `used` by runs or current."""
        old = select(workflow_versions.c.version).where(workflow_versions.c.at < self._clock() - _KEPT)
        async with self._database.change(locks=_LOCKS) as connection:
            current = set((await connection.execute(select(workflows.c.version))).scalars())
            for version in set((await connection.execute(old)).scalars()) - current - set(used):
                await connection.execute(delete(workflow_versions).where(workflow_versions.c.version == version))

    async def _write(self, connection: AsyncConnection, known: Collection[str], changed: Collection[Identity]) -> None:
        if not changed:
            return
        edition, fresh = await _edition(connection) + 1, list[dict[str, Any]]()
        for each in changed:
            row = {column.name: getattr(each, column.name) for column in _COLUMNS} | {"edition": edition}
            if each.id in known:
                await connection.execute(update(workflows).where(workflows.c.id == each.id).values(row))
            else:
                fresh.append(row)
        if fresh:
            await connection.execute(workflows.insert(), fresh)

    async def _end(self, connection: AsyncConnection, lost: Sequence[str]) -> None:
        if lost:
            there = (workflows.c.id.in_(lost), workflows.c.gone_at.is_(None))
            values = {"gone_at": self._clock(), "edition": await _edition(connection) + 1}
            await connection.execute(update(workflows).where(*there).values(values))

    async def _keep(
        self, connection: AsyncConnection, packed: Mapping[str, bytes], changed: Collection[Identity]
    ) -> None:
        """Keep the content of each version that is not kept yet."""
        owners = {each.version: each.id for each in changed}
        wanted, kept = list(owners), set[str]()
        for first in range(0, len(wanted), _AT_ONCE):
            mine = workflow_versions.c.version.in_(wanted[first : first + _AT_ONCE])
            kept |= set((await connection.execute(select(workflow_versions.c.version).where(mine))).scalars())
        rows = [
            {"version": version, "workflow": owner, "content": packed[version], "at": self._clock()}
            for version, owner in owners.items()
            if version not in kept
        ]
        if rows:
            await connection.execute(workflow_versions.insert(), rows)

    async def _all(self, connection: AsyncConnection) -> list[Identity]:
        """Return what is on record, the last changes last. The list is the same one while nothing has changed."""
        later = select(*_COLUMNS, workflows.c.edition).where(workflows.c.edition > self._edition)
        rows = (await connection.execute(later.order_by(workflows.c.edition, workflows.c.id))).all()
        if rows:
            self._known = await asyncio.to_thread(_joined, self._known, rows)
            self._edition = rows[-1].edition
        return self._known


@dataclass(frozen=True)
class _News:
    """The differences from the record: identities that are new or have changed, and the ids of those that are gone."""

    changed: frozenset[Identity]
    lost: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.lost)

    def packed(self, files: Iterable[SourceFile]) -> dict[str, bytes]:
        """Pack the files of changed ones, by version."""
        versions = {each.version for each in self.changed}
        return {file.version: file.packed() for file in files if file.version in versions}


def _news(
    known: Sequence[Identity],
    files: Sequence[SourceFile],
    gone: Callable[[Sequence[Identity]], Collection[FilePlace]],
    now: float,
) -> _News:
    found, there = identified(known, files, now), _by_place(known)
    lost = {place for place in gone(known) if place in there and there[place].gone_at is None} - found.keys()
    changed = frozenset(
        each for place, each in found.items() if each is not there.get(place) and each != there.get(place)
    )
    return _News(changed, tuple(there[place].id for place in lost))


def _by_place(known: Iterable[Identity]) -> dict[FilePlace, Identity]:
    return {(each.source, each.path): each for each in known}


def _joined(known: Iterable[Identity], rows: Iterable[Any]) -> list[Identity]:
    fresh = [
        Identity(row.id, row.source, row.path, Layer(row.layer), row.name, row.title, row.version, row.gone_at)
        for row in rows
    ]
    ids = {each.id for each in fresh}
    return [*(each for each in known if each.id not in ids), *fresh]


def _unpacked(packed: Mapping[str, bytes]) -> dict[str, SourceFile]:
    files: dict[str, SourceFile] = {}
    for version, data in packed.items():
        with suppress(UnreadableWorkflow, PromptRejected):  # a later version of this program packed it
            files[version] = SourceFile.unpacked(data, version)
    return files


async def _edition(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.coalesce(func.max(workflows.c.edition), 0)))).scalar_one())
