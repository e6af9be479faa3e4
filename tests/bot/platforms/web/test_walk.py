"""A random walk of people over the page: forms, files, buttons, streams, the control room, tokens and restarts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from yarl import URL

from bot.core.background import TaskHealth
from bot.core.guesses import Guesses
from bot.core.platform import Services
from bot.core.policy.audit import REFUSED
from bot.core.run import RunRecord, State
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.config import PageConfig
from bot.process import serving
from bot.settings import Role, Secret
from tests.bot.harness import QuickSettings, layers
from tests.bot.platforms.web.pages import Visitor, png
from tests.bot.walks import LONG, SHORT, Actor, Walk

ANN, BEN, MO = Actor(1), Actor(2), Actor(3, moderator=True)
TOKEN = Secret("s3cret-token")
_SHOWS = {State.HELD: "held", State.DONE: "done", State.FAILED: "failed", State.CANCELLED: "cancelled"}

people = st.sampled_from([ANN, BEN, MO])
numbers = st.integers(0, 40)
files = st.sampled_from([png(), b"this is no picture", b"", None])
buttons = st.sampled_from(["again", "cancel", "delete"])
pages = st.sampled_from(
    [
        "",
        "workflows",
        "moderate",
        "moderate/log?place=web:",
        "moderate?place=web:&section=reviews",
        "moderate?place=web:&section=people",
        "moderate?place=web:&section=stats",
        "moderate?place=web:&workflow=plain&who=everyone",
        "admin",
        "admin/live?state=failed&fault=x",
        "moderate/export?place=web:",
        "moderate/stats?place=web:",
        "x",
    ]
)
orders: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    [
        *({"act": act, "workflow": name} for act in ("deny", "allow", "clear") for name in ("plain", "gated", "")),
        {"act": "show", "review": "on"},
        {"act": "show", "review": "off", "previews": "off"},
        {"act": "limit", "measure": "waiting", "most": "1"},
        {"preview": "limit", "measure": "hour", "most": "2"},
        {"preview": "block", "reason": "no", "person": ""},
        {"act": "limit", "measure": "hour", "most": "3", "together": "yes"},
        {"act": "narrow", "field": "plain color", "maximum": "9"},
        {"act": "words", "words": "hello", "hold": "yes"},
        {"act": "words", "patterns": "(a+)+$"},
        *({"act": act, "person": "ben", "days": "1"} for act in ("block", "unblock")),
        *({"act": act} for act in ("undo", "drop", "import", "nonsense", "")),
        {"act": "limit", "measure": "week", "most": "-1"},
        {"act": "deny", "workflow": "plain", "place": "discord:1"},
    ]
)


class Browser(Visitor):
    """A visitor with an open page, which shows what its stream told it."""

    def __init__(self, actor: Actor) -> None:
        super().__init__("")
        self.secret = f"{actor.number:040}"
        self.id = hashlib.sha256(self.secret.encode()).hexdigest()[:32]
        self.shown: dict[str, dict[str, Any]] = {}
        self.task: asyncio.Task[None] | None = None

    async def open(self, url: str) -> None:
        """Log in, and open the page."""
        self.url = url
        self.session.cookie_jar.update_cookies({"darkroom": self.secret}, URL(url))
        assert (await self.call("POST", "login", data={"token": TOKEN.reveal()}))[0] == 200
        self.task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                async with self.listening(self.heard) as events:
                    async for name, data in events:
                        self._take(name, data)
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)

    def _take(self, name: str, data: dict[str, Any]) -> None:
        match name:
            case "state":
                self.shown = {run["id"]: run for run in data["runs"]}
            case "run":
                self.shown[data["id"]] = data
            case "status" if data["id"] in self.shown:
                self.shown[data["id"]] |= data
            case "gone":
                self.shown.pop(data["id"], None)


class PageWalk(Walk):
    platform = "web"

    def __init__(self) -> None:
        self.people: dict[Actor, Browser] = {}
        self._files: list[tuple[bytes, bool]] = []
        self._port = 0
        self._looked: dict[str, State] = {}
        super().__init__()

    # What people do.

    @initialize(review=st.booleans())
    def begin(self, review: bool) -> None:
        if review:
            self.decide(MO, {"act": "show", "review": "on"})
        self.develop(ANN)
        self.paint(BEN)

    @rule(who=people)
    def develop(self, who: Actor) -> None:
        """Ask for what waits at a gate."""
        self.ask(who, "gated", color=self.color())

    @rule(who=people)
    def paint(self, who: Actor) -> None:
        self.ask(who, "plain", color=self.color())

    @rule(who=people, file=files)
    def negative(self, who: Actor, file: bytes | None) -> None:
        self.ask(who, "negative", **({} if file is None else {"photo": file}))

    @rule(who=people, number=numbers, where=st.sampled_from(["files/0", "inputs/photo", "files/7", "inputs/x"]))
    def use(self, who: Actor, number: int, where: str) -> None:
        """Give a file of an earlier run, whosever it was."""
        run = self._run(number)
        if run is not None:
            self.ask(who, "negative", photo=f"{run.id}/{where}")

    @rule(
        who=people,
        name=st.sampled_from(["plain", "polaroid", "nothing"]),
        value=st.sampled_from(["x", "-1", "9" * 400]),
    )
    def mistake(self, who: Actor, name: str, value: str) -> None:
        self.ask(who, name, color=value, unknown=value)

    @rule(who=people, button=buttons, number=numbers)
    def press(self, who: Actor, button: str, number: int) -> None:
        """A button of a run, whosever it is; those of runs that are gone too."""
        run_id = self._run_id(number)
        way = ("DELETE", f"runs/{run_id}") if button == "delete" else ("POST", f"runs/{run_id}/{button}")
        self.send(who, *way, own=self._is_own(who, run_id))

    @rule(who=people, path=pages)
    def look(self, who: Actor, path: str) -> None:
        self.send(who, "GET", path, own=who.moderator or not path.startswith(("moderate", "admin")))

    @rule(who=people, order=orders)
    def decide(self, who: Actor, order: dict[str, str]) -> None:
        given = {"place": "web:", **order}
        if "person" in given:
            given["person"] = f"web:{self.people[BEN].id}"
        self.send(who, "POST", "moderate", own=who.moderator, data=given)

    @rule(who=people, number=numbers, approves=st.booleans())
    def review(self, who: Actor, number: int, approves: bool) -> None:
        run_id = self._run_id(number)
        act = "approve" if approves else "refuse"
        given = {"place": "web:", "act": act, "run": run_id, "reason": "no"}
        self.send(who, "POST", "moderate", own=who.moderator, data=given)

    @rule(who=people)
    def break_stream(self, who: Actor) -> None:
        """Lose the connection, and come back after what was heard last."""

        async def act() -> None:
            browser = self.people[who]
            await browser.close()
            browser.task = asyncio.create_task(browser._follow())

        self.step(None, act)

    @rule(who=people)
    def guess(self, who: Actor) -> None:
        self.send(who, "POST", "login", own=False, data={"token": str(next(self._numbers))})

    @rule()
    def gates_open(self) -> None:
        self.step(None, self.open_gates)

    @rule()
    def process_restarts(self) -> None:
        self.step(None, self.restart)

    def ask(self, who: Actor, workflow: str, **values: Any) -> None:
        async def act() -> None:
            status, told = await self.people[who].ask(workflow, **values)
            assert status < 500, told

        self.step(who, act)

    def send(self, who: Actor, method: str, path: str, *, own: bool, **given: Any) -> None:
        async def act() -> None:
            status, told = await self.people[who].call(method, path, **given)
            assert status < 500, told
            assert own or status >= 400, f"{who} may not {method} {path}"

        self.step(who, act)

    def _run(self, number: int) -> RunRecord | None:
        runs = list(self.known.values())
        return runs[-1 - number % len(runs)] if runs else None

    def _run_id(self, number: int) -> str:
        run = self._run(number)
        return run.id if run is not None and number % 7 else str(UUID(int=number))

    def _is_own(self, who: Actor, run_id: str) -> bool:
        return run_id in self.known and self.known[run_id].person.id == self.people[who].id

    # What the walk wants to know.

    @asynccontextmanager
    async def world(self) -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            for actor in (ANN, BEN, MO):
                self.people[actor] = Browser(actor)
                stack.push_async_callback(self.people[actor].session.close)
            yield

    @asynccontextmanager
    async def house(self) -> AsyncIterator[Services]:
        operator = f"web:{self.people[MO].id}"
        environ = {"COMFYUI_URLS": f"one={self.engine.url}", "DARKROOM_OPERATORS": operator}
        chosen = QuickSettings.read({**environ, "DARKROOM_DATA_DIR": str(self.folder / "data")}, None)
        opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        options = PageConfig(ports=(self._port,), token=TOKEN, guesses=Guesses(sleep=lambda _seconds: asyncio.sleep(0)))
        tasks, platform = TaskHealth(), WebPlatform(options, opened.set_result)
        async with (
            platform,
            LiveCatalog(*layers(chosen.folder), self.workflows, tasks=tasks, step=0.2) as shelf,
            serving(chosen, shelf, {"web": platform}, Role(), tasks) as services,
        ):
            work = asyncio.create_task(platform.serve(services))
            try:
                await asyncio.wait({work, opened}, return_when=asyncio.FIRST_COMPLETED)
                self._port = int(opened.result().rpartition(":")[2])
                for browser in self.people.values():
                    await browser.open(opened.result())
                yield services
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                for browser in self.people.values():
                    await browser.close()

    def busy(self) -> bool:
        return False  # each request has been answered when its step ends

    def uploads(self) -> Iterable[tuple[bytes, bool]]:
        found, self._files = self._files, []
        return found

    def shown(self, run: RunRecord) -> tuple[str, list[str]] | None:
        view = next((each.shown.get(run.id) for each in self.people.values() if each.id == run.person.id), None)
        return ("it is not on the page", []) if view is None else (f"{view['state']}: {view['line']}", [])

    def texts(self) -> Iterable[str]:
        return [view["line"] for browser in self.people.values() for view in browser.shown.values()]

    def decides(self, number: str) -> bool:
        return number == self.people[MO].id

    def _tells(self, run: RunRecord) -> bool:
        shown = self.shown(run)
        return run.state in _SHOWS and shown is not None and shown[0].startswith(f"{_SHOWS[run.state]}: ")

    def _may(self, actor: Actor, run: RunRecord) -> bool:
        return actor.moderator or run.person.id == self.people[actor].id

    async def _look(self, actor: Actor | None) -> None:
        for run in await self.runs():
            if self._looked.get(run.id) is not run.state:
                self._looked[run.id] = run.state
                await self._look_at_rights(run)
        await super()._look(actor)

    async def _look_at_rights(self, run: RunRecord) -> None:
        """Everyone tries to get the files of a run by every way; what they get is looked at with the uploads."""
        for actor, browser in self.people.items():
            own = browser.id == run.person.id
            for path, may in (
                (f"runs/{run.id}/files/0", own and run.state is State.DONE),
                (f"runs/{run.id}/inputs/photo", own),
                (f"runs/{run.id}/preview", own),
                (f"moderate/held/{run.id}/0?place=web:", actor.moderator),
            ):
                status, content, _headers = await browser.get(path)
                assert status in ((200, 404) if may else (403, 404)), f"{actor} got {status} for {path} of {run}"
                if status == 200 and "inputs" not in path:
                    self._files.append((content, path.startswith("moderate")))
            assert own or run.id not in browser.shown, f"{actor} is shown {run}"

    async def _look_at_decisions(self) -> None:
        for entry in await self.services.moderation._audit.last_in("", 200):
            if entry.number not in self._entries and entry.act != REFUSED:
                assert self.decides(entry.person.id), f"{entry.person} decided: {entry.words}"
            self._entries.add(entry.number)


class TestShort(PageWalk.TestCase):
    settings = SHORT


@pytest.mark.long
class TestLong(PageWalk.TestCase):
    settings = LONG
