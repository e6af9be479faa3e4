"""The service that joins accounts of one person by a code, and tells them what that means."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.errors import NotAllowed, UserError
from bot.core.model import Person, Place
from bot.core.people.accounts import LinkedAccount, LinkedAccounts
from bot.core.storage.ledger import ErasureLedger
from bot.i18n import _


class LinkService:
    """All methods return what is said to the person alone. They raise `UserError` and `StorageFailed`."""

    def __init__(self, accounts: LinkedAccounts, ledger: ErasureLedger) -> None:
        self._accounts, self._ledger = accounts, ledger

    async def start(self, person: Person, here: Place, *, unseen: bool = False) -> str:
        """Return a code with which the person joins another account of theirs. Nobody else may see it: a platform says
        that its answer is `unseen`, or the place is a private chat.
        """
        _check_private(here, unseen=unseen)
        code = await self._accounts.code(person)
        words = _(
            "Your code is {code}. Say /link {code} to me in your other account in the next ten minutes: on Discord, in "
            "my private chat on Telegram, or on the page under “Accounts”. It works once. Give it to no one else: who "
            "uses it is you from then on."
        )
        return "\n".join([*self.lines(person), words.format(code=code)])

    async def join(self, person: Person, here: Place, code: str, *, sure: bool, unseen: bool = False) -> str:
        """Join the person with the account that a code is of. First they are told what that means, and then have to be
        `sure`.
        """
        _check_private(here, unseen=unseen)
        if not sure:
            return self._asked(await self._accounts.look(person, code))
        joined = _found(await self._accounts.join(person, code))
        words = _("Joined with {account}: to me you are one person now. /unlink ends that.")
        return words.format(account=in_words(joined))

    async def end(self, person: Person) -> str:
        """Part the person's account from their others, also in a backup from before that is restored."""
        await self._accounts.refresh()
        if self._accounts.beside(person.key):
            await self._ledger.note_parting(person.key)
        if not await self._accounts.end(person.key):
            raise UserError(_("This account is not joined with another one."))
        return _(
            "This account is for itself again, with the runs and presets that are its own. For limits the accounts "
            "count together for another day."
        )

    def lines(self, person: Person) -> list[str]:
        """Say which other accounts the person has, a line each."""
        words = _("Joined with {account}.")
        return [words.format(account=in_words(each)) for each in self._accounts.beside(person.key)]

    def forgetting(self, person: Person, here: Place, *, unseen: bool = False) -> str:
        """Say what becomes of the person's other accounts if the data of this one are deleted; empty if they have none,
        or if others would read it.
        """
        beside = self._accounts.beside(person.key)
        if not beside or not (unseen or _is_private(here)):
            return ""
        words = _("Your other accounts keep what is theirs, and are no longer joined with this one: {others}.")
        return words.format(others=_named(beside))

    def _asked(self, found: LinkedAccount | None) -> str:
        other = _found(found)
        words = _("This is the code of {account}.")
        if beside := self._accounts.beside(other.key):
            words = _("This is the code of {account}, which is joined with {others}.")
        more = _(
            "If that is you: your accounts then have the same history with its pictures, the same presets and one set "
            "of limits, and may press the buttons of all these runs. If someone has sent you this code, stop here."
        )
        return f"{words.format(account=in_words(other), others=_named(beside))} {more}"


def in_words(account: LinkedAccount) -> str:
    """Name an account and its platform."""
    if account.platform == "web":
        return _("an account on the page")
    platform = account.platform.capitalize()
    if not account.name:
        return platform
    return _("{name} on {platform}").format(name=account.name, platform=platform)


def _named(accounts: Iterable[LinkedAccount]) -> str:
    return ", ".join(map(in_words, accounts))


def _found(account: LinkedAccount | None) -> LinkedAccount:
    if account is None:
        raise UserError(_("There is no such code, or its ten minutes are over. Make a new one in the other account."))
    return account


def _check_private(here: Place, *, unseen: bool) -> None:
    if not (unseen or _is_private(here)):
        raise NotAllowed(_("Say this to me in a private chat, where no one else reads the code."))


def _is_private(here: Place) -> bool:
    return not here.community
