"""The disk fills at each of ten moments of a run, the clock is moved, the database goes away: no run is lost."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core.run import State
from tests.bot import test_survival
from tests.bot.databases import new_postgres
from tests.bot.forks import ROOT, Forked, fork
from tests.bot.harness import Gates, WatchedServer, picture
from tests.bot.survivor import note
from tests.bot.test_survival import Stage, stage
from tests.patience import PATIENCE
from tests.ports import free_port

pytestmark = pytest.mark.long
SMALL = 4096  #: bytes: what messages of a test take fits, and no database and no picture
AWAY = 60.0  #: seconds for which a database is away
REQUESTS = {"upload": "POST /upload/image", "submit": "POST /prompt", "collect": "GET /history/", "fetch": "GET /view"}


class ToldServer(WatchedServer):
    """Calls a function before it answers the first request that begins like `at`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at, self.told = "", asyncio.Event()
        self.tell: Callable[[], None] = lambda: None

    def _watch(self) -> Any:
        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            asked = f"{request.method} {request.path.removeprefix('/api')}"
            self.calls[asked] += 1
            if self.at and asked.startswith(self.at) and not self.told.is_set():
                self.tell()
                self.told.set()
            answer: web.StreamResponse = await handler(request)
            return answer

        return watch


@dataclass
class Process:
    """A bot, and what it says in its log."""

    process: Forked
    log: list[str] = field(default_factory=list)

    def fill(self, most: int = SMALL) -> None:
        """Let no file of it, and of the processes that it has started, grow beyond so many bytes."""
        for pid in (self.process.pid, *_children(self.process.pid)):
            with suppress(ProcessLookupError):
                _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if most < 0 else most, hard))

    def empty(self) -> None:
        self.fill(-1)

    async def complains(self, after: int | None = None) -> None:
        """Wait until it has said anything more than so many lines, or than up to now."""
        count = len(self.log) if after is None else after
        await _until(lambda: len(self.log) > count)

    async def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await self.process.wait()


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in path.read_text().split()]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.02)


async def start(here: Stage) -> Process:
    """Start a bot whose log goes through a pipe, which no full disk ends."""
    reading, writing = os.pipe()
    process = Process(await fork("tests.bot.survivor", str(here.folder), "all", log=writing))
    os.close(writing)
    here.stack.push_async_callback(test_survival._gone, process.process)
    log = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(log), os.fdopen(reading, "rb"))

    async def read() -> None:
        while line := await log.readline():
            process.log.append(line.decode(errors="replace"))

    task = asyncio.create_task(read())
    here.stack.callback(task.cancel)
    assert b"Ready" in await process.process.said.readline()
    return process


@pytest.mark.parametrize(
    "moment", ["asked", "upload", "submit", "executing", "executed", "collect", "fetch", "deliver", "cancel", "end"]
)
async def test_a_disk_that_is_full_for_a_while_loses_no_run_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(test_survival, "WatchedServer", ToldServer)
    gates, more = Gates(), {"fill": SMALL} if moment == "deliver" else {}
    async with stage(tmp_path, "", servers=1, nodes=gates.nodes(), waits=True, **more) as here:
        server = here.servers["s0"]
        assert isinstance(server, ToldServer)
        asked: dict[str, Any] = {"message": "m0", "person": "p0", "color": 1}
        if moment in REQUESTS:
            photo = picture(tmp_path / "given", size=(300, 200))
            asked |= {"workflow": "negative", "photo": str(photo.path)}
        else:
            asked |= {"workflow": "gated", "values": {"gate": "slow"}}
        note(here.folder / "requests.jsonl", asked)
        bot, said = await start(here), 0
        if moment == "asked":
            bot.fill()
        server.tell, server.at = bot.fill, REQUESTS.get(moment, "")
        (here.folder / "go").touch()
        if moment in REQUESTS:
            async with asyncio.timeout(PATIENCE):
                await server.told.wait()
        elif moment != "asked":
            await _until(lambda: server._jobs.running is not None)
            said = len(bot.log)
            if moment == "deliver":
                gates.open()
                await _until(lambda: here.delivered() == 1)
            else:
                bot.fill()
        if moment == "executed":
            gates.open()
        if moment == "cancel":
            (run,) = await here.runs()
            note(here.folder / "cancels.jsonl", {"run": run.id, "person": "p0"})
        if moment == "executing":  # there is nothing to keep meanwhile
            await server.drop_sockets()
            await _until(lambda: server.calls["GET /ws"] > 1)
        elif moment != "end":
            await bot.complains(said if moment == "deliver" else None)  # where it is full before the test knows of it
        if moment == "end":
            await bot.end()
            bot = await start(here)
        bot.empty()
        if moment == "cancel":
            await _ended(here, State.CANCELLED)
        else:
            gates.open()
            await _ended(here, State.DONE)
            assert here.delivered() == 1
        gates.open()  # or the node of a run that was cancelled waits for it
        await bot.end()


async def _ended(here: Stage, state: State) -> None:
    async def is_so() -> bool:
        return [run.state for run in await here.runs()] == [state]

    await test_survival.until(is_so)


async def test_a_clock_that_is_moved_an_hour_loses_no_run(tmp_path: Path) -> None:
    """Forwards, and back again, while runs are in line, at servers and being delivered."""
    async with stage(tmp_path, "", servers=2, pace=0.2) as here:
        here.ask(24, people=6)
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "tests.bot.shifted", str(here.folder), "all"]
        process = await asyncio.create_subprocess_exec(*words, env=environ, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
        try:
            assert process.stdout is not None
            assert b"Ready" in await process.stdout.readline()
            for number, count in ((signal.SIGUSR1, 4), (signal.SIGUSR2, 10), (signal.SIGUSR2, 16)):
                await here.until(lambda count=count: here.delivered() >= count)  # type: ignore[misc]
                process.send_signal(number)
            await here.until_done(24)
            await here.has_delivered_all(24)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_a_database_that_is_away_for_a_minute_loses_no_run(tmp_path: Path, postgres: str) -> None:
    """Runs wait, run and are delivered meanwhile, and another process sees nothing of it either."""
    async with (
        asyncio.TaskGroup() as tasks,
        stage(tmp_path, "", servers=2, pace=0.2) as here,
    ):
        wire = Wire(new_postgres(postgres), tasks)
        given = json.loads((here.folder / "survivor.json").read_text())
        await wire.open()
        (here.folder / "survivor.json").write_text(json.dumps({**given, "database": wire.url}))
        here.ask(24, people=6)
        bot = await start(here)
        await here.until(lambda: here.delivered() >= 4)
        await wire.cut()
        await bot.complains()
        await asyncio.sleep(AWAY)  # so long it has to last
        await wire.open()
        await here.until_done(24)
        await here.has_delivered_all(24)
        await bot.end()
        await wire.cut()


class Wire:
    """A port that leads to a PostgreSQL as long as it is open."""

    def __init__(self, database: str, tasks: asyncio.TaskGroup) -> None:
        from sqlalchemy import make_url

        url = make_url(database)
        self._socket = f"{url.query['host']}/.s.PGSQL.{url.query.get('port', 5432)}"
        self._url, self._tasks, self._port = url, tasks, free_port()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        plain = self._url.set(host="127.0.0.1", port=self._port, query={})
        return plain.render_as_string(hide_password=False)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket)
        self._tasks.create_task(self._carry(reader, back))
        self._tasks.create_task(self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()
