"""Delete runs with the files that no other run uses, files without a run, and all data of a person."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.media.blob_store import BlobStore
from bot.core.policy.audit import Audit
from bot.core.policy.rule_store import RuleStore
from bot.core.presets.store import PresetStore
from bot.core.runs.repository import RunRepository

_AT_ONCE = 500  # runs
_ORPHANED = 86_400.0  # seconds after which a file without a run is not about to get one


async def delete_runs(run_ids: Sequence[str], records: RunRepository, media: BlobStore) -> None:
    """Delete runs that have ended."""
    for first in range(0, len(run_ids), _AT_ONCE):
        await media.forget(await records.forget(run_ids[first : first + _AT_ONCE]))


async def delete_orphans(records: RunRepository, media: BlobStore) -> None:
    """Delete files that no run uses: a process that dies between storing a file and its run leaves one, and so does one
    that dies between deleting a run and its files.
    """
    async for keys in media.older_than(_ORPHANED):
        await media.forget_older(set(keys) - await records.used(keys), _ORPHANED)


async def forget_person(
    person: str, records: RunRepository, media: BlobStore, audit: Audit, book: RuleStore, presets: PresetStore
) -> int:
    """Delete the ended runs and the presets of a person, given as "platform:id", and remove their name from the audit
    log. Returns the number of runs. A run in progress loses the name now, and is deleted with the old runs.
    """
    await records.anonymize(person)
    await records.reports.forget(person)
    ids = await records.all_of(person)
    await delete_runs(ids, records, media)
    await audit.forget(person)
    await book.forget(person)
    await presets.forget(person)
    await records.scrub()
    return len(ids)
