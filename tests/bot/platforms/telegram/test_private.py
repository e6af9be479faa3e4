"""Private runs on Telegram: the result comes in the chat with the bot, and the group shows nothing."""

from __future__ import annotations

from itertools import count

import pytest

from tests.bot.platforms.telegram.harness import Conversation, picture
from tests.bot.platforms.telegram.server import BotApi

pytestmark = pytest.mark.asyncio(loop_scope="module")
_groups = count(-100_900_000, -1)


@pytest.mark.long
async def test_the_group_shows_nothing_of_a_private_run(api: BotApi) -> None:
    place = api.group(next(_groups))
    member, moderator = Conversation(api, place), Conversation(api, place)
    api.administrators.add((member.id, moderator.user))
    alone = Conversation(api, user=member.user)
    await member.write("/negative private=yes", photo=picture())
    await member.answer("Private runs are not allowed here")
    await moderator.write("/moderate private on")
    await moderator.answer("private runs are allowed")
    before = len(member.messages)
    await member.write("/negative private=yes", photo=picture())
    await alone.result()
    assert any("Moderators of this place can see" in str(call.data) for call in api.made("sendMessage"))
    assert len(member.messages) == before
    await moderator.write("/moderate log")
    await moderator.answer("private")
    api.shut[member.user] = "bot can't initiate conversation with a user"
    await member.write("/negative private=yes", photo=picture())
    await member.answer("Open a chat with me")
