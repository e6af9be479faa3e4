"""A workflow that somebody saves in ComfyUI becomes a command on Discord once an operator says yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.embedded import EmbeddedServer
from tests.bot.core.sources.saving import LibraryServer, delete, save, saved_graph
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, MO, channel_of_its_own, house, results
from tests.bot.platforms.discord.test_moderation import commands, moderate, told


@pytest.mark.long
async def test_from_save_to_a_command_after_a_yes(tmp_path: Path) -> None:
    async with FakeDiscord() as fake, EmbeddedServer() as server:
        fake.add_guild(ALICE, BOB, MO)
        settings = {"COMFYUI_URLS": f"garage={server.url};publish=trial", "DARKROOM_OPERATORS": f"discord:{MO}"}
        async with house(fake, tmp_path, settings=settings):
            channel = await channel_of_its_own(fake)
            await save(server.url, "My sheet.json", saved_graph())

            def question() -> Post | None:
                return next((post for post in fake.public if "waits for you" in post.content), None)

            asked = await fake.until(question)
            assert isinstance(asked, Post)
            assert asked.labels == ["Open to others", "Keep closed"]
            assert "someone saved My sheet.json at garage" in asked.content
            assert "my_sheet" not in commands(fake, channel)
            forged = await fake.click(BOB, asked, "Open to others")
            await told(fake, forged, "Only the operator")
            await fake.click(MO, asked, "Open to others")
            await fake.until(lambda: asked.labels == [] and "Opened “My sheet”" in asked.content)
            await fake.until(lambda: "my_sheet" in commands(fake, channel))
            await fake.slash(ALICE, channel, "my_sheet", {})
            await results(fake, channel)

            listed = await moderate(fake, channel, "saved", group="workflow")
            await told(fake, listed, "My sheet: open")
            sheet = {"workflow": "My sheet"}
            await told(fake, await moderate(fake, channel, "versions", sheet, group="workflow"), "(offered, newest)")
            await told(fake, await moderate(fake, channel, "unpublish", sheet, group="workflow"), "Closed “My sheet”")
            await fake.until(lambda: "my_sheet" not in commands(fake, channel))
            await told(fake, await moderate(fake, channel, "publish", sheet, group="workflow"), "Opened “My sheet”")
            await fake.until(lambda: "my_sheet" in commands(fake, channel))
            await delete(server.url, "My sheet.json")
            await fake.until(lambda: "my_sheet" not in commands(fake, channel))


@pytest.mark.long
async def test_trusted_people_add_a_workflow_of_the_library(tmp_path: Path) -> None:
    async with FakeDiscord() as fake, LibraryServer() as server:
        fake.add_guild(ALICE, BOB, MO)
        settings = {"COMFYUI_URLS": server.url, "DARKROOM_TRUSTED": f"discord:{MO}"}
        async with house(fake, tmp_path, settings=settings):
            channel = await channel_of_its_own(fake)
            words = {"words": "sheet"}
            await told(fake, await moderate(fake, channel, "templates", words, by=BOB, group="workflow"), "trusts")
            found = await moderate(fake, channel, "templates", words, group="workflow")
            await told(fake, found, "sheet: A blank sheet")
            await told(fake, found, "from the pack lost-pack")
            added = await moderate(fake, channel, "template", {"template": "sheet"}, group="workflow")
            await told(fake, added, "You can try it now")
