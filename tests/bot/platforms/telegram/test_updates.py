"""Incoming updates: by polling or by webhook; refused, repeated, and in order."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from telegram import Update

from bot.core.background import TaskHealth
from bot.core.errors import ConfigError
from bot.core.model import Person
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import connect, disconnect
from bot.platforms.telegram.api.last_messages import LastMessages
from bot.platforms.telegram.api.polling import poll
from bot.platforms.telegram.api.update_queue import UpdateQueue
from bot.platforms.telegram.chats import Chat
from tests.bot.platforms.telegram.harness import Conversation, picture, serve, serving
from tests.bot.platforms.telegram.server import BotApi, Refused, bot_api
from tests.ports import free_port


@pytest.mark.long
async def test_a_webhook(tmp_path: Path) -> None:
    port = free_port()
    hook = {
        "TELEGRAM_WEBHOOK_URL": "https://darkroom.example/telegram",
        "TELEGRAM_WEBHOOK_SECRET": "hush",
        "TELEGRAM_WEBHOOK_PORT": str(port),
    }
    async with bot_api() as api:
        api.webhook["target"] = f"http://127.0.0.1:{port}/telegram"
        async with serving(api, tmp_path, **hook):
            await api.until(lambda: api.made("setWebhook"))
            assert api.webhook["secret_token"] == "hush"  # noqa: S105
            forged = await api.call_webhook({"update_id": 1}, **{"X-Telegram-Bot-Api-Secret-Token": "guess"})
            assert forged == 403
            assert await api.call_webhook({"nonsense": 1}) == 400
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
                assert (answer.status, answer.headers["Server"]) == (404, "Darkroom")
            chat = Conversation(api)
            await chat.write("/negative", photo=picture())
            await chat.result()
            assert not api.made("getUpdates")


@pytest.mark.long
async def test_another_poller_is_explained_and_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    async with bot_api() as api:
        api.refuse["getUpdates"].append(Refused(409, "Conflict: terminated by other getUpdates request"))
        async with serving(api, tmp_path):
            chat = Conversation(api)
            await chat.write("/help")
            await chat.answer("/poster")
    assert "Another program uses this token" in caplog.text
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("platform_")]
    assert told == ["platform_connected", "platform_disconnected", "platform_connected"]
    assert api.token not in caplog.text


@pytest.mark.parametrize("updates", [[], [{"update_id": 7}]], ids=["nothing", "the same"])
async def test_a_server_that_does_not_wait_for_news_is_asked_once_a_second(tmp_path: Path, updates: list[Any]) -> None:
    class Hasty(BotApi):
        asked = 0

        async def _do_get_updates(self, data: dict[str, Any]) -> Any:
            self.asked += 1
            return updates

    slept, third = list[float](), asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            third.set()
            await asyncio.Event().wait()

    async with bot_api(Hasty()) as api, Database.in_folder(tmp_path) as database:
        assert isinstance(api, Hasty)
        bot, notes = connect(api.token, api.url), KeyValueStore(database)
        polling = asyncio.create_task(poll(bot, UpdateQueue(notes, LastMessages()), TaskHealth(), sleep, lambda: 0.0))
        await third.wait()
        assert api.asked - len(updates) == 3  # the first one with an update brings news
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        await disconnect(bot)
    assert slept == [1.0, 1.0, 1.0]


@pytest.mark.long
async def test_a_token_that_telegram_does_not_know(tmp_path: Path) -> None:
    async with bot_api() as api:
        api.token = "other"  # noqa: S105
        with pytest.raises(ConfigError, match="TELEGRAM_TOKEN"):
            await serve(api, tmp_path)


@pytest.mark.long
async def test_what_one_person_says_is_answered_in_order_and_others_meanwhile(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        slow, quick = Conversation(api), Conversation(api)
        api.gates["getFile"] = asyncio.Event()
        await slow.write("/negative", photo=picture("black"))
        await slow.write("/mine")
        await quick.write("/help")
        await quick.answer("/poster")
        await slow.answer("One moment")
        assert len(slow.messages) == 1
        api.gates.pop("getFile").set()
        await slow.answer("Your latest runs")


@pytest.mark.long
async def test_an_edited_message_and_a_copied_post_are_no_requests(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        channel, discussion = {"id": -100779, "type": "channel", "title": "News"}, api.group(-100780)
        chat, news, friends = (Conversation(api, place) for place in (None, channel, discussion))
        own = await chat.write("/negative", photo=picture())
        post = await news.write("/negative", photo=picture(), sender_chat=channel)
        await chat.result()
        await news.result()
        await api.update({"edited_message": api.messages[chat.id, own].data})
        await api.update({"edited_channel_post": api.messages[news.id, post].data})
        copied = {"from": api.person(777_000, "Telegram"), "sender_chat": channel}
        await friends.write("/negative", photo=picture(), is_automatic_forward=True, **copied)
        for person, more in ((chat, {}), (news, {"sender_chat": channel}), (friends, copied)):
            await person.write("/help", **more)
            await person.answer("Other fields are set as name=value")
        assert [len(each.messages) for each in (chat, news, friends)] == [2, 2, 1]
        asked = api.made("getUpdates")[0].data["allowed_updates"]
        assert "edited" not in asked


@pytest.mark.long
async def test_telegram_away_for_a_while(tmp_path: Path) -> None:
    async with bot_api() as api:
        api.refuse["getMe"].append(Refused(502, "Bad Gateway"))
        async with serving(api, tmp_path):
            api.refuse["editMessageMedia"].append(Refused(502, "Bad Gateway"))
            chat = Conversation(api)
            await chat.write("/negative", photo=picture())
            await chat.result()
            assert len(chat.messages) == 1
            api.cuts.add("sendMessage")  # it is there, and Telegram's answer was lost
            other = Conversation(api)
            await other.write("/negative", photo=picture())
            await other.result()
            assert len(other.messages) == 1


@pytest.mark.long
async def test_commands_that_telegram_did_not_take_are_set_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.telegram.adapter._LOOK_EVERY", 0.05)
    async with bot_api() as api:
        api.refuse["setMyCommands"] = [Refused(502, "Bad Gateway") for _scope in range(6)]
        async with serving(api, tmp_path):
            await api.until(lambda: len(api.commands) >= 4)


@pytest.mark.long
async def test_a_server_that_shares_our_files(tmp_path: Path) -> None:
    async with bot_api() as api:
        api.local = tmp_path
        async with serving(api, tmp_path, TELEGRAM_LOCAL="yes"):
            chat = Conversation(api)
            await chat.write("/negative", photo=picture())
            assert (await chat.result()).media
        assert all(isinstance(call.data["media"], str) for call in api.made("editMessageMedia"))
        assert "file:///" in api.made("editMessageMedia")[-1].data["media"]


@pytest.mark.long
async def test_a_file_that_is_too_large_to_be_fetched(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        chat = Conversation(api)
        await chat.write("/negative", document=("huge.png", b"x" * 20_000_001, "image/png"))
        await chat.answer("huge.png is too large", "20 MB")


@pytest.mark.long
async def test_sent_away_from_a_group(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        chat = Conversation(api, api.group(-100333))
        await chat.write("/negative", photo=picture())
        await chat.result()
        api.refuse["sendMessage"].append(Refused(403, "Forbidden: bot was kicked from the supergroup chat"))
        await chat.write("/negative", photo=picture())
        await api.until(lambda: not api.refuse["sendMessage"])
        other = Conversation(api)
        await other.write("/help")
        await other.answer("/poster")


@pytest.mark.long
async def test_a_file_that_telegram_does_not_hand_over_ends_the_message_in_words(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        api.refuse["getFile"] = [Refused(400, "Bad Request: wrong file_id") for _try in range(10)]
        chat = Conversation(api)
        await chat.write("/negative", photo=picture())
        await chat.answer("send it again")
        assert len(chat.messages) == 1


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.long
async def test_updates_that_are_done_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("bot.platforms.telegram.api.update_queue._RECENT", 5)
    async with KeyValueStore(Database.in_folder(tmp_path)) as notes:
        queue = UpdateQueue(notes, LastMessages())
        first = Update(1)
        await queue.put(first)
        for number in range(2, count):
            update = Update(number)
            await queue.put(update)
            await queue.done(update)
        kept = await notes.starting(storage_keys.UPDATE)
        assert storage_keys.update(1) in kept  # it is not done
        assert len(kept) == 1 + 5


@pytest.mark.long
async def test_old_notes_are_swept_while_the_bot_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.telegram.adapter._SWEEP_EVERY", 0.05)
    person, chat = Person("telegram", "1"), Chat(1)
    old = (storage_keys.update(1), storage_keys.opened(1), storage_keys.draft(chat, person), storage_keys.stranger(1))
    async with bot_api() as api, serving(api, tmp_path):
        await api.until(lambda: api.made("getUpdates"))
        async with KeyValueStore(Database.in_folder(tmp_path / "data", "telegram"), clock=lambda: 0.0) as notes:
            for name in old:
                await notes.put(name, {})
            await notes.put(storage_keys.album("a run"), [[2]])
            while any([await notes.get(name) is not None for name in old]):  # noqa: ASYNC110 - rows tell of no change
                await asyncio.sleep(0.01)
            assert await notes.get(storage_keys.album("a run")) == [[2]]
