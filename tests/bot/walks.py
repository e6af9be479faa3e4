"""Walks: people do all that they can, in any order; what must always hold is looked at after every step.

A walk has a loop in a thread of its own, and a house in a task of its own, so that it can be closed and opened again.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine
from PIL import Image

from bot.core.platform import Services
from bot.core.policy.audit import REFUSED, Entry
from bot.core.run import ENDED, RunRecord, State, unknown_person
from comfy.embedded import EmbeddedServer
from tests.bot.databases import ENGINE, RUNS, fill
from tests.bot.harness import Gates, write_workflows
from tests.patience import PATIENCE

_UNDER_WAY = ("One moment", "In line", "Next in line", " % ·", "Fetching the result", "is restarting", "waits for a")

#: A few seconds in the normal suite: the same steps each time.
_some_health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
SHORT = settings(
    max_examples=3,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=_some_health,
    phases=(Phase.generate,),
)
LONG = settings(
    SHORT,
    max_examples=50,
    stateful_step_count=40,
    derandomize=False,
    print_blob=True,
    phases=(Phase.generate, Phase.shrink),
)


class Log(logging.Handler):
    """Collects log lines that must never be: errors and tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.bad.append(logging.Formatter().format(record))


@dataclass(frozen=True)
class Actor:
    """The person of a step: a number on the platform, and whether they moderate the community of the walk."""

    number: int
    moderator: bool = False


class Scene:
    """A context that is entered, and left, in a task of its own."""

    def __init__(self, context: AbstractAsyncContextManager[Any]) -> None:
        self._context, self._leave = context, asyncio.Event()
        self._opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live())

    async def enter(self) -> Any:
        await asyncio.wait({self._task, self._opened}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()
        return self._opened.result()

    async def leave(self) -> None:
        self._leave.set()
        await self._task

    async def _live(self) -> None:
        async with self._context as found:
            self._opened.set_result(found)
            await self._leave.wait()


class LoopThread:
    """An event loop that goes on between the steps of a walk, as it does in a process: the engine would otherwise bring
    what it takes up again to a loop of its own.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


class Walk(RuleBasedStateMachine):
    """The common part of all platforms' walks. A platform opens its world and its house, says when it has answered, and
    tells what its messages show.
    """

    platform = ""
    community = ""  #: of the place that the walk moderates

    def __init__(self) -> None:
        super().__init__()
        self._loop = LoopThread()
        self.folder = Path(tempfile.mkdtemp(prefix="walk-"))
        self.log = Log()
        logging.getLogger().addHandler(self.log)
        self.gates = Gates()
        self.known: dict[str, RunRecord] = {}
        self._actors: tuple[Actor | None, Actor | None] = (None, None)  # of the step before, whose press may act late
        self.free: set[int] = set()  # colours that a run without a review has made
        self._entries: set[int] = set()
        self._numbers = iter(range(1, 1000))
        self._scenes: list[Scene] = []
        self.services: Services
        self.do(self._begin())

    # What a platform says.

    def world(self) -> AbstractAsyncContextManager[Any]:
        """The fake that is walked over; it outlives the house."""
        raise NotImplementedError

    def house(self) -> AbstractAsyncContextManager[Services]:
        """The bot; opened again in the same folder, it is a restart."""
        raise NotImplementedError

    def busy(self) -> bool:
        """True if something that people did has not been answered yet."""
        raise NotImplementedError

    def uploads(self) -> Iterable[tuple[bytes, bool]]:
        """The files that were sent since the last call, each with whether only moderators could see it."""
        raise NotImplementedError

    def shown(self, run: RunRecord) -> tuple[str, list[str]] | None:
        """The words and the buttons of a run's message; None where people, or what they did, took it away."""
        raise NotImplementedError

    def texts(self) -> Iterable[str]:
        """The texts of the bot's messages that are still visible."""
        raise NotImplementedError

    async def return_everywhere(self) -> None:
        """Have the bot let in again wherever it was sent away."""

    # What walks do.

    def do(self, work: Any) -> Any:
        return self._loop.run(work)

    def step(self, actor: Actor | None, act: Callable[[], Awaitable[Any]]) -> None:
        """Something that an actor does, or None for nobody; and a look at all that must hold after it."""
        self.do(self._step(actor, act))

    def color(self) -> int:
        """A colour that no run has had."""
        return next(self._numbers) * 0x2F1B57 & 0xFFFFFF

    async def open(self) -> None:
        scene = Scene(self.house())
        self.services = await scene.enter()
        self._scenes.append(scene)

    async def restart(self) -> None:
        await self._scenes.pop().leave()
        await self.open()

    async def open_gates(self) -> None:
        """Let all through that waits now."""
        self.gates.open()
        await self.until(self._all_ended, "all runs that nobody has to approve have ended")
        self.gates.all.clear()

    async def until(self, condition: Callable[[], Awaitable[Any]], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not await condition():
            if time.monotonic() > end:
                raise AssertionError(f"it never came to be that {what}: {await self.told()}")
            await asyncio.sleep(0.01)

    async def told(self) -> list[str]:
        """The report for a failed walk."""
        return [
            f"{run.workflow} {run.state} of {run.person.id} in {run.place.id}: {self.shown(run)}"
            for run in await self.runs()
        ] + list(self.texts())

    async def runs(self) -> list[RunRecord]:
        return await self.services.runs._records._select()

    def teardown(self) -> None:
        try:
            self.do(self._end())
        finally:
            logging.getLogger().removeHandler(self.log)
            self._loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _begin(self) -> None:
        self.workflows = write_workflows(self.folder)
        fill(self.folder / "data", RUNS, ENGINE, "discord", "telegram")
        self.engine = EmbeddedServer(self.folder / "engine", nodes=self.gates.nodes())
        for context in (self.engine, self.world()):
            scene = Scene(context)
            await scene.enter()
            self._scenes.append(scene)
        await self.open()

    async def _step(self, actor: Actor | None, act: Callable[[], Awaitable[Any]]) -> None:
        await act()
        self._actors = self._actors[1], actor
        await self.until(self._settled, "the step was answered")
        await self._look(actor)

    async def _end(self) -> None:
        try:
            await self.return_everywhere()
            await self.open_gates()
            self.gates.open()
            await self.until(self._is_told, "each message tells the end of its run")
            await self._look(None)
        finally:
            self.gates.open()
            while self._scenes:
                await self._scenes.pop().leave()
        assert not self.log.bad, "\n".join(self.log.bad)

    async def _settled(self) -> bool:
        """True if the bot can do nothing more before people do something, or a gate is opened."""
        if self.busy():
            return False
        runs = [run for run in await self.runs() if run.state not in (*ENDED, State.HELD)]
        at_work = [run for run in runs if run.state is not State.WAITING]
        stands = all(run.workflow == "gated" and run.state is State.RUNNING for run in at_work)
        return not runs or (bool(at_work) and stands and not self.gates.all.is_set())

    async def _all_ended(self) -> bool:
        return not self.busy() and all(run.state in (*ENDED, State.HELD) for run in await self.runs())

    async def _is_told(self) -> bool:
        runs = await self.runs()
        left = [text for text in self.texts() for words in _UNDER_WAY[:-1] if words in text]
        return not self.busy() and not left and all(self._tells(run) for run in runs)

    def _tells(self, run: RunRecord) -> bool:
        shown = self.shown(run)
        if shown is None:
            return True
        text, labels = shown
        match run.state:
            case State.HELD:
                return "Waiting for a moderator" in text
            case State.DONE:
                return "Delete" in labels and "Cancel" not in labels
            case State.CANCELLED:
                return "Cancelled" in text and "Cancel" not in labels
            case State.FAILED:
                return "Cancel" not in labels and not any(words in text for words in _UNDER_WAY)
        return False

    async def _look(self, actor: Actor | None) -> None:
        assert not self.log.bad, "\n".join(self.log.bad)
        now = {run.id: run for run in await self.runs()}
        for before in self.known.values():
            after = now.get(before.id)
            stopped = after is not None and after.cancelled_by is not None and before.cancelled_by is None
            if actor is not None and (after is None or stopped):
                able = any(each is not None and self._may(each, before) for each in self._actors)
                named = after.cancelled_by if after is not None else None  # on a busy machine, of a press long before
                able = able or (named is not None and named.startswith(f"{before.person.key}:"))
                is_deleted = self.shown(before) is None  # its message was, some steps before: the bot finds it late
                able = able or (named == unknown_person(self.platform) and is_deleted)
                assert able, f"{actor} ended a run of {before.person} in {before.place}, as {named}"
        self.known = now
        self.free |= {int(run.values["color"]) for run in now.values() if "color" in run.values and not run.review}
        await self._look_at_decisions()
        self._look_at_files(now)

    def _may(self, actor: Actor, run: RunRecord) -> bool:
        own = run.person.key == f"{self.platform}:{actor.number}"
        return own or (actor.moderator and run.place.community == self.community)

    async def _look_at_decisions(self) -> None:
        """Only moderators decide."""
        entries: list[Entry] = await self.services.moderation._audit.last_in(f"{self.platform}:{self.community}", 200)
        for entry in entries:
            if entry.number not in self._entries and entry.act != REFUSED:
                assert self.decides(entry.person.id), f"{entry.person} decided: {entry.words}"
            self._entries.add(entry.number)

    def decides(self, number: str) -> bool:
        raise NotImplementedError

    def _look_at_files(self, runs: dict[str, RunRecord]) -> None:
        """Check that only moderators see files that no moderator has approved."""
        held = {int(run.values["color"]) for run in runs.values() if "color" in run.values and run.review} - self.free
        for content, guarded in self.uploads():
            color = color_of(content)
            assert guarded or color not in held, f"a picture of the colour {color} waits for approval, and was sent"


def color_of(content: bytes) -> int | None:
    """The colour of a picture's corner; None for what is no picture."""
    try:
        with Image.open(BytesIO(content)) as found:
            red, green, blue = found.convert("RGB").getpixel((0, 0))  # type: ignore[misc]
    except OSError:
        return None
    return int(red) << 16 | int(green) << 8 | int(blue)
