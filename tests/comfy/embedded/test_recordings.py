"""The same requests give the same messages, with the same keys and in the same order, as from a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from PIL import Image

from comfy.embedded import EmbeddedServer

RECORDINGS = Path(__file__).parent.parent.parent / "data" / "recordings"
FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
Shape = tuple[str, tuple[str, ...]]


class Watcher:
    """A bare client: it posts, and listens to the end of its prompt."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, client_id: str) -> None:
        self._session, self._socket, self._client_id = session, socket, client_id

    async def greeting(self) -> list[dict[str, Any]]:
        await self._socket.send_json(FLAGS)
        return [await self._socket.receive_json(), await self._socket.receive_json()]

    async def play(self, graph: dict[str, Any]) -> list[dict[str, Any]]:
        async with self._session.post("/prompt", json={"prompt": graph, "client_id": self._client_id}) as answer:
            assert answer.status == 200
        messages = []
        while True:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                messages.append(json.loads(message.data))
                if messages[-1]["type"] == "executing" and messages[-1]["data"]["node"] is None:
                    return messages


@pytest.fixture
async def watcher(tmp_path: Path) -> AsyncIterator[Watcher]:
    async with EmbeddedServer(tmp_path) as server, aiohttp.ClientSession(server.url) as session:
        Image.new("RGB", (64, 48), (51, 102, 153)).save(tmp_path / "input" / "probe.png")
        client_id = uuid4().hex
        async with session.ws_connect(f"/ws?clientId={client_id}") as socket:
            watcher = Watcher(session, socket, client_id)
            await watcher.greeting()
            yield watcher


def recorded(name: str) -> list[dict[str, Any]]:
    lines = (RECORDINGS / f"{name}.ws.jsonl").read_text().splitlines()
    messages = [json.loads(json.loads(line)["text"]) for line in lines if json.loads(line).get("text")]
    return [message for message in messages if message["type"] != "feature_flags" and "sid" not in message["data"]]


def graph_of(history: str) -> dict[str, Any]:
    (entry,) = json.loads((RECORDINGS / f"{history}_history.json").read_text()).values()
    return dict(entry["prompt"][2])


def shapes(messages: list[dict[str, Any]]) -> list[Shape]:
    """The kind and the keys of each message; a progress_state also by the states of its nodes."""
    return [(message["type"], _detail(message["data"])) for message in messages]


def _detail(data: dict[str, Any]) -> tuple[str, ...]:
    nodes = data.get("nodes")
    if isinstance(nodes, dict):
        return (*sorted(data), *sorted(f"{node['state']} {sorted(node)}" for node in nodes.values()))
    return tuple(sorted(data))


async def test_the_greeting(tmp_path: Path) -> None:
    async with (
        EmbeddedServer(tmp_path) as server,
        aiohttp.ClientSession(server.url) as session,
        session.ws_connect("/ws?clientId=me") as socket,
    ):
        status, flags = await Watcher(session, socket, "me").greeting()
    assert status["data"] == {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "me"}
    assert flags["type"] == "feature_flags"
    real = json.loads(json.loads((RECORDINGS / "a_image_graph.ws.jsonl").read_text().splitlines()[1])["text"])
    assert sorted(flags["data"]) == sorted(real["data"])


async def test_a_plain_graph_then_again_then_changed(watcher: Watcher) -> None:
    graph = graph_of("a")
    made, real = await watcher.play(graph), recorded("a_image_graph")
    assert sorted(shapes(made)) == sorted(shapes(real))
    assert shapes(made)[:5] == shapes(real)[:5]
    assert shapes(made)[-3:] == shapes(real)[-3:]
    assert by_node(made) == by_node(real)
    assert shapes(await watcher.play(graph)) == shapes(recorded("b_cached_graph"))
    changed = {**graph, "4": {**graph["4"], "inputs": {**graph["4"]["inputs"], "filename_prefix": "probe_b2"}}}
    again = await watcher.play(changed)
    assert shapes(again) == shapes(recorded("b2_prefix_changed"))
    assert set(again[3]["data"]["nodes"]) == set(recorded("b2_prefix_changed")[3]["data"]["nodes"])


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        (
            "f_SaveAnimatedWEBP",
            {
                "1": {
                    "class_type": "EmptyImage",
                    "inputs": {"width": 16, "height": 16, "batch_size": 4, "color": 0x336699},
                },
                "2": {
                    "class_type": "SaveAnimatedWEBP",
                    "inputs": {
                        "images": ["1", 0],
                        "filename_prefix": "f/anim",
                        "fps": 6.0,
                        "lossless": True,
                        "quality": 80,
                        "method": "default",
                    },
                },
            },
        ),
        (
            "f_PreviewAny_text",
            {
                "1": {"class_type": "PrimitiveString", "inputs": {"value": "hello wörld"}},
                "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
            },
        ),
    ],
)
async def test_outputs_of_other_kinds(name: str, nodes: dict[str, Any], watcher: Watcher) -> None:
    made, real = await watcher.play(nodes), recorded(name)
    assert shapes(made) == shapes(real)
    told = [message["data"]["output"] for message in made if message["type"] == "executed"]
    assert [_keys(output) for output in told] == [
        _keys(message["data"]["output"]) for message in real if message["type"] == "executed"
    ]


async def test_four_pictures_in_a_subfolder(watcher: Watcher) -> None:
    (real_output,) = [told["data"]["output"] for told in recorded("f_SaveImage_batch4") if told["type"] == "executed"]
    empty = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 4, "color": 0x336699}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "f/sub dir/ünï [x]"}}
    await watcher.play({"1": empty, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}})
    made = await watcher.play({"1": empty, "3": save})
    assert shapes(made) == shapes(recorded("f_SaveImage_batch4"))
    assert [told["data"]["output"] for told in made if told["type"] == "executed"] == [real_output]


def by_node(messages: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the messages of each node, in order. Independent branches come in any order, as on a real server (§6)."""
    said: dict[str, list[str]] = {}
    for message in messages:
        data = message["data"]
        if message["type"] == "progress_state":
            for node_id, node in data["nodes"].items():
                if said.setdefault(node_id, [])[-1:] != [node["state"]] and node["state"] not in said[node_id]:
                    said[node_id].append(node["state"])
        elif data.get("node"):
            said.setdefault(data["node"], []).append(message["type"])
    return said


def _keys(output: dict[str, Any]) -> dict[str, list[Any]]:
    return {key: [sorted(value) if isinstance(value, dict) else value for value in output[key]] for key in output}
