"""The line and the limits, as the one who asks sees them."""

from __future__ import annotations

from pathlib import Path

from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, write_workflows
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, channel_of_its_own, house, results, under_way


async def test_the_line_has_a_button_for_each_own_run_that_says_what_it_cancels(tmp_path: Path) -> None:
    own, gates = write_workflows(tmp_path), Gates()
    async with FakeDiscord() as fake, EmbeddedServer(nodes=gates.nodes()) as server:
        settings = {"COMFYUI_URLS": f"one={server.url}"}
        async with house(fake, tmp_path, workflows=own, settings=settings):
            channel = await channel_of_its_own(fake)
            await fake.slash(ALICE, channel, "gated", {"color": 3, "gate": "a"})
            await under_way(fake, channel)
            await fake.slash(BOB, channel, "gated", {"color": 4, "gate": "b"})
            while "next in line" not in (shown := await _line(fake, channel)).content:
                pass  # its message is not there yet
            assert "1. **Gated** · User 501 · runs" in shown.content
            assert "2. **Gated** · User 502 · next in line" in shown.content
            assert shown.labels == ["Cancel 2: Gated"]
            await fake.click(BOB, shown, "Cancel 2: Gated")
            await fake.until(lambda: any("Cancelled by User 502" in post.content for post in fake.public))
            limits = await fake.slash(BOB, channel, "limits")
            await fake.until(lambda: any("no other limit" in text for text in fake.whispers(limits)))
            told = await fake.slash(BOB, channel, "link")
            await fake.until(lambda: any("Your code is" in text for text in fake.whispers(told)))
            code = next(text for text in fake.whispers(told) if "Your code is" in text).split("Your code is ")[1][:11]
            asked = await fake.slash(ALICE, channel, "link", {"code": code})
            await fake.until(lambda: any("the code of User 502 on Discord" in text for text in fake.whispers(asked)))
            same = await fake.slash(ALICE, channel, "link", {"code": code, "sure": True})
            await fake.until(lambda: any("accounts of different platforms" in text for text in fake.whispers(same)))
            ended = await fake.slash(ALICE, channel, "unlink")
            await fake.until(lambda: any("is not joined" in text for text in fake.whispers(ended)))
            gates.open()
            await results(fake, channel)


async def _line(fake: FakeDiscord, channel: int) -> Post:
    asked = await fake.slash(BOB, channel, "queue")

    def told() -> Post | None:
        return next((each for each in fake.posts.values() if each.token == asked.token and each.content), None)

    shown = await fake.until(told)
    assert isinstance(shown, Post)
    return shown
