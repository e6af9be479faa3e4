"""The accounts that one person has on several platforms: which are joined, and which still count together.

Rows of other tables keep the account that they came from. Whoever asks for what is a person's, or counts for them, asks
for all of their accounts. An ended link still counts for a day, or two accounts would have twice the limits of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from types import TracebackType
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import UserError
from bot.core.model import Person
from bot.core.people.codes import check_guess, forget_code, named, new_code, note_guess, redeem, sweep_codes
from bot.core.people.invitations import forget_device
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import links
from bot.i18n import _

_DAY = 86_400.0
_LOCKS = ("links",)


@dataclass(frozen=True)
class LinkedAccount:
    """An account, as "platform:id", with the name that its person had there."""

    key: str
    name: str

    @property
    def platform(self) -> str:
        return self.key.partition(":")[0]


@dataclass(frozen=True)
class _Link:
    """A row of the table. `person` is the same for accounts that are joined, and None once the link has ended; those
    with the same `counted` count together. `ended_at` is when the account last left others.
    """

    account: str
    name: str
    person: str | None
    counted: str
    ended_at: float | None


class KnownAccounts:
    """The links in memory, so that no request asks for them. Accounts are given as "platform:id"."""

    def __init__(self) -> None:
        self._links: Mapping[str, _Link] = {}
        self._joined: Mapping[str, frozenset[str]] = {}
        self._counted: Mapping[str, frozenset[str]] = {}
        #: A number that grows whenever a link may have changed.
        self.edition = 0

    def of(self, account: str) -> frozenset[str]:
        """Return the accounts of an account's person, itself among them."""
        return self._joined.get(account) or frozenset({account})

    def in_order(self, account: str) -> tuple[str, ...]:
        """Return the accounts of an account's person, itself first."""
        return (account, *sorted(self.of(account) - {account}))

    def counted(self, account: str) -> frozenset[str]:
        """Return the accounts that count together with an account, itself among them: also those of links that have
        ended a short time ago.
        """
        return self._counted.get(account) or frozenset({account})

    def whole(self, account: str) -> str:
        """Return the first of the accounts that count together with an account."""
        return min(self.counted(account))

    @property
    def linked(self) -> Collection[str]:
        """The accounts that count together with others."""
        return self._counted.keys()

    def beside(self, account: str) -> list[LinkedAccount]:
        """Return the other accounts of an account's person."""
        return [LinkedAccount(each, self._links[each].name) for each in sorted(self.of(account) - {account})]

    def _learn(self, rows: Sequence[_Link]) -> None:
        found = {row.account: row for row in rows}
        if found != self._links:
            self._links = found
            self._joined = _together((row.account, row.person) for row in rows)
            self._counted = _together((row.account, row.counted) for row in rows)
            self.edition += 1


NO_LINKS = KnownAccounts()


class LinkedAccounts(KnownAccounts):
    """The links on record, and their changes. All methods raise `StorageFailed`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        super().__init__()
        self._database, self._clock = database, clock
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read all links."""
        async with self._reading:
            self._learn(await self._database.ask(_every))

    async def code(self, person: Person) -> str:
        """Return a new code of a person's account; the one before no longer works."""
        make = partial(new_code, account=person.key, name=person.name, now=self._clock())
        return await self._database.write(make, locks=_LOCKS)

    async def look(self, person: Person, code: str) -> LinkedAccount | None:
        """Return the account that a code is of, which stays as it is. None if there is no such code, which counts as a
        guess. Raises `TooMany`, and `UserError` if `join` would.
        """

        def look(connection: Connection) -> LinkedAccount | None:
            check_guess(connection, person.key, self._clock())
            found = named(connection, code, self._clock())
            if found is None:
                note_guess(connection, person.key, self._clock())
                return None
            _check_joinable({row.account: row for row in _every(connection)}, found[0], person.key)
            return LinkedAccount(*found)

        return await self._database.write(look, locks=_LOCKS)

    async def join(self, person: Person, code: str) -> LinkedAccount | None:
        """Join a person with the account that a code is of, and use the code up. None if there is no such code, which
        counts as a guess. Raises `TooMany`, and `UserError` if both have an account on the same platform.
        """

        def join(connection: Connection) -> LinkedAccount | None:
            now = self._clock()
            found = redeem(connection, person.key, code, now)
            if found is None:
                return None
            _join(connection, LinkedAccount(*found), LinkedAccount(person.key, person.name), now)
            return LinkedAccount(*found)

        joined = await self._database.write(join, Topic.LINKS, locks=_LOCKS)
        await self.refresh()
        return joined

    async def end(self, account: str, *, forgotten: bool = False) -> bool:
        """End the links of an account with others. False if it has none. A `forgotten` one loses its name, and its
        invitation to the page.
        """

        def end(connection: Connection) -> bool:
            if forgotten:
                forget_code(connection, account)
                forget_device(connection, account)
                connection.execute(update(links).where(links.c.account == account).values(name=""))
            return _leave(connection, account, self._clock())

        ended = await self._database.write(end, Topic.LINKS, Topic.INVITATIONS, locks=_LOCKS)
        await self.refresh()
        return ended

    async def sweep(self, blocked: Collection[str]) -> None:
        """Forget links that ended a day ago, but for those of accounts that are blocked or count with one that is."""

        def sweep(connection: Connection) -> None:
            sweep_codes(connection, self._clock())
            groups: dict[str, list[_Link]] = {}
            for row in _every(connection):
                groups.setdefault(row.counted, []).append(row)
            for rows in groups.values():
                if not any(row.account in blocked or _is_fresh(row, self._clock()) for row in rows):
                    _divide(connection, rows)

        await self._database.write(sweep, Topic.LINKS, locks=_LOCKS)
        await self.refresh()


class LinksFollower:
    """In `async with`, all links are in memory, as this process and others change them."""

    def __init__(self, accounts: LinkedAccounts, database: Database, tasks: TaskHealth) -> None:
        self._accounts, self._database = accounts, database
        self._chore = BackgroundTask("links", tasks)

    async def __aenter__(self) -> LinksFollower:
        await self._accounts.refresh()
        self._chore.repeat(self._accounts.refresh, until=self._database.bells.bell(Topic.LINKS).wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()


def _join(connection: Connection, one: LinkedAccount, other: LinkedAccount, now: float) -> None:
    """Make one person of two accounts, with all that are joined with them already."""
    rows = {row.account: row for row in _every(connection)}
    _check_joinable(rows, one.key, other.key)
    person, counted = str(uuid4()), str(uuid4())
    for each in (one, other):
        old = rows.get(each.key)
        if old is None:
            row = {"account": each.key, "name": each.name, "person": person, "counted": counted, "at": now}
            connection.execute(insert(links).values(row))
        else:
            connection.execute(update(links).where(links.c.account == each.key).values(name=each.name))
    members = _members(rows, one.key) | _members(rows, other.key)
    connection.execute(update(links).where(links.c.account.in_(members)).values(person=person))
    before = {rows[each].counted for each in members if each in rows}
    connection.execute(update(links).where(links.c.counted.in_(before)).values(counted=counted))


def _check_joinable(rows: Mapping[str, _Link], one: str, other: str) -> None:
    """Raise `UserError` if two accounts are one, joined, or have accounts of one platform."""
    if one == other:
        raise UserError(_("This is the code of this very account. Say it to me in the other one."))
    first, second = _members(rows, one), _members(rows, other)
    if first & second:
        raise UserError(_("These two accounts are joined already."))
    if {each.partition(":")[0] for each in first} & {each.partition(":")[0] for each in second}:
        words = _(
            "Only accounts of different platforms can be joined, one of each. End the link of the other one first."
        )
        raise UserError(words)


def _leave(connection: Connection, account: str, now: float) -> bool:
    rows = {row.account: row for row in _every(connection)}
    members = _members(rows, account)
    if len(members) < 2:
        return False
    left = members if len(members) == 2 else {account}
    connection.execute(update(links).where(links.c.account.in_(left)).values(person=None))
    connection.execute(update(links).where(links.c.account.in_(members)).values(ended_at=now))
    return True


def _divide(connection: Connection, rows: Iterable[_Link]) -> None:
    """Let accounts that are no longer joined count for themselves."""
    alone = [row.account for row in rows if row.person is None]
    connection.execute(delete(links).where(links.c.account.in_(alone)))
    for person in {row.person for row in rows if row.person is not None}:
        connection.execute(update(links).where(links.c.person == person).values(counted=person, ended_at=None))


def _members(rows: Mapping[str, _Link], account: str) -> frozenset[str]:
    own = rows.get(account)
    if own is None or own.person is None:
        return frozenset({account})
    return frozenset(each.account for each in rows.values() if each.person == own.person)


def _is_fresh(row: _Link, now: float) -> bool:
    return row.ended_at is not None and row.ended_at > now - _DAY


def _every(connection: Connection) -> list[_Link]:
    columns = (links.c.account, links.c.name, links.c.person, links.c.counted, links.c.ended_at)
    return [_Link(*row) for row in connection.execute(select(*columns))]


def _together(found: Iterable[tuple[str, str | None]]) -> dict[str, frozenset[str]]:
    """Return all accounts with the same mark, for each of those that are not alone with theirs."""
    groups: dict[str, set[str]] = {}
    for account, mark in found:
        if mark is not None:
            groups.setdefault(mark, set()).add(account)
    return {each: frozenset(group) for group in groups.values() if len(group) > 1 for each in group}
