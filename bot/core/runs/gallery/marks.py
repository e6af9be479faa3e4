"""The tables of favourites, and of deletions that can still be undone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from time import time
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from bot.core.storage.database import Database
from bot.core.storage.schema import deletions, favourites

_DELETIONS = "deletions"  # the lock of those who change them


class FavouriteStore:
    """People are given as "platform:id". All methods raise `StorageFailed`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock

    async def mark(self, person: Sequence[str], run_ids: Collection[str], *, on: bool) -> None:
        """Make runs favourites of a person, given by their accounts, or no longer."""
        mine = (favourites.c.person.in_(person), favourites.c.run_id.in_(run_ids))

        def mark(connection: Connection) -> None:
            known = set(connection.execute(select(favourites.c.run_id).where(*mine)).scalars())
            if not on:
                connection.execute(delete(favourites).where(*mine))
            elif fresh := set(run_ids) - known:
                rows = [{"person": person[0], "run_id": each, "at": self._clock()} for each in sorted(fresh)]
                connection.execute(insert(favourites), rows)

        await self._database.write(mark, locks=(f"favourites of {person[0]}",))

    async def forget(self, person: str) -> None:
        """Delete all favourites of a person."""
        mine = delete(favourites).where(favourites.c.person == person)
        await self._database.write(lambda connection: connection.execute(mine))


class PendingDeletions:
    """Runs that are to be deleted at a moment. All methods raise `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, run_ids: Mapping[str, str], at: float) -> None:
        """Note runs that are to be deleted, each with the account that asked for it, given as "platform:id"."""

        def add(connection: Connection) -> None:
            known = select(deletions.c.run_id).where(deletions.c.run_id.in_(run_ids))
            fresh = run_ids.keys() - set(connection.execute(known).scalars())
            if fresh:
                rows = [{"run_id": each, "person": run_ids[each], "at": at} for each in sorted(fresh)]
                connection.execute(insert(deletions), rows)

        await self._database.write(add, locks=(_DELETIONS,))

    async def take_back(self, person: Collection[str], run_ids: Collection[str]) -> list[str]:
        """Return those of the runs of a person's accounts that are no longer to be deleted."""
        mine = (deletions.c.person.in_(person), deletions.c.run_id.in_(run_ids))

        def take_back(connection: Connection) -> list[str]:
            found = list(connection.execute(select(deletions.c.run_id).where(*mine)).scalars())
            connection.execute(delete(deletions).where(*mine))
            return found

        return await self._database.write(take_back, locks=(_DELETIONS,))

    async def all(self) -> list[tuple[str, str, float]]:
        """Return the runs, their people, and when each is to be deleted."""
        question = select(deletions.c.run_id, deletions.c.person, deletions.c.at)
        return await self._database.ask(lambda connection: list(map(tuple, connection.execute(question))))

    async def drop(self, run_ids: Sequence[str]) -> None:
        """Note that runs have been deleted."""
        gone = delete(deletions).where(deletions.c.run_id.in_(run_ids))
        await self._database.write(lambda connection: connection.execute(gone))


def forget_marks(run_ids: Collection[str]) -> list[Any]:
    """Return the statements that delete what is noted of runs."""
    return [delete(table).where(table.c.run_id.in_(run_ids)) for table in (favourites, deletions)]
