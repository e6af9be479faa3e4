"""The troubles of workers without a chat: they write them down, and processes with a chat tell them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import StorageFailed
from bot.core.storage.database import Database
from bot.core.storage.schema import worker_troubles
from bot.core.watching.trouble import Trouble, Weight

_EVERY = 15.0  # seconds between two looks
_FRESH = 60.0  # seconds for which a worker that has written counts
_BEATS = worker_troubles.c.beat + 1
_OWN = frozenset({"disk", "remark", "task"})  # kinds that only the worker sees


class TroubleWriter:
    """Writes the troubles of a worker without a chat. Use it in `async with`."""

    def __init__(
        self, database: Database, worker: str, look: Callable[[], Awaitable[Sequence[Trouble]]], tasks: TaskHealth
    ) -> None:
        self._database, self._worker, self._look = database, worker, look
        self._chore = BackgroundTask("troubles", tasks)

    async def __aenter__(self) -> TroubleWriter:
        self._chore.repeat(self.step, _EVERY)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()

    async def step(self) -> None:
        """Look once, and write what is wrong. Nothing is written while all is well. Raises `StorageFailed`."""
        found = [each for each in await self._look() if each.kind in _OWN]
        told = [_Told(each.kind, each.subject, each.words, each.patience, each.detail, each.advice) for each in found]
        mine = worker_troubles.c.worker == self._worker

        def write(connection: Connection) -> None:
            if not told:
                connection.execute(delete(worker_troubles).where(mine))
                return
            values = {"troubles": msgspec.to_builtins(told)}
            if not connection.execute(update(worker_troubles).where(mine).values(beat=_BEATS, **values)).rowcount:
                connection.execute(worker_troubles.insert().values(worker=self._worker, beat=1, **values))

        await self._database.write(write)


class TroubleReader:
    """Reads them where there is a chat. No clocks of two machines are compared: a worker counts for a minute after it
    was seen to write, so one that is gone is not told of.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        self._seen: dict[str, tuple[int, float]] = {}  # each worker's beat, and when it changed

    async def look(self) -> list[Trouble]:
        """Return the troubles of workers at work; none while the database does not answer."""
        try:
            rows = await self._database.ask(lambda connection: list(connection.execute(select(worker_troubles))))
        except StorageFailed:
            return []
        now, found, seen = self._clock(), list[Trouble](), dict[str, tuple[int, float]]()
        for row in rows:
            beat, at = self._seen.get(row.worker, (row.beat, float("-inf")))
            seen[row.worker] = (row.beat, at if row.beat == beat else now)
            if now - seen[row.worker][1] < _FRESH:
                found += _read(row.worker, row.troubles)
        self._seen = seen
        return found


@dataclass(frozen=True)
class _Told:
    kind: str
    subject: str
    words: str
    patience: float
    detail: str
    advice: str = ""


def _read(worker: str, data: Sequence[Mapping[str, Any]]) -> list[Trouble]:
    told = msgspec.convert(data, list[_Told])
    troubles = (
        Trouble(each.kind, each.subject, each.words, Weight.QUIET, each.patience, each.detail, each.advice)
        for each in told
    )
    return [replace(each, subject=f"{worker}/{each.subject}", words=f"{worker}: {each.words}") for each in troubles]
