"""Who is served."""

from __future__ import annotations

from pathlib import Path

from tests.bot.platforms.telegram.house import Conversation, picture, serving
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


async def became(api: BotApi, old: int, new: int) -> None:
    """A group becomes a supergroup."""
    api.migrated[old] = new
    await api.write(chat=api.group(new), migrate_from_chat_id=old)
