"""Prepare Telegram's notes of a backup: what the bot that is gone has answered since is not answered twice."""

from __future__ import annotations

from bot.core.platform import KeyValueStore
from bot.platforms.telegram import storage_keys


async def settle(notes: KeyValueStore) -> None:
    """Mark the updates as done that were being handled when the backup was made."""
    for name, data in (await notes.starting(storage_keys.UPDATE)).items():
        if data:
            number = int(name.removeprefix(storage_keys.UPDATE))
            await notes.put(storage_keys.update(number), {})
