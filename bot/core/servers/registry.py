"""The servers of all workers, with their nodes and models.

In a shared database every worker writes its own servers, and all processes read the others. So a process that only
chats needs no connection to a server.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Update, and_, delete, extract, false, func, or_, select, update

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth, aligned, until_set
from bot.core.errors import StorageFailed
from bot.core.listeners import Listeners
from bot.core.servers.condition import Condition, ServerConditions
from bot.core.servers.definitions import KeptDefinitions, PackedInfo, unpacked
from bot.core.servers.lease import HeldName, Lease, sign_of_life
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.schema import servers
from comfy.fleet import Fleet
from comfy.object_info import ObjectInfo

_BEAT = 3.0  # seconds between two signs of life of a worker
_WHOLE = 600.0  # seconds after which all is written again, whatever a heartbeat sees
_TERM = 8.0  # seconds after a sign of life in which a worker may be sure that its runs are its own
_LOST = 10.0  # seconds of silence after which other workers take its runs over
_LOOK = 3.0  # seconds between two looks at what the others have written
_SILENT = 15.0  # seconds without a sign of life after which a worker's servers count as away
_GONE = 600.0  # seconds after which they are forgotten
_FAREWELL = 3.0  # seconds for a goodbye


@dataclass(frozen=True)
class RegisteredServer:
    """A worker's server. `info` has its nodes and models at the last check, even if it is down now. One that is asleep
    or waking can begin a run in so many seconds.
    """

    up: bool
    at_once: int
    info: ObjectInfo | None
    condition: Condition = Condition.UP
    wakes_in: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Read:
    """The data from another worker: `at` is by its clock, `heard` by ours, and `edition` identifies the `info`. It has
    been the same `since` then, also by ours, as far as we looked.
    """

    at: float
    heard: float
    since: float
    edition: str | None
    listed: RegisteredServer


class ServerRegistry:
    """Use it in `async with`. If the database is not shared, it lists only the servers of its own fleet."""

    def __init__(
        self,
        database: Database,
        worker: str | None,
        fleet: Fleet,
        tasks: TaskHealth,
        name: HeldName,
        clock: Callable[[], float] = time.monotonic,
        conditions: ServerConditions | None = None,
    ) -> None:
        """`fleet` has the servers of this worker; that of a process without a worker is empty. Where the
        worker's `name` may be lost, no heartbeat is written.
        """
        self._name = name
        self._conditions = conditions or ServerConditions(fleet)
        self._database, self._worker, self._fleet, self._clock = database, worker or "", fleet, clock
        self._others: dict[tuple[str, str], _Read] = {}  # by worker and name
        self._written: dict[str, ObjectInfo] = {}
        self._version = 0
        self._seen_up: frozenset[str] = frozenset()
        self._seen_down: frozenset[str] = frozenset()
        self._looked = -math.inf
        #: The lease on the runs of this worker.
        self.lease = Lease(_TERM if database.is_shared else math.inf)
        self._news, self._changed = asyncio.Event(), asyncio.Event()
        #: Told when a server, of whatever worker, comes, goes, or has other nodes or models.
        self.on_change = Listeners[[]]()
        self._kept, self._away = KeptDefinitions(database), dict[tuple[str, str], ObjectInfo]()
        self._told: dict[str, ObjectInfo] = {}  # what is kept of the own servers
        self._writing = BackgroundTask("registry writer", tasks)
        self._whole_at = -math.inf
        self._rows: dict[str, dict[str, Any]] = {}  # what was written last of each server, but for the time
        self._sign_of_life = self._heartbeat({})
        self._workers = database.bells.bell(Topic.WORKERS)
        self._keeping = BackgroundTask("definitions", tasks)
        self._reading = BackgroundTask("registry reader", tasks)

    async def __aenter__(self) -> ServerRegistry:
        self._away = {
            (worker, name): info
            for (worker, name), info in (await self._kept.read()).items()
            if worker != self._worker or name in self._fleet.members
        }
        for (_worker, name), info in self._away.items():
            self._fleet.remember(name, info)
        self._told = {name: info for name, info in self._fleet.known.items() if (self._worker, name) in self._away}
        self.note()
        if self._worker:
            self._keeping.repeat(self._keep_definitions)
        if self._database.is_shared:
            await self.read()
            self._reading.repeat(self.read, _LOOK, until=self._until_others)
            if self._worker:
                await self.write()  # before it takes runs, or takes them up again
                self._writing.repeat(self._keep_writing)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._reading.stop()
        await self._writing.stop()
        await self._keeping.stop()
        if self._database.is_shared and self._worker:
            with suppress(StorageFailed, TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._say_goodbye()

    @property
    def servers(self) -> Mapping[str, RegisteredServer]:
        """Return all servers. If two workers have one of the same name, each is called WORKER/NAME."""
        up, known = self._fleet.up, self._fleet.known
        listed = {
            (self._worker, name): RegisteredServer(name in up, member.at_once, known.get(name), *self._condition(name))
            for name, member in self._fleet.members.items()
        }
        listed |= {key: read.listed for key, read in self._others.items()}
        names = Counter(name for _worker, name in listed)
        return {
            name if names[name] == 1 else f"{worker}/{name}": each for (worker, name), each in sorted(listed.items())
        }

    def _condition(self, name: str) -> tuple[Condition, float | None]:
        return self._conditions.of(name), self._conditions.wakes_in(name)

    @property
    def known(self) -> Mapping[str, ObjectInfo]:
        """Return the known nodes and models of each server. Those of a server that is away are as it had them."""
        known = {name: each.info for name, each in self.servers.items() if each.info is not None}
        listed = {*self._fleet.known, *(name for (_worker, name), read in self._others.items() if read.listed.info)}
        return known | {name: info for (_worker, name), info in self._away.items() if name not in listed}

    @property
    def version(self) -> int:
        """A number that grows whenever a server comes, goes, or has other nodes or models."""
        return self._version + self._fleet.version

    @property
    def lost(self) -> Mapping[str, float]:
        """The other workers that have been silent for too long, each with its last sign of life by its own clock."""
        since, last = dict[str, float](), dict[str, float]()
        for (worker, _name), read in self._others.items():
            since[worker] = max(read.since, since.get(worker, -math.inf))
            last[worker] = max(read.at, last.get(worker, -math.inf))
        return {worker: at for worker, at in last.items() if self._clock() - since[worker] > _LOST}

    @property
    def workers(self) -> frozenset[str]:
        """Return this worker and the others that have given a sign of life lately, or may be lost."""
        return frozenset({self._worker, *(worker for worker, _name in self._others)})

    @property
    def conditions(self) -> frozenset[Condition]:
        """Return in which conditions servers are. One that was not reached or missed yet counts as up."""
        own = {name: self._conditions.of(name) for name in self._fleet.members}
        unknown = {name for name, each in own.items() if each is Condition.AWAY} - self._fleet.down
        others = (read.listed.condition for read in self._others.values())
        return frozenset([*(own | dict.fromkeys(unknown, Condition.UP)).values(), *others])

    @property
    def has_others(self) -> bool:
        """True if other workers have servers, as far as is known."""
        return bool(self._others)

    @property
    def others_at_work(self) -> frozenset[str]:
        """Return the names of other workers that have servers which are up."""
        return frozenset(worker for (worker, _name), read in self._others.items() if read.listed.up)

    def is_first(self, server: str) -> bool:
        """True if no other worker that is at work, and comes before this one by name, has a server of this name."""
        return not any(
            name == server and worker < self._worker and read.listed.up for (worker, name), read in self._others.items()
        )

    def label(self, worker: str, server: str) -> str:
        """Return the name of a worker's server among all servers."""
        shared = any(name == server and other != worker for other, name in self._others) or (
            worker != self._worker and server in self._fleet.members
        )
        return f"{worker}/{server}" if shared else server

    def note(self) -> None:
        """Report a change in the own fleet."""
        self._news.set()
        self._changed.set()
        up, down = self._fleet.up, self._fleet.down
        for name in sorted(up - self._seen_up):
            events_log.server_up(name)
        for name in sorted(down - self._seen_down):
            events_log.server_down(name)
        self._seen_up, self._seen_down = up, down
        self.on_change()

    async def write(self) -> None:
        """Write a heartbeat, with the changes in the own fleet. Raises `StorageFailed`."""
        begun = self.lease.now()
        rows, known = {name: self._row(name) for name in self._fleet.members}, self._fleet.known
        is_news = rows != self._rows or any(self._written.get(name) is not info for name, info in known.items())
        if is_news or self._clock() - self._whole_at >= _WHOLE or not await self._sign():
            self._rows = {}
            await self._name.confirm()
            await self._write_all(rows, known)
            self._rows, self._whole_at, self._sign_of_life = rows, self._clock(), self._heartbeat(rows)
        self.lease.renew(begun)

    def _row(self, name: str) -> dict[str, Any]:
        condition, wakes_in = self._condition(name)
        up, at_once = int(name in self._fleet.up), self._fleet.members[name].at_once
        return {"at_once": at_once, "condition": condition, "wakes_in": wakes_in, "up": up}

    def _heartbeat(self, rows: Mapping[str, Mapping[str, Any]]) -> Update:
        """Return the change of a heartbeat: of the servers that are on record as we wrote them, if no others are. Who
        had our name before may write over them, above all as it says goodbye.
        """
        told = ("up", "condition", "at_once")
        named = [(servers.c.name == name, row) for name, row in rows.items()]
        same = [and_(is_it, *(servers.c[each] == row[each] for each in told)) for is_it, row in named]
        there = servers.alias()
        more = select(there.c.name).where(there.c.worker == self._worker, there.c.name.not_in(list(rows)))
        ours = (servers.c.worker == self._worker, or_(false(), *same), ~more.exists())
        return update(servers).where(*ours).values(at=extract("epoch", func.clock_timestamp()))

    async def _sign(self) -> bool:
        """Write a heartbeat alone; False if the record says something else of the servers: all has to be written."""
        return await self._name.write(self._sign_of_life, (sign_of_life(self._worker),)) == len(self._rows)

    async def _write_all(self, rows: Mapping[str, Mapping[str, Any]], known: Mapping[str, ObjectInfo]) -> None:
        mine = servers.c.worker == self._worker
        async with self._database.read() as connection:
            there = set((await connection.execute(select(servers.c.name).where(mine))).scalars())
        news = {name: info for name, info in known.items() if name not in there or self._written.get(name) is not info}
        packed = {name: vars(await asyncio.to_thread(PackedInfo.of, info)) for name, info in news.items()}
        async with self._database.change(Topic.WORKERS, locks=(sign_of_life(self._worker),)) as connection:
            await connection.execute(delete(servers).where(mine, servers.c.name.not_in(self._fleet.members)))
            for name, row in rows.items():
                row = {"worker": self._worker, "name": name, **row, **packed.get(name, {})}
                entry = update(servers).where(mine, servers.c.name == name) if name in there else servers.insert()
                await connection.execute(entry.values(at=time.time(), **row))
        self._written |= news

    async def _until_others(self) -> None:
        """Wait while no other worker is known: one that comes rings."""
        if not self._others:
            await self._workers.wait()

    async def read(self) -> None:
        """Read the servers of other workers, and forget workers that are gone. Raises `StorageFailed`."""
        columns = [column for column in servers.c if column is not servers.c.info]
        async with self._database.read() as connection:
            rows = list(await connection.execute(select(*columns).where(servers.c.worker != self._worker)))
        now = self._clock()
        attentive, self._looked = now - self._looked < _LOST / 2, now
        found = {(row.worker, row.name): await self._of(row, attentive) for row in rows}
        before = {key: read.listed for key, read in self._others.items()}
        self._others = {key: read for key, read in found.items() if self._clock() - read.heard < _GONE}
        try:
            await self._remember_away(before, found)
        finally:
            if before != {key: read.listed for key, read in self._others.items()}:
                self._version += 1
                self.on_change()
        for worker, name in found.keys() - self._others.keys():
            await self._forget(worker, name, found[worker, name].at)

    async def _remember_away(
        self, before: Mapping[tuple[str, str], RegisteredServer], found: Mapping[tuple[str, str], _Read]
    ) -> None:
        """Remember what the servers of lost workers had, and forget servers that were removed."""
        self._away |= {
            key: read.listed.info for key, read in found.items() if key not in self._others and read.listed.info
        }
        if before.keys() - found.keys():
            kept = await self._kept.read()
            self._away = {key: info for key, info in self._away.items() if key in kept}

    async def _of(self, row: Row[Any], attentive: bool) -> _Read:
        """Read a row. Clocks may differ, so any change of the row counts as a heartbeat. Where we did not look for a
        while, because we or the database stood still, no silence counts from before.
        """
        now, last = self._clock(), self._others.get((row.worker, row.name))
        if last is None:
            heard, info = now - max(0.0, time.time() - row.at), await self._info(row)
        else:
            heard, info = now if row.at != last.at else last.heard, last.listed.info
            if row.edition != last.edition:
                info = await self._info(row)
        since = last.since if last is not None and row.at == last.at and attentive else now
        up, is_heard = bool(row.up) and now - heard < _SILENT, now - heard < _SILENT
        condition = _read_condition(row.condition, up=up) if is_heard else Condition.AWAY
        listed = RegisteredServer(up, row.at_once, info, condition, row.wakes_in if is_heard else None)
        return _Read(row.at, heard, since, row.edition, listed)

    async def _info(self, row: Row[Any]) -> ObjectInfo | None:
        which = (servers.c.worker == row.worker, servers.c.name == row.name)
        async with self._database.read() as connection:
            packed = (await connection.execute(select(servers.c.info).where(*which))).scalar_one_or_none()
        return await asyncio.to_thread(unpacked, packed) if packed is not None else None

    async def _forget(self, worker: str, name: str, at: float) -> None:
        silent = (servers.c.worker == worker, servers.c.name == name, servers.c.at == at)
        async with self._database.change(locks=(sign_of_life(worker),)) as connection:
            await connection.execute(delete(servers).where(*silent))

    async def _say_goodbye(self) -> None:
        """Mark this worker's servers as down, if they are still its own. Other processes remember them for a while,
        because it may restart.
        """
        await self._name.confirm()
        async with self._database.change(locks=(sign_of_life(self._worker),)) as connection:
            await connection.execute(
                update(servers).where(servers.c.worker == self._worker).values(up=0, condition=None, wakes_in=None)
            )

    async def _keep_definitions(self) -> None:
        """Keep what the own servers have, whenever that has changed."""
        self._changed.clear()
        known = self._fleet.known
        news = {name: info for name, info in known.items() if self._told.get(name) is not info}
        packed = {name: await asyncio.to_thread(PackedInfo.of, info) for name, info in news.items()}
        await self._kept.keep(self._worker, packed, self._fleet.members)
        self._told |= news
        await self._changed.wait()

    async def _keep_writing(self) -> None:
        self._news.clear()
        await self.write()
        await until_set(self._news, aligned(_BEAT, time.monotonic()))


def _read_condition(text: str | None, *, up: bool) -> Condition:
    """Read a condition; versions to 0.1 wrote none."""
    known = next((each for each in Condition if each == text), Condition.AWAY)
    return Condition.UP if up else Condition.AWAY if known is Condition.UP else known


async def remove_worker(database: Database, worker: str) -> None:
    """Remove the servers of a lost worker from the registry."""
    await KeptDefinitions(database).forget(worker)
    async with database.change(locks=(sign_of_life(worker),)) as connection:
        await connection.execute(delete(servers).where(servers.c.worker == worker))


async def is_silent(connection: AsyncConnection, worker: str, at: float | None) -> bool:
    """True if a worker has given no sign of life after `at`, by its own clock; None if it has not given any."""
    question = select(func.max(servers.c.at)).where(servers.c.worker == worker)
    return (await connection.execute(question)).scalar_one() in (None, at)
