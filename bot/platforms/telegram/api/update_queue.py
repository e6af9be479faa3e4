"""The inbox: an update is on disk before Telegram hears that it was taken, and until it is done with."""

from __future__ import annotations

import asyncio

from telegram import Bot, Update

from bot.core.platform import KeyValueStore
from bot.platforms.telegram import storage_keys

_KEPT = 86_400.0  # seconds: as long as Telegram keeps an update that no bot fetches
_RECENT = 1000  # updates that are done, and are remembered so that none is answered twice
_FORGOTTEN = 7 * 86_400.0  # seconds after which a draft, or a stranger's name, is no longer needed


class UpdateQueue:
    """Updates, each handed out once in this process, and again after a crash if it was not done with."""

    def __init__(self, notes: KeyValueStore) -> None:
        self._notes = notes
        self._waiting: asyncio.Queue[Update] = asyncio.Queue()
        self._resumed: set[int] = set()
        self._undone: set[int] = set()

    async def put(self, update: Update) -> None:
        """Take an update in; one that was taken before is left out."""
        if await self._notes.add(storage_keys.update(update.update_id), update.to_dict()):
            self._undone.add(update.update_id)
            self._waiting.put_nowait(update)

    async def get(self) -> Update:
        return await self._waiting.get()

    async def done(self, update: Update) -> None:
        """Mark an update as done, so that it is not handed out again."""
        await self._notes.put(storage_keys.update(update.update_id), {})
        self._undone.discard(update.update_id)
        old = update.update_id - _RECENT
        if old not in self._undone:
            await self._notes.drop(storage_keys.update(old))

    def again(self, update: Update) -> bool:
        """True if an earlier process may have answered the update."""
        return update.update_id in self._resumed

    async def resume(self, bot: Bot) -> None:
        """Hand out what an earlier process was not done with, and forget what is old."""
        for prefix in (storage_keys.UPDATE, storage_keys.OPENED):
            await self._notes.sweep(prefix, _KEPT)
        for prefix in (storage_keys.DRAFT, storage_keys.STRANGER):
            await self._notes.sweep(prefix, _FORGOTTEN)
        for data in (await self._notes.starting(storage_keys.UPDATE)).values():
            if data and (update := Update.de_json(data, bot)) is not None:
                self._resumed.add(update.update_id)
                self._undone.add(update.update_id)
                self._waiting.put_nowait(update)
