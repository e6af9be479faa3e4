"""`darkroom servers` beside a bot that runs: a process of its own, which the bot's worker answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.core.care.desk import ServerDesk
from bot.core.care.states import ServerStates
from bot.core.errors import UserError
from bot.core.run import State
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from comfy.embedded import EmbeddedServer
from tests.bot.core.test_care import BusyServer
from tests.bot.forks import fork
from tests.bot.harness import BEN, Gates, House, house, running, until


async def servers(folder: Path, *words: str, **settings: str) -> tuple[int, list[str]]:
    """Call `darkroom servers` in a process of its own. Returns its exit code, and what it said."""
    env = {**os.environ, "DARKROOM_DATA_DIR": str(folder), **settings}
    command = await fork("bot.__main__", "servers", *words, env=env, folder=folder)
    said = (await command.said.read()).decode().splitlines()
    return await command.wait(), said


async def at_the_gate(home: House) -> str:
    """Have a run at the first server, and return its id."""
    run_id, shown = await home.ask("gated", gate="shut")
    await home.platform.until(running(shown))
    return run_id


@pytest.mark.long
async def test_all_servers_are_shown_with_what_they_run_and_only_ours_is_interrupted(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(pace=60)]) as home:
        run_id, shown = await home.ask()
        await home.platform.until(running(shown))
        code, said = await servers(tmp_path)
        assert (code, said[0], said[2]) == (0, "one: up", "  cpu")
        assert said[1].startswith("  ComfyUI ")
        assert said[3].startswith(f"  runs: plain ({run_id}), for ")
        assert await servers(tmp_path, "interrupt", "one") == (0, ["Cancelled 1 run at one."])
        [run] = await home.ended(run_id)
        assert (run.state, run.cancelled_by) == (State.CANCELLED, "terminal:operator:the operator")
    async with Database.in_folder(tmp_path) as database:
        desk = ServerDesk(ServerStates(database), RunRepository(database), "terminal:operator:", patience=0.0)
        [view] = await desk.look()
        assert (view.name, view.answers) == ("one", False)
        assert await desk.interrupt("one") == 0
        assert await desk.free("one") is None
        with pytest.raises(UserError, match="The servers are: one"):
            await desk.interrupt("two")


async def test_models_are_unloaded_only_where_nothing_of_anybody_is(tmp_path: Path) -> None:
    server = BusyServer()
    async with house(tmp_path, servers=[server]):
        server.others = True
        code, said = await servers(tmp_path, "free", "one")
        assert (code, server.calls["POST /free"]) == (1, 0)
        assert said == [
            "1 prompt is at one, 0 of them ours: nothing was unloaded. Drain it, and try again once it is idle."
        ]
        assert "  1 prompt of others is there" in (await servers(tmp_path))[1]
        server.others = False
        assert await servers(tmp_path, "free", "one") == (0, ["one has unloaded its models."])
        assert server.calls["POST /free"] == 1


@pytest.mark.long
async def test_a_drained_server_ends_what_it_executes_and_gets_no_runs_until_it_is_resumed(tmp_path: Path) -> None:
    gates = Gates()
    server = EmbeddedServer(nodes=gates.nodes())
    async with server:
        async with house(tmp_path, servers=[server]) as home:
            first = await at_the_gate(home)
            ahead, _shown = await home.ask("gated", BEN, gate="open")

            async def is_ahead() -> bool:
                return (await home.run(ahead)).server == "one"

            await until(is_ahead)
            code, said = await servers(tmp_path, "drain", "one")
            assert (code, said[0]) == (0, "one: draining; it gets no further runs")

            async def is_back() -> bool:
                return (await home.run(ahead)).server is None

            await until(is_back)
            gates.open()
            assert [run.state for run in await home.ended(first)] == [State.DONE]
            assert (await servers(tmp_path))[1][0] == "one: drained; it gets no runs"
            assert not [each for each in await home.services.health.troubles() if each.kind == "server"]
        async with house(tmp_path, servers=[server]) as home:  # it is still drained after a restart
            assert home.services.health.servers() == {"one": False}
            assert (await home.run(ahead)).state is State.WAITING
            assert (await servers(tmp_path, "resume", "one"))[1][0] == "one: up"
            assert [run.state for run in await home.ended(ahead)] == [State.DONE]
