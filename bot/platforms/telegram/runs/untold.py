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
            if not chat and not await self._show(run_id):
                return

    async def show_in(self, chat: int) -> None:
        """Show the ends that wait for the bot to be back in a chat."""
        for run_id, where in (await self._waiting()).items():
            if where and Chat.read(where).id == chat:
                await self._show(run_id)

    async def _show(self, run_id: str) -> bool:
        shown = await self._runs.show_end(run_id)
        if shown:
            await self._notes.drop(storage_keys.untold(run_id))
        return shown

    async def _waiting(self) -> dict[str, str]:
        """The runs whose end is untold, each with the chat that the bot was sent away from; empty if it was not."""
        notes = await self._notes.starting(storage_keys.UNTOLD)
        return {name.removeprefix(storage_keys.UNTOLD): str(chat) for name, chat in notes.items()}
