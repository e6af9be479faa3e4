"""The inbox: an update is on disk before Telegram hears that it was taken, and until it is done with."""

from __future__ import annotations

import asyncio

from telegram import Bot, Update

from bot.core.platform import KeyValueStore
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.last_messages import LastMessages

_AFTER = "darkroom_after"  # kept with an update: the last message that was known when it came
_KEPT = 86_400.0  # seconds: as long as Telegram keeps an update that no bot fetches
_RECENT = 1000  # updates that are done, and are remembered so that none is answered twice
_FORGOTTEN = 7 * 86_400.0  # seconds after which a draft, a stranger's name or an untold end is no longer needed


class UpdateQueue:
    """Updates, each handed out once in this process, and again after a crash if it was not done with."""

    def __init__(self, notes: KeyValueStore, last: LastMessages) -> None:
        self._notes, self._last = notes, last
        self._waiting: asyncio.Queue[Update] = asyncio.Queue()
        self._resumed: dict[int, int] = {}  # with the last message that was known when it came
        self._undone: set[int] = set()

    async def put(self, update: Update) -> None:
        """Take an update in; one that was taken before is left out."""
        data = {**update.to_dict(), _AFTER: self._last.see_update(update)}
        if await self._notes.add(storage_keys.update(update.update_id), data):
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

    def after(self, update: Update) -> int:
        """Return the id of the last message that was known when an update came that is handed out again."""
        return self._resumed.get(update.update_id, 0)

    async def resume(self, bot: Bot) -> list[int]:
        """Hand out what an earlier process was not done with. Returns the ids of the updates that are too old for that,
        which are forgotten.
        """
        known = await self._undone_names()
        await self._notes.sweep(storage_keys.UPDATE, _KEPT)
        for data in (await self._notes.starting(storage_keys.UPDATE)).values():
            if data and (update := Update.de_json(data, bot)) is not None:
                self._resumed[update.update_id] = data.get(_AFTER, 0)
                self._undone.add(update.update_id)
                self._waiting.put_nowait(update)
        old = known - await self._undone_names()
        return sorted(int(name.removeprefix(storage_keys.UPDATE)) for name in old)

    async def sweep(self, kept: float) -> None:
        """Forget what is old. `kept` is how long runs are kept, in seconds."""
        for prefix in (storage_keys.PART, storage_keys.COPY):
            await self._notes.sweep(prefix, kept)
        for prefix in (storage_keys.UPDATE, storage_keys.OPENED):
            await self._notes.sweep(prefix, _KEPT)
        for prefix in (storage_keys.DRAFT, storage_keys.STRANGER, storage_keys.UNTOLD):
            await self._notes.sweep(prefix, _FORGOTTEN)

    async def _undone_names(self) -> set[str]:
        return {name for name, data in (await self._notes.starting(storage_keys.UPDATE)).items() if data}
