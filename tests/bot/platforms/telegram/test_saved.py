"""A workflow that somebody saves in ComfyUI becomes a command on Telegram once an operator says yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.embedded import EmbeddedServer
from tests.bot.core.sources.saving import LibraryServer, delete, save, saved_graph
from tests.bot.platforms.telegram.harness import Conversation, forged, serving
from tests.bot.platforms.telegram.server import bot_api


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.long
async def test_from_save_to_a_command_after_a_yes(tmp_path: Path, yes: bool) -> None:
    async with bot_api() as api, EmbeddedServer() as server:
        operator, member = Conversation(api), Conversation(api)
        settings = {
            "COMFYUI_URLS": f"garage={server.url};publish=trial",
            "DARKROOM_OPERATORS": f"telegram:{operator.user}",
        }
        async with serving(api, tmp_path, **settings):
            await save(server.url, "My sheet.json", saved_graph())
            question = await operator.answer("waits for you", "someone saved My sheet.json at garage")
            await member.write("/my_sheet")
            await member.answer("waits for the operator")
            data = question.reply_markup["inline_keyboard"][0][0]["callback_data"]
            assert "Only the operator" in await member.notice(await member.press(forged(member, data), "x"))
            await operator.press(question, "Open to others" if yes else "Keep closed")
            await operator.answer("Opened “My sheet”" if yes else "Did not open “My sheet”")
            await member.write("/my_sheet")
            if yes:
                await member.result()
                await delete(server.url, "My sheet.json")
            else:
                await member.answer("my_sheet")


@pytest.mark.long
async def test_operators_and_trusted_people_do_it_with_words(tmp_path: Path) -> None:
    async with bot_api() as api, LibraryServer() as server:
        group = api.group(-100_900_000)
        operator = Conversation(api, group)
        settings = {"COMFYUI_URLS": f"garage={server.url}", "DARKROOM_OPERATORS": f"telegram:{operator.user}"}
        async with serving(api, tmp_path, **settings):
            await operator.write("/moderate workflow templates sheet")
            await operator.answer("sheet: A blank sheet", "from the pack lost-pack")
            await operator.write("/moderate workflow add template sheet blank")
            await operator.answer("You can try it now")
            await save(server.url, "My sheet.json", saved_graph())
            await api.until(lambda: any("my_sheet" in str(commands) for commands in api.commands.values()))
            await operator.write("/moderate workflow saved")
            await operator.answer("My sheet: open", "looks after it")
            await operator.write("/moderate workflow versions My sheet")
            await operator.answer("(offered, newest)")
            await operator.write("/moderate workflow unpublish My sheet")
            await operator.answer("Closed “My sheet”")
            await operator.write("/moderate workflow back My sheet 1")
            await operator.answer("is version 1 again")
            await operator.write("/moderate workflow back My sheet 7")
            await operator.answer("no such version")
