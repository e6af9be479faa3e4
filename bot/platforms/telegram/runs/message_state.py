"""The state of the messages that this process edits: the latest edit, and a lock so that one goes at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.platforms.telegram.chats import Chat

_KNOWN = 10_000  # messages


@dataclass
class MessageState:
    """One message. `edit_number` counts what was asked to be shown: of two that wait, only the later one is shown.
    `moved_to` is the message that replaces it; `is_final` says that no progress may follow; `newest` is the run of a
    group of which it shows the result.
    """

    edit_number: int = 0
    moved_to: int | None = None
    is_final: bool = False
    newest: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class MessageStates:
    """The messages edited last, by their first address."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Chat, int], MessageState] = OrderedDict()

    def of(self, chat: Chat, message: int) -> MessageState:
        state = self._known.setdefault((chat, message), MessageState())
        self._known.move_to_end((chat, message))
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return state
