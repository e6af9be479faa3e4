"""Do in Telegram's notes what commands want: while no bot runs, or beside it."""

from __future__ import annotations

from bot.core.platform import KeyValueStore
from bot.platforms.telegram import storage_keys


async def settle(notes: KeyValueStore) -> None:
    """Mark the updates of a backup as done that were being handled when it was made: the bot that is gone may have
    answered them since.
    """
    for name, data in (await notes.starting(storage_keys.UPDATE)).items():
        if data:
            number = int(name.removeprefix(storage_keys.UPDATE))
            await notes.put(storage_keys.update(number), {})


async def forget(notes: KeyValueStore, person: str) -> None:
    """Delete the drafts and the name of the person with an id. It stays on record which messages are copies of their
    files, so that the bot can still delete those in the chats.
    """
    for name in await notes.starting(storage_keys.drafts(person)):
        await notes.drop(name)
    await notes.drop(storage_keys.stranger(person))
