"""Files are kept within limits of room: the oldest go first, only after the operator was told, and runs stay."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.backup.retention import Retention, RoomLimits
from bot.core.media.blob_store import BlobStore
from bot.core.model import Address, Person, Place, StoredFile
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import Outcome, State
from bot.core.runs.queue import Assignment, NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from tests.bot.databases import RUNS, fill

BYTES = 1000  #: of each file


@dataclass
class Store:
    """Runs with a file each, on a disk that a test says how full it is."""

    database: Database
    media: BlobStore
    folder: Path
    tasks: TaskHealth = field(default_factory=TaskHealth)
    now: float = 0.0
    free: int = 10 * BYTES
    runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records = RunRepository(self.database)

    def retention(self, **limits: int) -> Retention:
        def free(_folder: Path) -> int:
            return self.free - sum(path.stat().st_size for path in self.folder.rglob("*.png"))

        return Retention(self.records, self.media, RoomLimits(**limits), self.tasks, free=free, clock=lambda: self.now)

    async def add(self, *numbers: int, ended: bool = True) -> None:
        """Add runs; each number stands for the content of a file."""
        for number in numbers:
            path = self.folder.parent / "given.png"
            path.write_bytes(bytes([number]) * BYTES)
            key = await self.media.keep(path)
            run_id = f"{len(self.runs):08d}-0000-4000-8000-000000000000"
            files = {"photo": StoredFile(key, "photo.png", "image")} if not ended else {}
            queue = RunQueue(self.database, ConcurrencyLimits(100, 100), clock=lambda: float(len(self.runs)))
            who, where = Person("test", "1", "Ann"), Place("test", "here")
            new = NewRun(run_id, "w", {}, files, "s", who, where, Address("test", "c", run_id), "k", frozenset())
            await queue.enqueue(new)
            self.runs.append(run_id)
            if ended:
                run = await queue.claim("w", lambda _heads, run_id=run_id: Assignment(run_id, "s"))
                assert run is not None
                await self.records.executed(run)
                await self.records.save_outputs(run, Outcome((StoredFile(key, "a.png", "image"),)))
                await self.records.end(run, State.DONE)

    async def kept(self) -> list[int]:
        """The numbers of the files that are there."""
        return sorted(path.read_bytes()[0] for path in self.folder.rglob("*.png"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Database.in_folder(fill(tmp_path / "data", RUNS)) as database:
        yield Store(database, BlobStore.open(tmp_path / "media"), tmp_path / "media")


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings in the log."""
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.long
async def test_the_oldest_go_first_and_the_operator_hears_before(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await store.add(*range(1, 9))
    retention = store.retention(most=8 * BYTES)
    with caplog.at_level(logging.WARNING, "darkroom"):
        await retention.look()
        assert _told(caplog) == ["room_short"]
        assert store.tasks.remarks.keys() == {"room for files"}
        await store.add(9, 10)
        await retention.look()  # at once: it is too early
        assert await store.kept() == list(range(1, 11))
        store.now += 600
        await retention.look()
    assert await store.kept() == [4, 5, 6, 7, 8, 9, 10]
    assert _told(caplog) == ["room_short", "originals_deleted"]
    assert (caplog.records[-1].__dict__["runs"], caplog.records[-1].__dict__["bytes"]) == (3, 3 * BYTES)
    for run_id in store.runs:
        run = await store.records.get(run_id)
        assert run is not None
        assert run.outcome is not None
    await retention.look()
    assert store.tasks.remarks == {}


async def test_a_file_that_a_later_or_an_unfinished_run_uses_stays(store: Store) -> None:
    await store.add(1, 2, 3)
    await store.add(1, ended=False)
    await store.add(2, 4, 5)
    retention = store.retention(most=4 * BYTES)
    for _time in range(2):
        await retention.look()
        store.now += 600
    assert await store.kept() == [1, 4, 5]


async def test_a_disk_keeps_room(store: Store) -> None:
    await store.add(1, 2, 3, 4)
    retention = store.retention(free=5 * BYTES)
    await retention.look()
    assert store.tasks.remarks == {}
    await store.add(5)
    await retention.look()
    assert store.tasks.remarks.keys() == {"room for files"}
    store.now += 600
    await retention.look()  # it is near the limit, and keeps it
    assert await store.kept() == [1, 2, 3, 4, 5]
    store.free -= 2 * BYTES  # another program has written
    await retention.look()
    assert await store.kept() == [4, 5]


async def test_nothing_is_left_to_delete(store: Store) -> None:
    await store.add(1, 2)
    store.free = 0
    retention = store.retention(free=5 * BYTES)
    for _time in range(3):
        await retention.look()
        store.now += 600
    assert await store.kept() == []
    assert store.tasks.remarks.keys() == {"room for files"}
