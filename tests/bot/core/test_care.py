"""Servers whose GPU is short of memory, idle or broken, and what becomes of the runs that they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core.background import Remark, TaskHealth
from bot.core.care.crashes import CrashingWorkflows
from bot.core.care.unloading import IdleUnloader
from bot.core.run import State
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from comfy.fleet import Fleet, Member
from comfy.server import Server
from tests.bot.core.runs.counting import Clock
from tests.bot.core.servers.test_foresight import RUN
from tests.bot.harness import ANN, BEN, RecordingPlatform, WatchedServer, house, tell_first, until


class OutOfMemoryError(Exception):
    pass


def gate(work: Callable[[], None]) -> dict[str, NodeType]:
    """The node of the workflow `gated`, which does this work."""

    def passed(image: Any, name: str) -> Any:
        work()
        return image

    inputs: dict[str, Any] = {"image": ("IMAGE", {}), "name": ("STRING", {"default": ""})}
    return {"Gate": NodeType("Gate", "Gate", "test", passed, inputs, {}, {}, (("IMAGE", "IMAGE"),))}


class Failing:
    """Fails as often as a test says."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)

    def __call__(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


def full() -> Exception:
    return OutOfMemoryError("Allocation on device 0 would exceed allowed memory")


@pytest.mark.long
async def test_a_run_for_which_the_memory_does_not_suffice_is_tried_once_more_without_the_models_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_first(monkeypatch)
    server, platform = WatchedServer(nodes=gate(Failing(full()))), RecordingPlatform()
    async with house(tmp_path, platform, [server]) as home:
        run_id, shown = await home.ask("gated")
        [run] = await home.ended(run_id)
    assert (run.state, run.attempt, server.calls["POST /free"]) == (State.DONE, 2, 1)
    assert shown.reasons() == [
        "The server one ran out of memory, and has unloaded its models. This is tried once more."
    ]


@pytest.mark.long
async def test_a_run_that_is_too_large_for_the_memory_fails_the_second_time(tmp_path: Path) -> None:
    server = WatchedServer(nodes=gate(Failing(*(full() for _time in range(9)))))
    async with house(tmp_path, servers=[server]) as home:
        [run] = await home.ended((await home.ask("gated"))[0])
    assert (run.state, run.attempt, len(server.prompts)) == (State.FAILED, 2, 2)
    assert run.sentence == "The server ran out of memory at “Gate”. Try a smaller size, or less at once."


@pytest.mark.long
async def test_where_the_memory_does_not_suffice_another_server_tries(tmp_path: Path) -> None:
    nodes = [gate(Failing(*(full() for _time in range(9)))), gate(Failing())]
    servers = [WatchedServer(nodes=each) for each in nodes]
    async with house(tmp_path, servers=servers) as home:
        for number in range(3):
            [run] = await home.ended((await home.ask("gated", color=str(number)))[0])
            assert run.state is State.DONE


@pytest.mark.long
async def test_a_server_that_fails_five_runs_in_a_row_rests_and_the_operator_reads_it(tmp_path: Path) -> None:
    faults = [RuntimeError("CUDA error: unspecified launch failure") for _time in range(9)]
    server = EmbeddedServer(nodes=gate(Failing(*faults)))
    async with house(tmp_path, servers=[server]) as home:
        health = home.services.health
        for person in (ANN, ANN, ANN, ANN):
            await home.ended((await home.ask("gated", person))[0])
        assert health.servers() == {"one": True}
        await home.ended((await home.ask("gated", BEN))[0])

        async def rests() -> bool:
            return health.servers() == {"one": False}

        await until(rests)
        said = "it has failed 5 runs in a row, and gets none for 1 minute: look at its log"
        assert health.tasks.remarks == {"server one": Remark(said)}


@pytest.mark.long
async def test_what_one_person_tries_again_and_again_lets_no_server_rest(tmp_path: Path) -> None:
    server = EmbeddedServer(nodes=gate(Failing(*(ValueError("no") for _time in range(9)))))
    async with house(tmp_path, servers=[server]) as home:
        for _time in range(7):
            await home.ended((await home.ask("gated"))[0])
        await home.ended((await home.ask("plain", BEN))[0])  # it goes well, so the count begins again
        assert home.services.health.servers() == {"one": True}
        assert home.services.health.tasks.remarks == {}


async def test_a_workflow_at_which_servers_stop_is_told_until_it_goes_well_or_a_day_has_passed(clock: Clock) -> None:
    tasks = TaskHealth()
    crashes, run = CrashingWorkflows(tasks, clock), replace(RUN, workflow="plain")
    crashes.note("one", run, None, "Mix")
    assert not tasks.remarks
    crashes.note("two", run, None, "")
    words = "2 times a server stopped answering while it ran this, the last time two: look at its log"
    assert tasks.remarks == {"workflow plain": Remark(words)}
    crashes.note("one", run, None, None)  # it was cancelled
    crashes.note("one", replace(run, workflow="paint"), True, None)
    crashes.note("two", run, None, "Mix")
    assert tasks.remarks["workflow plain"].words.startswith("3 times a server stopped answering at “Mix”, ")
    clock.now += 86_401
    crashes.note("one", replace(run, workflow="paint"), True, None)
    assert not tasks.remarks
    for _time in range(2):
        crashes.note("one", run, None, "Mix")
    crashes.note("one", run, True, None)
    assert not tasks.remarks


class BusyServer(WatchedServer):
    """Says that a prompt of others is there, as long as a test says."""

    others = False

    def _app(self, features: dict[str, Any]) -> web.Application:
        app = super()._app(features)

        @web.middleware
        async def queue(request: web.Request, handler: Any) -> web.StreamResponse:
            if self.others and request.path == "/queue":
                prompt = [1, "another", {}, {}, []]
                return web.json_response({"queue_running": [prompt], "queue_pending": []})
            return await handler(request)  # type: ignore[no-any-return]

        app.middlewares.append(queue)
        return app


async def test_an_idle_server_unloads_its_models_once_and_never_while_a_prompt_of_anyone_is_there() -> None:
    clock, ours, unloaded = [0.0], False, list[str]()
    async with BusyServer() as server, Fleet([Member("one", Server(server.url))]) as fleet:
        await fleet.looked()
        unloader = IdleUnloader(fleet, 60.0, lambda _name: ours, unloaded.append, TaskHealth(), clock=lambda: clock[0])

        async def at(*moments: float) -> int:
            for moment in moments:
                clock[0] = moment
                await unloader.step()
            return server.calls["POST /free"]

        assert await at(0, 30, 59) == 0
        server.others = True
        assert await at(70, 90) == 0
        server.others = False
        assert await at(100, 159) == 0
        assert await at(160, 300, 900) == 1
        ours = True
        assert await at(1000) == 1
        ours = False
        assert await at(1010, 1071) == 2
    assert unloaded == ["one", "one"]
