"""Runs that take too long: they are stopped on the server, say so, and the server goes on with others."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bot.core.run import State
from bot.core.servers.condition import Condition
from bot.core.watching.watch import Watch
from comfy.embedded import EmbeddedServer
from tests.bot.core.test_care import gate
from tests.bot.harness import BEN, House, WatchedServer, house, tell_first, until
from tests.patience import PATIENCE

SENTENCE = (
    "The run took longer than the 1 second that it may take, and was stopped. Try a smaller picture, fewer steps or a "
    "shorter film."
)


async def of_workflow(home: House, folder: Path, name: str, **limits: float) -> None:
    """Give a workflow limits of its own."""
    file = folder / "workflows" / f"{name}.toml"
    file.write_text("".join(f"{key} = {value}\n" for key, value in limits.items()) + file.read_text())
    catalog = home.services.workflows.catalog

    async def is_read() -> bool:
        found = catalog.workflows[name]
        return [found.time_limit, found.stall_limit] == [limits.get(key) for key in ("time_limit", "stall_limit")]

    await until(is_read)


@pytest.mark.long
async def test_a_run_longer_than_the_setting_ends_for_good_and_the_server_takes_the_next(tmp_path: Path) -> None:
    servers = [WatchedServer(pace=2), WatchedServer(pace=2)]
    async with house(tmp_path, servers=servers, time_limit=1.0) as home:
        [run] = await home.ended((await home.ask())[0])
        assert (run.state, run.attempt, run.sentence) == (State.FAILED, 1, SENTENCE)
        assert sum(len(server.prompts) for server in servers) == 1
        await of_workflow(home, tmp_path, "plain", time_limit=600)
        [other] = await home.ended((await home.ask(person=BEN))[0])
        assert other.state is State.DONE


@pytest.mark.long
async def test_a_run_without_progress_is_tried_once_more_and_then_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_first(monkeypatch)
    over = threading.Event()
    servers = [EmbeddedServer(nodes=gate(lambda: _wait(over))) for _number in range(3)]
    async with house(tmp_path, servers=servers) as home:
        await of_workflow(home, tmp_path, "gated", stall_limit=0.5)
        run_id, shown = await home.ask("gated")
        watch: Watch = home.services.health.own_troubles.__self__  # type: ignore[attr-defined]

        async def two_are_stuck() -> bool:
            return list(watch._servers().values()).count(Condition.STUCK) == 2

        await until(two_are_stuck)  # a node that does not listen
        [run] = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.FAILED, 2)
        assert run.sentence is not None
        assert run.sentence.startswith("The server made no progress for ")
        assert len(shown.reasons()) == 1
        stuck = [each.words for each in home.services.health.own_troubles() if each.kind == "server"]
        assert len(stuck) == 2
        [other] = await home.ended((await home.ask(person=BEN))[0])
        assert other.state is State.DONE
        over.set()

        async def all_are_up() -> bool:
            return all(home.services.health.servers().values())

        await until(all_are_up)


def _wait(over: threading.Event) -> None:
    over.wait(PATIENCE)
