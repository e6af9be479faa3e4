"""Messages that do not say yet how their run ended: Telegram was away, or the bot was sent away from the chat."""

from __future__ import annotations

from bot.core.platform import KeyValueStore, RunService
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.chats import Chat


class UntoldEnds:
    """Shows the ends as soon as that is possible. Replies of all processes note what is left to be shown."""

    def __init__(self, notes: KeyValueStore, runs: RunService) -> None:
        self._notes, self._runs = notes, runs

    async def show(self) -> None:
        """Show the ends that wait for Telegram. Stops at the first that Telegram does not take."""
        for run_id, chat in (await self._waiting()).items():
            run = await self._runs.get(run_id)
            if chat or (run is not None and run.ended_at is None):
                continue
            if not await self._runs.show_end(run_id):
                return
            await self._notes.drop(storage_keys.untold(run_id))

    async def back_in(self, chat: int) -> None:
        """Show the ends in a chat that the bot was sent away from, and is back in."""
        for run_id, where in (await self._waiting()).items():
            if where and Chat.read(where).id == chat:
                await self._notes.put(storage_keys.untold(run_id), "")
        await self.show()

    async def _waiting(self) -> dict[str, str]:
        """The runs whose end is untold, each with the chat that the bot was sent away from; empty if it was not."""
        notes = await self._notes.starting(storage_keys.UNTOLD)
        return {name.removeprefix(storage_keys.UNTOLD): str(chat) for name, chat in notes.items()}
