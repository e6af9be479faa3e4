"""A ComfyUI stand-in for measuring: it takes exactly as long as it is told, and counts what it is asked for.

`python -m benchmarks.stand_in` prints its address. `POST /settings {"seconds": 0.4, "megabytes": 1.5, "files": 1}` sets
what a run takes and makes; `GET /counts` tells the requests and websockets since the last look.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from typing import Any

from aiohttp import web

STEPS = 8


class StandIn:
    def __init__(self) -> None:
        self.seconds, self.megabytes, self.files = 0.0, 1.5, 1
        self.counts: Counter[str] = Counter()
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.history: dict[str, Any] = {}
        self.pending: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
        self.queued: list[str] = []
        self.block = os.urandom(1 << 20)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**28, middlewares=[self.count])
        for prefix in ("", "/api"):
            app.add_routes(
                [
                    web.get(f"{prefix}/ws", self.ws),
                    web.post(f"{prefix}/prompt", self.prompt),
                    web.get(f"{prefix}/history/{{id}}", self.get_history),
                    web.get(f"{prefix}/view", self.view),
                    web.get(f"{prefix}/queue", self.queue),
                    web.get(f"{prefix}/system_stats", self.stats),
                    web.get(f"{prefix}/object_info", self.nothing),
                    web.get(f"{prefix}/features", self.nothing),
                ]
            )
        app.add_routes([web.post("/settings", self.settings), web.get("/counts", self.get_counts)])
        app.cleanup_ctx.append(self.work)
        return app

    @web.middleware
    async def count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path not in ("/settings", "/counts"):
            self.counts["websockets" if request.path.endswith("/ws") else "requests"] += 1
        answer: web.StreamResponse = await handler(request)
        return answer

    async def settings(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            setattr(self, name, value)
        self.history.clear()
        return web.Response()

    async def get_counts(self, _: web.Request) -> web.Response:
        counts, self.counts = self.counts, Counter()
        return web.json_response(counts)

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response({"system": {"comfyui_version": "stand-in"}, "devices": []})

    async def nothing(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def ws(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query.get("clientId", "")
        self.sockets[sid] = socket
        await socket.send_json({"type": "status", "data": {**self.status(), "sid": sid}})
        async for _ in socket:
            pass
        self.sockets.pop(sid, None)
        return socket

    def status(self) -> dict[str, Any]:
        return {"status": {"exec_info": {"queue_remaining": len(self.queued)}}}

    async def prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        prompt_id = body.get("prompt_id") or os.urandom(16).hex()
        self.queued.append(prompt_id)
        self.pending.put_nowait((prompt_id, body.get("client_id", ""), body["prompt"]))
        return web.json_response({"prompt_id": prompt_id, "number": 0, "node_errors": {}})

    async def queue(self, _: web.Request) -> web.Response:
        items = [[number, prompt_id, {}, {}, []] for number, prompt_id in enumerate(self.queued)]
        return web.json_response({"queue_running": items[:1], "queue_pending": items[1:]})

    async def get_history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        return web.json_response({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})

    async def view(self, _: web.Request) -> web.StreamResponse:
        size = int(self.megabytes * 2**20)
        answer = web.StreamResponse(headers={"Content-Length": str(size), "Content-Type": "image/png"})
        await answer.prepare(_)
        while size > 0:
            await answer.write(self.block[:size])
            size -= len(self.block)
        return answer

    async def work(self, _: web.Application) -> Any:
        task = asyncio.create_task(self.run())
        yield
        task.cancel()

    async def run(self) -> None:
        while True:
            prompt_id, client_id, prompt = await self.pending.get()
            await self.execute(prompt_id, client_id, prompt)

    async def execute(self, prompt_id: str, client_id: str, prompt: dict[str, Any]) -> None:
        async def send(kind: str, **data: Any) -> None:
            socket = self.sockets.get(client_id)
            if socket is not None and not socket.closed:
                await socket.send_str(json.dumps({"type": kind, "data": {"prompt_id": prompt_id, **data}}))

        ends = time.perf_counter() + self.seconds
        await send("execution_start", timestamp=0)
        await send("execution_cached", nodes=[], timestamp=0)
        for node in prompt:
            await send("executing", node=node, display_node=node)
        for step in range(STEPS):
            await asyncio.sleep(self.seconds / STEPS)
            await send("progress", value=step + 1, max=STEPS, node="1")
        await asyncio.sleep(max(0.0, ends - time.perf_counter()))
        images = [{"filename": f"x_{n:05}_.png", "subfolder": "", "type": "output"} for n in range(self.files)]
        output = list(prompt)[-1]
        await send("executed", node=output, display_node=output, output={"images": images})
        await send("execution_success", timestamp=0)
        self.queued.remove(prompt_id)
        self.history[prompt_id] = {
            "prompt": [0, prompt_id, prompt, {}, [output]],
            "outputs": {output: {"images": images}},
            "status": {"status_str": "success", "completed": True, "messages": [["execution_cached", {"nodes": []}]]},
        }
        await send("executing", node=None)


async def main() -> None:
    runner = web.AppRunner(StandIn().app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
