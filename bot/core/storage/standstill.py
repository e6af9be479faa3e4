"""A note in the records that nothing may be done with them yet: they were restored from a backup, and the original may
still be at work.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select

from bot.core.errors import StorageFailed
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.schema import notes as table

PAUSED = "backup:restored"  #: in place until the original is gone


async def pause(notes: KeyValueStore, made_at: float) -> None:
    """Let what is restored wait."""
    await notes.put(PAUSED, {"made_at": made_at, "restored_at": time.time()})


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
