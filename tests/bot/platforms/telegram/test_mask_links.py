"""A mask for a run on Telegram, drawn on the page: the link comes in the chat with the bot, the result in the group."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.bot.platforms.telegram.harness import Conversation, picture, serving
from tests.bot.platforms.telegram.server import bot_api
from tests.bot.platforms.web.inpaint import write_inpaint
from tests.bot.platforms.web.linked import Browser, half_mask, looked_at
from tests.ports import free_port


@pytest.mark.long
async def test_a_link_comes_in_private_and_its_result_where_it_was_asked_for(tmp_path: Path) -> None:
    await asyncio.to_thread(write_inpaint, tmp_path / "workflows")
    port = free_port()
    more = {
        "DARKROOM_WEB": "on",
        "DARKROOM_WEB_PORT": str(port),
        "DARKROOM_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DARKROOM_WORKFLOWS": str(tmp_path / "workflows"),
    }
    async with bot_api() as api, serving(api, tmp_path, **more), Browser() as browser:
        place = api.group(-100_910_001)
        member, stranger = Conversation(api, place), Conversation(api, place)
        alone = Conversation(api, user=member.user)
        await member.write("/inpaint", photo=picture("navy"))
        first = await member.result()
        assert "for another person" in await member.notice(await stranger.press(first, "Draw a mask"))
        api.shut[member.user] = "bot can't initiate conversation with a user"
        assert "press Start" in await member.notice(await member.press(first, "Draw a mask"))
        api.shut.clear()
        assert "private chat" in await member.notice(await member.press(first, "Draw a mask"))
        told = await alone.answer("works for 30 minutes")
        link = re.findall(r"http://\S+/mask/\S+", told.text)[0]
        await looked_at(link)
        assert (await browser.open(link))[0] == 200
        status, said = await browser.save(link, half_mask(), "0,0,1,0.5")
        assert status == 201, said
        drawn = await member.result(2)
        assert "Draw a mask" in drawn.buttons()
        made = Image.open(BytesIO(drawn.media or b"")).convert("RGB")
        assert made.width / made.height == 64 / 24
        assert made.getpixel((4, 12)) != made.getpixel((60, 12))
        assert (await browser.save(link, half_mask()))[0] == 403
