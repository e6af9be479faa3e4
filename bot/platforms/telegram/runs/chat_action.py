"""The line “sending a photo…” at the top of a chat, renewed while a run develops there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from telegram.constants import ChatAction

from bot.core.errors import DeliveryFailed
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unsuitable
from bot.platforms.telegram.chats import Chat

_EVERY, _EVERY_IN_GROUPS = 4.0, 12.0  # seconds; Telegram shows it for five, and counts it among a group's messages
_LONGEST = 300.0  # seconds without any news


class ChatActions:
    """Knows which messages develop. `work` is a task of the platform's."""

    def __init__(self, api: TelegramApi, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock = api, clock
        self._runs: dict[tuple[Chat, int], float] = {}
        self._said: dict[Chat, float] = {}
        self._news = asyncio.Event()

    def begin(self, chat: Chat, message: int) -> None:
        self._runs[chat, message] = self._clock()
        self._news.set()

    def end(self, chat: Chat, message: int) -> None:
        self._runs.pop((chat, message), None)

    async def work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            now = self._clock()
            self._runs = {key: at for key, at in self._runs.items() if at > now - _LONGEST}
            chats = {chat for chat, _message in self._runs}
            self._said = {chat: at for chat, at in self._said.items() if chat in chats}
            for chat in chats:
                if now - self._said.get(chat, -_LONGEST) >= (_EVERY if chat.is_private else _EVERY_IN_GROUPS):
                    self._said[chat] = now
                    await self._say(chat)
            if self._runs:
                await asyncio.sleep(1.0)
                self._news.set()

    async def _say(self, chat: Chat) -> None:
        with suppress(Gone, Unsuitable, DeliveryFailed):
            await self._api.hint(chat, ChatAction.UPLOAD_PHOTO)
