"""A worker that stands still: others take its runs over by themselves, and it says nothing once it goes on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.core.run import State
from bot.core.storage.database import Database
from bot.core.storage.schema import servers
from tests.bot.databases import new_postgres
from tests.bot.harness import until
from tests.bot.stepwise import Tickets
from tests.bot.test_survival import Stage, stage
from tests.patience import PATIENCE

_AT = {"left": ["s0"], "right": ["s1"]}
_STANDS_STILL = """
import asyncio, sys
from bot.core.storage import database
from bot.core.storage.engines import postgres

async def main():
    async with database.Database(sys.argv[1]) as opened, opened.change(locks=["one"]):
        print("inside", flush=True)
        await asyncio.Event().wait()

postgres.TIME_LIMITS["idle_in_transaction_session_timeout"] = 1000  # milliseconds
asyncio.run(main())
"""
_SOON = {"_BEAT": 0.3, "_LOST": 3.0, "_TERM": 2.0, "_LOOK": 0.3}  # seconds


@pytest.mark.long
async def test_a_process_that_is_frozen_in_a_transaction_holds_nothing_up(postgres: str) -> None:
    url = new_postgres(postgres)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _STANDS_STILL, url, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"inside\n"
        process.send_signal(signal.SIGSTOP)
        async with Database(url) as database, database.change(locks=["one"]) as connection:
            assert (await connection.execute(select(1))).scalar_one() == 1
    finally:
        process.kill()
        await process.wait()


@pytest.mark.long
async def test_the_runs_of_a_frozen_worker_are_taken_over_and_it_speaks_no_more(tmp_path: Path, postgres: str) -> None:
    url = new_postgres(postgres)
    tickets = Tickets()
    async with stage(tmp_path, url, servers=2, nodes=tickets.nodes(), at=_AT, leases=_SOON) as here:
        here.stack.callback(tickets.give)
        here.ask(1)
        chat, left = await here.start("chat"), await here.start("left")
        await here.until(lambda: any(entry.get("status") == "Running" for entry in here.messages().get("m0", [])))
        left.process.send_signal(signal.SIGSTOP)
        tickets.give()
        right = await here.start("right")
        await here.until_done(1)
        (run,) = await here.runs()
        assert (run.worker, run.attempt, run.state) == ("right", 2, State.DONE)
        await _has_said_done(here)
        shown, beat = here.messages(), await _heartbeat(url, "left")
        left.process.send_signal(signal.SIGCONT)

        async def is_awake() -> bool:
            return await _heartbeat(url, "left") > beat

        await until(is_awake)
        await here.until(lambda: here.servers["s0"]._jobs.running is None)
        assert [await bot.end() for bot in (left, chat, right)] == [0, 0, 0]
        assert here.messages() == shown


@pytest.mark.long
async def test_a_worker_whose_runs_were_taken_over_goes_on_with_others(tmp_path: Path, postgres: str) -> None:
    url = new_postgres(postgres, empty=True)  # they all make its tables
    tickets = Tickets()
    async with stage(tmp_path, url, servers=2, nodes=tickets.nodes(), at=_AT, leases=_SOON) as here:
        here.stack.callback(tickets.give)
        here.ask(30)
        chat, left, right = await asyncio.gather(*map(here.start, ("chat", "left", "right")))
        await here.until(lambda: here.servers["s0"]._jobs.running is not None)
        left.process.send_signal(signal.SIGSTOP)
        before = here.delivered()
        tickets.give()
        await here.until(lambda: here.delivered() > before + 2)  # the one that is left goes on
        left.process.send_signal(signal.SIGCONT)
        await here.until_done(30)
        assert [await bot.end() for bot in (chat, left, right)] == [0, 0, 0]
        await here.has_delivered_all(30)


@pytest.mark.long
async def test_the_runs_of_a_worker_that_was_never_here_are_taken_over(tmp_path: Path, postgres: str) -> None:
    """As in a database that was restored or moved: the registry does not know whose they are."""
    url = new_postgres(postgres)
    soon = _SOON | {"_LONGEST_START": 0.5}
    tickets = Tickets()
    async with stage(tmp_path, url, servers=2, nodes=tickets.nodes(), at=_AT, leases=soon) as here:
        here.stack.callback(tickets.give)
        here.ask(1)
        chat, left = await here.start("chat"), await here.start("left")
        await here.until(lambda: any(entry.get("status") == "Running" for entry in here.messages().get("m0", [])))
        await left.kill()
        async with Database(url) as database, database.change() as connection:
            await connection.execute(servers.delete())
        tickets.give()
        right = await here.start("right")
        await here.until_done(1)
        assert [await bot.end() for bot in (chat, right)] == [0, 0]
        await here.has_delivered_all(1)


@pytest.mark.long
async def test_a_worker_that_stands_still_is_started_again_beside_it(tmp_path: Path, postgres: str) -> None:
    url = new_postgres(postgres)
    tickets, leases = Tickets(), _SOON | {"_SILENT": 3.0}
    async with stage(tmp_path, url, servers=1, nodes=tickets.nodes(), at={"left": ["s0"]}, leases=leases) as here:
        here.stack.callback(tickets.give)
        here.ask(2)
        chat, frozen = await here.start("chat"), await here.start("left")
        await here.until(lambda: any(entry.get("status") == "Running" for entry in here.messages().get("m0", [])))
        frozen.process.send_signal(signal.SIGSTOP)
        tickets.give()
        left = await here.start("left")
        await here.until_done(2)
        frozen.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            assert await frozen.process.wait() != 0  # it says why, and ends
        assert [await bot.end() for bot in (chat, left)] == [0, 0]
        await here.has_delivered_all(2)


async def _has_said_done(here: Stage) -> None:
    await here.until(lambda: here.messages()["m0"][-1].get("status") == "Done")


async def _heartbeat(url: str, worker: str) -> float:
    async with Database(url) as database, database.read() as connection:
        question = select(servers.c.at).where(servers.c.worker == worker)
        return float((await connection.execute(question)).scalar_one())
