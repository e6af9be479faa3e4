"""Notes in the records that nothing may be done with them: they were restored from a backup, and the original may still
be at work; or they were moved to another database.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select

from bot.core.errors import StorageFailed
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.schema import notes as table

PAUSED = "backup:restored"  #: there until the original is gone
MOVED = "backup:moved"  #: there for good


async def pause(notes: KeyValueStore, made_at: float) -> None:
    """Let what is restored wait."""
    await notes.put(PAUSED, {"made_at": made_at, "restored_at": time.time()})


async def leave(notes: KeyValueStore, to: str) -> None:
    """Note that these records were moved to a database, and are used no longer."""
    await notes.put(MOVED, {"to": to, "at": time.time()})


async def moved_to(database: Database) -> str | None:
    """Return the database that these records were moved to; None if they were not."""
    found = await _read(database, MOVED)
    return str(found["to"]) if found is not None else None


async def resume(notes: KeyValueStore) -> None:
    await notes.drop(PAUSED)


async def is_paused(database: Database) -> bool:
    """True if these records wait. Nothing is opened or upgraded; False if there are none, or if they do not answer."""
    return await _read(database, PAUSED) is not None


async def _read(database: Database, name: str) -> Any:
    try:
        async with database.as_it_is(older=True) as connection:
            if connection is not None:
                found = await connection.execute(select(table.c.value).where(table.c.name == name))
                return found.scalar_one_or_none()
    except StorageFailed:  # whoever opens it next says so
        pass
    return None
