"""The people who made the versions of workflows, in a chat or in the studio; versions made by hand have nobody."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.model import Person
from bot.core.storage.key_value import KeyValueStore

_NOTE = "studio:version:"  # before a version, in the name of the note that says who made it


class VersionAuthors:
    """All methods raise `StorageFailed`."""

    def __init__(self, notes: KeyValueStore) -> None:
        self._notes = notes

    async def note(self, version: str, by: Person) -> None:
        """Record who made a version."""
        await self._notes.put(f"{_NOTE}{version}", by.key)

    async def of(self, versions: Iterable[str]) -> dict[str, str]:
        """Return who made these versions, as "platform:id", as far as that is on record."""
        return {each: str(found) for each in versions if (found := await self._notes.get(f"{_NOTE}{each}"))}
