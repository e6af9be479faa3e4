"""Telegram is away, the bot is sent away, or a message is: what was made is not lost, and no message stays wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.core.retry import Pauses
from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, write_workflows
from tests.bot.platforms.telegram.harness import Conversation, picture, serving
from tests.bot.platforms.telegram.server import BotApi, Refused, bot_api
from tests.patience import PATIENCE

BAD_GATEWAY = Refused(502, "Bad Gateway")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is given up at once, and a result is tried again soon."""
    monkeypatch.setattr("bot.platforms.telegram.api.client._PAUSES", ())
    monkeypatch.setattr("bot.core.execution.attempt._DELIVERY_PAUSES", Pauses(0.05, 0.05))
    monkeypatch.setattr("bot.platforms.telegram.adapter._SHOW_EVERY", 0.05)


@asynccontextmanager
async def gated(folder: Path) -> AsyncIterator[tuple[BotApi, Gates]]:
    """A bot whose runs wait at gates."""
    gates = Gates()
    async with (
        EmbeddedServer(folder / "engine", nodes=gates.nodes()) as engine,
        bot_api() as api,
        serving(api, folder, COMFYUI_URLS=engine.url, DARKROOM_WORKFLOWS=str(write_workflows(folder))),
    ):
        yield api, gates


def refused(api: BotApi, chat: Conversation) -> bool:
    """True if Telegram has not taken it that a run was cancelled."""
    told = api.made("editMessageText", chat.id)
    return any("Cancelled" in call.data.get("text", "") and call.status != 200 for call in told)


@pytest.mark.long
async def test_a_result_waits_for_telegram_and_mine_has_it_meanwhile(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        chat = Conversation(api)
        api.broken["editMessageMedia"] = BAD_GATEWAY
        await chat.write("/negative", photo=picture())
        await api.until(lambda: len(api.made("editMessageMedia")) > 3)  # each of them had all its tries
        await chat.write("/mine")
        mine = await chat.answer("finished, and being sent", button="Files 1")
        await chat.press(mine, "Files 1")
        original = await api.until(lambda: next((each for each in chat.messages if each.kind == "document"), None))
        del api.broken["editMessageMedia"]
        done = await chat.result()
        assert original.media == done.media


@pytest.mark.long
async def test_a_result_that_waited_is_tried_again_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot_api() as api:
        chat = Conversation(api)
        api.broken["editMessageMedia"] = BAD_GATEWAY
        async with serving(api, tmp_path):
            await chat.write("/negative", photo=picture())
            await api.until(lambda: len(api.made("editMessageMedia")) > 2)  # it has not failed
        del api.broken["editMessageMedia"]
        monkeypatch.setattr("bot.core.execution.attempt._DELIVERY_PAUSES", Pauses(3600.0, 3600.0))
        async with serving(api, tmp_path):
            await chat.result()
        assert len(chat.messages) == 1


@pytest.mark.long
async def test_a_result_that_cannot_be_delivered_is_had_by_original(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        chat = Conversation(api)
        api.broken["editMessageMedia"] = Refused(400, "Bad Request: not today")
        await chat.write("/negative", photo=picture())
        failed = await chat.answer("does not take this result", button="Original")
        await chat.press(failed, "Original")
        await api.until(lambda: next((each for each in chat.messages if each.kind == "document"), None))


@pytest.mark.long
async def test_an_end_that_telegram_did_not_take_is_shown_once_it_is_back(tmp_path: Path) -> None:
    async with gated(tmp_path) as (api, gates):
        chat, other = Conversation(api), Conversation(api)
        for each in (chat, other):
            await each.write("/gated gate=first")
            await each.answer("gate first", button="Cancel")
        api.broken["editMessageText"] = BAD_GATEWAY
        for each in (chat, other):
            await each.press(each.last, "Cancel")
            await api.until(lambda each=each: refused(api, each))
        gates.open("first")
        del api.broken["editMessageText"]
        for each in (chat, other):
            await each.answer("gate first", "Cancelled by", button="Again")


@pytest.mark.long
async def test_a_message_is_mended_when_the_bot_is_back_in_the_group(tmp_path: Path) -> None:
    async with gated(tmp_path) as (api, gates):
        chat = Conversation(api, api.group(-100901))
        await chat.write("/gated gate=first")
        waiting = await chat.answer("gate first", button="Cancel")
        await api.send_away(chat.chat, chat.user)
        await api.until(lambda: refused(api, chat))
        gates.open("first")
        await api.let_in(chat.chat, chat.user)
        mended = await chat.answer("gate first", "Cancelled", button="Again")
        assert (mended.id, "Cancel" in mended.buttons()) == (waiting.id, False)


@pytest.mark.long
async def test_a_request_that_was_not_kept_before_the_bot_was_sent_away_says_so_when_it_is_back(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        chat = Conversation(api, api.group(-100903))
        api.gates["getFile"] = asyncio.Event()
        await chat.write("/negative", document=("words.pdf", b"%PDF-1.7", "application/pdf"))
        waiting = await chat.answer("One moment", button="Cancel")
        await api.send_away(chat.chat, chat.user)
        api.gates.pop("getFile").set()  # the file is refused, and no message can say so
        await api.until(lambda: [call for call in api.calls if call.status == 403 and call.method != "sendChatAction"])
        await chat.api.until(api.has_taken_all)
        await api.let_in(chat.chat, chat.user)
        mended = await chat.answer("was not kept")
        assert (mended.id, list(mended.buttons())) == (waiting.id, [])


@pytest.mark.parametrize("when", ["it waits", "it runs", "its result comes"])
@pytest.mark.long
async def test_a_message_that_is_deleted_cancels_its_run_and_nothing_is_posted(
    when: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with gated(tmp_path) as (api, gates):
        chat, other = Conversation(api), Conversation(api)
        await other.write("/gated gate=first")
        message = await other.answer("gate first", "%")
        if when == "it waits":
            await chat.write("/gated gate=second")
            message = await chat.answer("gate second", "Next in line")
        if when == "its result comes":
            api.gates["editMessageMedia"] = asyncio.Event()
            gates.open("first")
            await api.until(lambda: api.waits["editMessageMedia"])
        message.deleted = True
        if when == "its result comes":
            api.gates.pop("editMessageMedia").set()
        gates.open("first")
        if when == "it waits":
            await other.result()
            gates.open("second")
        async with asyncio.timeout(PATIENCE):
            while not has_ended(caplog, "cancelled"):  # noqa: ASYNC110 - a log tells of no change
                await asyncio.sleep(0.05)
        assert [each for each in api.of_bot(message.chat) if "Again" in each.buttons()] == []


def has_ended(caplog: pytest.LogCaptureFixture, state: str) -> bool:
    return any(each.message == "run_ended" and vars(each)["state"] == state for each in caplog.records)
