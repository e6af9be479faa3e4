"""Who is served: those that the operator names; and who administers a group, asked of Telegram once a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

from telegram import Chat as TelegramChat
from telegram import ChatMember, Message, User
from telegram.error import TelegramError

from bot.core.chat import Person
from bot.core.notes import Notes
from bot.platforms.telegram import remembered
from bot.platforms.telegram.places import NAME
from bot.platforms.telegram.wire import Wire
from bot.words import _

_FRESH = 60.0  # seconds
_KNOWN = 5000  # people
_ADMINISTRATORS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


@dataclass(frozen=True)
class Rights:
    """What somebody is in a group: one of its administrators, and the one to whom it belongs."""

    moderator: bool = False
    owner: bool = False


class Access:
    """Knows the guest list. `allowed` are ids and @names of people and chats, or `*`; operators always are."""

    def __init__(
        self, allowed: Iterable[str], wire: Wire, notes: Notes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed = frozenset(name.casefold().removeprefix("@") for name in allowed)
        self._wire, self._notes, self._clock = wire, notes, clock
        self._members: dict[tuple[int, int], tuple[Rights, float]] = {}

    async def admits(self, chat: TelegramChat, user: User | None) -> bool:
        """Whether somebody is served in a chat: one of the two has to be named."""
        names = {str(chat.id), (chat.username or "").casefold()}
        if user is not None:
            names |= {str(user.id), (user.username or "").casefold()}
        if "*" in self._allowed or self._allowed & (names - {""}):
            return True
        before = await self._notes.get(remembered.migrated(chat.id)) if chat.id < 0 else None
        return before is not None and str(before) in self._allowed

    async def rights(self, chat: int, user: int) -> Rights:
        """What somebody is in a group."""
        now = self._clock()
        known = self._members.get((chat, user))
        if known is not None and now - known[1] < _FRESH:
            return known[0]
        try:
            member = await self._wire.bot.get_chat_member(chat, user)
        except TelegramError:
            return Rights()
        if len(self._members) > _KNOWN:
            self._members.clear()
        rights = Rights(member.status in _ADMINISTRATORS, member.status == ChatMember.OWNER)
        self._members[chat, user] = (rights, now)
        return rights


def refusal(message: Message, person: Person, operators: Iterable[str]) -> str:
    """Why somebody is not served, and whom to ask, as HTML."""
    ids = [key.removeprefix(f"{NAME}:") for key in sorted(operators) if key.startswith(f"{NAME}:")]
    asked = " ".join(f'<a href="tg://user?id={escape(number)}">{escape(number)}</a>' for number in ids)
    whom = (
        _("Ask the operator of this bot ({people})").format(people=asked) if ids else _("Ask the operator of this bot")
    )
    if message.chat.id == int(person.id):
        words = _("I do not know you yet. {whom} to let you in: your id is <code>{person}</code>.")
    else:
        words = _(
            "I do not serve this chat yet. {whom} to let it in: its id is <code>{chat}</code>; yours is {person}."
        )
    return words.format(whom=whom, person=escape(person.id), chat=message.chat.id)
