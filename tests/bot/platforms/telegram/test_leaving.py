"""The bot is sent away from a group: what runs and waits there ends quietly, and nothing that was decided is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, until, write_workflows
from tests.bot.platforms.telegram.harness import Conversation, serving
from tests.bot.platforms.telegram.server import bot_api


@pytest.mark.long
async def test_whoever_is_sent_away_goes_quietly(tmp_path: Path) -> None:
    gates = Gates()
    async with (
        EmbeddedServer(tmp_path / "engine", nodes=gates.nodes()) as engine,
        bot_api() as api,
        serving(api, tmp_path, COMFYUI_URLS=engine.url, DARKROOM_WORKFLOWS=str(write_workflows(tmp_path))),
    ):
        place = api.group(-100900)
        member, moderator, outside = Conversation(api, place), Conversation(api, place), Conversation(api)
        api.administrators.add((member.id, moderator.user))
        await moderator.write("/moderate deny negative")
        await moderator.answer("denied")
        await member.write("/gated gate=first")
        await member.answer("gate first", "%")
        await member.write("/gated gate=second")
        await member.answer("gate second", "Next in line")
        us = {"id": 1, "is_bot": True, "first_name": "Darkroom"}
        before, after = ({"user": us, "status": status} for status in ("member", "left"))
        change = {"chat": place, "from": api.person(moderator.user), "date": 0}
        await api.update({"my_chat_member": {**change, "old_chat_member": before, "new_chat_member": after}})
        await member.answer("gate second", "Cancelled")  # Telegram would let nobody see it
        await outside.write("/gated gate=outside")

        async def is_taken_back() -> bool:
            return all("second" not in str(job.graph) for job in engine._jobs.pending)

        await until(is_taken_back)
        gates.open("outside", "first")
        await outside.result()
        assert "second" not in gates.passed
        await member.write("/workflows")
        await member.answer("What would you like?", button="Negative")
