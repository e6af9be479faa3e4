"""A ComfyUI-compatible server inside the process, on its own port.

It behaves like ComfyUI 0.33, for nodes that need no model. One thing differs: a prompt with a node without `inputs`
gets a 500 and does no harm, while it would kill the real server's worker.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from comfy.embedded.executor import Executor, PromptExecution
from comfy.embedded.folders import Folders
from comfy.embedded.jobs import EngineJob, EngineJobs, FileKey
from comfy.embedded.node import NODES, NodeType
from comfy.embedded.routes_files import FileRoutes
from comfy.embedded.routes_info import InfoRoutes
from comfy.embedded.routes_prompt import PromptRoutes
from comfy.embedded.routes_userdata import UserdataRoutes
from comfy.embedded.websocket import Sockets

_PREVIEW_SIZE = 512  # pixels of the longer side
_PREVIEW_METHODS = ("auto", "latent2rgb", "taesd")  # any other word means the server's own choice, which is none
_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class EmbeddedServer:
    """Use it in `async with`; `url` is its address. Every node takes `pace` seconds."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: float = 0.0,
        max_upload_size: int = 100 * 2**20,
        models: Mapping[str, Sequence[str]] = MappingProxyType({}),
        nodes: Mapping[str, NodeType] | None = None,
        multi_user: bool = False,
    ) -> None:
        """`folder` has input, output, temp and user; None means a temporary folder. `nodes` adds node types. With
        `multi_user`, what people save is kept apart by user.
        """
        self._folder, self._host, self._port, self._pace = folder, host, port, pace
        self._limit, self._models, self._extra_nodes = max_upload_size, models, nodes or {}
        self._multi_user = multi_user
        #: The options that it says it was started with.
        self.argv: Sequence[str] = ("--listen", host)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> EmbeddedServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        await asyncio.to_thread(self._prepare)
        self._loop = asyncio.get_running_loop()
        features = {
            "supports_preview_metadata": True,
            "supports_model_type_tags": True,
            "max_upload_size": self._limit,
            "extension": {},
            "node_replacements": True,
            "assets": False,
        }
        self._sockets = Sockets(features)
        self._jobs = EngineJobs(self._tell_status)
        self._executor = Executor(self._nodes, self._folders, self._pace)
        self._thread = ThreadPoolExecutor(1, "comfy-embedded")
        self._runner = web.AppRunner(self._app(features), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self._tasks = [asyncio.create_task(self._sockets.publish()), asyncio.create_task(self._work())]

    async def stop(self) -> None:
        """Close all sockets, stop the running prompt, and clean up threads, tasks and temporary files. Nobody hears of
        prompts that are stopped: to clients, a server that ends is one that is gone, as it is with ComfyUI.
        """
        if self._runner is None:
            return
        for site in tuple(self._runner.sites):
            await site.stop()
        await self._sockets.close()
        await self._runner.cleanup()
        self._jobs.clear()
        self._jobs.interrupt()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        await asyncio.to_thread(self._tidy)
        self._runner = None

    def _prepare(self) -> None:
        import comfy.embedded.nodes  # noqa: F401  # NumPy is loaded only by those who run an engine

        self._nodes = {**NODES, **self._extra_nodes}
        self._folders = Folders(self._folder or Path(tempfile.mkdtemp(prefix="darkroom-")))
        self._folders.create()

    def _tidy(self) -> None:
        folder = self._folders.folder("temp") if self._folder else self._folders.root
        shutil.rmtree(folder, ignore_errors=True)

    def _app(self, features: dict[str, Any]) -> web.Application:
        prompts = PromptRoutes(self._jobs, self._nodes, self._folders)
        files = FileRoutes(self._folders, self._limit)
        info = InfoRoutes(self._nodes, self._folders, self._models, features, self.argv)
        saved = UserdataRoutes(self._folders.root / "user", several=self._multi_user)
        table = [*prompts.table(), *files.table(), *info.table(), *saved.table(), web.get("/ws", self._ws)]
        app = web.Application(client_max_size=self._limit, middlewares=[_guard])
        app.add_routes([*prompts.jobs_table(), web.get("/", _welcome), *table])
        app.add_routes([web.RouteDef(route.method, f"/api{route.path}", route.handler, {}) for route in table])
        app.add_routes([web.get("/{path:.*}", _nothing)])
        return app

    async def _ws(self, request: web.Request) -> web.WebSocketResponse:
        return await self._sockets.serve(request, self._jobs)

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            if job is None:
                await self._loop.run_in_executor(self._thread, self._delete, self._jobs.take_forgotten())
                continue
            running = self._loop.run_in_executor(self._thread, self._execute, job)
            try:
                execution = await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                raise
            outputs, messages, files = execution.outputs, execution.messages, execution.files
            self._jobs.done(job, outputs, messages, files, success=execution.success, meta=execution.meta)
            self._sockets.tell("executing", {"node": None, "prompt_id": job.prompt_id}, job.client_id)

    def _delete(self, files: set[FileKey]) -> None:
        self._executor.forget(files)
        for each in files:
            try:
                self._folders.delete(*each)
            except (OSError, ValueError) as fault:
                _log.warning("%s in the folder %s cannot be deleted: %s", each[2], each[0], fault)

    def _execute(self, job: EngineJob) -> PromptExecution:
        """Execute a job in the worker's thread. Its messages go to the loop in order."""

        def tell(kind: str, data: dict[str, Any]) -> None:
            self._loop.call_soon_threadsafe(self._tell, kind, data, job)

        def preview(node_id: str, picture: Any) -> None:
            wanted = isinstance(picture, bytes) or job.extra_data.get("preview_method") in _PREVIEW_METHODS
            image = _picture(picture) if wanted else None
            if image is not None:
                self._loop.call_soon_threadsafe(self._sockets.preview, image, _about(job, node_id), job.client_id)

        return self._executor.execute(job, tell, preview)

    def _tell(self, kind: str, data: dict[str, Any], job: EngineJob) -> None:
        if kind == "progress_text":
            self._sockets.text(data["node"], data["text"])
            return
        if kind == "executing":
            self._jobs.current = data["node"]
        self._sockets.tell(kind, data, job.client_id)

    def _tell_status(self) -> None:
        self._sockets.tell_all("status", {"status": {"exec_info": {"queue_remaining": self._jobs.remaining}}})


def _about(job: EngineJob, node_id: str) -> dict[str, Any]:
    names = ("node_id", "display_node_id", "real_node_id")
    return {**dict.fromkeys(names, node_id), "prompt_id": job.prompt_id, "parent_node_id": None}


def _picture(picture: Any) -> bytes | None:
    """Return a PNG as it is, and a preview of the first picture of a batch; None if it is neither."""
    if isinstance(picture, bytes):
        return picture
    from PIL import Image as Pillow

    from comfy.embedded.nodes.resample import to_bytes

    if getattr(picture, "ndim", 0) != 4:
        return None
    image = Pillow.fromarray(to_bytes(picture[0, :, :, :3]))
    image.thumbnail((_PREVIEW_SIZE, _PREVIEW_SIZE))
    body = io.BytesIO()
    image.save(body, "JPEG", quality=95)
    return body.getvalue()


async def _welcome(_: web.Request) -> web.Response:
    return web.Response(
        text="Darkroom's built-in engine. It speaks ComfyUI's protocol, for workflows without models.\n"
    )


async def _nothing(_: web.Request) -> web.Response:
    """Stand in for the real server's pages: an unknown GET gives 404, other unknown requests give 405 (§1)."""
    raise web.HTTPNotFound


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse pages from other origins. An error in a handler gives the same plain 500 as ComfyUI (§1)."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or _is_foreign(request):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    try:
        return await handler(request)
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as fault:
        if isinstance(fault, ConnectionError):
            raise
        _log.info("%s %s failed: %r", request.method, request.path, fault)
        return web.Response(status=500, text="500 Internal Server Error\n\nServer got itself in trouble")


def _is_foreign(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    if not origin:
        return False
    host = urlsplit(f"//{request.host}")
    return _is_loopback(host.hostname or "") and urlsplit(origin).netloc.lower() != request.host.lower()


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
