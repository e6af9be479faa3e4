"""Those who wait are told: an answer that mentions them and no one else, or a direct message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, BOB, channel_of_its_own, house, picture, results


async def _notify(fake: FakeDiscord, channel: int, user: int, **given: object) -> str:
    asked = await fake.slash(user, channel, "notify", given)
    await fake.until(lambda: fake.whispers(asked))
    return fake.whispers(asked)[0]


@pytest.mark.long
async def test_the_end_of_a_request_rings_the_phone_of_its_person_alone(tmp_path: Path) -> None:
    async with FakeDiscord() as fake, house(fake, tmp_path):
        channel = await channel_of_its_own(fake)
        assert "whenever" in await _notify(fake, channel, ALICE, when="always")
        assert "You get a direct message." in await _notify(fake, channel, BOB, when="always", direct=True)
        assert "say never, always" in await _notify(fake, channel, BOB, when="@everyone")
        await fake.slash(ALICE, channel, "negative", {"photo": picture()})
        [post] = await results(fake, channel)
        ping = await fake.until(lambda: next((each for each in fake.public if each.answers == post.id), None))
        assert ping.rings == [ALICE]
        assert ping.content.startswith(f"<@{ALICE}> “Negative” is done")
        await fake.slash(BOB, channel, "negative", {"photo": picture(color="red")})
        direct = await fake.until(
            lambda: next((each for each in fake.posts.values() if each.channel in fake.directs), None)
        )
        assert fake.directs[direct.channel] == BOB
        assert f"/{channel}/" in direct.content
        fake.hermits.add(BOB)  # accepts no direct messages any longer
        await fake.slash(BOB, channel, "negative", {"photo": picture(color="blue")})
        await fake.until(lambda: any(each.rings == [BOB] for each in fake.public))
        assert sum(bool(each.rings) for each in fake.posts.values()) == 2
