"""The whole bot, killed at any moment, its servers killed, its network flaky: every run ends in one result, once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import Person
from bot.core.run import RunRecord, State
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.settings import Secret
from bot.stores import hand_over
from comfy.embedded.node import NodeType
from tests.bot.databases import ENGINE, RUNS, fill, new_postgres
from tests.bot.forks import Forked, fork
from tests.bot.harness import QuickSettings, WatchedServer, until, write_workflows
from tests.bot.onward import write_onward, write_recipe
from tests.bot.stepwise import Tickets
from tests.bot.survivor import entries, note
from tests.patience import PATIENCE

PEOPLE = 20
SQLITE, POSTGRESQL = "sqlite", "postgresql"
on_sqlite, on_postgresql = (
    pytest.mark.parametrize(
        "database",
        [quick, pytest.param(other, marks=pytest.mark.long)],
        indirect=True,
    )
    for quick, other in ((SQLITE, POSTGRESQL), (POSTGRESQL, SQLITE))
)  #: on this database always, and on the other one among the long tests


@dataclass
class Bot:
    """A process that is running."""

    process: Forked

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@dataclass
class Stage:
    """A folder, some servers, and what the messages show."""

    folder: Path
    servers: dict[str, WatchedServer]
    stack: AsyncExitStack

    async def start(self, role: str = "all") -> Bot:
        """Start a bot, and wait until it is ready."""
        process = await fork("tests.bot.survivor", str(self.folder), role)
        self.stack.push_async_callback(_gone, process)
        assert b"Ready" in await process.said.readline()
        return Bot(process)

    def ask(self, count: int, people: int = PEOPLE, **more: Any) -> None:
        for number in range(count):
            asked = {"message": f"m{number}", "person": f"p{number % people}", "color": number + 1, **more}
            note(self.folder / "requests.jsonl", asked)

    def messages(self) -> dict[str, list[Any]]:
        return {path.stem: entries(path) for path in (self.folder / "messages").iterdir()}

    def delivered(self) -> int:
        return sum(any("result" in entry for entry in message) for message in self.messages().values())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - another process makes it so
                await asyncio.sleep(0.05)

    async def until_done(self, count: int) -> None:
        """Wait until so many results are there, and it is written down that they are."""
        await self.until(lambda: self.delivered() == count)

        async def is_written() -> bool:
            return [run.state for run in await self.runs()] == [State.DONE] * count

        await until(is_written)

    async def runs(self) -> list[RunRecord]:
        database = json.loads((self.folder / "survivor.json").read_text())["database"]
        async with Database(database) if database else Database.in_folder(self.folder / "data") as opened:
            records = RunRepository(opened)
            found = [
                await records.get(run)
                for person in range(PEOPLE)
                for run in [each.id for each in await records.last_of(_person(person), 1000)]
            ]
        return [run for run in found if run is not None]

    async def has_delivered_all(self, count: int) -> None:
        """Every message shows the result that was asked for, once, and nothing after it but that it is done."""
        messages = self.messages()
        assert len(messages) == count
        for name, message in messages.items():
            results = [entry for entry in message if "result" in entry]
            assert [(entry["color"], len(entry["files"])) for entry in results] == [(int(name[1:]) + 1, 1)], message
            behind = message[message.index(results[0]) + 1 :]
            assert {entry["status"] for entry in behind} <= {"Delivering", "Done", "Paused"}, message
        assert Counter(run.state for run in await self.runs()) == {State.DONE: count}


def _person(number: int) -> Person:
    return Person("test", f"p{number}")


async def _gone(process: Forked) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


@asynccontextmanager
async def stage(
    folder: Path,
    database: str,
    servers: int = 3,
    pace: float = 0.03,
    nodes: dict[str, NodeType] | None = None,
    **more: Any,
) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        (folder / "messages").mkdir()
        await asyncio.to_thread(write_workflows, folder)  # once: what begins together reads them
        await asyncio.to_thread(fill, folder / "data", RUNS, ENGINE)
        names = [f"s{number}" for number in range(servers)]
        named = {name: WatchedServer(folder / name, pace=pace, nodes=nodes) for name in names}
        for server in named.values():
            await stack.enter_async_context(server)
        urls = {name: server.url for name, server in named.items()}
        (folder / "survivor.json").write_text(json.dumps({"database": database, "servers": urls, **more}))
        yield Stage(folder, named, stack)


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def database(request: pytest.FixtureRequest) -> str:
    return "" if request.param == SQLITE else new_postgres(request.getfixturevalue("postgres"))


@on_postgresql
async def test_a_bot_that_is_killed_delivers_every_run_once(tmp_path: Path, database: str) -> None:
    await killed_again_and_again(tmp_path, database, runs=40, kills=3)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
async def test_a_bot_that_is_killed_ten_times_delivers_every_run_once(tmp_path: Path, database: str, seed: int) -> None:
    await killed_again_and_again(tmp_path, database, runs=200, kills=10, seed=seed)


async def killed_again_and_again(folder: Path, database: str, *, runs: int, kills: int, seed: int = 7) -> None:
    chance, tickets = random.Random(seed), Tickets()
    async with stage(folder, database, nodes=tickets.nodes()) as here:
        here.stack.callback(tickets.give)
        here.ask(runs)
        for _ in range(kills):
            tickets.give(runs // (kills + 1))
            bot = await here.start()
            await asyncio.sleep(chance.uniform(0.0, 0.8))
            assert here.delivered() < runs
            await bot.kill()
        tickets.give()
        bot = await here.start()
        await here.until_done(runs)
        assert await bot.end() == 0
        await here.has_delivered_all(runs)
        executed = [prompt for server in here.servers.values() for prompt in server.prompts]
        assert len(executed) == len(set(executed)) == runs  # each was taken up where it was


@on_sqlite
@pytest.mark.long
async def test_servers_that_are_killed_and_a_network_that_is_flaky_lose_no_run(tmp_path: Path, database: str) -> None:
    await troubled(tmp_path, database, runs=40, troubles=5, kills=1)


@pytest.mark.long
@pytest.mark.parametrize("kills", [0, 5])
@pytest.mark.parametrize("seed", range(3))
async def test_much_trouble_with_servers_loses_no_run(tmp_path: Path, database: str, seed: int, kills: int) -> None:
    await troubled(tmp_path, database, runs=200, troubles=30, kills=kills, seed=seed)


async def troubled(folder: Path, database: str, *, runs: int, troubles: int, kills: int, seed: int = 11) -> None:
    """Servers are killed and restarted in turn, sockets dropped, answers delayed and broken off; the bot is killed
    beside that.
    """
    chance = random.Random(seed)
    killed = chance.sample(range(troubles), kills)
    async with stage(folder, database) as here:
        here.ask(runs)
        bot = await here.start()
        for number in range(troubles):
            server = list(here.servers.values())[number % len(here.servers)]
            server.delay = chance.uniform(0.0, 0.05)
            await asyncio.sleep(chance.uniform(0.1, 0.5))
            await chance.choice((server.drop_sockets, server.restart, server.restart, server.break_answers))()
            if number in killed:
                await bot.kill()
                bot = await here.start()
        await here.until_done(runs)
        assert await bot.end() == 0
        await here.has_delivered_all(runs)


@on_sqlite
@pytest.mark.long
async def test_sigterm_says_so_exits_in_time_and_loses_nothing(tmp_path: Path, database: str) -> None:
    tickets = Tickets()
    async with stage(tmp_path, database, servers=1, nodes=tickets.nodes()) as here:
        here.stack.callback(tickets.give)
        tickets.give(1)
        here.ask(6)
        bot = await here.start()
        await here.until(lambda: len(here.messages()) == 6)
        assert await bot.end(signal.SIGTERM) == 0
        lasts = {name: message[-1]["status"] for name, message in here.messages().items()}
        assert set(lasts.values()) <= {"Paused", "Done"}
        assert "Paused" in lasts.values()
        tickets.give()
        bot = await here.start()
        await here.until_done(6)
        assert await bot.end(signal.SIGINT) == 0
        await here.has_delivered_all(6)


async def test_a_second_sigint_leaves_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path, "", servers=1, pace=30, lingers=True) as here:
        here.ask(1)
        bot = await here.start()
        await here.until(lambda: any(entry["status"] == "Running" for entry in here.messages().get("m0", [])))
        bot.process.send_signal(signal.SIGINT)
        await here.until(lambda: here.messages()["m0"][-1]["status"] == "Paused")
        assert await bot.end(signal.SIGINT) == -signal.SIGINT


@pytest.mark.long
async def test_two_workers_share_the_work_and_one_that_is_gone_is_replaced(tmp_path: Path, postgres: str) -> None:
    at = {"left": ["s0"], "right": ["s1"]}
    async with stage(tmp_path, new_postgres(postgres), servers=2, at=at) as here:
        here.ask(30)
        left, right = await asyncio.gather(*map(here.start, ("left", "right")))
        chat = await here.start("chat")  # at last, so that both are there for the first runs
        await here.until(lambda: all(len(server.prompts) >= 3 for server in here.servers.values()))
        await left.kill()
        left = await here.start("left")
        await here.until_done(30)
        assert [await bot.end() for bot in (chat, left, right)] == [0, 0, 0]
        await here.has_delivered_all(30)
        workers = Counter(run.worker for run in await here.runs())
        assert set(workers) == {"left", "right"}


_RUNS = 40  # of two versions


@pytest.mark.long
async def test_workers_of_two_versions_share_the_work(tmp_path: Path, postgres: str) -> None:
    """Each is killed and comes back, and one is away for so long that the other takes its runs over."""
    leases = {"_BEAT": 0.3, "_LOST": 3.0, "_TERM": 2.0, "_LOOK": 0.3}  # seconds
    more = {"at": {"left": ["s0"], "right": ["s1"]}, "versions": {"left": "0"}, "leases": leases}
    async with stage(tmp_path, new_postgres(postgres), servers=2, pace=0.2, **more) as here:
        here.ask(_RUNS)
        bots = dict(zip(names := ("chat", "left", "right"), await asyncio.gather(*map(here.start, names)), strict=True))
        for number, name in enumerate(("left", "right", "chat", "left"), 1):
            await here.until(lambda number=number: here.delivered() >= 4 * number)  # type: ignore[misc]
            await bots[name].kill()
            if number == 4:
                enough = min(here.delivered() + 3, _RUNS)
                await here.until(lambda enough=enough: here.delivered() >= enough)  # type: ignore[misc]
            bots[name] = await here.start(name)
        await here.until_done(_RUNS)
        assert [await bot.end() for bot in bots.values()] == [0, 0, 0]
        await here.has_delivered_all(_RUNS)
        assert {run.worker for run in await here.runs()} == {"left", "right"}


@pytest.mark.long
async def test_the_runs_of_a_worker_that_is_gone_for_good_are_handed_over(tmp_path: Path, postgres: str) -> None:
    database = new_postgres(postgres)
    at = {"left": ["s0"], "right": ["s1"]}
    async with stage(tmp_path, database, servers=2, pace=30, at=at) as here:
        here.ask(2)
        chat, left = await here.start("chat"), await here.start("left")
        await here.until(lambda: here.servers["s0"]._jobs.remaining == 2)
        await left.kill()
        here.servers["s1"]._executor._pace = 0.0
        right = await here.start("right")
        settings = QuickSettings(data_dir=tmp_path / "data", database=Secret(database))
        assert await hand_over(settings, "left") == 2  # one was executed, and one was ahead
        await here.until_done(2)
        assert [await bot.end() for bot in (chat, right)] == [0, 0]
        await here.has_delivered_all(2)
        assert {run.worker for run in await here.runs()} == {"right"}


@pytest.mark.long
async def test_a_cancel_reaches_another_process(tmp_path: Path, postgres: str) -> None:
    async with stage(tmp_path, new_postgres(postgres), servers=1, pace=30, at={"far": ["s0"]}) as here:
        here.ask(1)
        chat, far = await here.start("chat"), await here.start("far")
        await here.until(lambda: any(entry.get("status") == "Running" for entry in here.messages().get("m0", [])))
        (run,) = await here.runs()
        note(tmp_path / "cancels.jsonl", {"run": run.id, "person": "p0"})
        await here.until(lambda: here.messages()["m0"][-1].get("status") == "Cancelled")

        async def is_written() -> bool:
            return [run.state for run in await here.runs()] == [State.CANCELLED]

        await until(is_written)
        assert here.servers["s0"]._jobs.running is None
        assert [await bot.end() for bot in (chat, far)] == [0, 0]


@pytest.mark.long
async def test_a_recipe_of_a_bot_that_is_killed_between_its_steps_ends_once(tmp_path: Path, database: str) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> lighter -> darker -> darker")
    async with stage(tmp_path, database, servers=2, pace=0.1) as scene:
        scene.ask(1, workflow="film")

        async def stands_between(count: int) -> bool:
            return sum(run.state is State.DONE for run in await scene.runs()) >= count

        for done in (1, 2, 3):
            bot = await scene.start()
            await until(partial(stands_between, done))
            await bot.kill()
        await scene.start()
        await until(partial(stands_between, 4))
        runs = sorted(await scene.runs(), key=lambda run: run.cell)
        assert [run.workflow for run in runs] == ["pair", "lighter", "darker", "darker"]
        made = [file.key for run in runs[:-1] for file in run.outcome.files[:1] if run.outcome is not None]
        assert made == [run.inputs["picture"].key for run in runs[1:]]
        prompts = [prompt for server in scene.servers.values() for prompt in server.prompts]
        assert len(prompts) == len(set(prompts)) == 4
