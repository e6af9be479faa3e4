"""The verdict of `darkroom check` on Telegram."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.platforms.telegram.adapter import introduce
from bot.settings import Settings
from tests.bot.platforms.telegram.harness import settings
from tests.bot.platforms.telegram.server import BOT, bot_api


async def test_a_good_token_is_told_with_the_name_and_whom_it_serves(tmp_path: Path) -> None:
    async with bot_api() as api:
        said = await introduce(Settings.read(settings(api, tmp_path), None))
        assert said == f"Telegram: good, as @{BOT['username']}."
        said = await introduce(Settings.read(settings(api, tmp_path, TELEGRAM_ALLOWED=""), None))
        assert "does not serve anyone until TELEGRAM_ALLOWED" in said


async def test_a_token_that_telegram_does_not_know(tmp_path: Path) -> None:
    async with bot_api() as api:
        with pytest.raises(ConfigError, match="does not know this token"):
            await introduce(Settings.read(settings(api, tmp_path, TELEGRAM_TOKEN="1:other"), None))


async def test_telegram_away(tmp_path: Path) -> None:
    async with bot_api() as api:
        away = Settings.read(settings(api, tmp_path), None)
    with pytest.raises(ConfigError, match="Telegram cannot be reached"):
        await introduce(away)
