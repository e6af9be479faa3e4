"""Runs in the worker's hands: servers that go and come back, and restarts of the house, in which nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text

from bot.core.background import TaskHealth
from bot.core.execution.durable.engine import DurableEngine
from bot.core.execution.durable.step import DurableStep
from bot.core.model import Cancelled, Done, Failed, Paused
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import State
from bot.core.runs.queue import Assignment, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.servers import look_in_turn
from bot.core.storage.database import Database
from bot.server_settings import NamedServer
from bot.settings import Role, Secret
from comfy.embedded import EmbeddedServer
from tests.bot.core.execution.test_ahead import ahead
from tests.bot.databases import new_postgres
from tests.bot.harness import (
    ANN,
    BEN,
    Gates,
    RecordingPlatform,
    Studio,
    WatchedServer,
    failing,
    house,
    picture,
    port_of,
    running,
    tell_first,
    until,
)
from tests.patience import PATIENCE
from tests.ports import free_port

_LOCKS = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_WAITING = """SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'"""
_DROP_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()"""


@pytest.mark.long
async def test_a_run_goes_on_after_a_restart_where_the_server_is(tmp_path: Path) -> None:
    platform, gates = RecordingPlatform(), Gates()
    async with WatchedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            first, shown = await home.ask("gated", gate="x")
            await platform.until(running(shown))
            second, waiting = await home.ask(person=BEN)
            await platform.until(lambda: bool(waiting.statuses))
        assert (shown.last, waiting.last) == (Paused(), Paused())
        async with house(tmp_path, platform, [server]) as home:
            gates.open()
            runs = await home.ended(first, second)
        assert [(run.state, run.attempt) for run in runs] == [(State.DONE, 1)] * 2
        assert [message.last for message in (shown, waiting)] == [Done(), Done()]
        assert [len(message.results) for message in (shown, waiting)] == [1, 1]
        assert len(server.prompts) == 2


class KeepingServer(WatchedServer):
    """Holds the answers to who fetches results, as long as a test says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked, self.gives = asyncio.Event(), asyncio.Event()

    def _watch(self) -> Any:
        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/view":
                self.asked.set()
                await self.gives.wait()
            answer: web.StreamResponse = await handler(request)
            return answer

        return watch

    def block_a_branch(self, words: str) -> None:
        """Say so of the prompt that is executed."""
        job = self._jobs.running
        assert job is not None
        told = {"prompt_id": job.prompt_id, "node_id": "1", "node_type": "Switch", "exception_message": words}
        self._sockets.tell("execution_error", {**told, "exception_type": "ExecutionBlocked"}, job.client_id)


@pytest.mark.long
async def test_what_a_server_warned_of_is_known_after_a_restart(tmp_path: Path) -> None:
    """It does not say so again."""
    platform, gates = RecordingPlatform(), Gates()
    async with KeepingServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            run_id, shown = await home.ask("gated")
            await platform.until(running(shown))
            server.block_a_branch("The mask is left out.")
            gates.open()
            async with asyncio.timeout(PATIENCE):
                await server.asked.wait()
        server.gives.set()
        async with house(tmp_path, platform, [server]) as home:
            (run,) = await home.ended(run_id)
    assert (run.state, run.attempt, len(shown.results)) == (State.DONE, 1, 1)
    assert run.outcome is not None
    assert run.outcome.warnings == ("The mask is left out.",)


@pytest.mark.long
async def test_a_prompt_that_its_server_lost_meanwhile_is_submitted_anew(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    server = WatchedServer(port=free_port(), pace=60)
    async with server, house(tmp_path, platform, [server]) as home:
        run_id, shown = await home.ask()
        await platform.until(running(shown))
    async with (
        WatchedServer(port=port_of(server)) as again,
        house(tmp_path, platform, [again]) as home,
    ):
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.DONE, 2)
        assert len(shown.results) == len(again.prompts) == 1


@pytest.mark.long
async def test_a_prompt_that_an_older_version_handed_over_and_its_server_lost_costs_an_attempt(tmp_path: Path) -> None:
    """It told the engine that the prompt was handed over, and the record has no word of it."""
    platform, told = RecordingPlatform(), asyncio.Event()
    server = WatchedServer(port=free_port(), pace=60)

    async def older(_run: str, _attempt: int, step: DurableStep) -> None:
        await step("submit", handed_over)
        told.set()
        await asyncio.Event().wait()

    async def handed_over() -> str:
        return "[]"

    async with server, house(tmp_path, platform, [server]) as home:
        run_id, shown = await home.ask()
        await platform.until(running(shown))
    async with Database.in_folder(tmp_path) as database:
        async with database.change() as connection:
            await connection.execute(text("UPDATE runs SET handed_over = NULL"))
        older_engine = DurableEngine(database, tmp_path, "darkroom", older, TaskHealth())
        async with older_engine as engine, asyncio.timeout(PATIENCE):
            await engine.start(run_id, 1)
            await told.wait()
    async with WatchedServer(port=port_of(server)) as again, house(tmp_path, platform, [again]) as home:
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.DONE, 2)


@pytest.mark.long
async def test_a_run_whose_server_goes_is_retried_on_another_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_first(monkeypatch)
    gates = Gates()
    servers = {name: WatchedServer(nodes=gates.nodes()) for name in ("one", "two")}
    async with servers["one"], servers["two"], house(tmp_path, servers=list(servers.values())) as home:
        run_id, shown = await home.ask("gated", gate="x")
        await home.platform.until(running(shown))
        first = (await home.run(run_id)).server or ""
        second = "two" if first == "one" else "one"
        stopping = asyncio.create_task(servers[first].stop())
        await asyncio.sleep(0)  # the prompt is interrupted, and ends when its node does
        gates.open()
        await stopping
        (run,) = await home.ended(run_id)
        assert (run.state, run.server, run.attempt, run.avoid) == (State.DONE, second, 2, {first})
        assert shown.reasons()
        assert "Please" not in shown.reasons()[0]
        assert len(shown.results) == 1


async def test_a_run_waits_for_its_only_server_and_a_server_that_is_back_is_used(tmp_path: Path) -> None:
    server = WatchedServer(port=free_port(), pace=60)
    async with server, house(tmp_path, servers=[server]) as home:
        run_id, shown = await home.ask()
        await home.platform.until(running(shown))
        await server.stop()
        await home.platform.until(lambda: bool(shown.reasons()))
        async with WatchedServer(port=port_of(server)):
            (run,) = await home.ended(run_id)
        assert (run.state, run.server) == (State.DONE, "one")


class AbsentServer(WatchedServer):
    """Goes on with its work while it is away from the network."""

    def leave(self) -> None:
        self.breaks = 10**9

    def come_back(self) -> None:
        self.breaks = 0


@pytest.mark.parametrize("ended_meanwhile", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.long
async def test_a_server_that_was_away_and_lost_nothing_gets_no_run_twice(
    tmp_path: Path, ended_meanwhile: bool, restarted: bool
) -> None:
    gates, platform = Gates(), RecordingPlatform()
    async with AbsentServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            run_id, shown = await home.ask("gated", gate="one")
            await platform.until(running(shown))
            server.leave()
            await server.drop_sockets()
            await platform.until(lambda: bool(shown.reasons()))
            if ended_meanwhile:
                gates.open()
            if not restarted:
                await _back(server, gates)
                (run,) = await home.ended(run_id)
        if restarted:
            async with house(tmp_path, platform, [server]) as home:
                await _back(server, gates)
                (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, run.server) == (State.DONE, 2, "one")
        assert (len(server.prompts), server.calls["POST /prompt"], len(shown.results)) == (1, 1, 1)


async def _back(server: AbsentServer, gates: Gates) -> None:
    server.come_back()
    gates.open()


@pytest.mark.long
async def test_a_prompt_whose_run_went_on_elsewhere_is_stopped_once_its_server_is_back(tmp_path: Path) -> None:
    gates = Gates()
    servers = {name: AbsentServer(nodes=gates.nodes()) for name in ("one", "two")}
    async with servers["one"], servers["two"], house(tmp_path, servers=list(servers.values())) as home:
        run_id, shown = await home.ask("gated", gate="x")
        await home.platform.until(running(shown))
        first = (await home.run(run_id)).server or ""
        away = servers[first]
        away.leave()
        await away.drop_sockets()

        async def runs_elsewhere() -> bool:
            run = await home.run(run_id)
            return run.state is State.RUNNING and run.server != first

        await until(runs_elsewhere)
        left_behind = away._jobs.running
        assert left_behind is not None
        assert not left_behind.interrupted.is_set()
        away.come_back()

        async def is_stopped() -> bool:
            return left_behind.interrupted.is_set()

        await until(is_stopped)
        gates.open()
        (run,) = await home.ended(run_id)
        assert (run.state, len(shown.results)) == (State.DONE, 1)


@pytest.mark.long
async def test_a_cancel_stops_the_prompt_of_an_earlier_attempt_too(tmp_path: Path) -> None:
    gates = Gates()
    async with AbsentServer(nodes=gates.nodes()) as server, house(tmp_path, servers=[server]) as home:
        run_id, shown = await home.ask("gated", gate="one")
        await home.platform.until(running(shown))
        server.leave()
        await server.drop_sockets()
        await home.platform.until(lambda: bool(shown.reasons()))
        server.come_back()

        async def runs_again() -> bool:
            run = await home.run(run_id)
            return (run.state, run.attempt) == (State.RUNNING, 2)

        await until(runs_again)
        await home.services.runs.cancel(run_id, ANN)
        gates.open()
        (run,) = await home.ended(run_id)
        assert run.state is State.CANCELLED
        assert server.calls["POST /prompt"] == 1


async def test_what_was_rejected_or_failed_is_not_tried_again(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(nodes=failing()), EmbeddedServer(nodes=failing())]) as home:
        run_id, shown = await home.ask("gated", gate="x")
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, shown.last) == (State.FAILED, 1, Failed(run.sentence or ""))
        assert "there is no such gate: x" in (run.sentence or "")


@pytest.mark.long
async def test_a_run_is_given_up_after_its_attempts(tmp_path: Path) -> None:
    server = WatchedServer(pace=60)
    async with server, house(tmp_path, servers=[server]) as home:
        run_id, shown = await home.ask()
        for attempt in range(1, 5):

            async def runs() -> bool:
                run = await home.run(run_id)
                return (run.state, run.attempt) == (State.RUNNING, attempt) and server._jobs.running is not None  # noqa: B023

            await until(runs)
            await server.stop()
            await server.start()
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.FAILED, 4)
        assert run.sentence is not None
        assert run.sentence.startswith("The server stopped answering while it worked on “")
        assert run.sentence.endswith("”, in the last of 4 attempts. Please tell the operator.")
        await home.platform.until(lambda: shown.last == Failed(run.sentence or ""))
        assert shown.results == []

        remarks = home.services.health.tasks

        async def are_told() -> bool:
            return [topic for topic, each in remarks.remarks.items() if each.words.startswith("4 times")] == [
                "workflow plain"
            ]

        await until(are_told)
        await server.stop()
        server._pace = 0
        await server.start()
        await home.ended((await home.ask())[0])

        async def is_settled() -> bool:
            return not remarks.remarks

        await until(is_settled)


@pytest.mark.long
async def test_a_run_goes_where_the_chosen_model_is(tmp_path: Path) -> None:
    left, right = Studio(["a.ckpt"]), Studio(["a.ckpt", "b.ckpt"])
    async with house(tmp_path, servers=[left, right]) as home:
        asked = [await home.ask("paint", color=str(color), model="b.ckpt") for color in range(3)]
        runs = await home.ended(*(run_id for run_id, _ in asked))
    assert {(run.state, run.server) for run in runs} == {(State.DONE, "two")}


@pytest.mark.long
async def test_the_same_input_is_not_sent_twice_to_a_server(tmp_path: Path) -> None:
    server = WatchedServer()
    photo = picture(tmp_path / "given")
    async with house(tmp_path, servers=[server]) as home:
        for workflow in ("negative", "poster"):
            run_id, _ = await home.ask(workflow, photo=photo)
            await home.ended(run_id)
        assert server.calls["POST /upload/image"] == 1
        for file in server._folders.folder("input").iterdir():
            file.unlink()
        run_id, _ = await home.ask("sketch", photo=photo)
        (run,) = await home.ended(run_id)
        assert run.state is State.DONE
        assert server.calls["POST /upload/image"] == 2


@pytest.mark.long
async def test_a_shutdown_is_no_cancel_and_a_cancel_outlives_a_shutdown(tmp_path: Path, database_url: str) -> None:
    platform = RecordingPlatform()
    settings = {} if database_url.startswith("sqlite") else {"database": Secret(database_url)}
    async with WatchedServer(pace=60) as server:
        async with house(tmp_path, platform, [server], **settings) as home:
            run_id, shown = await home.ask()
            await platform.until(running(shown))
        assert shown.last == Paused()
        async with Database(database_url) as database:
            assert await RunRepository(database).request_cancel(run_id, "test:1:Ann") is not None
        async with house(tmp_path, platform, [server], **settings) as home:
            (run,) = await home.ended(run_id)
            await platform.until(lambda: shown.last == Cancelled(ANN))
        assert run.state is State.CANCELLED
        assert server._jobs.running is None


@pytest.mark.long
async def test_a_run_that_was_taken_but_not_begun_when_the_process_died(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    async with WatchedServer() as server:
        async with house(tmp_path, platform, [server], Role(worker=None)) as home:
            run_id, shown = await home.ask()
        async with Database.in_folder(tmp_path) as database:
            line = RunQueue(database, ConcurrencyLimits())
            assert await line.claim("darkroom", lambda heads: Assignment(heads[0].id, "one")) is not None
        async with house(tmp_path, platform, [server]) as home:
            (run,) = await home.ended(run_id)
        assert (run.state, len(shown.results)) == (State.DONE, 1)


@pytest.mark.long
async def test_runs_of_a_server_that_was_taken_away_go_to_another(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    async with WatchedServer(pace=60) as server, house(tmp_path, platform, [server]) as home:
        run_id, shown = await home.ask()
        await platform.until(running(shown))
    async with WatchedServer() as other, house(tmp_path, platform, [NamedServer("other", other.url)]) as home:
        (run,) = await home.ended(run_id)
    assert (run.state, run.server, len(shown.results)) == (State.DONE, "other", 1)


@pytest.mark.long
async def test_files_that_were_lost_end_in_a_sentence(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated")
        await home.platform.until(running(shown))
        at_its_server, _shown = await home.ask("gated", BEN)  # so that none more is sent there meanwhile
        await ahead(home, at_its_server)
        second, waiting = await home.ask("negative", BEN, photo=picture(tmp_path / "given"))
        await asyncio.to_thread(shutil.rmtree, tmp_path / "media")
        gates.open()
        runs = await home.ended(first, at_its_server, second)
        assert [run.state for run in runs] == [State.DONE, State.DONE, State.FAILED]
        assert waiting.last == Failed("A file of this run is gone. Please send the request again.")


@pytest.mark.long
async def test_a_message_that_is_gone_ends_its_run_and_no_other(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.platform.refuses = True
        run_id, _ = await home.ask()
        (run,) = await home.ended(run_id)
        assert run.state is State.FAILED
        home.platform.refuses = False
        run_id, shown = await home.ask()
        (run,) = await home.ended(run_id)
        assert (run.state, len(shown.results)) == (State.DONE, 1)


@pytest.mark.long
async def test_the_engine_makes_its_tables_beside_changes_of_its_own_process(postgres: str, tmp_path: Path) -> None:
    """Its indices wait for a change that waits for another, and the loop that is to end this one must not wait too."""
    url = new_postgres(postgres, empty=True)
    async with Database(url) as database, Database(url) as other:

        async def change() -> None:
            async with database.change(locks=("one",)):
                pass

        async def attempt(_run: str, _attempt: int, _step: Any) -> None:
            raise AssertionError

        async def is_waited_for() -> bool:
            async with other.read() as connection:
                return bool((await connection.execute(text(_WAITING))).scalar_one())

        async def start() -> None:
            async with DurableEngine(database, tmp_path, "garage", attempt, TaskHealth()):
                pass

        async with database.change(locks=("one",)):
            waiting, starting = asyncio.create_task(change()), asyncio.create_task(start())
            await until(is_waited_for)
        await asyncio.gather(waiting, starting)


async def drop_others(database: Database) -> None:
    """End all other connections to a database, as a restart of its server does."""
    async with database.change() as connection:
        await connection.execute(text(_DROP_OTHERS))


async def test_of_two_workers_the_first_takes_what_others_ask_for_and_the_second_puts_its_look_off(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_STAGGER", "_TURN", "_LATER"):
        monkeypatch.setattr(look_in_turn, name, 1e12)
    monkeypatch.setattr("bot.core.storage.bells._NET_OF_MANY", 1e9)
    put_off, asked = look_in_turn.LookInTurn.put_off, list[tuple[str, bool]]()

    def noted(self: look_in_turn.LookInTurn) -> bool:
        asked.append((self._worker, put_off(self)))
        return asked[-1][1]

    monkeypatch.setattr(look_in_turn.LookInTurn, "put_off", noted)
    shared, platform = Secret(new_postgres(postgres)), RecordingPlatform()
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(house(tmp_path, platform, [], Role(worker=None), database=shared))
        homes = [chat]
        for name in ("first", "second"):
            server, role = NamedServer(name, (await stack.enter_async_context(EmbeddedServer())).url), Role(worker=name)
            home = house(tmp_path, platform, [server], replace(role, chat=False), database=shared)
            homes.append(await stack.enter_async_context(home))

        async def know() -> bool:
            return all(home.services.health.servers() == {"first": True, "second": True} for home in homes)

        await until(know)
        await chat.ended((await chat.ask())[0])  # whoever took it: both may still have looked at the line by themselves
        for _run in range(3):
            (run,) = await chat.ended((await chat.ask())[0])
            assert (run.state, run.worker) == (State.DONE, "first")
    assert ("second", True) in asked
