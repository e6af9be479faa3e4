"""A random walk of people over Discord: commands, buttons of all ages, windows, files, deletions and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bot.core.background import TaskHealth
from bot.core.platform import Services
from bot.core.run import RunRecord
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.platforms.discord.adapter import DiscordPlatform
from bot.platforms.discord.message_ref import MessageRef
from bot.process import serving
from bot.settings import Role
from bot.stores import key_value
from tests.bot.harness import QuickSettings, layers
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, MO, environ, picture, ready
from tests.bot.walks import LONG, SHORT, Actor, Walk
from tests.patience import PATIENCE

ANN, BEN, MOD = Actor(ALICE), Actor(BOB), Actor(MO, moderator=True)
_HIDDEN = 64  # the flag of what one person alone is shown
_ANSWERING = ("CommandTree-invoker", "discord.py: on_interaction", "discord.py: on_message")

people = st.sampled_from([ANN, BEN, MOD])
numbers = st.integers(0, 40)
files = st.sampled_from([picture(), b"this is no picture", b""])
orders = st.sampled_from(
    [
        ("deny", {"workflow": "plain"}),
        ("allow", {"workflow": "plain"}),
        ("limit", {"measure": "waiting", "most": 1}),
        ("limit", {"measure": "waiting"}),
        *((name, {}) for name in ("panel", "undo", "held", "log", "export", "clear")),
    ]
)


class DiscordWalk(Walk):
    platform = "discord"

    def __init__(self) -> None:
        self.fake = FakeDiscord()
        guild = self.fake.add_guild(ALICE, BOB, MO)
        self.community = str(guild)
        self.channel = self.fake.add_channel(guild)
        self._buttons: dict[tuple[int, str], Post] = {}
        super().__init__()

    @initialize(review=st.booleans())
    def begin(self, review: bool) -> None:
        if review:
            self.order(MOD, "review", {"on": True})
        self.develop(ANN)
        self.paint(BEN)

    @rule(who=people)
    def develop(self, who: Actor) -> None:
        """Ask for what waits at a gate."""
        self.command(who, "gated", {"color": self.color()})

    @rule(who=people)
    def paint(self, who: Actor) -> None:
        self.command(who, "plain", {"color": self.color()})

    @rule(who=people, file=files)
    def negative(self, who: Actor, file: bytes) -> None:
        self.command(who, "negative", {"photo": file})

    @rule(who=people, name=st.sampled_from(["mine", "queue", "about", "workflows", "help"]))
    def look(self, who: Actor, name: str) -> None:
        self.command(who, name, {})

    @rule(who=people, text=st.sampled_from(["plain", "gated color=x", "hello", "negative", ""]), number=numbers)
    def mention(self, who: Actor, text: str, number: int) -> None:
        below = _chosen([each for each in self.fake.public if each.channel == self.channel], number)
        self.step(who, lambda: self.fake.say(who.number, self.channel, f"<@4242> {text}", answers=below))

    @rule(who=people, order=orders)
    def moderate(self, who: Actor, order: tuple[str, dict[str, Any]]) -> None:
        self.order(who, *order)

    @rule(who=people, number=numbers, label=numbers)
    def press(self, who: Actor, number: int, label: int) -> None:
        """A button that is there, for whomever it was meant."""
        post = _chosen([each for each in self.fake.posts.values() if _ids(each) and self._sees(who, each)], number)
        if post is not None:
            self.tap(who, post, _chosen(_ids(post), label))

    @rule(who=people, number=numbers, place=numbers)
    def press_old(self, who: Actor, number: int, place: int) -> None:
        """Press a button with the data of an earlier message."""
        below = _chosen([each for each in self.fake.posts.values() if self._sees(who, each)], place)
        old = _chosen(list(self._buttons), number)
        if below is not None and old is not None:
            self.tap(who, below, old[1])

    @rule(number=numbers)
    def delete(self, number: int) -> None:
        found = _chosen(self.fake.public, number)
        if found is not None:
            del self.fake.posts[found.id]

    @rule()
    def gates_open(self) -> None:
        self.step(None, self.open_gates)

    @rule()
    def process_restarts(self) -> None:
        self.step(None, self.restart)

    def command(self, who: Actor, name: str, values: dict[str, Any]) -> None:
        known = [each["name"] for commands in self.fake.commands.values() for each in commands]
        if name in known:
            self.step(who, lambda: self.fake.slash(who.number, self.channel, name, values, **_rights(who)))

    def order(self, who: Actor, act: str, values: dict[str, Any]) -> None:
        kinds = {str: 3, int: 4, bool: 5}
        options = [{"name": name, "type": kinds[type(value)], "value": value} for name, value in values.items()]
        data = {"id": "9", "name": "moderate", "type": 1, "options": [{"name": act, "type": 1, "options": options}]}
        self.step(who, lambda: self.fake.ask(2, data, who.number, self.channel, **_rights(who)))

    def tap(self, who: Actor, post: Post, custom_id: str) -> None:
        """Press a button; a window that opens is sent as it is."""

        async def act() -> None:
            asked = await self.fake.press(who.number, post, custom_id, **_rights(who))
            kind, _data = await asyncio.wait_for(asked.answer, PATIENCE)
            if kind == 9:
                await self.fake.submit(who.number, asked, {})

        self.step(who, act)

    def _sees(self, who: Actor, post: Post) -> bool:
        return not post.flags & _HIDDEN or self._audience(post) == who.number

    def _audience(self, post: Post) -> int | None:
        return self.fake.asked[post.token].user if post.token in self.fake.asked else None

    # What the walk wants to know.

    @asynccontextmanager
    async def world(self) -> AsyncIterator[Any]:
        async with self.fake:
            yield self.fake

    @asynccontextmanager
    async def house(self) -> AsyncIterator[Services]:
        more = {"COMFYUI_URLS": self.engine.url, "DARKROOM_WORKFLOWS": str(self.workflows)}
        chosen = QuickSettings.read(environ(self.fake, self.folder, **more), None)
        tasks = TaskHealth()
        async with (
            DiscordPlatform(chosen, key_value(chosen, "discord")) as platform,
            LiveCatalog(*layers(chosen.folder), self.workflows, tasks=tasks, step=0.2) as shelf,
            serving(chosen, shelf, {"discord": platform}, Role(), tasks) as services,
        ):
            work = asyncio.create_task(platform.serve(services))
            try:
                await self.fake.until(lambda: work.done() or ready(self.fake))
                yield services
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    def busy(self) -> bool:
        for post in self.fake.posts.values():
            for name in _ids(post):
                self._buttons.setdefault((post.id, name), post)
        answering = any(task.get_name().startswith(_ANSWERING) for task in asyncio.all_tasks())
        return answering or any(not asked.answer.done() for asked in self.fake.asked.values())

    def uploads(self) -> Iterable[tuple[bytes, bool]]:
        return [
            (content, bool(post.flags & _HIDDEN) and self._audience(post) == MO)
            for post in self.fake.posts.values()
            if post.author == 4242
            for content in post.files.values()
        ]

    def shown(self, run: RunRecord) -> tuple[str, list[str]] | None:
        post = self.fake.posts.get(MessageRef.at(run.address).message)
        return None if post is None else (post.content, post.labels)

    def texts(self) -> Iterable[str]:
        return [post.content for post in self.fake.public]

    def decides(self, number: str) -> bool:
        return number in ("", str(MO))


def _rights(who: Actor) -> dict[str, Any]:
    return {"own_permissions": str(1 << 5) if who.moderator else "0"}


def _ids(post: Post) -> list[str]:
    items = [item for row in post.components for item in row.get("components", [])]
    return [item["custom_id"] for item in items if item.get("type") == 2 and "custom_id" in item]


def _chosen(every: list[Any], number: int) -> Any:
    """One of them, counted from the newest; None where there are none."""
    return every[-1 - number % len(every)] if every else None


class TestShort(DiscordWalk.TestCase):
    settings = settings(SHORT, max_examples=2)


@pytest.mark.long
class TestLong(DiscordWalk.TestCase):
    settings = LONG
