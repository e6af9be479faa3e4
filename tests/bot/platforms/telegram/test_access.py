"""The people that the bot serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bot.platforms.telegram.harness import Conversation, picture, serving
from tests.bot.platforms.telegram.server import BotApi, bot_api


async def test_strangers_are_told_whom_to_ask(tmp_path: Path) -> None:
    allowed = {"TELEGRAM_ALLOWED": "5, @Ben, -100900", "DARKROOM_OPERATORS": "telegram:77"}
    async with bot_api() as api, serving(api, tmp_path, **allowed):
        stranger = Conversation(api, user=6)
        await stranger.write("/negative", photo=picture())
        refusal = await stranger.answer("your id is 6")
        assert "77" in refusal.text
        await Conversation(api, api.group(-100901), user=6).write("/negative", photo=picture())
        await Conversation(api, api.group(-100901)).answer("-100901")
        await Conversation(api, api.group(-100902), user=6).write("hello all")

        for served in (Conversation(api, user=5), Conversation(api, user=77), Conversation(api, api.group(-100900))):
            await served.write("/negative", photo=picture())
            await served.result()
        await api.write("/negative", chat={**api.private(8), "username": "ben"}, photo=picture())
        await Conversation(api, user=8).result()
        await api.until(lambda: not Conversation(api, api.group(-100902)).messages)

        await became(api, -100900, -100999)
        moved = Conversation(api, api.group(-100999), user=6)
        await moved.write("/negative", photo=picture())
        await moved.result()


@pytest.mark.long
async def test_administrators_let_people_in(tmp_path: Path) -> None:
    served = {"TELEGRAM_ALLOWED": "-100900, @Friends, 5", "DARKROOM_OPERATORS": "telegram:77"}
    async with bot_api() as api, serving(api, tmp_path, **served):
        place, public = api.group(-100900), api.group(-100901, username="friends")
        ann, ben = Conversation(api, {**api.private(6), "username": "Ann"}, user=6), Conversation(api, user=7)
        admin, member, other = (
            Conversation(api, place),
            Conversation(api, place, user=7),
            Conversation(api, public),
        )
        api.administrators |= {(place["id"], admin.user), (public["id"], other.user), (-100902, 5)}
        await ann.write("/negative", photo=picture())
        await ann.answer("an administrator of a group that I serve", "your id is 6")
        await member.write("/moderate admit 7")
        await member.answer("Only moderators")
        await admin.write("/moderate admit @ann")
        await admin.answer("Ann may use the bot in private")
        await ann.write("/negative", photo=picture())
        await ann.result()

        elsewhere = Conversation(api, api.group(-100902), user=5)  # who is served, unlike the group
        await elsewhere.write("/moderate admit 7")
        await elsewhere.answer("Only a group that the operator of this bot has named")
        await Conversation(api, api.group(-100902), user=6).write("/negative", photo=picture())
        await elsewhere.answer("I do not serve this chat yet")

        asked = await member.write("/negative", photo=picture())
        await member.result()
        await admin.write("/moderate admit", reply_to=asked)
        await admin.answer("User7 may use the bot in private")
        await ben.write("/negative", photo=picture())
        shown = await ben.result()
        await admin.write("/moderate block", reply_to=asked)
        await admin.answer("is blocked")
        await ben.write("/negative", photo=picture())
        await ben.answer("I do not know you yet")
        assert "I do not serve you" in await ben.notice(await ben.press(shown, "Again"))

        await other.write("/moderate admit 6")
        await other.answer("6 may use the bot in private")
        await admin.write("/moderate undo")
        await admin.answer("Undone")
        await admin.write("/moderate dismiss 6")
        await admin.answer("may no longer use the bot in private")
        await ann.write("/help")
        await ann.answer("Other fields are set as name=value")  # the public group lets them in still
        await sent_away(api, public)
        await until_told(ann, "I do not know you yet")
        await admin.write("/moderate admit @nobody")
        await admin.answer("I do not know @nobody")


async def until_told(person: Conversation, words: str) -> None:
    """Ask again and again, until the answer has these words in it."""
    while words not in person.last.text:
        count = len(person.messages)
        await person.write("/help")
        await person.api.until(lambda count=count: len(person.messages) > count)


async def sent_away(api: BotApi, place: dict[str, Any]) -> None:
    us = {"id": 1, "is_bot": True, "first_name": "Darkroom"}
    before, after = ({"user": us, "status": status} for status in ("member", "left"))
    change = {"chat": place, "from": api.person(1), "date": 0}
    await api.update({"my_chat_member": {**change, "old_chat_member": before, "new_chat_member": after}})


async def became(api: BotApi, old: int, new: int) -> None:
    """A group becomes a supergroup."""
    api.migrated[old] = new
    await api.write(chat=api.group(new), migrate_from_chat_id=old)
