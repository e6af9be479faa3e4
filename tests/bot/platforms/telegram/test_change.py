"""Change opens the newest form of a workflow, and says what is new in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.harness import write_workflows
from tests.bot.platforms.telegram.harness import Conversation, serving
from tests.bot.platforms.telegram.server import bot_api


@pytest.mark.long
async def test_change_says_what_has_changed_since_the_run(tmp_path: Path) -> None:
    own = write_workflows(tmp_path)
    sidecar, more = own / "plain.toml", "[fields.width]\ntarget = '#1.width'\n"
    async with bot_api() as api:
        chat = Conversation(api)
        async with serving(api, tmp_path, DARKROOM_WORKFLOWS=str(own)):
            await chat.write("/plain color=3")
            done = await chat.result()
        sidecar.write_text(sidecar.read_text() + more)
        async with serving(api, tmp_path, DARKROOM_WORKFLOWS=str(own)):
            await chat.press(done, "Change")
            form = await chat.answer("“Plain” has changed since that run. New: Width.", "Color: 3", button="Width")
            await chat.press(form, "Width")
            await chat.answer("Plain: Width")
            await chat.write("24")
            await chat.press(await chat.answer("has changed since that run", "Width: 24", button="Run"), "Run")
            assert "width 24" in (await chat.result(2)).text
