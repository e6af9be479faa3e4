"""The whole way: over the wire, the durable engine and the built-in ComfyUI, to the picture in a message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.houses import house, opened, picture

ALICE, BOB = 501, 502


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


async def result(fake: FakeDiscord, count: int = 1) -> Post:
    """The last message, once so many show a result."""
    await fake.until(lambda: sum(1 for post in fake.public if "Again" in post.labels) >= count)
    return [post for post in fake.public if "Again" in post.labels][-1]


async def test_a_slash_command_becomes_a_picture(fake: FakeDiscord, tmp_path: Path) -> None:
    channel = fake.add_channel(fake.add_guild(ALICE))
    async with house(fake, tmp_path):
        asked = await fake.slash(ALICE, channel, "negative", {"photo": picture()})
        post = await result(fake)
        assert (await asked.answer)[0] == 5
        assert (await asked.answer)[1]["flags"] == 64
        assert opened(next(iter(post.files.values()))).getpixel((5, 5)) == (0, 89, 255)
        assert "Negative" in post.content
        assert "User 501" in post.content
        assert next(iter(post.alt.values())).startswith("Negative")
        assert post.labels == ["Again", "Change", "Use as input", "Delete"]
        assert len(fake.public) == 1
        assert fake.whispers(asked) == []
