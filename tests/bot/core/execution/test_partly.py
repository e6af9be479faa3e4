"""Runs of which a node fails after others have saved something, and files that a server says it has saved and lacks."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core.execution.one_shot import OneShotRunner
from bot.core.media.images import PictureLimits
from bot.core.model import Done, Failed
from bot.core.run import State
from bot.core.workflows.catalog import Catalog
from bot.settings import Secret
from comfy.client import ComfyClient
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.core.execution.test_steps import RecordingReply, asked
from tests.bot.harness import RecordingPlatform, WatchedServer, house, node_of
from tests.bot.test_paid import permit
from tests.partner import KEY

_BLANK = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 255}}
WORDS = "This is only a part of the result. “Refine” failed: no refiner today"


def graph(**first: Any) -> str:
    """A workflow that keeps a picture, and then refines it."""
    keep = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}, **first}
    refine = {"class_type": "Refine", "inputs": {"image": ["1", 0]}}
    last = {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "y"}}
    return json.dumps({"1": _BLANK, "2": keep, "3": refine, "4": last})


def refiner(fault: Exception) -> dict[str, NodeType]:
    def refine(image: Any) -> Any:
        raise fault

    return {"Refine": node_of("Refine", refine, {"image": ("IMAGE", {})})}


def written(folder: Path, text: str, sidecar: str = "") -> None:
    made = folder / "workflows"
    made.mkdir()
    (made / "two.json").write_text(text)
    (made / "two.toml").write_text(sidecar)


async def test_what_was_saved_before_a_node_failed_is_delivered_with_a_warning(tmp_path: Path) -> None:
    written(tmp_path, graph())
    async with house(tmp_path, servers=[EmbeddedServer(nodes=refiner(ValueError("no refiner today")))]) as home:
        run_id, shown = await home.ask("two")
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, shown.last) == (State.DONE, 1, Done())
        [delivered] = shown.results
        assert len(delivered.files) == 1
        assert delivered.result.warnings[0] == WORDS


@pytest.mark.parametrize(
    ("text", "sidecar"),
    [
        (graph(class_type="PreviewImage", inputs={"images": ["1", 0]}), ""),
        (graph(), 'outputs = ["#4"]'),
    ],
    ids=["previewed", "not among the outputs"],
)
async def test_what_does_not_count_is_no_part_of_the_result(text: str, sidecar: str, tmp_path: Path) -> None:
    written(tmp_path, text, sidecar)
    async with house(tmp_path, servers=[EmbeddedServer(nodes=refiner(ValueError("no refiner today")))]) as home:
        (run,) = await home.ended((await home.ask("two"))[0])
        assert (run.state, run.sentence) == (State.FAILED, "“Refine” failed: no refiner today")


async def test_where_the_memory_does_not_suffice_a_part_is_delivered_after_the_second_attempt(tmp_path: Path) -> None:
    written(tmp_path, graph())
    server = WatchedServer(nodes=refiner(MemoryError("not enough memory")))
    async with house(tmp_path, servers=[server]) as home:
        run_id, shown = await home.ask("two")
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, len(server.prompts)) == (State.DONE, 2, 2)
        assert server.calls["POST /free"] == 2  # after each: the runs of others need the memory too
        assert len(shown.results) == 1


async def test_a_single_run_delivers_a_part_too(tmp_path: Path) -> None:
    written(tmp_path, graph())
    nodes, reply = refiner(ValueError("no refiner today")), RecordingReply()
    async with EmbeddedServer(nodes=nodes) as engine, ComfyClient(engine.url) as client:
        bench = OneShotRunner(Catalog.read(tmp_path / "workflows"), client, PictureLimits())
        assert await bench.develop(await bench.take(asked("two"), tmp_path), reply, tmp_path) == Done()
    assert reply.result is not None
    assert (len(reply.result.files), reply.result.warnings[0]) == (1, WORDS)


class ForgetfulServer(WatchedServer):
    """Has none of the files that it says it has saved."""

    def give(self, request: web.Request) -> None:
        raise web.HTTPNotFound

    def _app(self, features: dict[str, Any]) -> web.Application:
        app = super()._app(features)

        @web.middleware
        async def forget(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path.endswith("/view"):
                self.give(request)
            return await handler(request)  # type: ignore[no-any-return]

        app.middlewares.append(forget)
        return app


class BreakingServer(ForgetfulServer):
    """Breaks the connection instead of sending a file."""

    def give(self, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()


async def test_a_result_that_cannot_be_fetched_is_not_told_as_a_node_that_stops_servers(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[BreakingServer()]) as home:
        (run,) = await home.ended((await home.ask())[0])
        assert (run.state, run.attempt) == (State.FAILED, 4)
        assert "while it worked" not in (run.sentence or "")
        assert home.services.health.tasks.remarks == {}


@pytest.mark.long
async def test_a_server_without_the_file_that_it_made_stays_up_and_another_makes_it(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    servers = [ForgetfulServer(), WatchedServer()]
    async with house(tmp_path, platform, servers) as home:
        for _each in range(2):
            (run,) = await home.ended((await home.ask())[0])
            assert (run.state, run.attempt <= 2) == (State.DONE, True)
        assert home.services.health.servers() == {"one": True, "two": True}


async def test_a_file_that_no_server_has_is_tried_twice(tmp_path: Path) -> None:
    server = ForgetfulServer()
    async with house(tmp_path, servers=[server]) as home:
        run_id, shown = await home.ask()
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, home.services.health.servers()) == (State.FAILED, 2, {"one": True})
        assert shown.last == Failed("The server does not have the file that it made. Please tell the operator.")


class AwayServer(WatchedServer):
    """Breaks off what is asked of its history for a second after a node failed."""

    def __init__(self) -> None:
        badge = ('{"type": "usd", "usd": 0.1}', {})
        paid = replace(node_of("Paid", self._pay, {"image": ("IMAGE", {})}), api_node=True, price_badge=badge)
        super().__init__(nodes={"Paid": paid, "Refine": node_of("Refine", self._refine, {"image": ("IMAGE", {})})})
        self._back_at = 0.0

    def _pay(self, image: Any) -> Any:
        return image

    def _refine(self, image: Any) -> Any:
        self._back_at = time.monotonic() + 1.0
        raise ValueError("no refiner today")

    def _app(self, features: dict[str, Any]) -> web.Application:
        app = super()._app(features)

        @web.middleware
        async def cut_off(request: web.Request, handler: Any) -> web.StreamResponse:
            if time.monotonic() < self._back_at and "/history" in request.path and request.transport is not None:
                request.transport.abort()
            return await handler(request)  # type: ignore[no-any-return]

        app.middlewares.append(cut_off)
        return app


@pytest.mark.long
async def test_a_part_that_was_paid_for_is_waited_for_while_its_server_is_away(tmp_path: Path) -> None:
    made = json.loads(graph(inputs={"images": ["5", 0], "filename_prefix": "x"}))
    written(tmp_path, json.dumps({**made, "5": {"class_type": "Paid", "inputs": {"image": ["1", 0]}}}))
    server = AwayServer()
    async with house(tmp_path, servers=[server], account_key=Secret(KEY)) as home:
        await permit(home, workflow="two")
        run_id, shown = await home.ask("two")
        (run,) = await home.ended(run_id)
        assert (run.state, run.sentence, len(server.prompts)) == (State.DONE, None, 1)
        assert (len(shown.results[0].files), shown.results[0].result.warnings[0]) == (1, WORDS)
