"""Do in Discord's notes what commands want."""

from __future__ import annotations

from bot.core.platform import KeyValueStore
from bot.platforms.discord.forms.sessions import FormSessions


async def forget(notes: KeyValueStore, person: str) -> None:
    """Delete the open forms of the person with an id."""
    if person.isdecimal():
        await FormSessions(notes).forget(int(person))
