"""Questions to operators about workflows that people save at servers, and what becomes of the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegram import InlineKeyboardMarkup

from bot.core.errors import DeliveryFailed
from bot.core.port import WorkflowQuestion
from bot.i18n import _
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unsuitable
from bot.platforms.telegram.chats import Chat
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import button

_DATA = re.compile(r"w:([yn]):([0-9a-z]{1,40}):([0-9a-f]{1,12})")


@dataclass(frozen=True)
class SavedAnswer:
    """An operator's answer to the question about a version of a saved workflow."""

    key: str
    newest: str
    yes: bool

    @property
    def data(self) -> str:
        return f"w:{'y' if self.yes else 'n'}:{self.key}:{self.newest}"

    @classmethod
    def read(cls, data: str) -> SavedAnswer | None:
        """Read a button's data; None if it is not an answer."""
        found = _DATA.fullmatch(data)
        return None if found is None else cls(found[2], found[3], found[1] == "y")


async def ask(api: TelegramApi, person: str, question: WorkflowQuestion) -> None:
    """Ask an operator in a chat with them alone. Raises `DeliveryFailed`."""
    yes, no = (SavedAnswer(question.id, question.newest, each) for each in (True, False))
    keyboard = InlineKeyboardMarkup([[button(_("Open to others"), yes.data), button(_("Keep closed"), no.data)]])
    try:
        await api.send(Chat(int(person)), captions.lines(question.text, captions.TEXT), keyboard)
    except (Gone, Unsuitable, ValueError) as fault:
        raise DeliveryFailed(str(fault)) from fault
