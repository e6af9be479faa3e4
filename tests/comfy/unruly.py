"""A server that speaks ComfyUI's protocol and misbehaves on command: the real client over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "cat.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
OUTPUTS = {"2": {"images": [{"filename": "x_00001_.png", "subfolder": "a b", "type": "output"}]}}

Script = Callable[["Unruly", "Job"], Awaitable[None]]


@dataclass
class Job:
    """One prompt that was posted: a script decides what becomes of it."""

    id: str
    client_id: str
    number: int
    graph: dict[str, Any]
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)


class Unruly:
    """Runs `script` for each prompt, one at a time. Tests change its fields to make it misbehave."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or well_behaved
        self.calls: Counter[str] = Counter()
        self.handshakes: list[dict[str, Any]] = []
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.sockets_made = 0
        self.running: Job | None = None
        self.pending: list[Job] = []
        self.history: dict[str, Any] = {}
        self.posted: list[str] = []
        self.old = False  # a server without /api/jobs
        self.history_late = 0  # so many looks at /history find nothing
        self.intercept: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        self.lose_post_answer = 0
        self.port = 0
        self.interrupted: list[str] = []
        self._runner: web.AppRunner | None = None
        self._worker: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._number = 0

    async def __aenter__(self) -> Unruly:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=2**20, middlewares=[self._count])
        app.add_routes(
            [
                web.get("/ws", self._ws),
                web.post("/prompt", self._post_prompt),
                web.get("/queue", self._get_queue),
                web.post("/queue", self._post_queue),
                web.post("/interrupt", self._interrupt),
                web.get("/history/{id}", self._get_history),
                web.post("/api/jobs/{id}/cancel", self._cancel),
                web.get("/view", self._view),
                web.post("/upload/image", self._upload),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Die as a killed process does: sockets torn down, everything forgotten."""
        assert self._worker is not None
        assert self._runner is not None
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        for socket in list(self.sockets.values()):
            with contextlib.suppress(ConnectionError):
                transport = socket._req.transport if socket._req else None
                if transport:
                    transport.abort()
        await self._runner.cleanup()
        self.sockets.clear()
        self.running, self.pending, self.history, self._number = None, [], {}, 0

    async def send(self, job: Job, kind: str, **data: Any) -> None:
        await self.send_raw(job, json.dumps({"type": kind, "data": {"prompt_id": job.id, **data}}))

    async def send_raw(self, job: Job, message: str | bytes) -> None:
        socket = self.sockets.get(job.client_id)
        if socket is None or socket.closed:
            return
        with contextlib.suppress(ConnectionError):
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    async def begin(self, job: Job, cached: tuple[str, ...] = ()) -> None:
        await self.send(job, "execution_start", timestamp=0)
        await self.send(job, "execution_cached", nodes=list(cached), timestamp=0)
        for node in job.graph:
            if node not in cached:
                await self.send(job, "executing", node=node, display_node=node)

    async def finish(self, job: Job, *, events: bool = True, cached: tuple[str, ...] = ()) -> None:
        if events:
            await self.send(job, "execution_success", timestamp=0)
        self.record(job, [["execution_cached", {"nodes": list(cached)}], ["execution_success", {}]])
        if events:
            await self.send(job, "executing", node=None)

    def record(self, job: Job, messages: list[Any], status: str = "success") -> None:
        self.running = None
        self.history[job.id] = {
            "prompt": [job.number, job.id, job.graph, {}, ["2"]],
            "outputs": OUTPUTS,
            "status": {"status_str": status, "completed": status == "success", "messages": messages},
        }

    async def drop_sockets(self) -> None:
        for socket in list(self.sockets.values()):
            await socket.close()

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self.pending:
                job = self.running = self.pending.pop(0)
                await self.script(self, job)
                self.running = None

    @web.middleware
    async def _count(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.calls[f"{request.method} /{request.path.split('/')[1]}"] += 1
        if self.intercept is not None and (answer := await self.intercept(request)) is not None:
            return answer
        return await handler(request)

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query["clientId"]
        self.sockets[sid] = socket
        self.sockets_made += 1
        await socket.send_json(
            {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": sid}}
        )
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.handshakes.append(message.json())
        self.sockets.pop(sid, None)
        return socket

    async def _post_prompt(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self._number += 1
        job = Job(body["prompt_id"], body["client_id"], self._number, body["prompt"])
        self.posted.append(job.id)
        self.pending.append(job)
        self._news.set()
        if self.lose_post_answer:
            self.lose_post_answer -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"prompt_id": job.id, "number": job.number, "node_errors": {}})

    async def _get_queue(self, _: web.Request) -> web.StreamResponse:
        def item(job: Job) -> list[Any]:
            return [job.number, job.id, job.graph, {}, ["2"]]

        running = [item(self.running)] if self.running else []
        return web.json_response({"queue_running": running, "queue_pending": [item(job) for job in self.pending[::-1]]})

    async def _post_queue(self, request: web.Request) -> web.StreamResponse:
        gone = (await request.json())["delete"]
        self.pending = [job for job in self.pending if job.id not in gone]
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.StreamResponse:
        prompt_id = (await request.json())["prompt_id"]
        self.interrupted.append(prompt_id)
        if self.running and self.running.id == prompt_id:
            self.running.cancelled.set()
        return web.Response()

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        if self.old:
            return web.Response(status=405, text="405: Method Not Allowed")
        prompt_id = request.match_info["id"]
        waiting = [job.id for job in self.pending]
        self.pending = [job for job in self.pending if job.id != prompt_id]
        if self.running and self.running.id == prompt_id:
            self.running.cancelled.set()
            return web.json_response({"cancelled": True})
        return web.json_response({"cancelled": prompt_id in waiting})

    async def _get_history(self, request: web.Request) -> web.StreamResponse:
        prompt_id = request.match_info["id"]
        if self.history_late:
            self.history_late -= 1
            return web.json_response({})
        entry = self.history.get(prompt_id)
        return web.json_response({prompt_id: entry} if entry else {})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"picture " + request.query_string.encode(), content_type="image/png")

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        post = await request.post()
        image = post["image"]
        assert isinstance(image, web.FileField)
        return web.json_response({"name": image.filename, "subfolder": post["subfolder"], "type": "input"})


async def well_behaved(server: Unruly, job: Job) -> None:
    await server.begin(job)
    await server.finish(job)


async def until_cancelled(server: Unruly, job: Job) -> None:
    """Runs until it is interrupted, as a long sampling does."""
    await server.begin(job)
    await job.cancelled.wait()
    await server.send(job, "execution_interrupted", node_id="1", node_type="LoadImage", executed=[], timestamp=0)
    server.record(job, [["execution_interrupted", {}]], "error")
    await server.send(job, "executing", node=None)
