"""The page as it is served, in this process: its address, the services behind it, and engines that wait for a word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image, ImageOps

from bot.core.background import TaskHealth
from bot.core.model import Cancelled, Done, Failed, Status
from bot.core.platform import Platform, Services
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.config import PageConfig
from bot.process import serving
from bot.settings import Role
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.databases import ENGINE, RUNS, fill
from tests.bot.harness import Gates, QuickSettings, layers, until, write_workflows
from tests.bot.stepwise import stepwise as stepwise_node
from tests.patience import PATIENCE

PHOTO = Path(__file__).parents[4] / "bot" / "demo" / "coffee.jpg"


@dataclass
class Page:
    """A page that is being served; runs of the workflow `gated` wait until `gates` are opened."""

    url: str
    services: Services
    gates: Gates
    engine: EmbeddedServer
    platform: WebPlatform
    last_words: set[str]  # the runs whose ends the page has been told

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def ended(self, run_id: str) -> None:
        """Wait until a run has ended, and nothing more will be said of it."""

        async def is_over() -> bool:
            run = await self.services.runs.get(run_id)
            return run is not None and run.ended_at is not None and run_id in self.last_words

        await until(is_over)


@asynccontextmanager
async def page(
    folder: Path,
    role: Role | None = None,
    database: str = "",
    nodes: Mapping[str, NodeType] | None = None,
    operators: str = "",
    publish: str = "open",
    limits: Mapping[str, float] | None = None,
    beside: Mapping[str, Platform] | None = None,
    stepwise: bool = False,
    **options: Any,
) -> AsyncIterator[Page]:
    """Serve the page from a data folder; opened again in the same one, it is a restart. `limits` are those of the
    database, and `beside` are other platforms. With `stepwise`, pictures are inverted in steps, each before a gate.
    """
    gates = Gates()
    steps = stepwise_node("ImageInvert", gates.wait) if stepwise else {}
    opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    shared = KeyValueStore(Database(database)) if database else None
    platform = WebPlatform(PageConfig(**{"ports": (0,), **options}), opened.set_result, shared)
    await asyncio.to_thread(fill, folder, RUNS, ENGINE)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(platform)
        engine = await stack.enter_async_context(EmbeddedServer(nodes={**(nodes or gates.nodes()), **steps}))
        stack.callback(gates.open)
        environ = {"COMFYUI_URLS": f"one={engine.url};publish={publish}", "DARKROOM_DATA_DIR": str(folder)}
        chosen = {"DARKROOM_DATABASE_URL": database, "DARKROOM_OPERATORS": operators}
        settings = replace(QuickSettings.read({**environ, **chosen}, None), **(limits or {}))
        tasks = TaskHealth()
        shelf = await stack.enter_async_context(
            LiveCatalog(*layers(settings.folder), write_workflows(folder), tasks=tasks, step=0.2)
        )
        platforms = {"web": platform, **(beside or {})}
        services = await stack.enter_async_context(serving(settings, shelf, platforms, role or Role(), tasks))
        serve = asyncio.create_task(platform.serve(services))
        stack.push_async_callback(_cancelled, serve)
        await asyncio.wait({serve, opened}, return_when=asyncio.FIRST_COMPLETED)
        yield Page(opened.result(), services, gates, engine, platform, _last_words(platform))


def _last_words(platform: WebPlatform) -> set[str]:
    """Note from now on of which runs the page has been told the end."""
    told, say = set[str](), platform._hub.say

    def noted(visitor: str, run_id: str, status: Status) -> None:
        say(visitor, run_id, status)
        if isinstance(status, Done | Failed | Cancelled):
            told.add(run_id)

    platform._hub.say = noted  # type: ignore[method-assign]
    return told


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Visitor:
    """Somebody at the page, without a browser. Use it in `async with`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard = ""  # the id of the event that was read last
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Visitor:
        async with self.session.get(self.url) as answer:
            self.html = await answer.text()
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self.session.close()

    async def ask(self, workflow: str, **values: Any) -> tuple[int, dict[str, Any]]:
        """Send a form; bytes are files."""
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        for name, value in values.items():
            if isinstance(value, bytes):
                form.add_field(name, BytesIO(value), filename="My cat.png", content_type="image/png")
            else:
                form.add_field(name, str(value))
        return await self.call("POST", f"workflows/{workflow}/runs", data=form)

    async def call(self, method: str, path: str, **kwargs: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.request(method, f"{self.url}/{path}", **kwargs) as answer:
            text = await answer.text(errors="replace")
            return answer.status, json.loads(text) if answer.content_type == "application/json" else {"text": text}

    async def get(self, path: str, **headers: str) -> tuple[int, bytes, Any]:
        async with self.session.get(f"{self.url}/{path}", headers=headers) as answer:
            return answer.status, await answer.read(), answer.headers

    @asynccontextmanager
    async def listening(self, last_event: str = "") -> AsyncIterator[AsyncIterator[tuple[str, dict[str, Any]]]]:
        """The events of a stream, as they come: all, or those after one. At the end the connection is broken."""
        headers = {"Last-Event-ID": last_event} if last_event else {}
        async with self.session.get(f"{self.url}/stream", headers=headers) as answer:
            assert answer.status == 200
            yield self._events(answer)

    async def until(self, run_id: str, *states: str) -> dict[str, Any]:
        """Follow a run to one of these states; how it looks then."""
        async with asyncio.timeout(PATIENCE), self.listening() as events:
            async for name, data in events:
                runs = data["runs"] if name == "state" else [data]
                for run in runs:
                    if run.get("id") == run_id and run.get("state") in states:
                        return run
        raise AssertionError("the stream ended")

    async def _events(self, answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        name = ""
        async for raw in answer.content:
            line = raw.decode().rstrip("\r\n")
            if line.startswith("id: "):
                self.heard = line[4:]
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


@dataclass
class Relay:
    """A wire to a server that can be cut; `sent` and `received` are all that came over it from and to the browser."""

    port: int
    sent: bytearray
    received: bytearray
    writers: set[asyncio.StreamWriter]

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A port that leads to another one, through which a browser asks, so that its connections can be broken."""
    tasks = asyncio.TaskGroup()
    made = Relay(0, bytearray(), bytearray(), set())

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, copy: bytearray) -> None:
        made.writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                copy += data
                writer.write(data)
                await writer.drain()
        made.writers.discard(writer)
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        tasks.create_task(carry(reader, back, made.sent))
        tasks.create_task(carry(there, writer, made.received))

    async with tasks, await asyncio.start_server(join, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
        server.close()
        made.cut()


def png(size: tuple[int, int] = (64, 48)) -> bytes:
    """A photograph to give."""
    buffer = BytesIO()
    Image.linear_gradient("L").convert("RGB").resize(size).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as picture:
        return picture.convert("RGB").tobytes()


def differ(one: bytes, other: bytes) -> int:
    """By how much two pictures of the same size differ, at most: the engine cuts fractions off."""
    first, second = pixels(one), pixels(other)
    assert len(first) == len(second)
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def negative(data: bytes) -> bytes:
    """Return the expected result of the workflow of this name for a picture."""
    buffer = BytesIO()
    with Image.open(BytesIO(data)) as picture:
        ImageOps.invert(picture.convert("RGB")).save(buffer, "PNG")
    return buffer.getvalue()
