"""The service of invitations to the page: operators make and end them, and friends accept them in their browsers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from bot.core.errors import BadValue, LinkRefused, TooMany, UserError
from bot.core.model import Person, Place
from bot.core.people.invitations import MOST_DEVICES, Invitation, InvitationRole, Invitations, as_author
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import Permissions
from bot.core.storage.ledger import ErasureLedger
from bot.i18n import _, isolated, unturned

INVITED_PATH = "/invited/"
_PAGE = Place("web", "")
_LONGEST = 60  # characters of a name
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class InvitationLink:
    """A link that was just made, and whom it is for. It is not kept, so it is shown once."""

    name: str
    key: str


class InvitationService:
    """Methods for operators raise `NotAllowed` for other people, which the audit log records. They return a sentence,
    or the key of a link. The log names invitations by their number, so that no name of a friend stays in it.
    """

    def __init__(
        self, known: Invitations, permissions: Permissions, audit: Audit, ledger: ErasureLedger, base: str
    ) -> None:
        """`base` is the public address of the page, where there is one."""
        self._known, self._permissions, self._audit, self._ledger = known, permissions, audit, ledger
        self.base = base

    def when_signed_out(self, call: Callable[[str], None]) -> None:
        """Have a function called with each account that is no longer let in, whichever process ended that."""
        self._known.on_signed_out.add(call)

    async def all(self, by: Person) -> Sequence[Invitation]:
        """Return all invitations, the newest first, with the devices that are signed in."""
        await self._permissions.operator(by, _PAGE, "invitations")
        return self._known.all

    async def make(self, by: Person, name: str, role: str, until: str, host: str) -> InvitationLink:
        """Invite a friend, until the end of a day such as 2026-12-24, or for good; `host` is who invites."""
        await self._permissions.operator(by, _PAGE, "invitation make")
        name, host = " ".join(unturned(name).split()), " ".join(unturned(host).split())[:_LONGEST]
        if not name or len(name) > _LONGEST:
            raise BadValue("name", _("enter a name of at most {count} characters.").format(count=_LONGEST))
        if role not in list(InvitationRole):
            raise BadValue("role", _("choose one of the list."))
        made, key = await self._known.make(name, InvitationRole(role), host, _end_of(until))
        ends = until or _("no end")
        words = _("Invited {number} as {role}: {until}").format(number=made.id, role=made.role.value, until=ends)
        await self._audit.decided(by, _PAGE, "invitation make", words)
        return InvitationLink(name, key)

    async def give_role(self, by: Person, number: str, role: str) -> str:
        """Give an invitation another role. Its link and its devices stay, and have the role from then on."""
        await self._permissions.operator(by, _PAGE, "invitation role")
        found = self._found(number)
        if role not in list(InvitationRole):
            raise BadValue("role", _("choose one of the list."))
        given = InvitationRole(role)
        if given is InvitationRole.MEMBER:
            await self._ledger.note_revoked(as_author(number))
        if not await self._known.give_role(number, given):
            raise UserError(_("The invitation of {name} is over.").format(name=isolated(found.name)))
        words = _("Made {number} {role}").format(number=number, role=given.value)
        await self._audit.decided(by, _PAGE, "invitation role", words)
        words = _("{name} is a member now, and can no longer add workflows. What they published stays.")
        if given is InvitationRole.AUTHOR:
            words = _("{name} is an author now, and may add workflows, which are code on your servers.")
        return words.format(name=isolated(found.name))

    async def renew(self, by: Person, number: str) -> InvitationLink:
        """Make a new link of an invitation. Who is signed in stays so."""
        await self._permissions.operator(by, _PAGE, "invitation link")
        found = self._found(number)
        await self._ledger.note_revoked(self._known.link(number))
        key = await self._known.renew(number)
        await self._audit.decided(by, _PAGE, "invitation link", _("A new link for {number}").format(number=number))
        return InvitationLink(found.name, key)

    async def void(self, by: Person, number: str) -> str:
        """Take the link of an invitation back. Who is signed in stays so."""
        await self._permissions.operator(by, _PAGE, "invitation link")
        found, link = self._found(number), self._known.link(number)
        await self._ledger.note_revoked(link)
        await self._known.void(link)
        words = _("Took back the link of {number}").format(number=number)
        await self._audit.decided(by, _PAGE, "invitation link", words)
        words = _("The link of {name} no longer works. Who is signed in stays so; “New link” makes another one.")
        return words.format(name=isolated(found.name))

    async def end(self, by: Person, number: str) -> str:
        """Take an invitation back, which signs its devices out."""
        await self._permissions.operator(by, _PAGE, "invitation end")
        found = self._found(number)
        await self._ledger.note_revoked(number)
        await self._known.end(number)
        await self._audit.decided(by, _PAGE, "invitation end", _("Took {number} back").format(number=number))
        words = _("The invitation of {name} is taken back, and its devices are signed out.")
        return words.format(name=isolated(found.name))

    async def sign_out(self, by: Person, account: str) -> str:
        """Sign one device out."""
        await self._permissions.operator(by, _PAGE, "invitation sign out")
        found = self._known.of(account)
        if found is None:
            raise UserError(_("This device is no longer signed in."))
        await self._ledger.note_revoked(account)
        await self._known.sign_out(account)
        words = _("Signed out a device of {number}").format(number=found.id)
        await self._audit.decided(by, _PAGE, "invitation sign out", words)
        return _("Signed out. Its link still works: take it back too if the device was lost.")

    async def sign_all_out(self, by: Person, number: str) -> str:
        """Sign all devices of an invitation out."""
        await self._permissions.operator(by, _PAGE, "invitation sign out")
        for each in self._found(number).devices:
            await self._ledger.note_revoked(each.account)
        await self._known.sign_all_out(number)
        words = _("Signed out all devices of {number}").format(number=number)
        await self._audit.decided(by, _PAGE, "invitation sign out", words)
        return _("All are signed out. Their link still works: take it back too if a device was lost.")

    def look(self, key: str) -> Invitation | None:
        """Return the invitation that a key is of, which stays as it is; None if there is none, or it is over."""
        return self._known.named_by(key)

    async def accept(self, key: str, person: Person, about: str) -> Invitation:
        """Sign a browser in with an invitation. Raises `LinkRefused`, and `TooMany` if it has too many devices."""
        found = self._known.named_by(key)
        if found is None:
            raise LinkRefused(_("This invitation is over, or was never made. Ask for a new one."))
        if not await self._known.sign_in(found.id, person.key, about):
            words = _("This invitation has {count} devices already. Ask for one of them to be signed out.")
            raise TooMany(words.format(count=MOST_DEVICES))
        words = _("Accepted {number}").format(number=found.id)
        await self._audit.decided(replace(person, name=found.name), _PAGE, "invitation accept", words)
        return found

    def of(self, account: str) -> Invitation | None:
        """Return the invitation with which a browser is signed in; None if there is none, or it is over."""
        return self._known.of(account)

    def note_seen(self, account: str) -> None:
        """Note that a browser that is signed in has asked for something."""
        self._known.note_seen(account)

    async def tidy(self) -> None:
        """Write down when devices were seen, and forget what is long over."""
        await self._known.keep_seen()
        await self._known.sweep()

    def _found(self, number: str) -> Invitation:
        found = self._known.get(number)
        if found is None:
            raise UserError(_("There is no such invitation."))
        return found


def _end_of(day: str) -> float | None:
    """Return the end of a day; None for no day. Raises `BadValue`."""
    if not day:
        return None
    try:
        found = datetime.combine(date.fromisoformat(day), time(), UTC) + _DAY
    except (ValueError, OverflowError):
        raise BadValue("until", _("write the day as 2026-12-24.")) from None
    if found <= datetime.now(UTC):
        raise BadValue("until", _("this day is over."))
    return found.timestamp()
