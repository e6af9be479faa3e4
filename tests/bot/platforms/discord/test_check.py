from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.platforms.discord.adapter import introduce
from bot.settings import Settings
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import environ


async def test_a_good_token_is_told_with_the_invitation(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        said = await introduce(Settings.read(environ(fake, tmp_path), None))
    assert "client_id=4242" in said
    assert "scope=bot+applications.commands" in said
    assert f"permissions={(1 << 10) + (1 << 11) + (1 << 14) + (1 << 15) + (1 << 16) + (1 << 38)}" in said


async def test_a_token_that_discord_does_not_know(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        settings = Settings.read(environ(fake, tmp_path, DISCORD_TOKEN="other"), None)
        with pytest.raises(ConfigError, match="does not know"):
            await introduce(settings)


async def test_discord_away(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        settings = Settings.read(environ(fake, tmp_path), None)
    with pytest.raises(ConfigError, match="cannot be reached"):
        await introduce(settings)
