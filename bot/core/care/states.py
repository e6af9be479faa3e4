"""Wishes of operators for servers, and the answers of their workers, in the database: all processes find it there.

Each wish is a number that grows. A worker has done it once its own number is as large, so wishes of several operators
are one, and none of them is lost with a process.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from bot.core.servers.condition import Condition
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import server_states


@dataclass(frozen=True)
class GpuReport:
    """A device of a server; memory is in bytes."""

    name: str
    total: int
    free: int


@dataclass(frozen=True)
class RamReport:
    """The memory of a server's machine, in bytes."""

    total: int
    free: int


@dataclass(frozen=True)
class ServerReport:
    """A server as its worker saw it. `others` counts the prompts there that are not ours, `loaded` are the models that
    our runs have loaded, and `fault` says why the server did not answer. It answered within `latency` seconds.
    """

    condition: Condition
    version: str = ""
    gpus: tuple[GpuReport, ...] = ()
    loaded: tuple[str, ...] = ()
    others: int = 0
    wakes_in: float | None = None
    fault: str = ""
    ram: RamReport | None = None
    latency: float | None = None


@dataclass(frozen=True)
class FreeAnswer:
    """The end of a wish: `done` if the server was told to unload its models. If not, so many prompts are there, and
    `ours` of them are ours; or a `fault` kept it from that.
    """

    done: bool
    prompts: int = 0
    ours: int = 0
    fault: str = ""


@dataclass(frozen=True)
class KeptServer:
    """A row: a server of a worker. `is_current`: the worker has answered since it was asked last."""

    worker: str
    name: str
    drained: bool
    start: float | None
    asked: int
    answered: int
    report: ServerReport | None
    reported_at: float | None
    free_asked: int
    free_answered: int
    free_answer: FreeAnswer | None

    @property
    def is_current(self) -> bool:
        return self.answered >= self.asked


class ServerStates:
    """The table of these. All methods raise `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Rings when an operator wants something.
        self.bell = database.bells.bell(Topic.SERVERS)

    async def register(self, worker: str, names: Collection[str]) -> Mapping[str, KeptServer]:
        """Note the servers of a worker, and forget its others. Returns what is kept of them."""

        def change(connection: Connection) -> None:
            mine = server_states.c.worker == worker
            connection.execute(delete(server_states).where(mine, server_states.c.name.not_in(names)))
            known = set(connection.execute(select(server_states.c.name).where(mine)).scalars())
            for name in names:
                if name not in known:
                    connection.execute(server_states.insert().values(worker=worker, name=name))

        await self._database.write(change)
        return {each.name: each for each in await self.all() if each.worker == worker}

    async def all(self) -> list[KeptServer]:
        question = select(server_states).order_by(server_states.c.name, server_states.c.worker)
        return await self._database.ask(lambda connection: list(map(_read, connection.execute(question))))

    async def of(self, worker: str, name: str) -> KeptServer | None:
        question = select(server_states).where(*_one(worker, name))
        row = await self._database.ask(lambda connection: connection.execute(question).one_or_none())
        return _read(row) if row is not None else None

    async def wishes(self, worker: str) -> list[KeptServer]:
        """Return the servers of a worker with what operators want, or have wanted for good."""
        given = {"of_worker": worker}
        return await self._database.ask(lambda connection: list(map(_read, connection.execute(_WISHES, given))))

    async def ask(self) -> None:
        """Ask all workers for reports of their servers."""
        await self._change((), asked=server_states.c.asked + 1)

    async def ask_to_free(self, worker: str, name: str) -> None:
        await self._change(_one(worker, name), free_asked=server_states.c.free_asked + 1)

    async def drain(self, worker: str, name: str, *, wanted: bool) -> None:
        """Note that a server gets no runs, or gets runs again; and ask for a report."""
        await self._change(_one(worker, name), drained=int(wanted), asked=server_states.c.asked + 1)

    async def answer(self, state: KeptServer, report: ServerReport) -> None:
        """Answer what a state, as it was read, asks for."""
        data = msgspec.to_builtins(report)
        values = {"report": data, "reported_at": time.time(), "answered": state.asked}
        await self._write(state, values)

    async def answer_free(self, state: KeptServer, answer: FreeAnswer) -> None:
        """Answer the wish to unload the models."""
        await self._write(state, {"free_answer": msgspec.to_builtins(answer), "free_answered": state.free_asked})

    async def learn_start(self, worker: str, name: str, seconds: float) -> None:
        """Keep how long a machine takes to start."""
        await self._database.write(
            lambda connection: connection.execute(
                update(server_states).where(*_one(worker, name)).values(start=seconds)
            )
        )

    async def _change(self, where: tuple[Any, ...], **values: Any) -> None:
        change = update(server_states).where(*where).values(**values)
        await self._database.write(lambda connection: connection.execute(change), Topic.SERVERS)

    async def _write(self, state: KeptServer, values: Mapping[str, Any]) -> None:
        change = update(server_states).where(*_one(state.worker, state.name)).values(**values)
        await self._database.write(lambda connection: connection.execute(change))


_columns = server_states.c
_WISHES = select(server_states).where(
    _columns.worker == bindparam("of_worker"),
    or_(_columns.drained == 1, _columns.asked > _columns.answered, _columns.free_asked > _columns.free_answered),
)


def _one(worker: str, name: str) -> tuple[Any, ...]:
    return server_states.c.worker == worker, server_states.c.name == name


def _read(row: Row[Any]) -> KeptServer:
    return KeptServer(
        row.worker,
        row.name,
        bool(row.drained),
        row.start,
        row.asked,
        row.answered,
        msgspec.convert(row.report, ServerReport) if row.report is not None else None,
        row.reported_at,
        row.free_asked,
        row.free_answered,
        msgspec.convert(row.free_answer, FreeAnswer) if row.free_answer is not None else None,
    )
