"""The verdict of `darkroom check` on Telegram."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.errors import ConfigError, DeliveryFailed
from bot.platforms.telegram.adapter import TelegramPlatform, introduce
from bot.settings import Settings
from bot.stores import key_value
from tests.bot.platforms.telegram.harness import settings
from tests.bot.platforms.telegram.server import BOT, bot_api


@pytest.mark.long
async def test_a_good_token_is_told_with_the_name_and_whom_it_serves(tmp_path: Path) -> None:
    async with bot_api() as api:
        said = await introduce(Settings.read(settings(api, tmp_path), None))
        assert said == f"Telegram: good, as @{BOT['username']}."
        said = await introduce(Settings.read(settings(api, tmp_path, TELEGRAM_ALLOWED=""), None))
        assert "does not serve anyone yet: write the people or chats that may use it into TELEGRAM_ALLOWED" in said


async def test_a_token_that_telegram_does_not_know(tmp_path: Path) -> None:
    async with bot_api() as api:
        with pytest.raises(ConfigError, match="does not know this token"):
            await introduce(Settings.read(settings(api, tmp_path, TELEGRAM_TOKEN="1:other"), None))


async def test_telegram_away(tmp_path: Path) -> None:
    async with bot_api() as api:
        away = Settings.read(settings(api, tmp_path), None)
    with pytest.raises(ConfigError, match="Telegram cannot be reached"):
        await introduce(away)


@pytest.mark.long
async def test_an_operator_to_whom_the_bot_cannot_write_is_told(tmp_path: Path) -> None:
    async with bot_api() as api:
        people = Settings.read(settings(api, tmp_path, DARKROOM_NOTICES="telegram:5,telegram:6,discord:7"), None)
        assert "cannot write" not in await introduce(people)
        api.shut[6] = "bot was blocked by the user"
        assert "It cannot write to telegram:6, who" in await introduce(people)


@pytest.mark.long
async def test_an_operator_hears_in_a_chat_of_their_own(tmp_path: Path) -> None:
    async with bot_api() as api:
        given = Settings.read(settings(api, tmp_path), None)
        async with TelegramPlatform(given, key_value(given, "telegram"), TaskHealth()) as platform:
            await platform.tell("5", "Darkroom (darkroom) needs you:\n• a < b")
            [sent] = api.made("sendMessage")
            assert (sent.chat, sent.data["text"]) == (5, "<b>Darkroom (darkroom) needs you:</b>\n• a &lt; b")
            api.shut[6] = "bot was blocked by the user"
            with pytest.raises(DeliveryFailed):
                await platform.tell("6", "words")
