from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigError, DeliveryFailed
from bot.platforms.discord.adapter import DiscordPlatform, introduce
from bot.settings import Settings
from bot.stores import key_value
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


async def test_an_operator_to_whom_the_bot_cannot_write_is_told(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        settings = Settings.read(environ(fake, tmp_path, DARKROOM_NOTICES="discord:5,discord:6,telegram:7"), None)
        assert "cannot write" not in await introduce(settings)
        fake.strange.add(6)
        assert "It cannot write to discord:6, who" in await introduce(settings)
        assert not fake.public


async def test_an_operator_hears_in_a_chat_of_their_own(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        settings = Settings.read(environ(fake, tmp_path), None)
        async with DiscordPlatform(settings, key_value(settings, "discord")) as platform:
            await platform.tell("5", "Darkroom (darkroom) needs you:\n• the server *one* cannot be reached")
            [post] = fake.public
            assert fake.directs[post.channel] == 5
            assert post.content.splitlines()[1] == r"• the server \*one\* cannot be reached"
            with pytest.raises(DeliveryFailed):
                await platform.tell("nobody", "words")
