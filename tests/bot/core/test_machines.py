"""Machines that hooks start and stop: their servers are asleep meanwhile, and their workflows take runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.background import Remark
from bot.core.care.hooks import CommandHook, UrlHook
from bot.core.care.machine import Machine
from bot.core.run import State
from bot.core.servers.condition import Condition
from bot.core.watching.watch import Watch
from bot.server_settings import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.harness import House, house, until
from tests.patience import PATIENCE

#: Starts a server that outlives it, or stops it; `starts` has a line for each start.
SWITCH = """
import os, signal, subprocess, sys
what, port, folder = sys.argv[1:]
os.chdir(folder)
if what == "start":
    words = [sys.executable, "-m", "comfy.embedded", "--port", port]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
    print(server.pid, os.environ["SERVER"], file=open("starts", "a"))
else:
    os.kill(int(open("starts").read().split()[-2]), signal.SIGTERM)
"""


def gpu(port: int, on_wanted: CommandHook | UrlHook, **machine: object) -> NamedServer:
    return NamedServer("gpu", f"http://127.0.0.1:{port}", machine=Machine(on_wanted, **machine))  # type: ignore[arg-type]


def watch_of(home: House) -> Watch:
    watch = home.services.health.own_troubles.__self__  # type: ignore[attr-defined]
    assert isinstance(watch, Watch)
    return watch


async def becomes(home: House, condition: Condition) -> None:
    async def has_become() -> bool:
        return watch_of(home)._servers()["gpu"] is condition

    await until(has_become)


@contextmanager
def ended_at_last(folder: Path) -> Iterator[None]:
    """End the servers that `SWITCH` has started in a folder: a house that is closed leaves them running."""
    try:
        yield
    finally:
        starts = folder / "starts"
        for number in starts.read_text().split()[::2] if starts.exists() else ():
            with suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


def python(*words: str) -> CommandHook:
    return CommandHook((sys.executable, *words))


@pytest.mark.long
async def test_a_machine_sleeps_when_it_is_idle_and_is_started_for_the_next_run(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    switch, port = tmp_path / "switch.py", unused_tcp_port
    switch.write_text(SWITCH)
    start, stop = (python(str(switch), word, str(port), str(tmp_path)) for word in ("start", "stop"))
    server = gpu(port, start, on_idle=stop, idle_after=1.0)
    with ended_at_last(tmp_path):
        await _sleeps_and_starts(tmp_path, server)


async def _sleeps_and_starts(tmp_path: Path, server: NamedServer) -> None:
    async with house(tmp_path, servers=[server]) as home:

        async def has_started() -> bool:
            return (tmp_path / "starts").exists()

        await until(has_started)  # nothing was known of its nodes yet
        await becomes(home, Condition.ASLEEP)
        assert [each for each in await home.services.health.troubles() if each.kind != "disk"] == []
        assert home.services.health.servers() == {"gpu": False}
        assert home.services.health.conditions() == {"gpu": "asleep"}
        run_id, _shown = await home.ask()
        [run] = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.DONE, 1)
        await becomes(home, Condition.ASLEEP)
    async with house(tmp_path, servers=[server]) as home:  # it is not started without need
        await becomes(home, Condition.ASLEEP)
        [listed] = watch_of(home)._line._starts._registry.servers.values()
        assert listed.wakes_in is not None
        assert 0 < listed.wakes_in < 120  # learnt
    starts = (tmp_path / "starts").read_text().split()
    assert starts[1::2] == ["gpu", "gpu"]


@asynccontextmanager
async def called(work: Callable[[], object]) -> AsyncIterator[str]:
    """An address that does some work when it gets a POST."""

    async def hook(request: web.Request) -> web.Response:
        done = work()
        return web.Response(status=(await done) or 204 if asyncio.iscoroutine(done) else 204)

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with TestServer(app) as server:
        yield str(server.make_url("/hook"))


@pytest.mark.long
async def test_the_time_to_start_is_in_the_estimate_and_an_address_starts_a_machine(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    server, begun, may_start = EmbeddedServer(port=unused_tcp_port), asyncio.Event(), asyncio.Event()

    async def start() -> None:
        begun.set()
        await may_start.wait()
        await server.start()

    async with server, house(tmp_path, servers=[NamedServer("gpu", server.url)]) as home:
        await becomes(home, Condition.UP)  # its nodes are known from now on
    try:
        async with called(start) as url, house(tmp_path, servers=[gpu(unused_tcp_port, UrlHook(url))]) as home:
            await becomes(home, Condition.ASLEEP)
            assert not begun.is_set()
            run_id, _shown = await home.ask()
            async with asyncio.timeout(PATIENCE):
                await begun.wait()
            await becomes(home, Condition.WAKING)
            starts = await watch_of(home)._line._starts.starts([await home.run(run_id)])
            assert 60 < starts[run_id] <= 120
            may_start.set()
            [run] = await home.ended(run_id)
            assert run.state is State.DONE
    finally:
        await server.stop()


@pytest.mark.long
async def test_a_machine_that_cannot_be_started_is_told_and_is_away(tmp_path: Path, unused_tcp_port: int) -> None:
    broken = python("-c", "import sys; sys.exit('there is no such machine')")
    for hook, limit, remark in (
        (broken, 600.0, Remark("on_wanted failed.", "it ended with code 1: there is no such machine")),
        (python("-c", ""), 1.0, Remark("it did not answer within 1 second after on_wanted: look at its machine")),
    ):
        async with house(tmp_path, servers=[gpu(unused_tcp_port, hook, start_limit=limit)]) as home:
            tasks = home.services.health.tasks

            async def is_told(wanted: Remark = remark) -> bool:
                return tasks.remarks.get("machine of gpu") == wanted  # noqa: B023 - it is awaited here

            await until(is_told)
            await becomes(home, Condition.AWAY)


@pytest.mark.long
async def test_a_command_ends_with_the_bot(tmp_path: Path, unused_tcp_port: int) -> None:
    file = tmp_path / "pid"
    said = f"pathlib.Path({str(file)!r}).write_text(str(os.getpid()))"
    endless = python("-c", f"import os, pathlib, time; {said}; time.sleep(600)")
    async with house(tmp_path, servers=[gpu(unused_tcp_port, endless)]):

        async def has_begun() -> bool:
            return file.exists() and bool(file.read_text())

        await until(has_begun)
    assert not Path(f"/proc/{file.read_text()}").exists() or os.name == "nt"
