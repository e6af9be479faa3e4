"""A random walk of people over Telegram: commands, buttons, forms, files, deletions, kicks, blocks and restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bot.core.background import TaskHealth
from bot.core.platform import Services
from bot.core.run import RunRecord
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.platforms.telegram.adapter import TelegramPlatform
from bot.platforms.telegram.api.rate_limit import RateLimiter
from bot.platforms.telegram.dispatcher import Dispatcher
from bot.process import serving
from bot.settings import Role
from bot.stores import key_value
from tests.bot.harness import QuickSettings, layers
from tests.bot.platforms.telegram.harness import picture, settings
from tests.bot.platforms.telegram.server import BotApi, Kept, bot_api
from tests.bot.walks import LONG, SHORT, Actor, Walk

ANN, BEN, MO = Actor(1001), Actor(1002), Actor(1003, moderator=True)
GROUP, DESK = -100_700, -100_701  # the members' group, and the moderators' own, in which they are asked
_FAST = 200.0  # how much faster than ours the clock of the pace goes: Telegram's minutes are not waited for

_SERVING = Dispatcher._serve.__qualname__  # the tasks that answer updates

people = st.sampled_from([ANN, BEN, MO])
numbers = st.integers(0, 40)
asked = st.sampled_from(["/gated color=-1", "/negative", "/poster colors=2", "/gated", "/x", "/plain@darkroom_bot"])
files = st.sampled_from(["", "photo", "broken", "text"])
words = st.sampled_from(
    ["/cancel", "/mine", "/queue", "/help", "/start", "/about", "/workflows", "hello", "5", "no", "/gated spoiler=yes"]
)
orders = st.sampled_from(
    [
        *(
            "",
            "deny gated",
            "deny plain here",
            "allow gated",
            "allow",
            "clear",
            "undo",
            "held",
            "log",
            "export",
            "stats 3",
        ),
        *(
            "review on",
            f"review on {DESK}",
            "review off",
            "limit waiting 1",
            "limit waiting none",
            "limit hour 2 together",
        ),
        *("limit hour none together", "block 1h too loud", "unblock", "why plain", "spoilers on", "previews off"),
        *("field plain color max=9", "field plain color open", "words bad hold hello", "nonsense", "where topic"),
    ]
)


class TelegramWalk(Walk):
    platform, community = "telegram", str(GROUP)

    def __init__(self) -> None:
        self.api = BotApi()
        self.group, self.moderators = self.api.group(GROUP), self.api.group(DESK, title="Moderators")
        self.api.administrators |= {(GROUP, MO.number), (DESK, MO.number)}
        self._calls = 0
        self._buttons: dict[tuple[int, int, str], Kept] = {}
        self._removed: set[tuple[int, int]] = set()  # messages that people have deleted
        self._left: set[int] = set()  # where the bot was ever sent away
        super().__init__()

    # What people do.

    @initialize(review=st.booleans())
    def begin(self, review: bool) -> None:
        if review:
            self.say(MO, private=False, text=f"/moderate review on {DESK}")
        self.develop(ANN, private=False)
        self.paint(BEN, private=False)

    @rule(who=people, private=st.booleans())
    def develop(self, who: Actor, private: bool) -> None:
        """Ask for what waits at a gate."""
        self.say(who, private=private, text=f"/gated color={self.color()}")

    @rule(who=people, private=st.booleans())
    def paint(self, who: Actor, private: bool) -> None:
        self.say(who, private=private, text=f"/plain color={self.color()}")

    @rule(who=people, private=st.booleans(), text=asked, file=files, answers=st.none() | numbers)
    def ask(self, who: Actor, private: bool, text: str, file: str, answers: int | None) -> None:
        self.say(who, private=private, text=text, file=file, answers=answers)

    @rule(who=people, private=st.booleans(), text=words, answers=st.none() | numbers)
    def speak(self, who: Actor, private: bool, text: str, answers: int | None) -> None:
        self.say(who, private=private, text=text, answers=answers)

    @rule(who=people, private=st.booleans(), file=files, answers=st.none() | numbers)
    def send(self, who: Actor, private: bool, file: str, answers: int | None) -> None:
        self.say(who, private=private, text="" if file else "?", file=file, answers=answers)

    @rule(who=people, text=orders, answers=numbers)
    def moderate(self, who: Actor, text: str, answers: int) -> None:
        self.say(who, private=False, text=f"/moderate {text}".strip(), answers=answers)

    @rule(who=people, number=numbers, label=numbers)
    def press(self, who: Actor, number: int, label: int) -> None:
        """A button that is there, for whomever it was meant."""
        self.tap(who, _chosen([each for each in self.api.of_bot() if each.buttons()], number), label)

    @rule(who=people, number=numbers)
    def press_old(self, who: Actor, number: int) -> None:
        """A button that was there once."""
        self.tap(who, _chosen(list(self._buttons.values()), number), 0)

    @rule(who=people, number=numbers, place=numbers)
    def press_forged(self, who: Actor, number: int, place: int) -> None:
        """Press a button with the data of another message's button."""
        old, below = _chosen(list(self._buttons.values()), number), _chosen(self.api.of_bot(), place)
        if old is not None and below is not None:
            self.tap(who, replace(below, reply_markup=old.reply_markup), 0)

    @rule(number=numbers)
    def delete(self, number: int) -> None:
        found = _chosen(self.api.of_bot(), number)
        if found is not None:
            found.deleted = True
            self._removed.add((found.chat, found.id))

    @precondition(lambda self: GROUP not in self.api.shut)
    @rule()
    def kick(self) -> None:
        self._left.add(GROUP)
        self.step(None, lambda: self.api.send_away(self.group, MO.number))

    @precondition(lambda self: GROUP in self.api.shut)
    @rule()
    def invite(self) -> None:
        self.step(None, lambda: self.api.let_in(self.group, MO.number))

    @rule(who=people)
    def block(self, who: Actor) -> None:
        """Block the bot in private, or let it write again."""
        place = self.api.private(who.number)
        self._left.add(who.number)
        change = self.api.let_in if who.number in self.api.shut else self.api.send_away
        self.step(None, lambda: change(place, who.number))

    @rule()
    def gates_open(self) -> None:
        self.step(None, self.open_gates)

    @rule()
    def process_restarts(self) -> None:
        self.step(None, self.restart)

    def say(self, who: Actor, *, private: bool, text: str = "", file: str = "", answers: int | None = None) -> None:
        place = self.api.private(who.number) if private else self.group
        if place["id"] in self.api.shut:
            return
        more: dict[str, Any] = {}
        if file == "photo":
            more["photo"] = picture()
        elif file:
            kind = "image/png" if file == "broken" else "text/plain"
            more["document"] = (f"{file}.png", b"this is no picture", kind)
        there = [each for each in self.api.messages.values() if each.chat == place["id"] and not each.deleted]
        if answers is not None and there:
            more["reply_to"] = _chosen(there, answers).id  # type: ignore[union-attr]
        self.step(who, lambda: self.api.write(text, user=who.number, chat=place, **more))

    def tap(self, who: Actor, message: Kept | None, label: int) -> None:
        """Press a button, in a chat where this person can see it."""
        if message is None or message.chat in self.api.shut or not self._is_in(who, message.chat):
            return
        name = _chosen(list(message.buttons()), label)
        places = {GROUP: self.group, DESK: self.moderators}
        place = places.get(message.chat) or self.api.private(message.chat)
        self.step(who, lambda: self.api.press(message, name or "", user=who.number, chat=place))

    def _is_in(self, who: Actor, chat: int) -> bool:
        return chat in (GROUP, who.number) or (chat == DESK and who.moderator)

    # What the walk wants to know.

    @asynccontextmanager
    async def world(self) -> AsyncIterator[Any]:
        async with bot_api(self.api):
            yield self.api

    @asynccontextmanager
    async def house(self) -> AsyncIterator[Services]:
        environ = settings(self.api, self.folder, COMFYUI_URLS=self.engine.url, DARKROOM_WORKFLOWS=str(self.workflows))
        chosen = QuickSettings.read(environ, None)
        tasks = TaskHealth()
        async with (
            TelegramPlatform(chosen, key_value(chosen, "telegram"), tasks) as platform,
            LiveCatalog(*layers(chosen.folder), self.workflows, tasks=tasks, step=0.2) as shelf,
        ):
            platform._api.pace = RateLimiter(
                lambda: time.monotonic() * _FAST, lambda pause: asyncio.sleep(pause / _FAST)
            )
            async with serving(chosen, shelf, {"telegram": platform}, Role(), tasks) as services:
                work = asyncio.create_task(platform.serve(services))
                try:
                    yield services
                finally:
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)

    def busy(self) -> bool:
        for each in self.api.of_bot():
            for data in each.buttons().values():
                self._buttons.setdefault((each.chat, each.id, data), _with_one_button(each, data))
        answering = any(_SERVING in str(task.get_coro()) for task in asyncio.all_tasks())
        return answering or not self.api.has_taken_all()

    def uploads(self) -> Iterable[tuple[bytes, bool]]:
        calls, self._calls = self.api.calls[self._calls :], len(self.api.calls)
        return [
            (value, call.chat == DESK) for call in calls for value in call.data.values() if isinstance(value, bytes)
        ]

    def shown(self, run: RunRecord) -> tuple[str, list[str]] | None:
        chat, number = int(run.address.chat), int(run.address.message)
        found = self.api.messages[chat, number]
        if chat in self._left or (chat, number) in self._removed:
            return None
        if found.deleted:
            return "the bot deleted it", []
        return found.text, list(found.buttons())

    def texts(self) -> Iterable[str]:
        return [each.text for each in self.api.of_bot() if each.chat not in self._left]

    async def return_everywhere(self) -> None:
        for chat in list(self.api.shut):
            await self.api.let_in(self.group if chat == GROUP else self.api.private(chat), MO.number)

    def decides(self, number: str) -> bool:
        return number in ("", str(MO.number))


def _chosen(every: list[Any], number: int) -> Any:
    """One of them, counted from the newest; None where there are none."""
    return every[-1 - number % len(every)] if every else None


def _with_one_button(message: Kept, data: str) -> Kept:
    return replace(message, reply_markup={"inline_keyboard": [[{"text": "it", "callback_data": data}]]})


class TestShort(TelegramWalk.TestCase):
    settings = SHORT


@pytest.mark.long
class TestLong(TelegramWalk.TestCase):
    settings = LONG
