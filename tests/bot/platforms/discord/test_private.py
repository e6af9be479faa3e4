"""Private runs on Discord: the result comes by direct message, and the channel shows nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bot.core.groups.recording import write_seeded
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, MO, channel_of_its_own, house, picture
from tests.bot.platforms.discord.test_moderation import moderate, told


def directs(fake: FakeDiscord, user: int) -> list[Post]:
    return [post for post in fake.posts.values() if fake.directs.get(post.channel) == user]


async def whispered(fake: FakeDiscord, user: int, channel: int, name: str, values: dict[str, object]) -> str:
    """Ask for a run; the answer that its person alone sees, once it says more than that it is at work."""
    asked = await fake.slash(user, channel, name, values)
    return await fake.until(lambda: next((text for text in fake.whispers(asked) if text), ""))


@pytest.mark.long
async def test_the_channel_shows_nothing_and_moderators_can_see_it(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with FakeDiscord() as fake, house(fake, tmp_path, workflows=tmp_path / "workflows"):
        channel = await channel_of_its_own(fake)
        guild = str(fake.channels[channel])

        def offers() -> bool:
            negative = next(each for each in fake.commands[guild] if each["name"] == "negative")
            return any(each["name"] == "private" for each in negative["options"])

        assert not offers()
        await told(fake, await moderate(fake, channel, "where", {"private": True}), "private runs are allowed")
        await fake.until(offers)
        said = await whispered(fake, ALICE, channel, "negative", {"photo": picture(), "private": True})
        assert "Moderators of this place can see" in said
        [post] = await fake.until(lambda: [each for each in directs(fake, ALICE) if "Change" in each.labels])
        assert post.files
        assert post.channel != channel
        await fake.slash(ALICE, channel, "seeded", {"count": 2, "seed": 5, "private": True})
        group = await fake.until(lambda: next((p for p in directs(fake, ALICE) if "Delete all" in p.labels), None))
        assert len(group.files) == 2
        assert not [each for each in fake.public if each.channel == channel]
        await told(fake, await moderate(fake, channel, "log"), "private")

        fake.hermits.add(BOB)  # accepts no direct messages
        said = await whispered(fake, BOB, channel, "negative", {"photo": picture(), "private": True})
        assert "Allow direct messages" in said
        assert not directs(fake, BOB)
        await told(fake, await moderate(fake, channel, "limit", {"measure": "hour", "most": 0}), "Set the limit")
        said = await whispered(fake, MO, channel, "negative", {"photo": picture(), "private": True})
        assert "limit" in said
        await fake.until(lambda: not directs(fake, MO))
        assert not [each for each in fake.public if each.channel == channel]
