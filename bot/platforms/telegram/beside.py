"""The message of a run that its person asked for on the page, in the chat of another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from telegram.error import TelegramError

from bot.core.errors import DeliveryFailed, StorageFailed, UserError
from bot.core.model import Address, Received, RunSummary
from bot.core.platform import KeyValueStore
from bot.core.status_text import describe
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unsuitable
from bot.platforms.telegram.chats import Chat, address_of
from bot.platforms.telegram.runs import callback_data, captions


@asynccontextmanager
async def opened_beside(
    api: TelegramApi, notes: KeyValueStore, brief: RunSummary, beside: Address
) -> AsyncIterator[Address]:
    """Open a message in the chat of another run, hidden as that one; see `bot.core.port.RunPoster`."""
    chat = Chat.read(beside.chat)
    words = _("{title} for {name}").format(title=brief.title, name=brief.person.name or brief.person.id)
    html = captions.lines(f"{words}\n{describe(Received())}", captions.CAPTION)
    try:
        sent = await api.send(chat, html, callback_data.waiting(str(uuid4())))
    except (Gone, Unsuitable) as fault:
        raise DeliveryFailed(_("Telegram did not let me write there: {reason}").format(reason=fault)) from fault
    if await notes.get(storage_keys.spoiler(chat, int(beside.message))):
        await notes.put(storage_keys.spoiler(chat, sent.message_id), True)
    try:
        yield address_of(chat, sent.message_id)
    except (UserError, StorageFailed):
        with suppress(TelegramError):
            await api.bot.delete_message(chat.id, sent.message_id)
        raise
