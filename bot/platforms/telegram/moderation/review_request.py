"""Asking moderators about a run that waits for their yes."""

from __future__ import annotations

from contextlib import suppress

from telegram import InlineKeyboardMarkup

from bot.core.errors import DeliveryFailed
from bot.core.model import Result, RunSummary
from bot.core.platform import work_folder
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unconfirmed, Unsuitable
from bot.platforms.telegram.chats import Chat
from bot.platforms.telegram.moderation import panel
from bot.platforms.telegram.runs.media import LOCAL_UPLOAD, UPLOAD, OutgoingMedia
from bot.platforms.telegram.runs.packing import packed


async def ask(api: TelegramApi, chat: Chat, brief: RunSummary, result: Result | None) -> None:
    """Show a run's files, covered, and what was asked for, with the ways to approve and refuse it."""
    await _ask(api, chat, result, panel.request(brief), panel.reviewing(brief.run_id, brief.place.community))


async def ask_about_report(api: TelegramApi, chat: Chat, brief: RunSummary, result: Result) -> None:
    """Show a reported result, covered, with the ways to take it away and to leave it."""
    await _ask(api, chat, result, panel.reported(brief), panel.deciding(brief.run_id, brief.place.community))


async def _ask(api: TelegramApi, chat: Chat, result: Result | None, text: str, keyboard: InlineKeyboardMarkup) -> None:
    try:
        with work_folder() as folder:
            files = result.files if result is not None else ()
            packing = await packed(files, LOCAL_UPLOAD if api.local else UPLOAD, folder)
            for media in packing.shown:
                await _post(api, chat, media)
        await api.send(chat, text, keyboard)
    except (Gone, Unsuitable) as fault:
        raise DeliveryFailed(str(fault)) from fault


async def _post(api: TelegramApi, chat: Chat, media: OutgoingMedia) -> None:
    topic = chat.topic
    with suppress(Unconfirmed):
        await api.ask(chat, lambda number: media.post(api, number, topic=topic, spoiler=True), once=True)
