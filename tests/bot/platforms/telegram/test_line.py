"""The line and the limits, as a chat shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import Person
from bot.core.people.accounts import LinkedAccounts
from bot.settings import Settings
from bot.stores import database
from comfy.embedded import EmbeddedServer
from tests.bot.harness import Gates, write_workflows
from tests.bot.platforms.telegram.harness import Conversation, serving, settings
from tests.bot.platforms.telegram.server import bot_api


@pytest.mark.long
async def test_the_line_has_a_button_for_each_own_run_that_says_what_it_cancels(tmp_path: Path) -> None:
    own, gates = write_workflows(tmp_path), Gates()
    async with bot_api() as api, EmbeddedServer(nodes=gates.nodes()) as server:
        chat, more = Conversation(api), {"DARKROOM_WORKFLOWS": str(own), "COMFYUI_URLS": f"one={server.url}"}
        async with serving(api, tmp_path, **more):
            await chat.write("/gated color=3 gate=a")
            await chat.answer("Gated", "Working")
            await chat.write("/gated color=4 gate=b")
            await chat.answer("Next in line")
            await chat.write("/queue")
            line = await chat.answer("1. Gated for", ": runs", "2. Gated for", "next in line", button="Cancel 2: Gated")
            await chat.press(line, "Cancel 1: Gated")
            await chat.answer("Gated", "Cancelled by")
            await chat.write("/limits")
            await chat.answer("At most 2 of your runs at a time", "There is no other limit on your runs here.")
            await chat.write("/notify 5 direct")
            await chat.answer("took longer than 5 minutes. You get a direct message.")
            await chat.write("/notify soon")
            await chat.answer("say never, always, default, or a number of minutes")
            await chat.write("/link")
            code = (await chat.answer("Your code is")).text.split("Your code is ")[1][:11]
            await chat.write(f"/link {code} yes")
            await chat.answer("This is the code of this very account")
            await chat.write("/link AAAAA-AAAAA")
            await chat.answer("There is no such code")
            async with database(Settings.read(settings(api, tmp_path), None)) as kept:
                code = await LinkedAccounts(kept).code(Person("discord", "7", "Ann"))
            await chat.write(f"/link {code}")
            await chat.answer("the code of Ann on Discord", f"/link {code} yes")
            await chat.write(f"/link {code} yes")
            await chat.answer("one person now")
            await chat.write("/about")
            await chat.press(await chat.answer("deleted at any time", button="Delete my data"), "Delete my data")
            asked = await chat.answer("no longer joined with this one: Ann on Discord.", button="Yes, of all")
            assert "Yes, delete everything" in asked.buttons()
            await chat.write("/unlink")
            await chat.answer("for itself again")
            await chat.write("/unlink")
            await chat.answer("is not joined")
            gates.open()
            await chat.result()
