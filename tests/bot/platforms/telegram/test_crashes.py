"""The program is killed with runs in every phase, and each run's one message ends with its result all the same."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.platforms.telegram import storage_keys
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.platforms.telegram.harness import Conversation, picture, start, stop
from tests.bot.platforms.telegram.server import BotApi, bot_api
from tests.bot.stepwise import StepwiseServer


def is_running(api: BotApi, chat: Conversation) -> bool:
    """True if the message has shown a running node."""
    return any("%" in call.data.get("text", "") for call in api.made("editMessageText", chat.id))


@asynccontextmanager
async def kept(held: dict[str, asyncio.Event], method: str) -> AsyncIterator[None]:
    """Keep every call of a method waiting, without end."""
    held[method] = asyncio.Event()
    try:
        yield
    finally:
        del held[method]


async def poster(chat: Conversation, number: int) -> None:
    await chat.write("/poster", photo=picture(f"#{number}00000"))


async def in_every_phase(api: BotApi, engine: StepwiseServer) -> list[Conversation]:
    """People whose runs are each in another phase."""
    done, sent, runs, fetched, heard, answered = chats = [Conversation(api) for _phase in range(6)]
    async with kept(api.hangs, "editMessageMedia"):  # the result is there, and Telegram has not said so
        await poster(done, 1)
        await api.until(lambda: api.made("editMessageMedia", done.id))
    async with kept(api.gates, "editMessageMedia"):  # the result is on its way
        await poster(sent, 2)
        await api.until(lambda: api.made("editMessageMedia", sent.id))
    engine.hold()
    await poster(runs, 3)
    await api.until(lambda: is_running(api, runs) and api.made("sendChatAction", runs.id))
    before = len(api.made("getFile"))
    async with kept(api.gates, "getFile"):  # its picture is being fetched
        await poster(fetched, 4)
        await api.until(lambda: len(api.made("getFile")) > before)
    async with kept(api.gates, "sendMessage"):  # nobody has been answered
        await poster(heard, 5)
        await api.until(lambda: api.made("sendMessage", heard.id))
    async with kept(api.hangs, "sendMessage"):  # the answer is there, and Telegram has not said so
        await poster(answered, 6)
        await api.until(lambda: answered.messages)
    return chats


@pytest.mark.long
async def test_killed_in_every_phase_and_told_to_end(tmp_path: Path) -> None:
    async with bot_api() as api, StepwiseServer(tmp_path / "engine", "ImageQuantize") as engine:
        environ = {"COMFYUI_URLS": engine.url, "TELEGRAM_PREVIEWS": "no"}
        process = await start(api, tmp_path, **environ)
        patient = Conversation(api)
        await patient.write("/negative")
        await api.until(lambda: patient.messages)
        chats = await in_every_phase(api, engine)
        await stop(process, signal.SIGKILL)
        engine.go()
        process = await start(api, tmp_path, **environ)
        await api.until(lambda: all(len(chat.messages) == 1 and chat.last.kind == "photo" for chat in chats))
        await api.until(lambda: len(api.made("editMessageMedia", chats[0].id)) == 2)  # asked for again
        assert all(Image.open(BytesIO(chat.last.media or b"")).size == (64, 48) for chat in chats)

        engine.hold()
        last = Conversation(api)
        await poster(last, 7)  # other than before, or the server has it at hand
        await api.until(lambda: is_running(api, last))
        assert await stop(process) == 0
        assert "restarting" in last.last.text
        engine.go()
        process = await start(api, tmp_path, **environ)
        await api.until(lambda: last.last.kind == "photo")
        await patient.write(photo=picture())  # what was asked before both goes on
        await patient.result()
        assert (len(last.messages), len(patient.messages)) == (1, 1)
        assert await stop(process) == 0


@pytest.mark.long
async def test_a_worker_finishes_the_message_when_the_process_that_asks_telegram_is_gone(
    tmp_path: Path, postgres: str
) -> None:
    """The one that chats needs no server, and the worker asks for no updates."""
    async with bot_api() as api, StepwiseServer(tmp_path / "engine", "ImageQuantize") as engine:
        engine.hold()
        shared = {"DARKROOM_DATABASE_URL": new_postgres(postgres), "TELEGRAM_PREVIEWS": "no"}
        worker = await start(api, tmp_path, "--worker", "garage", COMFYUI_URLS=engine.url, **shared)
        chat = await start(api, tmp_path, "--chat", **shared)
        member = Conversation(api)
        await poster(member, 1)
        await api.until(lambda: is_running(api, member))
        await stop(chat, signal.SIGKILL)
        engine.go()
        asked = len(api.made("getUpdates"))
        await api.until(lambda: member.last.kind == "photo")
        assert len(api.made("getUpdates")) == asked
        assert await stop(worker) == 0
    assert len(member.messages) == 1


@pytest.mark.long
async def test_killed_after_a_press_had_a_message_sent(tmp_path: Path) -> None:
    """The button that was pressed stands far above the message that was sent for it."""
    async with bot_api() as api, EmbeddedServer(tmp_path / "engine") as engine:
        environ = {"COMFYUI_URLS": engine.url, "TELEGRAM_PREVIEWS": "no"}
        process = await start(api, tmp_path, **environ)
        member, other = Conversation(api), Conversation(api)
        await poster(member, 1)
        first = await api.until(lambda: member.messages and member.last.kind == "photo" and member.last)
        for number in range(12):  # ids are one count for all private chats
            await other.write("/help")
            await api.until(lambda: len(other.messages) > number)  # noqa: B023
        async with kept(api.hangs, "sendMessage"):
            await member.press(first, "Again")
            await api.until(lambda: len(member.messages) == 2)
        await stop(process, signal.SIGKILL)
        process = await start(api, tmp_path, **environ)
        await api.until(lambda: member.last.kind == "photo")
        assert [each.text[:60] for each in member.messages if "One moment" in each.text] == []
        assert len(member.messages) == 2
        assert await stop(process) == 0


async def opened_and_killed(api: BotApi, folder: Path, *chats: Conversation) -> None:
    """Have people's requests answered with “One moment…”, and kill the process before their runs are written."""
    process = await start(api, folder)
    async with kept(api.gates, "getFile"):
        for number, chat in enumerate(chats):
            await poster(chat, number)
        await api.until(lambda: len(api.made("getFile")) == len(chats))
        await stop(process, signal.SIGKILL)
    assert all("One moment" in chat.last.text for chat in chats)


def notes(folder: Path, prefix: str) -> list[str]:
    with closing(sqlite3.connect(folder / "data" / "telegram.db")) as database:
        return [name for (name,) in database.execute("SELECT name FROM notes WHERE name LIKE ?", (f"{prefix}%",))]


@pytest.mark.long
async def test_a_request_that_is_refused_after_a_kill_ends_its_message(tmp_path: Path) -> None:
    async with bot_api() as api:
        chat = Conversation(api)
        await opened_and_killed(api, tmp_path, chat)
        process = await start(api, tmp_path, TELEGRAM_ALLOWED=str(chat.user + 1))
        await api.until(lambda: "Please send it again" in chat.messages[0].text)
        assert await stop(process) == 0


@pytest.mark.long
async def test_a_request_that_is_too_old_after_a_kill_ends_its_message(tmp_path: Path) -> None:
    async with bot_api() as api:
        chat, deleted = Conversation(api), Conversation(api)
        await opened_and_killed(api, tmp_path, chat, deleted)
        deleted.last.deleted = True
        with closing(sqlite3.connect(tmp_path / "data" / "telegram.db")) as database, database:
            database.execute("UPDATE notes SET at = at - 172800")  # the process was away for two days
        process = await start(api, tmp_path)
        await api.until(lambda: "Please send it again" in chat.last.text)
        await api.until(lambda: not notes(tmp_path, storage_keys.OPENED))
        assert (len(chat.messages), len(deleted.messages)) == (1, 0)
        assert not chat.last.buttons()
        assert await stop(process) == 0
