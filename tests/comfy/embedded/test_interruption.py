"""Stopping prompts, and sockets that come and go: what a recorded real server told, the engine tells."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from comfy.embedded import EmbeddedServer

RECORDINGS = Path(__file__).parent.parent.parent / "data" / "recordings"
INTERRUPTED = json.loads((RECORDINGS / "e_interrupt_global_history.json").read_text())
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 32, "batch_size": 1, "color": 0xFF0000}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
}


class Client:
    def __init__(self, server: EmbeddedServer, session: aiohttp.ClientSession) -> None:
        self.server, self.session, self.id = server, session, uuid4().hex

    async def post(self, path: str, body: Any = None) -> Any:
        async with self.session.post(path, json=body) as answer:
            assert answer.status == 200
            return await answer.json(content_type=None) if answer.content_type == "application/json" else None

    async def get(self, path: str) -> Any:
        async with self.session.get(path) as answer:
            return await answer.json()

    async def submit(self, **more: Any) -> str:
        return str((await self.post("/prompt", {"prompt": GRAPH, "client_id": self.id, **more}))["prompt_id"])


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str, **data: Any) -> list[dict[str, Any]]:
    """Everything up to the first message of this kind and with this data."""
    told = []
    while True:
        message = await socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            told.append(json.loads(message.data))
            if told[-1]["type"] == kind and data.items() <= told[-1]["data"].items():
                return told


def keys(messages: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    return [(message["type"], sorted(message["data"])) for message in messages]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with EmbeddedServer(tmp_path, pace=30) as server, aiohttp.ClientSession(server.url) as session:
        yield Client(server, session)


@pytest.mark.parametrize("way", ["interrupt", "interrupt with id", "cancel", "cancel several"])
async def test_what_runs_is_stopped_in_every_way(way: str, client: Client) -> None:
    async with client.session.ws_connect(f"/ws?clientId={client.id}") as socket:
        prompt_id = await client.submit()
        await until(socket, "executing", node="1")
        match way:
            case "interrupt":
                await client.post("/interrupt")
            case "interrupt with id":
                await client.post("/interrupt", {"prompt_id": prompt_id})
            case "cancel":
                assert await client.post(f"/api/jobs/{prompt_id}/cancel") == {"cancelled": True}
            case _:
                assert await client.post("/api/jobs/cancel", {"job_ids": [prompt_id]}) == {"cancelled": True}
        told = (await until(socket, "executing", node=None))[-3:]
    lines = (RECORDINGS / "e_interrupt_global.ws.jsonl").read_text().splitlines()
    assert keys(told) == keys([json.loads(json.loads(line)["text"]) for line in lines[-3:]])
    entry = (await client.get(f"/history/{prompt_id}"))[prompt_id]
    (real,) = INTERRUPTED.values()
    assert entry.keys() == real.keys()
    assert entry["status"] | {"messages": 0} == real["status"] | {"messages": 0}
    kinds = [kind for kind, _ in entry["status"]["messages"]]
    assert kinds == [kind for kind, _ in real["status"]["messages"]]
    job = await client.get(f"/api/jobs/{prompt_id}")
    assert job["status"] == "cancelled"


async def test_another_prompts_id_stops_nothing(client: Client) -> None:
    async with client.session.ws_connect(f"/ws?clientId={client.id}") as socket:
        await client.submit()
        await until(socket, "executing", node="1")
        await client.post("/interrupt", {"prompt_id": str(uuid4())})
        assert await client.post(f"/api/jobs/{uuid4()}/cancel") == {"cancelled": False}
        assert len((await client.get("/queue"))["queue_running"]) == 1


async def test_the_queue_is_listed_as_recorded_and_what_waits_can_be_taken_out(client: Client) -> None:
    async with client.session.ws_connect(f"/ws?clientId={client.id}") as socket:
        first = await client.submit()
        await until(socket, "executing", node="1")
        second, third, front = await client.submit(), await client.submit(), await client.submit(front=True)
        queue = await client.get("/queue")
        real = json.loads((RECORDINGS / "e_queue_snapshot.json").read_text())
        assert queue.keys() == real.keys()
        assert [item[1] for item in queue["queue_pending"]] == [front, second, third]
        (theirs,) = real["queue_running"]
        for mine in queue["queue_running"] + queue["queue_pending"]:
            assert [type(part) for part in mine] == [type(part) for part in theirs]
            assert mine[3].keys() == theirs[3].keys()
        await client.post("/queue", {"delete": [second, str(uuid4())]})
        assert await client.post(f"/api/jobs/{third}/cancel") == {"cancelled": True}
        queue = await client.get("/queue")
        assert [item[1] for item in queue["queue_pending"]] == [front]
        await client.post("/queue", {"clear": True})
        await client.post("/interrupt")
        told = await until(socket, "executing", node=None)
    assert {message["data"].get("prompt_id", first) for message in told} == {first}
    assert await client.get(f"/history/{second}") == {}


async def test_a_socket_that_comes_back_hears_what_runs_and_the_rest(client: Client) -> None:
    async with client.session.ws_connect(f"/ws?clientId={client.id}") as socket:
        await client.submit()
        await until(socket, "executing", node="1")
    async with client.session.ws_connect(f"/ws?clientId={client.id}") as socket:
        assert keys(await until(socket, "executing")) == [("status", ["sid", "status"]), ("executing", ["node"])]
        await client.post("/interrupt")
        await until(socket, "execution_interrupted")


async def test_of_two_sockets_with_one_id_the_newer_hears_until_the_older_closes(client: Client) -> None:
    path = f"/ws?clientId={client.id}"
    async with client.session.ws_connect(path) as old:
        await until(old, "status")
        async with client.session.ws_connect(path) as new, client.session.ws_connect("/ws?clientId=other") as other:
            await until(new, "status")
            await client.submit()
            await until(new, "executing", node="1")
            await old.close()
            await client.post("/interrupt")
            await until(other, "status", status={"exec_info": {"queue_remaining": 0}})
            await client.server.stop()
            told = [message async for message in new]
            assert "execution_interrupted" not in "".join(str(message.data) for message in told)
