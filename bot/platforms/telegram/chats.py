"""Chats and people: Telegram's as the core knows them, and back."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import CallbackQuery, Message, Update, User
from telegram import Chat as TelegramChat

from bot.core.model import Address, Person, Place

NAME = "telegram"


@dataclass(frozen=True)
class Chat:
    """A chat by its id, and the topic in it, where it has topics."""

    id: int
    topic: int | None = None

    @classmethod
    def read(cls, text: str) -> Chat:
        """Read the text that `str` writes."""
        number, _slash, topic = text.partition("/")
        return cls(int(number), int(topic) if topic else None)

    def __str__(self) -> str:
        return str(self.id) if self.topic is None else f"{self.id}/{self.topic}"

    @property
    def is_private(self) -> bool:
        return self.id > 0


def said(update: Update) -> Message | None:
    """A message that is said for the first time: no edited one, and no copy of a channel's post in its group."""
    message = update.message or update.channel_post
    return None if message is None or message.is_automatic_forward else message


def chat_of(message: Message) -> Chat:
    return Chat(message.chat.id, message.message_thread_id if message.is_topic_message else None)


def link(chat: Chat, message_id: int) -> str:
    """The link to a message of a supergroup, for its members."""
    topic = "" if chat.topic is None else f"/{chat.topic}"
    return f"https://t.me/c/{str(chat.id).removeprefix('-100')}{topic}/{message_id}"


def address_of(chat: Chat, message_id: int) -> Address:
    return Address(NAME, str(chat), str(message_id))


def place_of(message: Message) -> Place:
    """The place of a message: a private chat has no community, and a topic's parent is its group."""
    chat, spot = message.chat, chat_of(message)
    name, community = chat.title or chat.full_name or "", whole_group(chat).community
    return Place(NAME, str(spot), name, community, () if spot.topic is None else (str(chat.id),))


def whole_group(chat: TelegramChat) -> Place:
    """A chat with all its topics."""
    community = "" if chat.type == TelegramChat.PRIVATE else str(chat.id)
    return Place(NAME, str(chat.id), chat.title or chat.full_name or "", community)


def asker(message: Message) -> Person:
    """The author of a message: a person; or a chat, if an administrator writes in its name, or it is a channel."""
    if message.sender_chat is not None and (message.from_user is None or message.from_user.is_bot):
        return Person(NAME, str(message.sender_chat.id), message.sender_chat.title or "")
    if message.from_user is None:
        return Person(NAME, str(message.chat.id), message.chat.title or "")
    return _person(message.from_user)


def presser(query: CallbackQuery) -> Person:
    return _person(query.from_user)


def speaks_for_chat(message: Message) -> bool:
    """True if a message is written in the chat's own name, as only its administrators can."""
    return message.sender_chat is not None and message.sender_chat.id == message.chat.id


def _person(user: User) -> Person:
    return Person(NAME, str(user.id), user.full_name, language=user.language_code or "")
