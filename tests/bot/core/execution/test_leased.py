"""A worker that stood still says nothing of a run that another has, and puts right what it said too late."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.core.execution.leased import AttemptLease, AttemptLost, LeasedReply
from bot.core.media.blob_store import BlobStore
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Done, Result, Running, Status, StoredFile
from bot.core.port import Limits
from bot.core.run import Outcome, RunRecord, State
from bot.core.runs.handover import take_over
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.servers.lease import Lease
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.key_value import KeyValueStore
from tests.bot.core.runs.test_queue import CAPS, first, join


class _Message:
    """A chat's message, at which the process stands still in the middle of a request if a test says so."""

    limits = Limits(10**9, 10, 4000, 0.0)

    def __init__(self) -> None:
        self.shown: list[Status | tuple[bytes, ...]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def show(self, status: Status) -> None:
        await self._freeze()
        self.shown.append(status)

    async def deliver(self, result: Result) -> None:
        await self._freeze()
        self.shown.append(tuple(file.path.read_bytes() for file in result.files))

    async def _freeze(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()


class _Stale:
    """A worker with a run, and another worker that takes it over and delivers it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self._folder, self.now = database, folder, 0.0
        self.records, self.queue = RunRepository(database), RunQueue(database, CAPS)
        self.media = BlobStore.open(folder / "media")
        self.lease = Lease(8.0, [lambda: self.now])
        self.message = _Message()

    async def begin(self) -> LeasedReply:
        await join(self.queue, "ann")
        self.run = await self._claimed("stale")
        lease = AttemptLease(self.lease, self.records, self.run)
        links = SignedLinks("", KeyValueStore(self.database))
        return LeasedReply(self.message, self.run, lease, self.records, self.media, links)

    async def lose(self) -> None:
        """Stand still, while the other worker delivers; then go on, with a heartbeat."""
        self.now += 60.0
        await take_over(self.database, "stale", _silent)
        run = await self._claimed("other")
        (self._folder / "out.png").write_bytes(b"picture")
        key = await self.media.keep(self._folder / "out.png")
        await self.records.executed(run)
        await self.records.save_outputs(run, Outcome((StoredFile(key, "out.png", "image"),)))
        assert await self.records.end(run, State.DONE)
        self.message.shown += [(b"picture",), Done()]
        self.lease.renew(self.lease.now())

    async def _claimed(self, worker: str) -> RunRecord:
        run = await self.queue.claim(worker, first)
        assert run is not None
        return run

    def result(self) -> Result:
        return Result(self.run.id, self.run.workflow, {}, (), (), ())


@pytest.fixture
async def stale(database_url: str, tmp_path: Path) -> AsyncIterator[_Stale]:
    async with Database(database_url) as database:
        yield _Stale(database, tmp_path)


async def test_a_worker_speaks_while_the_run_is_its_own(stale: _Stale) -> None:
    reply = await stale.begin()
    await reply.show(Running())
    stale.now += 60.0  # it stood still, and nothing happened
    await reply.show(Running(fraction=0.5))
    assert stale.message.shown == [Running(), Running(fraction=0.5)]


async def test_a_worker_that_lost_its_run_says_nothing(stale: _Stale) -> None:
    reply = await stale.begin()
    await reply.show(Running())
    await stale.lose()
    await reply.show(Running(fraction=0.5))
    with pytest.raises(AttemptLost):
        await reply.deliver(stale.result())
    assert stale.message.shown == [Running(), (b"picture",), Done()]


async def test_a_message_that_came_too_late_is_put_right_once(stale: _Stale) -> None:
    reply = await stale.begin()
    stale.message.meanwhile = stale.lose
    await reply.show(Running())
    await reply.show(Running(fraction=0.5))
    await reply.correct()
    assert stale.message.shown == [(b"picture",), Done(), Running(), (b"picture",), Done()]


async def _silent(_connection: AsyncConnection) -> bool:
    return True
