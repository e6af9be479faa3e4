"""A whole house for tests: services, line, worker and real servers in this process, and a platform that remembers.

One at a time in a process; one after another in the same folder is a restart.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pytest
from aiohttp import web
from PIL import Image

from bot.core.background import TaskHealth
from bot.core.errors import DeliveryFailed, StorageFailed
from bot.core.execution.attempt import Attempt
from bot.core.model import (
    Address,
    Cancelled,
    Done,
    Failed,
    Person,
    Place,
    Queued,
    Result,
    Running,
    RunRequest,
    RunSummary,
    Status,
    UploadedFile,
)
from bot.core.pings.wishes import NEVER
from bot.core.platform import Services
from bot.core.port import Limits
from bot.core.run import RunRecord
from bot.core.runs.queue import RunQueue
from bot.core.workflows.catalog import bundled_folder
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.source import Layer
from bot.process import serving
from bot.server_settings import NamedServer
from bot.settings import Role, Settings
from comfy.embedded import EmbeddedServer
from comfy.embedded.node import NodeType
from tests.bot.databases import ENGINE, RUNS, fill
from tests.patience import PATIENCE

ANN, BEN, MOD = Person("test", "1", "Ann"), Person("test", "2", "Ben"), Person("test", "3", "Mo", moderator=True)
HERE = Place("test", "here", "Here", "guild")
T = TypeVar("T")
PLAIN = "plain"  #: a workflow that takes a moment: one picture of a colour


@dataclass(frozen=True)
class QuickSettings(Settings):
    """Settings whose servers are given up, and looked at, sooner than real ones."""

    gone_after: float = 0.5
    look_every: float = 0.2
    patience: float = 10.0
    wait: float = 30.0
    ping_after: int | None = NEVER  # on a busy machine any run may take a minute

    def database_limits(self) -> dict[str, float]:
        return {"patience": self.patience, "wait": self.wait}

    def server(self, url: str) -> dict[str, Any]:
        return {
            **super().server(url),
            "connect_timeout": 1.0,
            "gone_after": self.gone_after,
            "look_every": self.look_every,
        }


@dataclass(frozen=True)
class Delivered:
    """A result as it was delivered, with the bytes of its files."""

    result: Result
    files: tuple[bytes, ...]


@dataclass
class Message:
    """All that one message has shown."""

    brief: RunSummary | None = None
    statuses: list[Status] = field(default_factory=list)
    results: list[Delivered] = field(default_factory=list)

    @property
    def last(self) -> Status | None:
        return self.statuses[-1] if self.statuses else None

    def kinds(self) -> list[type[Status]]:
        """The kinds of the statuses, each once, in the order of their first."""
        return list(dict.fromkeys(type(status) for status in self.statuses))

    def reasons(self) -> list[str]:
        """Why it waits again, each once: who waits long is told it again with the place in line."""
        told = [status.reason for status in self.statuses if isinstance(status, Queued)]
        return [reason for reason in dict.fromkeys(told) if reason]


class RecordingPlatform:
    """A platform without people: `messages` holds what every message has shown, by its name."""

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.limits = Limits(10**9, 10, 4000, 0.0)
        self.messages: dict[str, Message] = {}
        self.refuses = False
        self._news = asyncio.Condition()

    async def __aenter__(self) -> RecordingPlatform:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return

    async def serve(self, services: Services) -> None:
        await asyncio.Event().wait()

    def reply(self, address: Address, brief: RunSummary) -> RecordingReply:
        message = self.messages.setdefault(address.message, Message())
        message.brief = brief
        return RecordingReply(self, message)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was shown makes it true."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(condition)

    async def note(self) -> None:
        async with self._news:
            self._news.notify_all()
        if self.refuses:
            raise DeliveryFailed("The message is gone.")


@dataclass
class RecordingReply:
    platform: RecordingPlatform
    message: Message

    @property
    def limits(self) -> Limits:
        return self.platform.limits

    async def show(self, status: Status) -> None:
        self.message.statuses.append(status)
        await self.platform.note()

    async def deliver(self, result: Result) -> None:
        files = [await asyncio.to_thread(file.path.read_bytes) for file in result.files]
        self.message.results.append(Delivered(result, tuple(files)))
        await self.platform.note()


@dataclass
class House:
    """A house that is open."""

    services: Services
    platform: RecordingPlatform
    servers: Sequence[EmbeddedServer] = ()

    async def ask(
        self, workflow: str = PLAIN, person: Person = ANN, message: str = "", place: Place = HERE, **values: Any
    ) -> tuple[str, Message]:
        """Take a request in; the run's id, and its message."""
        name = message or f"m{len(self.platform.messages) + 1}"
        shown = self.platform.messages.setdefault(name, Message())
        request = RunRequest(workflow, values, person, place)
        return await self.services.runs.submit(request, Address(person.platform, "chat", name)), shown

    async def offered(self, *names: str) -> None:
        """Wait until these workflows can be asked for: what the editor saved waits for the first definitions."""

        async def are_offered() -> bool:
            return set(names) <= self.services.workflows.catalog.workflows.keys()

        await until(are_offered)

    async def run(self, run_id: str) -> RunRecord:
        """Return the record of a run."""
        found = await self.services.runs.get(run_id)
        assert found is not None
        return found

    async def ended(self, *run_ids: str) -> list[RunRecord]:
        """Wait until runs have ended and their messages say so; what is recorded of them then."""

        return [await self._end_of(run_id) for run_id in run_ids]

    async def _end_of(self, run_id: str) -> RunRecord:
        async def has_ended() -> bool:
            return (await self.run(run_id)).ended_at is not None

        await until(has_ended)
        run = await self.run(run_id)
        shown = self.platform.messages.get(run.address.message)
        if shown is not None and shown.statuses and not self.platform.refuses:
            await self.platform.until(lambda: isinstance(shown.last, Done | Failed | Cancelled))
        return run


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - what other processes do rings no bell here
            await asyncio.sleep(0.02)


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do something again until the database, which has little patience in a test, is not busy with anything else."""
    while True:
        try:
            return await work()
        except StorageFailed:
            await asyncio.sleep(0.01)


def running(message: Message) -> Callable[[], bool]:
    """True if a message says that its run is being executed."""
    return lambda: isinstance(message.last, Running)


@asynccontextmanager
async def house(
    folder: Path,
    platform: RecordingPlatform | None = None,
    servers: Sequence[EmbeddedServer | NamedServer] | None = None,
    role: Role | None = None,
    **settings: Any,
) -> AsyncIterator[House]:
    """Open a house in a data folder. Servers that are not running yet are run for as long as it is open, and are named
    one, two, …; without any there is one. Settings go by the names in `Settings`.
    """
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(fill, folder, RUNS, ENGINE)
        given = [EmbeddedServer()] if servers is None else servers
        named = [await _entered(stack, number, server) for number, server in enumerate(given)]
        chosen = QuickSettings(data_dir=folder, servers=tuple(named), **settings)
        tasks = TaskHealth()
        shelf = await stack.enter_async_context(
            LiveCatalog(
                *layers(folder),
                await asyncio.to_thread(write_workflows, folder),
                tasks=tasks,
                step=0.2,
            )
        )
        platform = platform or RecordingPlatform()
        served = serving(chosen, shelf, {platform.name: platform}, role or Role(), tasks)
        services = await stack.enter_async_context(served)
        yield House(services, platform, [server for server in given if isinstance(server, EmbeddedServer)])


async def _entered(stack: AsyncExitStack, number: int, server: EmbeddedServer | NamedServer) -> NamedServer:
    if isinstance(server, NamedServer):
        return server
    if server.url.endswith(":0"):
        await stack.enter_async_context(server)
    return NamedServer(("one", "two", "three", "four", "five")[number], server.url)


def layers(folder: Path) -> list[tuple[Layer, Path]]:
    """The folders of workflows besides the operator's own; `folder` is the data folder."""
    return [(Layer.BUNDLED, bundled_folder()), (Layer.ADDED, folder / "added")]


def write_workflows(folder: Path) -> Path:
    """A folder with workflows for tests: `plain`, which any engine runs at once; and those of `gated` and `painter`."""
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    blank = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}
    gate = {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": ""}}
    model = {"class_type": "Paint", "inputs": {"model": "a.ckpt", "color": 0}}
    graphs = {
        PLAIN: ({"1": blank, "2": save}, {"color": "#1.color"}),
        "gated": (
            {"1": blank, "2": gate, "3": {**save, "inputs": {**save["inputs"], "images": ["2", 0]}}},  # type: ignore[dict-item]
            {"color": "#1.color", "gate": "#2.name"},
        ),
        "paint": ({"1": model, "2": save}, {"color": "#1.color", "model": "#1.model"}),
    }
    for name, (graph, fields) in graphs.items():
        tables = "".join(f'[fields.{field}]\ntarget = "{target}"\n' for field, target in fields.items())
        (made / f"{name}.json").write_text(json.dumps(graph))
        (made / f"{name}.toml").write_text(f'title = "{name.title()}"\n{tables}')
    return made


class WatchedServer(EmbeddedServer):
    """Counts what it is asked, and answers as late, or breaks off as many answers, as a test says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: Counter[str] = Counter()
        self.delay = 0.0
        self.breaks = 0
        self.refuses_sockets = self.refuses_sockets_until_executed = False

    @property
    def prompts(self) -> list[str]:
        """The ids of all that it has executed."""
        return list(self._jobs.history)

    async def drop_sockets(self) -> None:
        """Lose every websocket, as a flaky network does."""
        for client in list(self._sockets._clients.values()):
            await client.socket.close()

    async def restart(self) -> None:
        """Forget everything, as a server that was killed and started again."""
        await self.stop()
        await self.start()

    async def break_answers(self) -> None:
        """Break the next answers off."""
        self.breaks = 3

    def _app(self, features: dict[str, Any]) -> web.Application:
        app = super()._app(features)
        app.middlewares.append(self._watch())
        return app

    def _watch(self) -> Any:
        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            self.calls[f"{request.method} {request.path}"] += 1
            await asyncio.sleep(self.delay)
            refuses = self.refuses_sockets or (self.refuses_sockets_until_executed and not self.prompts)
            if refuses and request.path == "/ws":
                raise web.HTTPServiceUnavailable
            answer: web.StreamResponse = await handler(request)
            if self.breaks and request.path != "/ws":
                self.breaks -= 1
                assert request.transport is not None
                request.transport.abort()
            return answer

        return watch


def port_of(server: EmbeddedServer) -> int:
    return int(server.url.rpartition(":")[2])


def tell_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no worker take a run before its person has read why it is tried once more. One that is taken at once says
    nothing of it.
    """
    again, claim, telling = Attempt._again, RunQueue.claim, asyncio.Lock()

    async def told(self: Attempt, error: Exception) -> bool:
        async with telling:
            return await again(self, error)

    async def claimed(self: RunQueue, *given: Any) -> RunRecord | None:
        async with telling:
            return await claim(self, *given)

    monkeypatch.setattr(Attempt, "_again", told)
    monkeypatch.setattr(RunQueue, "claim", claimed)


class Gates:
    """A node at which the workflow `gated` waits until a test opens its gate, or all of them."""

    def __init__(self) -> None:
        self.all = threading.Event()
        self.opened: set[str] = set()
        self.passed: list[str] = []
        self._news = threading.Condition()

    def open(self, *names: str) -> None:
        """Let the runs with these gates through; without names, all from now on."""
        with self._news:
            self.opened.update(names)
            if not names:
                self.all.set()
            self._news.notify_all()

    def nodes(self) -> dict[str, NodeType]:
        """Return the nodes that have gates."""

        def passed(image: Any, name: str) -> Any:
            self.wait(name)
            return image

        inputs: dict[str, Any] = {"image": ("IMAGE", {}), "name": ("STRING", {"default": ""})}
        return {"Gate": node_of("Gate", passed, inputs)}

    def wait(self, name: str) -> None:
        """Wait until the gate of this name is open, in a thread of an engine."""
        with self._news:
            if not self._news.wait_for(lambda: self.all.is_set() or name in self.opened, PATIENCE):
                raise TimeoutError(name)
            self.passed.append(name)


def painter(models: Sequence[str], paint: Callable[[str, int], None]) -> dict[str, NodeType]:
    """Return the nodes with these models for the workflow `paint`; `paint` is the work, in a thread."""
    from comfy.embedded.nodes.transform import empty_image

    def painted(model: str, color: int) -> Any:
        paint(model, color)
        return empty_image(16, 16, 1, color)

    inputs: dict[str, Any] = {"model": (list(models), {}), "color": ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF})}
    return {"Paint": node_of("Paint", painted, inputs)}


class Studio(EmbeddedServer):
    """A server for the workflow `paint` that holds one model at a time: each picture takes it `seconds` by its colour,
    and another model as much again as `switch`. `painted` are the colours, in the order in which it began them.
    """

    def __init__(
        self, models: Sequence[str], seconds: Callable[[int], float] = lambda _color: 0.0, switch: float = 0.0
    ) -> None:
        super().__init__(nodes=painter(models, self._paint))
        self._seconds, self._switch = seconds, switch
        self._loaded = ""
        self.painted: list[int] = []
        self.switches = 0

    def _paint(self, model: str, color: int) -> None:
        self.painted.append(color)
        switched, self._loaded = model != self._loaded, model
        self.switches += switched
        if (job := self._jobs.running) is not None:
            job.interrupted.wait(self._seconds(color) + self._switch * switched)


class BusyStudio(Studio):
    """A studio that goes from one picture to the next, at whatever pace its client works: each takes until the next
    prompt waits behind it, or `last` have begun. Its order is that in which the client sent them, one ahead.
    """

    def __init__(self, models: Sequence[str], last: int, seconds: Callable[[int], float] = lambda _color: 0.0) -> None:
        super().__init__(models, seconds)
        self._last, self._news = last, threading.Condition()

    async def stop(self) -> None:
        self._last = 0
        await super().stop()

    def _tell_status(self) -> None:
        super()._tell_status()
        with self._news:
            self._news.notify_all()

    def _paint(self, model: str, color: int) -> None:
        super()._paint(model, color)
        with self._news:
            if not self._news.wait_for(lambda: self._jobs.pending or len(set(self.painted)) >= self._last, PATIENCE):
                raise TimeoutError(color)


def after(news: threading.Event, seconds: Callable[[int], float]) -> Callable[[int], float]:
    """The seconds of a `Studio` that begins to count them when a test says so."""

    def counted(color: int) -> float:
        if not news.wait(PATIENCE):
            raise TimeoutError(color)
        return seconds(color)

    return counted


def failing() -> dict[str, NodeType]:
    """Return the nodes that make every run of the workflow `gated` fail."""

    def fail(image: Any, name: str) -> Any:
        raise ValueError(f"there is no such gate: {name}")

    return {"Gate": replace(Gates().nodes()["Gate"], function=fail)}


def node_of(
    name: str, function: Callable[..., Any], inputs: dict[str, Any], outputs: dict[str, str] | None = None
) -> NodeType:
    """Return a node with this work. Without outputs it has one: a picture."""
    return NodeType(name, name, "test", function, inputs, {}, {}, tuple((outputs or {"IMAGE": "IMAGE"}).items()))


def picture(folder: Path, name: str = "My cat.png", size: tuple[int, int] = (64, 48)) -> UploadedFile:
    """A photograph to give."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").convert("RGB").resize(size).save(folder / name)
    return UploadedFile(folder / name, name)


def renamed(person: Person, number: int) -> Person:
    """Somebody else."""
    return replace(person, id=f"{person.id}-{number}", name=f"{person.name} {number}")
