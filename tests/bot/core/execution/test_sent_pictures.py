"""Runs whose results are sent and not saved: delivered like files, and made again where the connection was lost."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.core.execution.one_shot import OneShotRunner
from bot.core.media.images import PictureLimits
from bot.core.model import Done, Failed, Place, Running, RunRequest
from bot.core.run import State
from bot.core.workflows.catalog import Catalog
from bot.settings import Secret
from comfy import ComfyClient, Server
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.core.execution.test_steps import RecordingReply
from tests.bot.core.execution.test_submission import written
from tests.bot.harness import ANN, Gates, House, RecordingPlatform, WatchedServer, house, running, tell_first, until
from tests.bot.test_paid import permit
from tests.partner import KEY

BLANK = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 2, "color": 255}}
GATE = {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": "a"}}
SEND = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["2", 0]}}
SAVE = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}
SENT = {"1": BLANK, "2": GATE, "3": SEND}
LOST = "The connection to the server one was lost while it sent the result."


def colors(files: tuple[bytes, ...]) -> list[Any]:
    found = []
    for data in files:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            found.append(picture.getpixel((0, 0)))
    return found


def costly(gates: Gates) -> dict[str, NodeType]:
    """The gate as a node that costs money."""
    badge = ('{"type": "usd", "usd": 0.1}', {"name": "STRING"})
    return {"Gate": replace(gates.nodes()["Gate"], api_node=True, price_badge=badge)}


async def interrupted(home: House, server: WatchedServer, gates: Gates) -> tuple[str, Any]:
    """A run whose connection is lost before its pictures are sent."""
    run_id, shown = await home.ask("sent")
    await home.platform.until(running(shown))
    server.refuses_sockets_until_executed = True  # else the pictures could come on another one
    await server.drop_sockets()
    gates.open()

    async def are_sent() -> bool:
        return bool(server.prompts)

    await until(are_sent)
    return run_id, shown


@pytest.mark.long
async def test_pictures_that_were_sent_are_delivered_like_files(tmp_path: Path) -> None:
    written(tmp_path, "sent", {**SENT, "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}})
    async with house(tmp_path) as home:
        run_id, shown = await home.ask("sent")
        (run,) = await home.ended(run_id)
    (delivered,) = shown.results
    assert colors(delivered.files) == [(255, 255, 0)] * 2
    assert [(file.filename, file.kind) for file in delivered.result.files] == [
        ("sent-1.png", "image"),
        ("sent-2.png", "image"),
    ]
    assert run.outcome is not None
    assert run.outcome.warnings == ()
    assert not any(getattr(status, "preview", None) for status in shown.statuses)


@pytest.mark.long
async def test_sent_and_saved_ones_come_together(tmp_path: Path) -> None:
    passing = {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    written(tmp_path, "both", {**SENT, "2": passing, "4": SAVE, "5": preview})
    written(tmp_path, "named", {**SENT, "2": passing, "4": SAVE, "5": preview}, 'outputs = ["#3"]\n')
    async with house(tmp_path) as home:
        runs = [await home.ask("both"), await home.ask("named")]
        await home.ended(*(run_id for run_id, _shown in runs))
    both, named = (colors(shown.results[0].files) for _run_id, shown in runs)
    assert both == [(255, 255, 0)] * 4
    assert named == [(255, 255, 0)] * 2


@pytest.mark.long
async def test_pictures_that_were_lost_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_first(monkeypatch)
    written(tmp_path, "sent", SENT)
    gates = Gates()
    async with WatchedServer(nodes=gates.nodes()) as server, house(tmp_path, servers=[server]) as home:
        run_id, shown = await interrupted(home, server, gates)
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.DONE, 2)
        assert len(server.prompts) == 2
    assert LOST in shown.reasons()
    assert colors(shown.results[0].files) == [(0, 0, 255)] * 2


@pytest.mark.long
async def test_pictures_that_cost_money_are_not_made_again_in_silence(tmp_path: Path) -> None:
    written(tmp_path, "sent", SENT)
    gates = Gates()
    async with (
        WatchedServer(nodes=costly(gates)) as server,
        house(tmp_path, servers=[server], account_key=Secret(KEY)) as home,
    ):
        await permit(home, workflow="sent")
        run_id, shown = await interrupted(home, server, gates)
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.FAILED, 1)
        assert len(server.prompts) == 1
    assert shown.last == Failed(
        "The server made the result, but the connection was lost while it sent it, so the result is lost. "
        "It is not made again by itself, because this workflow costs money. Run it again to pay for it again."
    )


@pytest.mark.long
async def test_pictures_that_were_sent_while_we_were_away_are_made_again(tmp_path: Path) -> None:
    written(tmp_path, "sent", SENT)
    gates, platform = Gates(), RecordingPlatform()
    async with WatchedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            run_id, shown = await home.ask("sent")
            await platform.until(running(shown))
        gates.open()
        async with house(tmp_path, platform, [server]) as home:
            (run,) = await home.ended(run_id)
    assert (run.state, run.attempt) == (State.DONE, 2)
    assert [len(each.files) for each in shown.results] == [2]


@pytest.mark.long
async def test_pictures_that_cost_money_and_were_sent_while_we_were_away_are_told(tmp_path: Path) -> None:
    written(tmp_path, "sent", SENT)
    gates, platform = Gates(), RecordingPlatform()
    async with WatchedServer(nodes=costly(gates)) as server:
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            await permit(home, workflow="sent")
            run_id, shown = await home.ask("sent")
            await platform.until(running(shown))
        gates.open()
        async with house(tmp_path, platform, [server], account_key=Secret(KEY)) as home:
            (run,) = await home.ended(run_id)
        assert len(server.prompts) == 1
    assert run.state is State.FAILED
    assert "costs money" in (run.sentence or "")


async def test_the_terminal_makes_lost_pictures_again(tmp_path: Path) -> None:
    written(tmp_path, "sent", SENT)
    gates, reply = Gates(), RecordingReply()
    async with (
        WatchedServer(nodes=gates.nodes()) as server,
        ComfyClient(Server(server.url, look_every=0.2)) as client,
    ):
        bench = OneShotRunner(Catalog.read(tmp_path / "workflows"), client, PictureLimits())
        run = await bench.take(RunRequest("sent", {}, ANN, Place("test", "here")), tmp_path)
        task = asyncio.create_task(bench.develop(run, reply, tmp_path))
        while Running not in reply.kinds():
            reply.news.clear()
            await reply.news.wait()
        await server.drop_sockets()
        gates.open()
        assert await task == Done()
        assert len(server.prompts) == 2
    assert reply.result is not None
    assert len(reply.result.files) == 2


@pytest.mark.long
async def test_pictures_have_the_limit_of_a_result(tmp_path: Path) -> None:
    written(tmp_path, "sent", {**SENT, "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}})
    async with house(tmp_path, servers=[EmbeddedServer()], max_result_mb=1 / 250) as home:
        run_id, _shown = await home.ask("sent")
        (run,) = await home.ended(run_id)
    assert run.state is State.FAILED
    assert "DARKROOM_MAX_RESULT_MB" in (run.sentence or "")
