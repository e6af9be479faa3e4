"""Forgetting: runs, with the files that no other run uses; and all that is kept of a person."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.audit import Audit
from bot.core.media import Media
from bot.core.records import Records
from bot.core.rulebook import Rulebook

_AT_ONCE = 500  # runs


async def delete_runs(run_ids: Sequence[str], records: Records, media: Media) -> None:
    """Delete runs that have ended."""
    for first in range(0, len(run_ids), _AT_ONCE):
        await media.forget(await records.forget(run_ids[first : first + _AT_ONCE]))


async def forget_person(person: str, records: Records, media: Media, audit: Audit, book: Rulebook) -> int:
    """Delete the ended runs of a person, as "platform:id", and take their name out of the audit; how many runs there
    were. A run that is being executed loses their name now, and is deleted with what is old.
    """
    await records.let_go(person)
    ids = await records.all_of(person)
    await delete_runs(ids, records, media)
    await audit.forget(person)
    await book.forget(person)
    return len(ids)
