"""Runs that are ahead: one waits at a busy server, which goes on with it by itself, and it can always be taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import Cancelled, Done, Failed, Held, Queued
from bot.core.run import RunRecord, State
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from bot.server_settings import NamedServer
from comfy.client import ComfyClient
from comfy.errors import PromptInterrupted, PromptRemoved
from comfy.prompt import Prompt
from tests.bot.harness import (
    BEN,
    HERE,
    MOD,
    Gates,
    House,
    Message,
    RecordingPlatform,
    WatchedServer,
    house,
    running,
    until,
)

_CLEO = MOD


@asynccontextmanager
async def gated(
    gates: Gates, folder: Path, servers: Sequence[WatchedServer | NamedServer], **settings: Any
) -> AsyncIterator[House]:
    """A house whose gates are open when it closes."""
    async with house(folder, servers=servers, **settings) as home:
        try:
            yield home
        finally:
            gates.open()


async def ahead(home: House, run_id: str) -> RunRecord:
    """Wait until a run waits at a server."""

    async def is_ahead() -> bool:
        return (await home.run(run_id)).is_ahead

    await until(is_ahead)
    return await home.run(run_id)


async def posted(server: WatchedServer, count: int) -> None:
    """Wait until a server has so many prompts, waiting or running."""

    async def has() -> bool:
        return server._jobs.remaining == count

    await until(has)


async def one_ahead(home: House, server: WatchedServer) -> tuple[tuple[str, Message], tuple[str, Message]]:
    """Let one run stand at its gate, and another wait behind it."""
    first = await home.ask("gated", gate="first")
    await home.platform.until(running(first[1]))
    second = await home.ask("gated", BEN, gate="second")
    await ahead(home, second[0])
    await posted(server, 2)
    return first, second


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def server(gates: Gates) -> WatchedServer:
    return WatchedServer(nodes=gates.nodes())


@pytest.mark.long
async def test_a_busy_server_goes_on_by_itself(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        first, second = await one_ahead(home, server)
        third, _ = await home.ask("gated", _CLEO, gate="third")
        assert (await home.run(second[0])).started_at is None
        gates.open("first")
        await home.platform.until(running(second[1]))
        begun = await home.run(second[0])
        assert (begun.state, begun.is_ahead) == (State.RUNNING, False)
        (ended,) = await home.ended(first[0])
        assert (begun.started_at or 0.0) >= (ended.started_at or 0.0)
        await ahead(home, third)
        gates.open()
        done = await home.ended(second[0], third)
        assert [(run.state, run.attempt) for run in done] == [(State.DONE, 1)] * 2
        assert second[1].kinds()[-1] is Done
        assert gates.passed == ["first", "second", "third"]


async def test_one_run_is_ahead_and_the_others_wait(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        _first, second = await one_ahead(home, server)
        third, shown = await home.ask("gated", _CLEO, gate="third")
        for place, message in enumerate((second[1], shown), 1):
            await home.platform.until(lambda: isinstance(message.last, Queued) and message.last.position == place)  # noqa: B023
        assert server._jobs.remaining == 2
        assert server.calls["POST /prompt"] == 2
        assert not (await home.run(third)).is_ahead
        gates.open()


@pytest.mark.long
async def test_with_a_cap_of_one_nothing_of_the_same_person_is_ahead(
    tmp_path: Path, gates: Gates, server: WatchedServer
) -> None:
    async with gated(gates, tmp_path, [server], running_per_person=1) as home:
        _first, shown = await home.ask("gated", gate="first")
        await home.platform.until(running(shown))
        second, _ = await home.ask("gated", gate="second")
        third, _ = await home.ask("gated", BEN, gate="third")
        await ahead(home, third)
        assert not (await home.run(second)).is_ahead
        gates.open()
        await home.ended(second, third)
        assert gates.passed == ["first", "third", "second"]


@pytest.mark.long
async def test_a_cancel_takes_it_back(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        first, second = await one_ahead(home, server)
        assert await home.services.runs.cancel(second[0], BEN)
        await posted(server, 1)
        (run,) = await home.ended(second[0])
        assert (run.state, second[1].last) == (State.CANCELLED, Cancelled(BEN))
        third, _ = await home.ask("gated", BEN, gate="third")
        await ahead(home, third)
        gates.open()
        await home.ended(first[0], third)
        assert gates.passed == ["first", "third"]


@pytest.mark.long
async def test_a_denial_takes_it_back(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        first, second = await one_ahead(home, server)
        await home.services.moderation.block(MOD, HERE, BEN)
        (run,) = await home.ended(second[0])
        assert (run.state, run.server) == (State.FAILED, None)
        await home.platform.until(lambda: isinstance(second[1].last, Failed))
        await posted(server, 1)
        gates.open()
        await home.ended(first[0])
        assert gates.passed == ["first"]
        assert isinstance(second[1].last, Failed)


@pytest.mark.long
async def test_a_review_takes_it_back_until_the_yes(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    from bot.core.policy.rules import WordList

    async with gated(gates, tmp_path, [server]) as home:
        first, second = await one_ahead(home, server)
        await home.services.moderation.words(MOD, HERE, "maybe", WordList(("second",), hold=True))
        await home.platform.until(lambda: second[1].last == Held())
        await posted(server, 1)
        gates.open()
        await home.ended(first[0])
        assert await home.services.moderation.reviews.approve(MOD, HERE, second[0])
        (run,) = await home.ended(second[0])
        assert (run.state, gates.passed) == (State.DONE, ["first", "second"])


@pytest.mark.long
async def test_fewer_at_a_time_take_it_back(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        first, _ = await home.ask("gated", gate="first")
        second, _ = await home.ask("gated", gate="second")
        await ahead(home, second)
        await posted(server, 2)
        await home.services.moderation.limit(MOD, HERE, "running", 1)
        await posted(server, 1)

        async def is_back() -> bool:
            return not (await home.run(second)).is_ahead

        await until(is_back)
        gates.open()
        runs = await home.ended(first, second)
        assert [run.state for run in runs] == [State.DONE] * 2
        assert (runs[1].started_at or 0.0) >= (runs[0].executed_at or 0.0)


@pytest.mark.long
async def test_a_run_of_higher_priority_goes_before_it(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server], operators=(MOD.key,)) as home:
        first, second = await one_ahead(home, server)
        urgent, _ = await home.ask("gated", MOD, gate="urgent")
        await ahead(home, urgent)
        await posted(server, 2)
        gates.open()
        runs = await home.ended(first[0], second[0], urgent)
        assert gates.passed == ["first", "urgent", "second"]
        assert [run.tries for run in runs] == [1, 1, 1]


@pytest.mark.long
async def test_a_newcomer_of_the_same_priority_does_not(tmp_path: Path, gates: Gates, server: WatchedServer) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        first, second = await one_ahead(home, server)
        third, _ = await home.ask("gated", _CLEO, gate="third")
        gates.open()
        await home.ended(first[0], second[0], third)
        assert gates.passed == ["first", "second", "third"]


@pytest.mark.long
async def test_a_server_that_becomes_idle_takes_it(
    tmp_path: Path, gates: Gates, server: WatchedServer, unused_tcp_port: int
) -> None:
    late = NamedServer("late", f"http://127.0.0.1:{unused_tcp_port}")
    async with gated(gates, tmp_path, [server, late]) as home:
        first, second = await one_ahead(home, server)
        async with WatchedServer(port=unused_tcp_port, nodes=gates.nodes()) as other:
            await home.platform.until(running(second[1]))
            run = await home.run(second[0])
            assert (run.server, run.tries) == ("late", 1)
            await posted(server, 1)
            third, _ = await home.ask("gated", _CLEO, gate="third")
            await ahead(home, third)
            gates.open()
            runs = await home.ended(first[0], second[0], third)
            assert [run.state for run in runs] == [State.DONE] * 3
            assert len(other.prompts) + len(server.prompts) == 3


async def test_one_that_is_taken_back_without_attempts_left_ends(
    tmp_path: Path, gates: Gates, server: WatchedServer, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.runs.queue.MOST_SPARED", 0)
    monkeypatch.setattr("bot.core.runs.queue.MOST_ATTEMPTS", 1)
    late = NamedServer("late", f"http://127.0.0.1:{unused_tcp_port}")
    async with gated(gates, tmp_path, [server, late]) as home:
        first, second = await one_ahead(home, server)
        async with WatchedServer(port=unused_tcp_port, nodes=gates.nodes()):
            (run,) = await home.ended(second[0])
            assert (run.state, second[1].last) == (State.FAILED, Failed(run.sentence or ""))
            assert run.sentence == "The run was removed from the server's queue before it started. Please try again."
            gates.open()
            await home.ended(first[0])


async def test_one_that_was_moved_often_stays_where_it_is(
    tmp_path: Path, gates: Gates, server: WatchedServer, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.execution.worker.MOST_SPARED", 0)
    late = NamedServer("late", f"http://127.0.0.1:{unused_tcp_port}")
    async with gated(gates, tmp_path, [server, late]) as home:
        first, second = await one_ahead(home, server)
        async with WatchedServer(port=unused_tcp_port, nodes=gates.nodes()):
            third, shown = await home.ask("gated", _CLEO, gate="third")
            await home.platform.until(running(shown))
            assert ((await home.run(third)).server, (await home.run(second[0])).server) == ("late", "one")
            gates.open()
            runs = await home.ended(first[0], second[0], third)
            assert [(run.state, run.attempt) for run in runs] == [(State.DONE, 1)] * 3


async def test_one_that_has_begun_stays_where_it_is(gates: Gates, server: WatchedServer) -> None:
    async with server, ComfyClient(server.url) as client:
        graph = {
            "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1}},
            "2": {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": "x"}},
            "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
        }
        begun = await client.submit(Prompt(graph))
        waiting = await client.submit(Prompt(graph))
        await posted(server, 2)
        assert not await client.withdraw(begun.prompt_id)
        assert await client.withdraw(waiting.prompt_id)
        with pytest.raises(PromptRemoved):
            await _end_of(client, waiting.prompt_id)
        gates.open()
        with suppress(PromptInterrupted):
            await _end_of(client, begun.prompt_id)
        assert server.prompts == [begun.prompt_id]
        assert not await client.withdraw(begun.prompt_id)


async def _end_of(client: ComfyClient, prompt_id: str) -> None:
    async for _event in client.follow(prompt_id):
        pass


@pytest.mark.parametrize("ended_meanwhile", [False, True])
@pytest.mark.long
async def test_after_a_restart_it_is_found(tmp_path: Path, gates: Gates, ended_meanwhile: bool) -> None:
    platform = RecordingPlatform()
    async with WatchedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            first, second = await one_ahead(home, server)
        if ended_meanwhile:
            gates.open()
            await posted(server, 0)
        async with house(tmp_path, platform, [server]) as home:
            if not ended_meanwhile:
                await ahead(home, second[0])
                gates.open()
            done = await home.ended(first[0], second[0])
        assert [(run.state, run.attempt) for run in done] == [(State.DONE, 1)] * 2
        assert [len(message.results) for _, message in (first, second)] == [1, 1]
        assert gates.passed == ["first", "second"]


@pytest.mark.long
async def test_after_a_restart_the_next_one_is_ahead_while_the_server_works(
    tmp_path: Path, gates: Gates, server: WatchedServer
) -> None:
    platform = RecordingPlatform()
    async with server:
        async with house(tmp_path, platform, [server]) as home:
            first, shown = await home.ask("gated", gate="first")
            await platform.until(running(shown))
        async with gated(gates, tmp_path, [server], platform=platform) as home:
            second, _waiting = await home.ask("gated", BEN, gate="second")
            await ahead(home, second)
            await posted(server, 2)
            gates.open()
            assert [run.state for run in await home.ended(first, second)] == [State.DONE] * 2


@pytest.mark.long
async def test_a_server_that_dies_costs_it_no_attempt(tmp_path: Path) -> None:
    async with WatchedServer(pace=60) as server, house(tmp_path, servers=[server]) as home:
        first, shown = await home.ask()
        await home.platform.until(running(shown))
        second, waiting = await home.ask(person=BEN)
        before = await ahead(home, second)
        await posted(server, 2)
        server._pace = 0.0
        await server.restart()

        async def was_lost() -> bool:
            return (await home.run(second)).attempt > before.attempt

        await until(was_lost)
        run = await home.run(second)
        assert (run.attempt, run.spared, run.tries) == (2, 1, 1)
        runs = await home.ended(first, second)
        assert [run.state for run in runs] == [State.DONE] * 2
        assert (runs[0].spared, len(waiting.results)) == (0, 1)


@pytest.mark.long
async def test_beside_the_prompts_of_others_there_is_one_of_ours(
    tmp_path: Path, gates: Gates, server: WatchedServer
) -> None:
    async with server, ComfyClient(server.url) as stranger, gated(gates, tmp_path, [server]) as home:
        first, shown = await home.ask("gated", gate="first")
        await home.platform.until(running(shown))
        blank = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1}}
        save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "theirs"}}
        theirs = await stranger.submit(Prompt({"1": blank, "2": save}))
        await posted(server, 2)
        second, waiting = await home.ask("gated", BEN, gate="second")
        await home.platform.until(lambda: isinstance(waiting.last, Queued))
        for _look in range(20):
            await asyncio.sleep(0)
        assert not (await home.run(second)).is_ahead
        assert server.calls["POST /prompt"] == 2
        gates.open()
        runs = await home.ended(first, second)
        assert [run.state for run in runs] == [State.DONE] * 2
        assert server.prompts.index(theirs.prompt_id) == 1


@pytest.mark.long
async def test_places_in_line_are_told_in_the_order_of_starts(
    tmp_path: Path, gates: Gates, server: WatchedServer
) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        _first, second = await one_ahead(home, server)
        third, _ = await home.ask("gated", MOD, gate="third")
        queue = home.services.runs._queue
        assert [run.id for run in await queue.waiting()] == [second[0], third]
        assert [await queue.position(run_id) for run_id in (second[0], third)] == [1, 2]
        gates.open()


@pytest.mark.long
async def test_the_records_say_nothing_of_a_server_after_it_was_taken_back(
    tmp_path: Path, gates: Gates, server: WatchedServer
) -> None:
    async with gated(gates, tmp_path, [server]) as home:
        _first, second = await one_ahead(home, server)
        await home.services.moderation.block(MOD, HERE, BEN)
        await posted(server, 1)

        async def say_nothing() -> bool:
            async with Database.in_folder(tmp_path) as database, database.read() as connection:
                row = (await connection.execute(runs.select().where(runs.c.id == second[0]))).one()
            return (row.server, row.worker, row.started_at) == (None, None, None)

        await until(say_nothing)
        gates.open()
