"""Access to the bot: for people and chats that the operator names, and in private for people that a served group has
let in. The administrators of a group are asked of Telegram at most once a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from html import escape

from telegram import Chat as TelegramChat
from telegram import ChatFullInfo, ChatMember, ChatMemberRestricted, Message, User
from telegram.error import TelegramError

from bot.core.errors import UserError
from bot.core.model import Person
from bot.core.platform import KeyValueStore
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import TelegramApi
from bot.platforms.telegram.chats import NAME

_FRESH = 60.0  # seconds
_KNOWN = 5000  # people, and groups
_ADMINISTRATORS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


@dataclass(frozen=True)
class Rights:
    """A person's rights in a group: as one of its administrators, and as its owner."""

    moderator: bool = False
    owner: bool = False


class ChatAccess:
    """Knows who may use the bot. `allowed` are ids and @names of people and chats, or `*`; operators always are.
    `admitted` returns the communities that let a person ask in private.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        api: TelegramApi,
        notes: KeyValueStore,
        admitted: Callable[[Person], Iterable[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = frozenset(name.casefold().removeprefix("@") for name in allowed)
        self._api, self._notes, self._admitted, self._clock = api, notes, admitted, clock
        self._members: dict[tuple[int, int], tuple[ChatMember, float]] = {}
        self._groups: dict[int, tuple[ChatFullInfo, float]] = {}

    async def admits(self, chat: TelegramChat, user: User | None) -> bool:
        """Check that the bot serves a person in a chat: either is named, or, in private, a group let the person in."""
        if user is not None and self._is_named(user.id, user.username):
            return True
        if chat.type != TelegramChat.PRIVATE:
            return await self._serves(chat.id, chat.username)
        groups = self._admitted(Person(NAME, str(chat.id)))
        return any([await self.serves(int(each.removeprefix(f"{NAME}:"))) for each in groups])

    async def serves(self, group: int) -> bool:
        """Check that the bot serves everyone in a group."""
        return await self._serves(group, None) or self._is_named(group, await self._name_of(group))

    @property
    def may_serve_groups(self) -> bool:
        """True if groups may be served, so that their administrators may let people in."""
        return any(not name.isdecimal() for name in self._allowed)

    async def turned_away(self, user: User) -> None:
        """Remember the @name of a refused person for a while, for those who may let them in."""
        await self._notes.put(storage_keys.stranger(user.id), user.username or "")

    async def named(self, name: str) -> Person:
        """Find a person who was turned away lately, by their @name. Raises `UserError`.

        Names change hands: so the person counts only if Telegram says that they still have it.
        """
        wanted = name.casefold().removeprefix("@")
        for note, known in (await self._notes.starting(storage_keys.STRANGER)).items():
            if known.casefold() == wanted:
                with suppress(TelegramError):
                    found = await self._api.bot.get_chat(int(note.removeprefix(storage_keys.STRANGER)))
                    if (found.username or "").casefold() == wanted:
                        return Person(NAME, str(found.id), found.full_name or "")
        words = _(
            "I do not know {name}: they write to me first, or you reply to a message of theirs, or give their id."
        )
        raise UserError(words.format(name=name))

    async def rights(self, chat: int, user: int) -> Rights:
        """A person's rights in a group."""
        member = await self._member(chat, user)
        if member is None:
            return Rights()
        return Rights(member.status in _ADMINISTRATORS, member.status == ChatMember.OWNER)

    async def may_write(self, chat: TelegramChat, user: int) -> bool:
        """True if a person may write in a chat themselves: in a channel, only administrators may."""
        if chat.type == TelegramChat.PRIVATE:
            return True
        member = await self._member(chat.id, user)
        if member is None or member.status in _ADMINISTRATORS:
            return member is not None
        if chat.type == TelegramChat.CHANNEL or member.status == ChatMember.BANNED:
            return False
        if isinstance(member, ChatMemberRestricted):
            return member.can_send_messages
        group = await self._group(chat.id)
        muted = group is not None and group.permissions is not None and group.permissions.can_send_messages is False
        stranger = member.status == ChatMember.LEFT and group is not None and bool(group.join_to_send_messages)
        return not muted and not stranger

    async def _member(self, chat: int, user: int) -> ChatMember | None:
        """A member as Telegram knows them; None where it does not say."""
        now = self._clock()
        known = self._members.get((chat, user))
        if known is not None and now - known[1] < _FRESH:
            return known[0]
        try:
            member = await self._api.bot.get_chat_member(chat, user)
        except TelegramError:
            return None
        if len(self._members) > _KNOWN:
            self._members.clear()
        self._members[chat, user] = (member, now)
        return member

    async def _serves(self, chat: int, name: str | None) -> bool:
        if self._is_named(chat, name):
            return True
        before = await self._notes.get(storage_keys.migrated(chat))
        return before is not None and str(before) in self._allowed

    def _is_named(self, number: int, name: str | None) -> bool:
        return "*" in self._allowed or bool(self._allowed & ({str(number), (name or "").casefold()} - {""}))

    async def _name_of(self, group: int) -> str:
        """The @name of a public group, which the operator may have named it by; empty where it has none."""
        found = await self._group(group)
        return (found.username or "") if found is not None else ""

    async def _group(self, group: int) -> ChatFullInfo | None:
        """A group as Telegram knows it; None where it does not say."""
        now = self._clock()
        known = self._groups.get(group)
        if known is not None and now - known[1] < _FRESH:
            return known[0]
        try:
            found = await self._api.bot.get_chat(group)
        except TelegramError:
            return None
        if len(self._groups) > _KNOWN:
            self._groups.clear()
        self._groups[group] = (found, now)
        return found


def refusal(message: Message, person: Person, operators: Iterable[str], *, or_moderators: bool) -> str:
    """The refusal as HTML: its reason, and the person to ask."""
    ids = [key.removeprefix(f"{NAME}:") for key in sorted(operators) if key.startswith(f"{NAME}:")]
    asked = " ".join(f'<a href="tg://user?id={escape(number)}">{escape(number)}</a>' for number in ids)
    whom = (
        _("Ask the operator of this bot ({people})").format(people=asked) if ids else _("Ask the operator of this bot")
    )
    if or_moderators and message.chat.id == int(person.id):
        whom += _(", or an administrator of a group that I serve,")
    if message.chat.id == int(person.id):
        words = _("I do not know you yet. {whom} to let you in: your id is <code>{person}</code>.")
    else:
        words = _(
            "I do not serve this chat yet. {whom} to let it in: its id is <code>{chat}</code>; yours is {person}."
        )
    return words.format(whom=whom, person=escape(person.id), chat=message.chat.id)
