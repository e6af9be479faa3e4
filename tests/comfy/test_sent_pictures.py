"""Pictures that a node sends over the websocket and does not save: results, and no previews."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from comfy import ComfyClient, Prompt, Server
from comfy.embedded import EmbeddedServer
from comfy.messages.events import Event, Executing, ExecutionSuccess, NodeProgress, PictureSent, ProgressState
from comfy.messages.previews import Preview
from comfy.tracking.subscription import Subscription
from tests.bot.harness import Gates, WatchedServer, until

RED = 0xFF0000
PREVIEWS = {"preview_method": "auto"}


def graph(count: int = 3) -> dict[str, Any]:
    blank = {"width": 40, "height": 30, "batch_size": count, "color": RED}
    return {
        "1": {"class_type": "EmptyImage", "inputs": blank},
        "2": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}},
    }


async def events_of(client: ComfyClient, nodes: dict[str, Any]) -> list[Event]:
    submission = await client.submit(Prompt(nodes), extra_data=PREVIEWS)
    return [event async for event in client.follow(submission.prompt_id)]


def pictures(events: list[Event]) -> list[tuple[str, Any]]:
    """The node and the first pixel of each picture that was sent."""
    found = []
    for event in events:
        if isinstance(event, PictureSent):
            with Image.open(io.BytesIO(event.data), formats=("PNG",)) as picture:
                found.append((event.node, picture.getpixel((0, 0))))
    return found


async def test_each_picture_of_a_batch_is_a_result_and_a_preview_is_none(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path, pace=0.05) as server, ComfyClient(server.url) as client:
        events = await events_of(client, graph())
    assert pictures(events) == [("2", (255, 0, 0))] * 3
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    assert {preview.content_type for preview in previews} == {"image/jpeg"}
    assert isinstance(events[-1], ExecutionSuccess)
    assert events[-1].sent == ("2",)


async def test_a_server_that_does_not_name_the_node_is_understood(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path, pace=0.05) as server, ComfyClient(server.url) as client:
        await events_of(client, graph(1))
        for each in server._sockets._clients.values():
            each.wants_metadata = False
        events = await events_of(client, graph())
    assert pictures(events) == [("2", (255, 0, 0))] * 3
    assert {event.node_id for event in events if isinstance(event, Preview)} == {None}


async def test_the_same_again_is_sent_again(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server, ComfyClient(server.url) as client:
        for _again in range(2):
            events = await events_of(client, graph(1))
            assert pictures(events) == [("2", (255, 0, 0))]
            assert events[-1] == ExecutionSuccess(events[-1].prompt_id, cached=False, sent=("2",))  # type: ignore[union-attr]


async def test_what_was_sent_before_the_connection_was_lost_counts(tmp_path: Path) -> None:
    gates = Gates()
    gated = {
        **graph(2),
        "3": {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": "a"}},
        "4": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}},
    }
    events: list[Event] = []
    async with (
        WatchedServer(tmp_path, nodes=gates.nodes()) as server,
        ComfyClient(Server(server.url, look_every=0.2)) as client,
    ):
        submission = await client.submit(Prompt(gated))

        async def is_executed() -> bool:
            return bool(server.prompts)

        async for event in client.follow(submission.prompt_id):
            events.append(event)
            if isinstance(event, Executing) and event.node == "3":
                server.refuses_sockets = True  # until it has executed the rest: else that came on another one
                await server.drop_sockets()
                gates.open()
                await until(is_executed)
                server.refuses_sockets = False
    assert pictures(events) == [("2", (255, 0, 0))] * 2
    assert events[-1] == ExecutionSuccess(submission.prompt_id, cached=False, sent=("2",))


class HeldSocket:
    """Holds back binary messages, and so all after them, until a gate opens: as a server does whose other client is
    slow.
    """

    closed = False

    def __init__(self, socket: web.WebSocketResponse, gate: asyncio.Event) -> None:
        self._socket, self._gate = socket, gate
        self.send_str, self.close = socket.send_str, socket.close

    async def send_bytes(self, data: bytes) -> None:
        await self._gate.wait()
        await self._socket.send_bytes(data)


class SlowServer(EmbeddedServer):
    """Opens the gate when it has told the end of a prompt over HTTP."""

    gate = asyncio.Event()

    def _app(self, features: dict[str, Any]) -> web.Application:
        app = super()._app(features)

        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            answer: web.StreamResponse = await handler(request)
            if request.path.startswith("/history/") and len(self._jobs.history) > 1:
                self.gate.set()
            return answer

        app.middlewares.append(watch)
        return app


async def test_pictures_that_are_late_are_waited_for(tmp_path: Path) -> None:
    async with SlowServer(tmp_path) as server, ComfyClient(Server(server.url, look_every=0.2)) as client:
        await events_of(client, graph(1))
        for each in server._sockets._clients.values():
            each.socket = HeldSocket(each.socket, server.gate)  # type: ignore[assignment]
        events = await events_of(client, graph(2))
    assert pictures(events) == [("2", (255, 0, 0))] * 2
    assert isinstance(events[-1], ExecutionSuccess)
    assert events[-1].sent == ("2",)


def test_pictures_that_were_thrown_away_are_lost() -> None:
    box = Subscription("p", 1, 0.0, frozenset({"2"}))
    box.put(Executing("p", "2"), 0.0)
    box.put(Preview("p", "2", "image/png", b"x"), 0.0, size=1 << 30)
    done = NodeProgress("2", "2", "finished", 1.0, 1.0)
    box.put(ProgressState("p", (done,)), 0.0)
    assert box.pictures.close(ExecutionSuccess("p"), to_the_end=True).sent == ()
