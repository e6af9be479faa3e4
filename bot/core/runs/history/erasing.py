"""Delete my data: what of a person would go and what would stay, and the deletion, for one account or for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.core.model import Person, Place
from bot.core.people.accounts import LinkedAccounts
from bot.core.people.invitations import Invitations
from bot.core.people.service import LinkService
from bot.core.presets.store import PresetStore
from bot.core.run import person_of
from bot.core.runs.repository import RunRepository
from bot.core.runs.service import RunService
from bot.i18n import _, ngettext


class Traces(Protocol):
    """Another store of what is kept of people."""

    async def forget(self, person: str) -> None:
        """Delete what is kept of a person's account, given as "platform:id". Raises `StorageFailed`."""


@dataclass(frozen=True)
class ErasureQuestion:
    """The question before a deletion: `lines` say what goes and what stays, and `yes` has the words of the button that
    deletes it. `everywhere` has those of the button for all accounts; it is empty if the person has no other one, or if
    others would read it.
    """

    lines: tuple[str, ...]
    yes: str
    everywhere: str = ""


class ErasureService:
    """All methods raise `StorageFailed`. A platform itself deletes what it alone keeps: open forms, copies in chats."""

    def __init__(
        self,
        runs: RunService,
        records: RunRepository,
        presets: PresetStore,
        accounts: LinkedAccounts,
        links: LinkService,
        invitations: Invitations,
        traces: Traces,
    ) -> None:
        self._runs, self._records, self._presets, self._invitations = runs, records, presets, invitations
        self._accounts, self._links, self._traces = accounts, links, traces

    async def question(self, person: Person, here: Place, *, unseen: bool = False) -> ErasureQuestion:
        """Return what is asked before anything is deleted. What is of other accounts is said only where no one else
        reads it; a platform may say that its answer is `unseen`.
        """
        lines = await self._lines(person, here, unseen=unseen)
        yes, everywhere = _("Yes, delete everything"), await self._everywhere(person, here, unseen=unseen)
        if not everywhere:
            return ErasureQuestion(tuple(lines), yes)
        return ErasureQuestion((*lines, everywhere), yes, _("Yes, of all my accounts"))

    async def _lines(self, person: Person, here: Place, *, unseen: bool) -> list[str]:
        words = _("This deletes {amount} of this account, at once. It cannot be undone.")
        unfinished = await self._records.unfinished_of(person.key)
        cancelled = ngettext(
            "{count} run has not ended: it is cancelled, and deleted within the hour.",
            "{count} runs have not ended: they are cancelled, and deleted within the hour.",
            len(unfinished),
        )
        signed_out = _("Your invitation to the page ends here: this browser is signed out.")
        return [
            words.format(amount=await self._amount(person.key)),
            *([signed_out] if self._invitations.of(person.key) is not None else []),
            *([cancelled.format(count=len(unfinished))] if unfinished else []),
            _("Messages in chats stay, and so do lines in the logs of moderators, without your name."),
            *filter(None, [self._links.forgetting(person, here, unseen=unseen)]),
        ]

    async def _everywhere(self, person: Person, here: Place, *, unseen: bool) -> str:
        if not self._links.forgetting(person, here, unseen=unseen):
            return ""
        amount = await self._amount(*self._accounts.in_order(person.key))
        return _("For all your accounts it is {amount}; they are then no longer joined.").format(amount=amount)

    async def forget(self, person: Person, *, everywhere: bool = False) -> str:
        """Delete what is kept of a person's account, or of all their accounts, as `RunService.forget` does, and say how
        many runs that were.
        """
        others = self._accounts.beside(person.key) if everywhere else []
        count = 0
        for each in others:  # their own is the last, so that who is interrupted can press again
            count += await self._forget(person_of(f"{each.key}:{each.name}"))
        count += await self._forget(person)
        words = ngettext("{count} run is deleted.", "{count} runs are deleted.", count)
        return words.format(count=count)

    async def _forget(self, person: Person) -> int:
        await self._traces.forget(person.key)
        return await self._runs.forget(person)

    async def _amount(self, *accounts: str) -> str:
        count = sum([len(await self._records.all_of(each)) for each in accounts])
        runs = ngettext("{count} run with its files", "{count} runs with their files", count).format(count=count)
        kept = len(await self._presets.of(accounts))
        presets = ngettext("{count} preset", "{count} presets", kept).format(count=kept)
        return _("{runs} and {presets}").format(runs=runs, presets=presets)
