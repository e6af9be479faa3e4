"""The database of workflows: their identities, and the content of every version that a run may still use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from time import time

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.storage.bells import Bells, Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import workflow_versions, workflows
from bot.core.workflows.identity.identities import Identity, identified
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.source import Layer
from comfy.errors import PromptRejected
from comfy.saved import UnreadableWorkflow

_COLUMNS = [column for column in workflows.c if column.name != "edition"]
_KEPT = 90 * 86_400.0  # seconds after which a version goes that no run uses
_AT_ONCE = 200  # versions asked for in one statement

#: A source and a path in it: what an identity belongs to.
FilePlace = tuple[str, str]


class WorkflowStore:
    """All methods raise `StorageFailed`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock

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
        """Return the workflows that there are and were."""
        async with self._database.read() as connection:
            return await _all(connection)

    async def settle(
        self, files: Sequence[SourceFile], gone: Callable[[Sequence[Identity]], Collection[FilePlace]]
    ) -> Mapping[FilePlace, Identity]:
        """Record these files. `gone` tells of what was there before at which places it is no longer. Returns all that
        is on record then.
        """
        known = await self.all()
        found = await asyncio.to_thread(identified, known, files, self._clock())
        there = {(each.source, each.path): each for each in known}
        lost = {place for place in gone(known) if place in there and there[place].gone_at is None} - found.keys()
        if not lost and set(found.values()) <= set(known):
            return there  # as mostly, and without a transaction that others wait for
        packed = await asyncio.to_thread(lambda: {file.version: file.packed() for file in files})
        async with self._database.change(Topic.WORKFLOWS) as connection:
            there = {(each.source, each.path): each for each in await _all(connection)}
            found = identified(there.values(), files, self._clock())
            changed = set(found.values()) - set(there.values())
            await self._write(connection, {each.id for each in there.values()}, changed)
            await self._end(connection, [there[place].id for place in lost if place in there])
            await self._keep(connection, packed, found)
            return {(each.source, each.path): each for each in await _all(connection)}

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

    async def sweep(self, used: Collection[str]) -> None:
        """Delete old versions, but for those that are `used` by runs or current."""
        old = select(workflow_versions.c.version).where(workflow_versions.c.at < self._clock() - _KEPT)
        async with self._database.change() as connection:
            current = set((await connection.execute(select(workflows.c.version))).scalars())
            for version in set((await connection.execute(old)).scalars()) - current - set(used):
                await connection.execute(delete(workflow_versions).where(workflow_versions.c.version == version))

    async def _write(self, connection: AsyncConnection, known: Collection[str], changed: Collection[Identity]) -> None:
        if not changed:
            return
        edition = await _edition(connection) + 1
        for each in changed:
            row = {column.name: getattr(each, column.name) for column in _COLUMNS} | {"edition": edition}
            if each.id in known:
                await connection.execute(update(workflows).where(workflows.c.id == each.id).values(row))
            else:
                await connection.execute(workflows.insert().values(row))

    async def _end(self, connection: AsyncConnection, lost: Sequence[str]) -> None:
        if lost:
            there = (workflows.c.id.in_(lost), workflows.c.gone_at.is_(None))
            values = {"gone_at": self._clock(), "edition": await _edition(connection) + 1}
            await connection.execute(update(workflows).where(*there).values(values))

    async def _keep(
        self, connection: AsyncConnection, packed: Mapping[str, bytes], found: Mapping[FilePlace, Identity]
    ) -> None:
        """Keep the content of each version that is not kept yet."""
        kept = set((await connection.execute(select(workflow_versions.c.version))).scalars())
        owners = {each.version: each.id for each in found.values()}
        rows = [
            {"version": version, "workflow": owners[version], "content": data, "at": self._clock()}
            for version, data in packed.items()
            if version not in kept
        ]
        if rows:
            await connection.execute(workflow_versions.insert(), rows)


def _unpacked(packed: Mapping[str, bytes]) -> dict[str, SourceFile]:
    files: dict[str, SourceFile] = {}
    for version, data in packed.items():
        with suppress(UnreadableWorkflow, PromptRejected):  # a later version of this program packed it
            files[version] = SourceFile.unpacked(data, version)
    return files


async def _edition(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.coalesce(func.max(workflows.c.edition), 0)))).scalar_one())


async def _all(connection: AsyncConnection) -> list[Identity]:
    rows = await connection.execute(select(*_COLUMNS).order_by(workflows.c.edition, workflows.c.id))
    return [Identity(row.id, row.source, row.path, Layer(row.layer), *row[4:]) for row in rows]
