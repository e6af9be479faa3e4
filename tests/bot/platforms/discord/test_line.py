"""The line and the limits, as the one who asks sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import Person
from bot.core.people.accounts import LinkedAccounts
from bot.settings import Settings
from bot.stores import database
from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, write_workflows
from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, channel_of_its_own, environ, house, results, under_way


@pytest.mark.long
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
            code = (await _said(fake, told, "Your code is")).split("Your code is ")[1][:11]
            for sure in (False, True):
                same = await fake.slash(ALICE, channel, "link", {"code": code, "sure": sure})
                await _said(fake, same, "accounts of different platforms")
            async with database(Settings.read(environ(fake, tmp_path), None)) as kept:
                code = await LinkedAccounts(kept).code(Person("telegram", "7", "Anna"))
            for sure, words in ((False, "the code of Anna on Telegram"), (True, "one person now")):
                await _said(fake, await fake.slash(ALICE, channel, "link", {"code": code, "sure": sure}), words)
            about = await fake.slash(ALICE, channel, "about")
            await about.answer
            asked = await fake.press(ALICE, fake.posts[about.original or 0], f"darkroom:forget:{ALICE}")
            question = await fake.until(
                lambda: next((post for post in fake.posts.values() if post.token == asked.token and post.content), None)
            )
            assert "no longer joined with this one: Anna on Telegram." in question.content
            assert "For all your accounts it is" in question.content
            assert "Yes, of all my accounts" in question.labels
            for words in ("for itself again", "is not joined"):
                await _said(fake, await fake.slash(ALICE, channel, "unlink"), words)
            gates.open()
            await results(fake, channel)


async def _line(fake: FakeDiscord, channel: int) -> Post:
    asked = await fake.slash(BOB, channel, "queue")

    def told() -> Post | None:
        return next((each for each in fake.posts.values() if each.token == asked.token and each.content), None)

    shown = await fake.until(told)
    assert isinstance(shown, Post)
    return shown


async def _said(fake: FakeDiscord, asked: Asked, words: str) -> str:
    """What the one who asked reads, once it has these words."""
    text = await fake.until(lambda: next((text for text in fake.whispers(asked) if words in text), None))
    assert isinstance(text, str)
    return text
