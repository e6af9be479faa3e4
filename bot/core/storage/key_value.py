"""Notes: the small things that a platform must still know after a restart, or in another process."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from types import TracebackType
from typing import Any

from sqlalchemy import delete, select, update

from bot.core.storage.database import Database
from bot.core.storage.schema import notes


class KeyValueStore:
    """Values that JSON can hold, each under a name of at most 200 characters. All methods raise `StorageFailed`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock

    async def __aenter__(self) -> KeyValueStore:
        """Open the database, for those who have it for themselves. Raises `ConfigError`."""
        await self._database.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._database.__aexit__(kind, error, traceback)

    async def get(self, name: str) -> Any:
        """Read the value stored under a name; None if there is none."""
        async with self._database.read() as connection:
            return (await connection.execute(select(notes.c.value).where(notes.c.name == name))).scalar_one_or_none()

    async def put(self, name: str, value: Any) -> None:
        """Note a value, in the place of an earlier one."""
        row = {"value": value, "at": self._clock()}
        async with self._database.change(locks=(f"note {name}",)) as connection:
            changed = await connection.execute(update(notes).where(notes.c.name == name).values(row))
            if not changed.rowcount:
                await connection.execute(notes.insert().values(name=name, **row))

    async def add(self, name: str, value: Any) -> bool:
        """Note a value unless there is one; whether there was none."""
        async with self._database.change(locks=(f"note {name}",)) as connection:
            if (await connection.execute(select(notes.c.name).where(notes.c.name == name))).first() is not None:
                return False
            await connection.execute(notes.insert().values(name=name, value=value, at=self._clock()))
            return True

    async def drop(self, name: str) -> None:
        async with self._database.change() as connection:
            await connection.execute(delete(notes).where(notes.c.name == name))

    async def starting(self, prefix: str) -> dict[str, Any]:
        """All whose names start so, the oldest first."""
        question = select(notes.c.name, notes.c.value).where(_starts(prefix)).order_by(notes.c.at)
        async with self._database.read() as connection:
            return dict(map(tuple, await connection.execute(question)))

    async def sweep(self, prefix: str, age: float) -> None:
        """Drop those whose names start so and that are older than so many seconds."""
        old = notes.c.at < self._clock() - age
        async with self._database.change() as connection:
            await connection.execute(delete(notes).where(_starts(prefix), old))


def _starts(prefix: str) -> Any:
    return notes.c.name.startswith(prefix, autoescape=True)
