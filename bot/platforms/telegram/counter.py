"""The counter: where guests stand, what it needs to serve them, and how a request becomes a run with a message."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telegram import User
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.core.chat import Person, Place, Received, RunRequest
from bot.core.desk import Desk
from bot.core.errors import BadValue, StorageFailed, UserError
from bot.core.notes import Notes
from bot.core.telling import describe
from bot.platforms.telegram import captions, remembered
from bot.platforms.telegram.access import Access
from bot.platforms.telegram.incoming import Sent, fetch
from bot.platforms.telegram.places import Chat, address_of
from bot.platforms.telegram.typed import example
from bot.platforms.telegram.wire import Unchanged, Wire
from bot.words import _


@dataclass(frozen=True)
class Guest:
    """Who wants something, where, and in which of Telegram's updates."""

    person: Person
    place: Place
    chat: Chat
    update: int
    message: int | None = None

    @property
    def is_private(self) -> bool:
        return self.chat.is_private


@dataclass(frozen=True)
class Counter:
    """What serves guests. `me` is the bot itself."""

    desk: Desk
    wire: Wire
    notes: Notes
    access: Access
    me: User

    async def say(self, guest: Guest, html: str, keyboard: Any = None) -> int:
        """Answer a guest's message; the answer's id."""
        sent = await self.wire.send(guest.chat, html, keyboard, reply_to=guest.message)
        return sent.message_id

    async def open(
        self, guest: Guest, request: RunRequest, *, message: int | None = None, hidden: bool = False
    ) -> None:
        """Have a run taken in, whose message is a new one, or one that stood for its draft.

        An update that is handled again after a crash finds the message that it has opened, and the run if there is one.
        """
        opened = remembered.opened(guest.update)
        known = await self.notes.get(opened)
        if known is None:
            known = await self._first_words(guest, request, message)
            await self.notes.put(opened, known)
        address = address_of(guest.chat, known)
        if await self.desk.records.at(address) is not None:
            return
        if hidden:
            await self.notes.put(remembered.spoiler(guest.chat, known), True)
        try:
            with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
                values = await self._fetched(request.values, Path(folder))
                await self.desk.take(RunRequest(request.workflow, values, request.person, request.place), address)
        except (UserError, StorageFailed) as fault:
            await self.edit(guest.chat, known, await self.sentence(guest, request.workflow, fault))

    async def edit(self, chat: Chat, message: int, html: str, keyboard: Any = None) -> None:
        """Set a message's text."""
        html_mode = ParseMode.HTML

        async def work(number: int) -> None:
            await self.wire.bot.edit_message_text(html, number, message, parse_mode=html_mode, reply_markup=keyboard)

        try:
            await self.wire.ask(chat, work, message=message)
        except Unchanged:
            return

    async def remove(self, chat: Chat, message: int) -> None:
        """Delete a message of ours, or leave it where it cannot be."""
        with suppress(TelegramError):
            await self.wire.bot.delete_message(chat.id, message)

    async def sentence(self, guest: Guest, workflow: str, fault: Exception) -> str:
        """A fault as HTML: of a value with an example that works."""
        if not isinstance(fault, BadValue):
            return captions.plain(str(fault))
        form = await self.desk.form(workflow, guest.person, guest.place)
        shown = example(command_of(workflow), form, fault.field)
        field, reason = captions.plain(fault.field), captions.plain(fault.reason)
        return f"<b>{field}</b>: {reason}\n" + _("For example: {example}").format(
            example=f"<code>{captions.plain(shown)}</code>"
        )

    async def _first_words(self, guest: Guest, request: RunRequest, message: int | None) -> int:
        words = _("{title} for {name}").format(
            title=self.desk.title(request.workflow), name=guest.person.name or guest.person.id
        )
        html = captions.lines(f"{words}\n{describe(Received())}", captions.CAPTION)
        if message is None:
            return await self.say(guest, html)
        await self.edit(guest.chat, message, html)
        return message

    async def _fetched(self, values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return {
            name: await fetch(self.wire.bot, value, folder, number) if isinstance(value, Sent) else value
            for number, (name, value) in enumerate(values.items())
        }


def command_of(workflow: str) -> str:
    """A workflow's name as a command: Telegram knows no “-” in one."""
    return workflow.replace("-", "_")
