"""Asking moderators about a run that waits for their yes."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from bot.core.errors import DeliveryFailed
from bot.core.model import Result, RunSummary
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unconfirmed, Unsuitable
from bot.platforms.telegram.chats import Chat
from bot.platforms.telegram.moderation import panel
from bot.platforms.telegram.runs.media import LOCAL_UPLOAD, UPLOAD, OutgoingMedia, packed


async def ask(wire: TelegramApi, chat: Chat, brief: RunSummary, result: Result | None) -> None:
    """Show a run's files, covered, and what was asked for, with the ways to approve and refuse it."""
    try:
        for parcel in await _parcels(wire, result):
            await _post(wire, chat, parcel)
        await wire.send(chat, panel.request(brief), panel.reviewing(brief.run_id, brief.place.community))
    except (Gone, Unsuitable) as fault:
        raise DeliveryFailed(str(fault)) from fault


async def _parcels(wire: TelegramApi, result: Result | None) -> list[OutgoingMedia]:
    """The files that can be sent unchanged: a moderator need not see a file that the chat could not."""
    if result is None:
        return []
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        parcels, _left_out = await packed(result.files, LOCAL_UPLOAD if wire.local else UPLOAD, Path(folder))
    return [each for each in parcels if any(each.file is file for file in result.files)]


async def _post(wire: TelegramApi, chat: Chat, parcel: OutgoingMedia) -> None:
    topic = chat.topic
    with suppress(Unconfirmed):
        await wire.ask(chat, lambda number: parcel.post(wire, number, topic=topic, spoiler=True), once=True)
