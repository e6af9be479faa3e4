"""The last message that is known of each chat: what is sent later has a higher id."""

from __future__ import annotations

from typing import Any

from telegram import Message, Update

_SUPERGROUPS = -1_000_000_000_000  # their ids are below


class LastMessages:
    """A supergroup or channel counts its own messages; all other chats of a bot share one count."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}

    def of(self, chat: int) -> int:
        """Return the highest id that is known; 0 if none is."""
        return self._ids.get(_box(chat), 0)

    def see(self, answer: Any) -> None:
        """Take note of an answer to a request, if it is a message or several."""
        for each in answer if isinstance(answer, list | tuple) else (answer,):
            if isinstance(each, Message):
                self._note(each.chat.id, each.message_id)

    def see_update(self, update: Update) -> int:
        """Take note of an update's message; the highest id that is known in its chat then."""
        message = update.effective_message
        if message is None:
            return 0
        self._note(message.chat.id, message.message_id)
        return self.of(message.chat.id)

    def _note(self, chat: int, message: int) -> None:
        self._ids[_box(chat)] = max(message, self.of(chat))


def _box(chat: int) -> int:
    return chat if chat < _SUPERGROUPS else 0
