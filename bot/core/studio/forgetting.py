"""Drafts of authors and their names at versions, and how these are deleted with their other data."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.core.studio.drafts import DraftStore
from bot.core.workflows.identity.authors import VersionAuthors


@dataclass(frozen=True)
class AuthorTraces:
    """The drafts of authors, and which versions of workflows they made."""

    drafts: DraftStore
    authors: VersionAuthors

    async def forget(self, person: str) -> None:
        """Delete those of a person's account, given as "platform:id"; the workflows stay. Raises `StorageFailed`."""
        await asyncio.to_thread(self.drafts.forget, person)
        await self.authors.forget(person)
