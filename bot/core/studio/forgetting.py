"""Drafts of authors and their names at versions, which authors get and delete with their other data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.runs.history.own_data import OwnDraft
from bot.core.studio.drafts import DraftStore
from bot.core.workflows.identity.authors import VersionAuthors


@dataclass(frozen=True)
class AuthorTraces:
    """The drafts of authors, and which versions of workflows they made."""

    drafts: DraftStore
    authors: VersionAuthors

    async def drafts_of(self, accounts: Sequence[str]) -> tuple[OwnDraft, ...]:
        """Return the drafts of a person, given by their accounts as "platform:id"."""
        return await asyncio.to_thread(self._drafts_of, accounts)

    def _drafts_of(self, accounts: Sequence[str]) -> tuple[OwnDraft, ...]:
        found = [each for account in accounts for each in self.drafts.of(account)]
        graphs = [self.drafts.graph(each).decode("utf-8", "replace") for each in found]
        return tuple(
            OwnDraft(each.name, each.at, each.sidecar, graph) for each, graph in zip(found, graphs, strict=True)
        )

    async def forget(self, person: str) -> None:
        """Delete those of a person's account, given as "platform:id"; the workflows stay. Raises `StorageFailed`."""
        await asyncio.to_thread(self.drafts.forget, person)
        await self.authors.forget(person)
