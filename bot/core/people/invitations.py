"""Invitations to the page: a link for each friend, and the browsers that were signed in with it.

The key of a link is kept as a digest alone. A browser is known by its account on the page, which is a digest of its
cookie. All of it is in memory, so that no request asks the database who may come in.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import time
from types import TracebackType

from sqlalchemy import Connection, delete, insert, or_, select, update

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.listeners import Listeners
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import devices, invitations

MOST_DEVICES = 10  #: that are signed in with one invitation at a time
_LOCKS = ("invitations",)
_SEEN_EVERY = 300.0  # seconds between two notes that a device was seen
_AUTHOR = "author "  # before the number of an invitation, in the ledger
_LONG_OVER = 30 * 86_400.0  # seconds after which an invitation that is over is forgotten


class InvitationRole(StrEnum):
    """The role that an invitation gives people: authors may add workflows, as those whom the operator trusts."""

    MEMBER, AUTHOR = "member", "author"


@dataclass(frozen=True)
class SignedInDevice:
    """A browser that is signed in; `about` says in words which one it is."""

    account: str
    invitation: str
    about: str
    at: float
    seen_at: float


@dataclass(frozen=True)
class Invitation:
    """A friend who is invited by a `host`, until a moment or for good."""

    id: str
    name: str
    role: InvitationRole
    host: str
    at: float
    until: float | None
    ended_at: float | None
    devices: tuple[SignedInDevice, ...] = ()

    def is_over(self, now: float) -> bool:
        """True if it was taken back, or its end has come."""
        return self.ended_at is not None or (self.until is not None and self.until <= now)


@dataclass(frozen=True)
class OwnInvitation:
    """The invitation of an account, as its person gets it with their data."""

    name: str
    role: str
    at: float
    until: float | None
    device: str
    signed_in_at: float
    seen_at: float


class Invitations:
    """The invitations on record, and their changes. Methods that change them raise `StorageFailed`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock
        self.on_signed_out: Listeners[[str]] = Listeners()  #: called with an account that is no longer let in
        self._reading = asyncio.Lock()
        self._known: Mapping[str, Invitation] = {}
        self._keys: Mapping[str, str] = {}  # digests of keys, to invitations
        self._accounts: Mapping[str, str] = {}
        self._seen: dict[str, float] = {}

    @property
    def all(self) -> Sequence[Invitation]:
        """All of them, the newest first."""
        return sorted(self._known.values(), key=lambda each: each.at, reverse=True)

    def get(self, number: str) -> Invitation | None:
        return self._known.get(number)

    def named_by(self, key: str) -> Invitation | None:
        """Return the invitation with a key, if it is not over."""
        found = self._known.get(self._keys.get(_digest(key), ""))
        return found if found is not None and not found.is_over(self._clock()) else None

    def of(self, account: str) -> Invitation | None:
        """Return the invitation with which a browser is signed in, if it is not over."""
        found = self._known.get(self._accounts.get(account, ""))
        return found if found is not None and not found.is_over(self._clock()) else None

    def is_author(self, account: str) -> bool:
        found = self.of(account)
        return found is not None and found.role is InvitationRole.AUTHOR

    def note_seen(self, account: str) -> None:
        """Note that a signed-in browser has asked for something; `keep_seen` writes that down."""
        self._seen[account] = self._clock()

    async def keep_seen(self) -> None:
        """Write down when browsers were seen last, those that were noted some minutes ago."""
        noted, self._seen = self._seen, {}
        before = {each.account: each.seen_at for known in self._known.values() for each in known.devices}
        fresh = {who: at for who, at in noted.items() if who in before and at - before[who] >= _SEEN_EVERY}
        if not fresh:
            return

        def keep(connection: Connection) -> None:
            for who, at in fresh.items():
                connection.execute(update(devices).where(devices.c.account == who).values(seen_at=at))

        await self._database.write(keep, Topic.INVITATIONS, locks=_LOCKS)
        await self.refresh()

    async def make(self, name: str, role: InvitationRole, host: str, until: float | None) -> tuple[Invitation, str]:
        """Make an invitation; it, and the key of its link."""
        made = Invitation(secrets.token_hex(4), name, role, host, self._clock(), until, None)
        key = _new_key()
        row = {"id": made.id, "digest": _digest(key), "name": name, "role": role.value, "host": host, "at": made.at}
        add = insert(invitations).values(**row, until=until)
        await self._write(lambda connection: connection.execute(add))
        return made, key

    async def renew(self, number: str) -> str:
        """Return a new key for the link; the one before no longer works."""
        key = _new_key()
        change = update(invitations).where(invitations.c.id == number).values(digest=_digest(key))
        await self._write(lambda connection: connection.execute(change))
        return key

    def link(self, number: str) -> str:
        """Return the digest of the key of an invitation's link; empty if there is none."""
        return next((digest for digest, of in self._keys.items() if of == number), "")

    async def void(self, digest: str) -> None:
        """Let the link with this digest of its key no longer work."""
        change = update(invitations).where(invitations.c.digest == digest).values(digest=_digest(_new_key()))
        await self._write(lambda connection: connection.execute(change))

    async def give_role(self, number: str, role: InvitationRole) -> bool:
        """Give an invitation another role, which its devices have from then on; False if it is over by now."""
        lasts = or_(invitations.c.until.is_(None), invitations.c.until > self._clock())
        change = update(invitations).where(invitations.c.id == number, invitations.c.ended_at.is_(None), lasts)

        def give(connection: Connection) -> bool:
            return connection.execute(change.values(role=role.value)).rowcount > 0

        given = await self._database.write(give, Topic.INVITATIONS, locks=_LOCKS)
        await self.refresh()
        return given

    async def end(self, number: str) -> None:
        """Take an invitation back, and sign its devices out."""

        def end(connection: Connection) -> None:
            over = update(invitations).where(invitations.c.id == number, invitations.c.ended_at.is_(None))
            connection.execute(over.values(ended_at=self._clock()))
            connection.execute(delete(devices).where(devices.c.invitation == number))

        await self._write(end)

    async def sign_in(self, number: str, account: str, about: str) -> bool:
        """Sign a browser in; False if too many are, or the invitation is over by now. It leaves one that it had."""
        now = self._clock()

        def sign_in(connection: Connection) -> bool:
            known = {each.id: each for each in _every(connection)[0]}
            found = known.get(number)
            others = [each for each in found.devices if each.account != account] if found is not None else []
            if found is None or found.is_over(now) or len(others) >= MOST_DEVICES:
                return False
            connection.execute(delete(devices).where(devices.c.account == account))
            row = {"account": account, "invitation": number, "about": about, "at": now, "seen_at": now}
            connection.execute(insert(devices).values(row))
            return True

        done = await self._database.write(sign_in, Topic.INVITATIONS, locks=_LOCKS)
        await self.refresh()
        return done

    async def revoke(self, what: str) -> None:
        """Do what the ledger says: sign an account out, or take back an invitation, the role of authors that it gave
        (`as_author`), or its link, given as a digest.
        """
        if ":" in what:
            await self.sign_out(what)
        elif what.startswith(_AUTHOR):
            await self.give_role(what.removeprefix(_AUTHOR), InvitationRole.MEMBER)
        elif len(what) == len(_digest("")):
            await self.void(what)
        else:
            await self.end(what)

    async def sign_out(self, account: str) -> None:
        """Sign a browser out."""
        leave = delete(devices).where(devices.c.account == account)
        await self._write(lambda connection: connection.execute(leave))

    async def sign_all_out(self, number: str) -> None:
        """Sign all browsers of an invitation out."""
        leave = delete(devices).where(devices.c.invitation == number)
        await self._write(lambda connection: connection.execute(leave))

    async def sweep(self) -> None:
        """Forget invitations that have been over for a month, and sign out the devices of those that are over."""
        now = self._clock()
        ended = [each for each in self._known.values() if each.is_over(now)]
        over = [each for each in ended if each.devices or _is_long_over(each, now)]
        if not over:
            return

        def sweep(connection: Connection) -> None:
            for each in over:
                connection.execute(delete(devices).where(devices.c.invitation == each.id))
                if _is_long_over(each, now):
                    connection.execute(delete(invitations).where(invitations.c.id == each.id))

        await self._write(sweep)

    async def refresh(self) -> None:
        """Read all of them."""
        async with self._reading:
            known, keys = await self._database.ask(_every)
        before = self._accounts
        self._known, self._keys = {each.id: each for each in known}, keys
        self._accounts = {each.account: each.invitation for one in known for each in one.devices}
        for account in before:
            if self.of(account) is None:
                self.on_signed_out(account)

    async def _write(self, work: Callable[[Connection], object]) -> None:
        await self._database.write(work, Topic.INVITATIONS, locks=_LOCKS)
        await self.refresh()


class InvitationsFollower:
    """In `async with`, all invitations are in memory, as this process and others change them."""

    def __init__(self, known: Invitations, database: Database, tasks: TaskHealth) -> None:
        self._known, self._database = known, database
        self._chore = BackgroundTask("invitations", tasks)

    async def __aenter__(self) -> InvitationsFollower:
        await self._known.refresh()
        self._chore.repeat(self._known.refresh, until=self._database.bells.bell(Topic.INVITATIONS).wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()


def as_author(number: str) -> str:
    """Return how the ledger names the role of authors that an invitation had."""
    return f"{_AUTHOR}{number}"


def invited_as(connection: Connection, accounts: Sequence[str]) -> tuple[OwnInvitation, ...]:
    """Return the invitations with which accounts were signed in, for the person whose accounts they are."""
    known = {each.id: each for each in _every(connection)[0]}
    mine = [each for one in known.values() for each in one.devices if each.account in accounts]
    found = [(known[each.invitation], each) for each in mine]
    return tuple(
        OwnInvitation(one.name, one.role.value, one.at, one.until, each.about, each.at, each.seen_at)
        for one, each in found
    )


def forget_device(connection: Connection, account: str) -> None:
    """Delete what is kept of a browser; and its invitation, with the name in it, if no other is signed in with it."""
    number = connection.execute(select(devices.c.invitation).where(devices.c.account == account)).scalar()
    connection.execute(delete(devices).where(devices.c.account == account))
    others = select(devices.c.account).where(devices.c.invitation == number)
    if number is not None and connection.execute(others).first() is None:
        connection.execute(delete(invitations).where(invitations.c.id == number))


def _every(connection: Connection) -> tuple[list[Invitation], dict[str, str]]:
    """Return all invitations, and which one each digest of a key is of."""
    signed_in: dict[str, list[SignedInDevice]] = {}
    columns = (devices.c.account, devices.c.invitation, devices.c.about, devices.c.at, devices.c.seen_at)
    for each in connection.execute(select(*columns).order_by(devices.c.at)):
        signed_in.setdefault(each.invitation, []).append(SignedInDevice(*each))
    rows = connection.execute(select(invitations)).all()
    known = [
        Invitation(
            each.id,
            each.name,
            InvitationRole(each.role),
            each.host,
            each.at,
            each.until,
            each.ended_at,
            tuple(signed_in.get(each.id, ())),
        )
        for each in rows
    ]
    return known, {each.digest: each.id for each in rows}


def _is_long_over(invitation: Invitation, now: float) -> bool:
    ends = [each for each in (invitation.ended_at, invitation.until) if each is not None]
    return bool(ends) and min(ends) < now - _LONG_OVER


def _new_key() -> str:
    return secrets.token_urlsafe(24)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
