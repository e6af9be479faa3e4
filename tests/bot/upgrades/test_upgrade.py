"""A house that an earlier version left is opened by this one: each run ends, each old button and form answers."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from yarl import URL

from bot.core.run import State
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.harness import Gates, until, write_workflows
from tests.bot.platforms.discord import harness as discord
from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, MO
from tests.bot.platforms.discord.test_forms import choose
from tests.bot.platforms.discord.test_moderation import MANAGE_SERVER
from tests.bot.platforms.telegram.harness import Conversation, picture, serving
from tests.bot.platforms.telegram.server import BotApi, Kept, bot_api
from tests.bot.platforms.web.pages import Visitor
from tests.bot.upgrades.kept import POSTGRESQL, SQLITE, VERSIONS, recording, restore_chats, restore_data

_UNKNOWN = ("expired", "start again", "There is no such", "another message", "belongs to another")


@dataclass
class Upgraded:
    """This version on a house of an earlier one. `cast` names who and what was there."""

    fake: FakeDiscord
    api: BotApi
    visitor: Visitor
    gates: Gates
    database: Database
    cast: dict[str, Any]

    def chat(self, name: str) -> Conversation:
        known = self.cast[f"telegram {name}"]
        return Conversation(self.api, self.api.chats[known["chat"]], known["user"])

    def post(self, name: str) -> Post:
        """The message of the run in a channel, or that with a name of its own."""
        number = self.cast[f"discord {name}"]
        return self.fake.posts.get(number) or next(each for each in self.fake.public if each.channel == number)

    async def states(self) -> dict[str, int]:
        async with self.database.read() as connection:
            found = [row.state for row in await connection.execute(runs.select())]
        return {state: found.count(state) for state in sorted(set(found))}

    async def until_all_ended(self, held: int = 0) -> None:
        async def ended() -> bool:
            states = await self.states()
            unfinished = sum(states.get(each, 0) for each in (State.WAITING, State.RUNNING, State.DELIVERING))
            return not unfinished and states.get(State.HELD, 0) == held

        await until(ended)


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.long)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=VERSIONS)
async def house(
    kind: str, tmp_path: Path, unused_tcp_port: int, request: pytest.FixtureRequest
) -> AsyncIterator[Upgraded]:
    url = new_postgres(request.getfixturevalue("postgres"), empty=True) if kind == POSTGRESQL else ""
    async with _opened(recording(request.param, kind), tmp_path, url, unused_tcp_port) as opened:
        yield opened


@asynccontextmanager
async def _opened(recorded: Path, folder: Path, url: str, port: int) -> AsyncIterator[Upgraded]:
    gates, page = Gates(), f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        fake, api = await stack.enter_async_context(FakeDiscord()), await stack.enter_async_context(bot_api())
        cast = restore_chats(recorded, fake, api)
        cast["discord commands"] = copy.deepcopy(fake.commands)
        restore_data(recorded, folder / "data", url, fake, time() - cast["recorded at"])
        servers = [EmbeddedServer(folder / name, nodes=gates.nodes()) for name in ("one", "two")]
        for server in servers:
            await stack.enter_async_context(server)
        discord.write_wide(write_workflows(folder))
        settings = {
            **discord.environ(fake, folder),
            "COMFYUI_URLS": f"one={servers[0].url},two={servers[1].url}",
            "DARKROOM_WORKFLOWS": str(folder / "workflows"),
            "DARKROOM_WEB": "on",
            "DARKROOM_WEB_PORT": str(port),
            "DARKROOM_PUBLIC_URL": "http://pictures.example",
            **({"DARKROOM_DATABASE_URL": url} if url else {}),
        }
        await stack.enter_async_context(serving(api, folder, **settings))
        stack.callback(gates.open)
        await fake.until(lambda: bool(fake.sockets))
        visitor = Visitor(page)
        visitor.session.cookie_jar.update_cookies(cast["cookies"], URL(page))
        await stack.enter_async_context(visitor)
        database = await stack.enter_async_context(Database(url) if url else Database.in_folder(folder / "data"))
        yield Upgraded(fake, api, visitor, gates, database, cast)


# ------------------------------------------------------------------ runs


@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
async def test_every_run_ends_in_its_own_message(house: Upgraded) -> None:
    before = {name: len(house.chat(name).messages) for name in ("running", "waiting", "delivering", "opened")}
    posts = len(house.fake.public)
    house.gates.open()
    for name in before:
        await house.api.until(lambda name=name: house.chat(name).last.kind == "photo")  # type: ignore[misc]
        assert len(house.chat(name).messages) == before[name]
    for name in ("running", "waiting"):
        await house.fake.until(lambda name=name: house.post(name).files)  # type: ignore[misc]
    assert len(house.fake.public) == posts
    await house.visitor.until(house.cast["web waiting"], "done")
    await house.until_all_ended(held=4)


@pytest.mark.long
async def test_held_runs_are_decided_with_the_old_buttons(house: Upgraded) -> None:
    house.gates.open()
    moderator, member = house.chat("moderator"), house.chat("member")
    asked = next(each for each in moderator.messages if "Approve" in each.buttons())
    waiting = [each for each in member.messages if "Cancel" in each.buttons()]
    await moderator.press(asked, "Approve")
    await moderator.write("/moderate held")
    for each in waiting:
        await _approved(house, moderator, each)
    questions = [each for each in house.fake.public if each.channel == house.cast["discord desk"]]
    for label, post in zip(("Approve", "Refuse"), questions, strict=True):
        await house.fake.click(MO, post, label, own_permissions=MANAGE_SERVER)
        await house.fake.until(lambda post=post: not post.labels)  # type: ignore[misc]
    await house.until_all_ended()
    held = [each for each in house.fake.public if each.channel == house.cast["discord held"]]
    await house.fake.until(lambda: sorted(len(post.files) for post in held) == [0, 1])


def _is_decided(question: Kept) -> bool:
    """True if a question was answered; of two that ask the same, one may keep its buttons."""
    return "Approve" not in question.buttons() or question.deleted


async def _approved(house: Upgraded, moderator: Conversation, waiting: Kept) -> None:
    """Say yes to whatever is still asked of a run, until its message has the result."""

    def open_questions() -> list[Kept]:
        return [each for each in moderator.messages if "Approve" in each.buttons()]

    while waiting.kind != "photo":
        said = waiting.text
        await moderator.write("/moderate held")
        await house.api.until(lambda said=said: open_questions() or waiting.kind == "photo" or waiting.text != said)  # type: ignore[misc]
        for each in open_questions():
            await moderator.press(each, "Approve")
            await house.api.until(lambda each=each: _is_decided(each) or waiting.kind == "photo")  # type: ignore[misc]


@pytest.mark.long
async def test_what_the_page_showed_is_there(house: Upgraded) -> None:
    house.gates.open()
    await house.visitor.until(house.cast["web waiting"], "done")
    async with house.visitor.listening() as events:
        _name, state = await anext(events)
    assert {house.cast["web done"], house.cast["web waiting"]} <= {run["id"] for run in state["runs"]}
    (done,) = [run for run in state["runs"] if run["id"] == house.cast["web done"]]
    status, content, _headers = await house.visitor.get(done["files"][0]["url"].lstrip("/"))
    assert (status, content[:4]) == (200, b"\x89PNG")
    status, content, _headers = await house.visitor.get(urlsplit(house.cast["link"]).path.lstrip("/"))
    assert (status, content[:4]) == (200, b"\x89PNG")


# ------------------------------------------------------------------ buttons


@pytest.mark.long
async def test_every_button_on_telegram_answers(house: Upgraded) -> None:
    old = [copy.copy(each) for each in house.api.of_bot() if each.reply_markup]
    for name in ("running", "waiting"):
        await house.chat(name).press(house.chat(name).last, "Cancel")
        await house.chat(name).answer("Cancelled")
    house.gates.open()
    await house.until_all_ended(held=4)
    ended = {
        house.chat(name).id for name in ("running", "waiting", "delivering", "opened")
    }  # these have other buttons now
    users = {known["chat"]: known["user"] for name, known in house.cast.items() if name.startswith("telegram ")}
    kinds = {
        (each.chat, each.id, _kind(data)): (_rank(label), each.chat, each.id, label)
        for each in old
        if each.chat not in ended
        for label, data in each.buttons().items()
        if not data.startswith("d:")  # forms have a test of their own
    }
    pressed = sorted(kinds.values())
    assert len(pressed) > 25

    async def press_all(chat: int) -> None:
        who = Conversation(house.api, house.api.chats[chat], users[chat])
        for _last, there, message, label in pressed:
            if there == chat:
                await _answers(
                    house.api, who, next(each for each in old if (each.chat, each.id) == (chat, message)), label
                )

    await asyncio.gather(*map(press_all, {chat for _last, chat, _message, _label in pressed}))


def _kind(data: str) -> str:
    """Which of the buttons of a message it is, whatever workflow it is for: a group takes few messages a minute."""
    return ":".join(part for part in data.split(":")[:3] if len(part) < 10)


def _rank(label: str) -> int:
    """Buttons that leave less to be pressed come later."""
    order = ("Cancel", "Refuse", "Approve", "Take back", "Delete", "Delete my data")
    return next((number for number, word in enumerate(order, 1) if label.startswith(word)), 0)


async def _answers(api: BotApi, who: Conversation, message: Kept, label: str) -> None:
    """A press is answered, and either something happens in its chat or the notice says why it does not."""
    count = len(api.calls)
    query = await who.press(message, label)
    notice = await who.notice(query)
    assert not any(word in notice for word in _UNKNOWN), (label, notice)

    await _acts(api, who, count, f"“{label}” of {message.text!r}", notice)


async def _acts(api: BotApi, who: Conversation, count: int, what: str, notice: str = "") -> None:
    """Wait until something has happened in a chat since so many calls."""

    def acted() -> bool:
        done = [call.method for call in api.calls[count:] if call.chat == who.id and call.method != "sendChatAction"]
        return bool(notice) or any(each.startswith(("send", "edit", "delete")) for each in done)

    try:
        await api.until(acted)
    except TimeoutError:
        raise AssertionError(f"nothing happened after {what}") from None


@pytest.mark.long
async def test_every_button_on_discord_answers(house: Upgraded) -> None:
    house.gates.open()
    await house.until_all_ended(held=4)
    forms = {house.cast["discord forms"]}
    old = [(copy.deepcopy(post), item) for post in house.fake.posts.values() for item in _items(post)]
    pressed = sorted(
        ((_rank(item.get("label", "")), number) for number, (post, item) in enumerate(old) if post.channel not in forms)
    )
    assert len(pressed) > 20
    for _last, number in pressed:
        post, item = old[number]
        asked = await _pressed(house, post, item)
        await asked.answer
        words = house.fake.whispers(asked)
        assert not any(word in text for word in _UNKNOWN for text in words), (item, words)


def _items(post: Post) -> list[dict[str, Any]]:
    return [item for row in post.components for item in row["components"]]


async def _pressed(house: Upgraded, post: Post, item: dict[str, Any]) -> Asked:
    moderates = "panel" in item["custom_id"] or item.get("label", "")[:4] in ("Appr", "Refu", "See ")
    user = MO if moderates else BOB if item["custom_id"] == "darkroom:forget" else ALICE
    data = {"component_type": item["type"], "custom_id": item["custom_id"]}
    if item["type"] != 2:
        data["values"] = [option["value"] for option in item["options"]]
    rights = MANAGE_SERVER if moderates else "0"
    return await house.fake.ask(3, data, user, post.channel, message=post, own_permissions=rights)


# ------------------------------------------------------------------ forms and commands


@pytest.mark.long
async def test_open_forms_on_telegram_go_on(house: Upgraded) -> None:
    house.gates.open()
    photo, wide, which = (house.chat(f"form {name}") for name in ("photo", "wide", "which"))
    await photo.write(photo=picture())
    await photo.result()
    await which.press(which.last, "Negative")
    await which.result()
    await wide.press(wide.last, "»")
    await wide.press(await wide.answer(button="model-13"), "model-13")
    await wide.press(await wide.answer("model-13", button="Run"), "Run")
    await wide.answer("model model-13", button="Again")


@pytest.mark.long
async def test_open_forms_on_discord_go_on(house: Upgraded) -> None:
    fake = house.fake
    house.gates.open()
    channel, window = house.cast["discord window"]
    shown = Asked(0, "", channel, ALICE, None, 0.0, asyncio.get_running_loop().create_future())
    shown.answer.set_result((9, window))
    page = await _first(fake, await fake.submit(ALICE, shown, {"text": "a boat"}))
    await fake.click(ALICE, page, "Run it now")
    await discord.results(fake, channel, 1)
    second = await fake.click(ALICE, house.post("page"), "Go on")
    await fake.submit(ALICE, second, {"tiling": "true"})
    await discord.results(fake, channel, 2)
    change = await fake.click(ALICE, house.post("refused"), "Change")
    await fake.submit(ALICE, change, {"colors": "9"})
    await discord.results(fake, channel, 3)
    await choose(fake, ALICE, house.post("picker"), "negative")
    found = await discord.results(fake, channel, 4)
    assert sum(len(post.files) for post in found) == 2  # two are words


async def _first(fake: FakeDiscord, asked: Asked) -> Post:
    await asked.answer
    return fake.posts[asked.original or 0]


@pytest.mark.long
async def test_every_old_command_on_telegram_answers(house: Upgraded) -> None:
    named = {each["command"] for commands in house.api.commands.values() for each in commands}
    assert {"moderate", "negative", "mine"} <= named

    async def choose_it(user: int, name: str) -> str:
        who = Conversation(house.api, user=user)
        await who.write(f"/{name}")
        await _acts(house.api, who, 0, f"/{name}")
        return who.last.text

    said = await asyncio.gather(*(choose_it(*each) for each in enumerate({"start", *named}, 90_000)))
    assert not [text for text in said if "no workflow" in text]


@pytest.mark.long
async def test_every_old_command_on_discord_answers(house: Upgraded) -> None:
    """Discord sends what people chose from the commands that the earlier version had registered."""
    guild = str(house.fake.channels[house.cast["discord lists"]])
    for scope in ("global", guild):
        for command in house.cast["discord commands"][scope]:
            asked = await _chosen(house, scope, command)
            await house.fake.until(lambda asked=asked: asked.answer.done() and _says(house, asked))  # type: ignore[misc]
            assert not any(word in text for word in _UNKNOWN for text in house.fake.whispers(asked)), command["name"]


def _says(house: Upgraded, asked: Asked) -> bool:
    kind, _data = asked.answer.result()
    return kind == 9 or any(house.fake.whispers(asked))


async def _chosen(house: Upgraded, scope: str, command: dict[str, Any]) -> Asked:
    """Choose a command, without values; of `/moderate` the panel. A command on a message gets one without a picture."""
    data = {"id": "7", "name": command["name"], "type": command.get("type", 1), "options": []}
    if scope != "global":
        data["guild_id"] = scope
    if command["name"] == "moderate":
        data["options"] = [{"name": "panel", "type": 1, "options": []}]
    if data["type"] == 3:
        post = house.post("done")
        data |= {"target_id": str(post.id), "resolved": {"messages": {str(post.id): house.fake.message(post)}}}
    return await house.fake.ask(2, data, MO, house.cast["discord lists"], own_permissions=MANAGE_SERVER)
