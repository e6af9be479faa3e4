"""Discord, Telegram and the page in one process: one engine for all, and trouble on one is nobody else's."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, write_workflows
from tests.bot.platforms.discord import harness as discord
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.telegram.harness import Conversation, serving
from tests.bot.platforms.telegram.server import bot_api
from tests.bot.platforms.web.pages import Visitor
from tests.ports import free_port


async def test_three_platforms_share_one_engine_and_no_trouble(tmp_path: Path) -> None:
    gates, port = Gates(), free_port()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(EmbeddedServer(tmp_path / "engine", nodes=gates.nodes()))
        fake = await stack.enter_async_context(FakeDiscord())
        channel = fake.add_channel(fake.add_guild(discord.ALICE))
        telegram = await stack.enter_async_context(AsyncExitStack())
        api = await telegram.enter_async_context(bot_api())
        settings = {
            **discord.environ(fake, tmp_path),
            "COMFYUI_URLS": f"one={engine.url}",
            "DARKROOM_WEB": "on",
            "DARKROOM_WEB_PORT": str(port),
            "DARKROOM_WORKFLOWS": str(write_workflows(tmp_path)),
        }
        await stack.enter_async_context(serving(api, tmp_path, **settings))
        stack.callback(gates.open)
        await fake.until(lambda: discord.ready(fake))
        ann = await stack.enter_async_context(Visitor(f"http://127.0.0.1:{port}"))

        chat = Conversation(api)
        await chat.write("/gated gate=chat")
        asked = await chat.answer("gate chat", button="Cancel")
        assert "One moment" in api.made("sendMessage", chat.id)[0].data["text"]
        await fake.slash(discord.ALICE, channel, "gated", {"gate": "guild"})
        _status, taken = await ann.ask("gated", gate="page")
        await ann.until(taken["id"], "waiting")
        await chat.press(asked, "Cancel")
        await chat.answer("Cancelled")

        await telegram.aclose()
        gates.open()
        await discord.results(fake, channel)
        await ann.until(taken["id"], "done")
        assert {"guild", "page"} <= set(gates.passed)


@pytest.mark.long
async def test_a_process_deletes_old_files_that_lost_their_run(tmp_path: Path) -> None:
    orphan = tmp_path / "data" / "media" / "ab" / f"ab{'0' * 62}.png"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    async with bot_api() as api, serving(api, tmp_path):
        await api.until(lambda: not orphan.exists())
