"""Changes the order of the line."""

from __future__ import annotations

from sqlalchemy import func, select, update

from bot.core.run import State
from bot.core.runs import statements
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import runs


class LineOrder:
    """All methods raise `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_first(self, run_id: str) -> bool:
        """Give a waiting run the turn before all others; False if it does not wait, or a server has it already.

        Limits on the runs of its person still hold, and runs of a higher priority still go before it.
        """
        others = runs.alias()
        first = select(func.min(others.c.turn)).where(statements.in_states([State.WAITING], others)).scalar_subquery()
        waits = (runs.c.id == run_id, statements.in_states([State.WAITING]), runs.c.server.is_(None))
        async with self._database.change(Topic.LINE) as connection:
            moved = update(runs).where(*waits).values(turn=first - 1, depth=0)
            return (await connection.execute(moved)).rowcount > 0
