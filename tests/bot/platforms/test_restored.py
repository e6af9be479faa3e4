"""A bot that was restored goes on in the messages that the original has posted, and posts none of them again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.core.run import State
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from bot.keeping import backup, restore, resume
from bot.platforms.telegram.upkeep import settle
from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, until, write_workflows
from tests.bot.platforms.discord import harness as discord
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.telegram import harness as telegram
from tests.bot.platforms.telegram.harness import Conversation
from tests.bot.platforms.telegram.server import BotApi, bot_api


@dataclass
class Chats:
    """Two platforms, and the servers, which stay where they are."""

    fake: FakeDiscord
    api: BotApi
    server: EmbeddedServer
    gates: Gates

    @asynccontextmanager
    async def bot(self, folder: Path) -> AsyncIterator[telegram.App]:
        settings = {
            **discord.environ(self.fake, folder),
            "COMFYUI_URLS": f"one={self.server.url}",
            "DARKROOM_WORKFLOWS": str(write_workflows(folder)),
        }
        async with telegram.serving(self.api, folder, **settings) as app:
            await self.fake.until(lambda: discord.ready(self.fake))
            yield app
        await self.fake.until(lambda: not self.fake.sockets)


@asynccontextmanager
async def chats(folder: Path) -> AsyncIterator[Chats]:
    gates = Gates()
    async with FakeDiscord() as fake, bot_api() as api, EmbeddedServer(folder / "one", nodes=gates.nodes()) as server:
        fake.add_guild(discord.ALICE, discord.BOB)
        try:
            yield Chats(fake, api, server, gates)
        finally:
            gates.open()


@pytest.mark.long
async def test_nothing_is_posted_again(tmp_path: Path) -> None:
    """Not even to the person alone, where the message is out of reach by then."""
    async with chats(tmp_path) as on:
        guild, person = next(iter(on.fake.guilds)), Conversation(on.api)
        channel, strange = on.fake.add_channel(guild), on.fake.add_channel(guild)
        async with on.bot(tmp_path / "first") as app:
            await person.write("/gated gate=telegram")
            for user, where in ((discord.ALICE, channel), (discord.BOB, strange)):
                await on.fake.slash(user, where, "gated", {"gate": "discord"})
                await on.fake.until(lambda where=where: any(word in _post(on.fake, where) for word in ("line", "%")))  # type: ignore[misc]
            await on.api.until(lambda: len(person.messages) == 1 and "Cancel" in person.last.buttons())
            made = await backup(app.settings, tmp_path / "kept.tar", media=None)
            assert made.runs == 3
            on.gates.open()
            for where in (channel, strange):
                await discord.results(on.fake, where)
            await person.result()
        posted = len(on.fake.posts), len(on.api.of_bot())
        second = app.settings.__class__(data_dir=tmp_path / "second" / "data")
        done = await restore(second, made.path, [app.settings.ledger], [settle], without_erasures=False)
        assert (done.runs, done.unfinished) == (3, 3)
        on.fake.expire_tokens()
        on.fake.strange.add(strange)
        await resume(second)
        edits = len(on.api.made("editMessageMedia"))
        async with on.bot(tmp_path / "second"):
            database = Database.in_folder(second.folder)
            async with database as opened:

                async def have_ended() -> bool:
                    async with opened.read() as connection:
                        states = sorted(row.state for row in await connection.execute(runs.select()))
                        return states == [State.DONE, State.DONE, State.FAILED]

                await until(have_ended)
            await on.api.until(lambda: len(on.api.made("editMessageMedia")) > edits)  # again, in its place
        assert (len(on.fake.posts), len(on.api.of_bot())) == posted
        (post,) = await discord.results(on.fake, channel)
        assert "Change" in post.labels
        assert (person.last.kind, "Change" in person.last.buttons()) == ("photo", True)


def _post(fake: FakeDiscord, channel: int) -> str:
    return next((post.content for post in fake.public if post.channel == channel), "")
