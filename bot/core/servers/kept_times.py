"""The times that nodes took at the servers of a worker, kept in the database for its next start."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, delete, select

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import StorageFailed
from bot.core.storage.database import Database
from bot.core.storage.schema import node_times
from comfy.scheduling.node_times import Measurement, NodeTimes

_EVERY = 30.0  # seconds between two times that news is written
_LONGEST = 90 * 86_400.0  # seconds after which what was not measured again is forgotten
_AT_ONCE = 200  # keys that one statement deletes


class KeptTimes:
    """Use it in `async with`: it reads what is kept, and writes what runs measure, many runs' at once. What the last
    half a minute measured is lost with a process that is killed.
    """

    def __init__(self, database: Database, worker: str, times: NodeTimes, tasks: TaskHealth) -> None:
        self._database, self._worker, self._times = database, worker, times
        self._news = asyncio.Event()
        self._task = BackgroundTask("node times", tasks)

    async def __aenter__(self) -> KeptTimes:
        for server, measured in (await self._database.ask(self._kept)).items():
            self._times.fill(server, measured)
        self._times.on_news(self._news.set)
        self._task.repeat(self._keep, _EVERY, until=self._are_news)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._task.stop()
        with suppress(StorageFailed):
            await self._keep()

    async def _are_news(self) -> None:
        await self._news.wait()

    def _kept(self, connection: Connection) -> dict[str, dict[str, list[Measurement]]]:
        found = defaultdict[str, dict[str, list[Measurement]]](dict)
        question = select(node_times).where(node_times.c.worker == self._worker).order_by(node_times.c.at)
        for row in connection.execute(question):
            found[row.server][row.node] = [Measurement(*each) for each in row.measured]
        return found

    async def _keep(self) -> None:
        """Write what is new. Raises `StorageFailed`; then it is still new."""
        self._news.clear()
        news = self._times.take_news()
        if not news:
            return
        now = time.time()
        rows = [
            {"worker": self._worker, "server": server, "node": node, "measured": list(map(list, measured)), "at": now}
            for (server, node), measured in news.items()
        ]
        try:
            await self._database.write(lambda connection: _replace(connection, self._worker, rows))
        except BaseException:
            self._times.give_back(news)
            raise


def _replace(connection: Connection, worker: str, rows: Sequence[dict[str, Any]]) -> None:
    old = (node_times.c.worker == worker, node_times.c.at < time.time() - _LONGEST)
    connection.execute(delete(node_times).where(*old))
    for first in range(0, len(rows), _AT_ONCE):
        part = rows[first : first + _AT_ONCE]
        for server in {row["server"] for row in part}:
            nodes = [row["node"] for row in part if row["server"] == server]
            mine = (node_times.c.worker == worker, node_times.c.server == server, node_times.c.node.in_(nodes))
            connection.execute(delete(node_times).where(*mine))
        connection.execute(node_times.insert(), part)
