"""Delete runs with the files that no other run uses, files without a run, and all data of a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.core.media.blob_store import BlobStore
from bot.core.people.accounts import LinkedAccounts
from bot.core.people.invitations import Invitations
from bot.core.policy.audit import Audit
from bot.core.policy.rule_store import RuleStore
from bot.core.presets.store import PresetStore
from bot.core.runs.repository import RunRepository
from bot.core.storage.ledger import Erasure, ErasureLedger

_AT_ONCE = 500  # runs
_LATE = 3600.0  # seconds before a backup in which an erasure may have begun that it does not know
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
    person: str,
    records: RunRepository,
    media: BlobStore,
    audit: Audit,
    book: RuleStore,
    presets: PresetStore,
    accounts: LinkedAccounts,
    ledger: ErasureLedger,
) -> int:
    """Delete the ended runs and the presets of a person's account, given as "platform:id", part it from their others,
    and remove their name from the audit log. Returns the number of runs. A run in progress loses the name now, and is
    deleted with the old runs.
    """
    await ledger.note_person(person)
    await records.anonymize(person)
    ids = await records.all_of(person)
    await delete_runs(ids, records, media)
    await _forget_beside_runs(person, records, audit, book, presets, accounts)
    await records.scrub()
    return len(ids)


async def _forget_beside_runs(
    person: str,
    records: RunRepository,
    audit: Audit,
    book: RuleStore,
    presets: PresetStore,
    accounts: LinkedAccounts,
) -> None:
    await records.reports.forget(person)
    await records.favourites.forget(person)
    await audit.forget(person)
    await book.forget(person)
    await presets.forget((person,))
    await records.pings.forget(person)
    await accounts.end(person, forgotten=True)


async def erase_again(
    erasures: Iterable[Erasure],
    moment: float,
    records: RunRepository,
    audit: Audit,
    book: RuleStore,
    presets: PresetStore,
    accounts: LinkedAccounts,
    invitations: Invitations,
) -> tuple[int, list[str]]:
    """Delete from the records of a backup, made at a moment, what was deleted since, part accounts that were parted
    since, and end invitations that were ended since. Returns how many runs that were, and the keys of files that no run
    uses any longer.
    """
    ids, people, parted, revoked = set[str](), set[str](), set[str](), set[str]()
    for each in erasures:
        if each.run:
            ids.add(each.run)
        if each.person:
            ids.update(await records.asked_by(each.person, until=each.at))
            people |= {each.person} if each.at > moment - _LATE else set()
        if each.parted and each.at > moment - _LATE:
            parted.add(each.parted)
        if each.revoked and each.at > moment - _LATE:
            revoked.add(each.revoked)
    for person in sorted(people):
        await _forget_beside_runs(person, records, audit, book, presets, accounts)
    for account in sorted(parted):
        await accounts.end(account)
    for each_revoked in sorted(revoked):
        await invitations.revoke(each_revoked)
    known = await records.known(ids)
    keys = list[str]()
    for first in range(0, len(known), _AT_ONCE):
        keys += await records.forget(known[first : first + _AT_ONCE])
    return len(known), keys
