"""The websockets of all clients, and the one queue of their messages."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import WSMsgType, web

from comfy.embedded.jobs import EngineJobs

_PREVIEW, _TEXT, _PREVIEW_WITH_METADATA = 1, 3, 4
_TO_ALL_WITHOUT_OWNER = frozenset({"progress", "progress_state", "execution_interrupted"})


@dataclass
class _Client:
    socket: web.WebSocketResponse
    wants_metadata: bool = False


class Sockets:
    """Sends messages to the owner of a prompt, or to all clients."""

    def __init__(self, features: dict[str, Any]) -> None:
        self._features = features
        self._clients: dict[str, _Client] = {}
        self._messages: asyncio.Queue[tuple[Any, str | bytes]] = asyncio.Queue()

    async def publish(self) -> None:
        """Send the messages one by one, until cancelled."""
        while True:
            sid, message = await self._messages.get()
            targets = list(self._clients.values()) if sid is None else [self._client(sid)]
            for client in targets:
                if client is not None and not client.socket.closed:
                    await _send(client.socket, message)

    def tell(self, kind: str, data: dict[str, Any], owner: Any) -> None:
        """Send a text message to the owner. Without an owner, a few kinds go to all clients, the others to none."""
        if owner is None and kind not in _TO_ALL_WITHOUT_OWNER:
            return
        sid = None if owner is None else owner
        self._messages.put_nowait((sid, json.dumps({"type": kind, "data": data})))

    def tell_all(self, kind: str, data: dict[str, Any]) -> None:
        self._messages.put_nowait((None, json.dumps({"type": kind, "data": data})))

    def text(self, node_id: str, text: str) -> None:
        """Send a line of text from a node to all clients, without a prompt id."""
        name = node_id.encode()
        self._messages.put_nowait((None, _u32(_TEXT) + _u32(len(name)) + name + text.encode()))

    def preview(self, image: bytes, metadata: dict[str, Any], owner: Any) -> None:
        """Send a JPEG or a PNG, with its metadata if the owner's connection has asked for it."""
        is_png = image.startswith(b"\x89PNG")
        client = self._client(owner)
        if client is not None and client.wants_metadata:
            header = json.dumps({**metadata, "image_type": "image/png" if is_png else "image/jpeg"}).encode()
            frame = _u32(_PREVIEW_WITH_METADATA) + _u32(len(header)) + header + image
        else:
            frame = _u32(_PREVIEW) + _u32(2 if is_png else 1) + image
        self._messages.put_nowait((owner, frame))

    def _client(self, sid: Any) -> _Client | None:
        """Find a client. A prompt's client_id may be any JSON, but only strings name a client."""
        return self._clients.get(sid) if isinstance(sid, str) else None

    async def serve(self, request: web.Request, jobs: EngineJobs) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query.get("clientId") or uuid4().hex
        client = self._clients[sid] = _Client(socket)
        try:
            status = {"status": {"exec_info": {"queue_remaining": jobs.remaining}}, "sid": sid}
            await _send(socket, json.dumps({"type": "status", "data": status}))
            if jobs.running is not None and jobs.running.client_id == sid and jobs.current is not None:
                await _send(socket, json.dumps({"type": "executing", "data": {"node": jobs.current}}))
            await self._listen(client)
        finally:
            # By id and not by socket, as on the real server: a newer socket with the same id then gets no messages.
            self._clients.pop(sid, None)
        return socket

    async def close(self) -> None:
        for client in list(self._clients.values()):
            await client.socket.close(code=1001)

    async def _listen(self, client: _Client) -> None:
        first = True
        async for message in client.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                told = json.loads(message.data)
            except ValueError:
                continue
            if first and isinstance(told, dict) and told.get("type") == "feature_flags":
                data = told.get("data")
                client.wants_metadata = isinstance(data, dict) and data.get("supports_preview_metadata") is True
                await _send(client.socket, json.dumps({"type": "feature_flags", "data": self._features}))
            first = False


async def _send(socket: web.WebSocketResponse, message: str | bytes) -> None:
    try:
        if isinstance(message, str):
            await socket.send_str(message)
        else:
            await socket.send_bytes(message)
    except (ConnectionError, RuntimeError):
        return  # the client has left; its own handler cleans up


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")
