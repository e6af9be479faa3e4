"""The nodes and models that each server had when it was last seen, kept in the database.

So a start without servers knows the forms of all workflows, and a server that is away changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, or_, select

from bot.core.storage.database import Database
from bot.core.storage.schema import definitions
from comfy.object_info import ObjectInfo

_LOCKS = ("definitions",)  # of those who change several
_LONGEST = 30 * 86_400.0  # seconds after which a server that did not come back is forgotten


@dataclass(frozen=True)
class PackedInfo:
    """The definitions of a server as they are stored. `edition` identifies them."""

    edition: str
    info: bytes

    @classmethod
    def of(cls, info: ObjectInfo) -> PackedInfo:
        packed = zlib.compress(json.dumps(info.data).encode())
        return cls(hashlib.sha256(packed).hexdigest(), packed)


def unpacked(packed: bytes) -> ObjectInfo:
    return ObjectInfo(json.loads(zlib.decompress(packed)))


class KeptDefinitions:
    """The definitions of the servers of all workers, each by worker and name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Mapping[tuple[str, str], ObjectInfo]:
        """Return the definitions of all servers, those that were seen last first. Equal ones are read once. Raises
        `StorageFailed`.
        """
        async with self._database.read() as connection:
            which = select(definitions).where(definitions.c.at > time.time() - _LONGEST)
            rows = list(await connection.execute(which.order_by(definitions.c.at.desc())))
        editions = {row.edition: row.info for row in rows}
        infos = {edition: await asyncio.to_thread(unpacked, packed) for edition, packed in editions.items()}
        return {(row.worker, row.name): infos[row.edition] for row in rows}

    async def keep(self, worker: str, found: Mapping[str, PackedInfo], names: Collection[str]) -> None:
        """Keep what servers of a worker have. Those that are not in `names`, all its servers, are forgotten, as are
        servers that were not seen for long. Raises `StorageFailed`.
        """
        mine, now = definitions.c.worker == worker, time.time()
        gone = mine & definitions.c.name.not_in(names)
        async with self._database.change(locks=_LOCKS) as connection:
            renewed = mine & definitions.c.name.in_(list(found))
            await connection.execute(delete(definitions).where(or_(gone, renewed, definitions.c.at < now - _LONGEST)))
            for name, packed in found.items():
                row = {"worker": worker, "name": name, "at": now, "edition": packed.edition, "info": packed.info}
                await connection.execute(definitions.insert().values(row))

    async def forget(self, worker: str) -> None:
        """Forget the servers of a worker. Raises `StorageFailed`."""
        async with self._database.change(locks=_LOCKS) as connection:
            await connection.execute(delete(definitions).where(definitions.c.worker == worker))
