"""Full disks, locked databases, folders that cannot be written: a clear sentence, and no run dropped."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from bot.core.errors import ConfigError, StorageFailed
from bot.core.model import Failed
from bot.core.pool.pool import SIZE, run_apart
from bot.core.retry import Pauses
from bot.core.run import State
from bot.core.storage.database import Database
from bot.settings import Secret, Settings
from bot.stores import data_folder, opened
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres, started
from tests.bot.harness import Gates, RecordingPlatform, house, patiently, picture, running, until
from tests.patience import PATIENCE


def meet(folder: Path, count: int) -> None:
    """Wait until so many processes are here."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < count:
        time.sleep(0.01)  # a process apart has no events to wait for


@pytest.fixture(autouse=True)
async def workers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Start all processes of the pool before a test limits the size of files: they would keep the limit for good."""
    folder = tmp_path_factory.mktemp("workers")
    await asyncio.gather(*(run_apart(meet, folder, SIZE, timeout=PATIENCE) for _worker in range(SIZE)))


@contextmanager
def full_disk(most: int = 0) -> Iterator[None]:
    """No file grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def locked(database: Path) -> AsyncIterator[None]:
    """Another program holds the database."""
    holder = sqlite3.connect(database, isolation_level=None, timeout=10, check_same_thread=False)
    await asyncio.to_thread(holder.execute, "BEGIN IMMEDIATE")  # our own transaction ends meanwhile
    try:
        yield
    finally:
        holder.close()


class LockingPlatform(RecordingPlatform):
    """Another program locks the database as soon as a result has been delivered."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database
        self._lock = AsyncExitStack()
        self._locked = False

    async def note(self) -> None:
        await super().note()
        if not self._locked and any(message.results for message in self.messages.values()):
            self._locked = True
            await self._lock.enter_async_context(locked(self._database))

    async def unlock(self) -> None:
        await self._lock.aclose()


async def test_a_data_folder_that_cannot_be_written_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"DARKROOM_DATA_DIR: .* cannot be written"):
        async with opened(Settings(data_dir=tmp_path / "file" / "data")):
            pass


def test_processes_may_start_at_once_in_one_data_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _start: data_folder(Settings(data_dir=tmp_path)), range(400))) == {tmp_path}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tmp", r"DARKROOM_DATA_DIR: .*tmp.* cannot be written"),
        ("darkroom.lock", r"DARKROOM_DATA_DIR: .*darkroom\.lock cannot be written"),
        ("engine.db", r"The engine's tables cannot be used: unable to open database file$"),
        ("darkroom.db", r"The database sqlite:.*darkroom\.db cannot be used: unable to open database file$"),
    ],
)
async def test_what_is_in_the_way_in_the_data_folder_is_named_at_start(
    tmp_path: Path, name: str, sentence: str
) -> None:
    """A folder in the place of a file, or the other way round: even an administrator cannot write there."""
    (tmp_path / name).touch() if name == "tmp" else (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=sentence):
        async with house(tmp_path, servers=()):
            pass


@pytest.mark.long
async def test_a_database_that_can_only_be_read_is_refused_at_start(tmp_path: Path) -> None:
    async with Database.in_folder(tmp_path):
        pass
    url = f"sqlite:///file:{tmp_path / 'darkroom.db'}?mode=ro&uri=true"
    with pytest.raises(ConfigError, match="cannot be used: attempt to write a readonly database"):
        async with Database(url):
            pass


async def test_a_full_disk_is_said_at_start(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(ConfigError, match="cannot be written: File too large"):
        async with opened(Settings(data_dir=tmp_path)):
            pass


@pytest.mark.long
async def test_a_full_disk_refuses_requests_in_words_and_keeps_no_half_of_them(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        photo = picture(tmp_path / "given", size=(640, 480))
        with full_disk(), pytest.raises(StorageFailed, match="The disk may be full"):
            await home.ask("negative", photo=photo)
        assert await home.services.runs._queue.waiting() == []
        run_id, shown = await home.ask("negative", photo=photo)
        (run,) = await home.ended(run_id)
        assert (run.state, len(shown.results)) == (State.DONE, 1)


@pytest.mark.long
async def test_a_disk_that_is_full_while_a_run_is_under_way_ends_it_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.core.execution.attempt._PAUSES", Pauses(0.01, 30.0))
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        run_id, shown = await home.ask("gated")
        await home.platform.until(running(shown))
        with full_disk(64):
            gates.open()
            await until(lambda: _logged(caplog, "waits until it can be written down"))
        (run,) = await home.ended(run_id)
        assert isinstance(shown.last, Failed)  # the engine had no room either, and says so
        assert "Something broke" not in shown.last.sentence
        assert run.state is State.FAILED
        run_id, shown = await home.ask()
        await home.ended(run_id)
        assert len(shown.results) == 1


@pytest.mark.long
async def test_a_database_that_is_locked_for_long_is_said_and_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.core.execution.attempt._PAUSES", Pauses(0.01, 30.0))
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())], patience=0.01) as home:
        first, shown = await patiently(lambda: home.ask("gated"))
        await home.platform.until(running(shown))
        async with locked(tmp_path / "darkroom.db"):
            with pytest.raises(StorageFailed, match="cannot be read or written just now"):
                await home.ask()
            gates.open()
            await until(lambda: _logged(caplog, "waits until it can be written down"))
        (run,) = await home.ended(first)
        assert (run.state, run.attempt, len(shown.results)) == (State.DONE, 1, 1)
        second, shown = await patiently(home.ask)
        await home.ended(second)
        assert len(shown.results) == 1


@pytest.mark.long
async def test_a_process_ends_though_its_database_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.together._TO_TIDY", 0.1)
    gates = Gates()
    (tmp_path / "server").mkdir()
    async with AsyncExitStack() as stack:
        with started(tmp_path / "server") as url:
            database = Secret(await asyncio.to_thread(new_postgres, url))
            served = house(tmp_path / "data", servers=[EmbeddedServer(nodes=gates.nodes())], database=database)
            home = await stack.enter_async_context(served)
            _run, shown = await home.ask("gated")
            await home.platform.until(running(shown))
        gates.open()
        async with asyncio.timeout(PATIENCE):
            await stack.aclose()


@pytest.mark.long
async def test_a_database_that_is_locked_for_a_while_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.core.execution.attempt._PAUSES", Pauses(0.05, 30.0))
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())], patience=0.01) as home:
        run_id, shown = await patiently(lambda: home.ask("gated"))
        await home.platform.until(running(shown))
        async with locked(tmp_path / "darkroom.db"):
            gates.open()
            await until(lambda: _logged(caplog, f"run {run_id} waits until it can be written down"))
        (run,) = await home.ended(run_id)
        assert (run.state, len(shown.results)) == (State.DONE, 1)


@pytest.mark.long
async def test_who_has_the_result_is_not_told_that_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.core.execution.attempt._PAUSES", Pauses(0.001, 30.0))
    platform = LockingPlatform(tmp_path / "darkroom.db")
    async with house(tmp_path, platform, patience=0.01) as home:
        run_id, shown = await patiently(home.ask)
        await until(lambda: _logged(caplog, f"run {run_id} waits", 5))
        await platform.unlock()
        (run,) = await home.ended(run_id)
    assert (run.state, len(shown.results)) == (State.DONE, 1)
    assert not any(isinstance(status, Failed) for status in shown.statuses)


async def _logged(caplog: pytest.LogCaptureFixture, words: str, times: int = 1) -> bool:
    return sum(words in record.getMessage() for record in caplog.records) >= times
