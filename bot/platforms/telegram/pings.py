"""Pings: a person whose request has ended gets a new message, because an edit notifies nobody."""

from __future__ import annotations

from functools import partial

from telegram import Message
from telegram.constants import ParseMode

from bot.core.errors import DeliveryFailed, PlatformAway
from bot.core.model import Address, RunSummary
from bot.core.port import Ping
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Unconfirmed, replying
from bot.platforms.telegram.chats import Chat, link
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.reply import ReplyContext


async def send_ping(context: ReplyContext, address: Address, brief: RunSummary, ping: Ping) -> None:
    """Answer the message of a run with one that mentions its person, unless the result came as new messages. In a group
    a person who wants that gets a message in private, if they have ever written to the bot there. Raises
    `DeliveryFailed`.
    """
    chat, message = Chat.read(address.chat), int(address.message)
    for name in (storage_keys.album(ping.group or brief.run_id), storage_keys.moved(chat, message)):
        if await context.notes.get(name) is not None:
            return
    text, person = captions.plain(ping.text), int(brief.person.id)
    if ping.direct and not chat.is_private and person > 0:
        try:
            await _send(context, Chat(person), f"{text}\n{link(chat, message)}", None)
            return
        except PlatformAway:
            raise
        except DeliveryFailed:  # the person has not begun a chat with the bot
            pass
    if not chat.is_private and person > 0:
        text = f'<a href="tg://user?id={person}">{captions.plain(brief.person.name or brief.person.id)}</a>: {text}'
    await _send(context, chat, text, message)


async def _send(context: ReplyContext, chat: Chat, text: str, reply_to: int | None) -> None:
    """Send it once: where Telegram's answer is lost, it may be there."""

    async def send(number: int, topic: int | None) -> Message:
        parameters = replying(reply_to)
        return await context.api.bot.send_message(
            number, text, ParseMode.HTML, message_thread_id=topic, reply_parameters=parameters
        )

    try:
        await context.api.ask(chat, partial(send, topic=chat.topic), once=True)
    except Unconfirmed:
        return
