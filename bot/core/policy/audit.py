"""The audit log: every decision with the rules before and after it, and every refusal with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import Insert, Row, Text, cast, delete, func, or_, select, update

from bot.core.model import Person, Place
from bot.core.policy.scope import Subject, SubjectKind, community_of
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.schema import audit

REFUSED = "refused"  #: the act of a refusal
PRIVATE = "private"  #: the act of asking for a private run
_OWN = (REFUSED, PRIVATE)  # acts of people about what is their own
DECISIONS, REFUSALS = "decisions", "refusals"  #: kinds of lines
MANY_LINES = "many lines of the audit"  #: the lock of those who change several at once


@dataclass(frozen=True)
class Entry:
    """A line of the audit log. `changes` are the rules that it changed, as data: each `before` and `after`."""

    number: int
    at: float
    person: Person
    place: Place
    act: str
    words: str
    changes: tuple[Mapping[str, Any], ...] = ()
    undone: bool = False


@dataclass(frozen=True)
class AuditLine:
    """A line as the person reads it whom it is about, or whose `own` act it was. It does not say who else decided."""

    at: float
    place: str
    place_name: str
    act: str
    words: str
    own: bool


@dataclass(frozen=True)
class AuditFilter:
    """Lines about decisions, or about refusals, or all; of people with these words in their name or key, and with these
    words themselves.
    """

    kind: str = ""
    person: str = ""
    words: str = ""

    @property
    def conditions(self) -> list[Any]:
        kinds = {DECISIONS: audit.c.act.not_in(_OWN), REFUSALS: audit.c.act.in_(_OWN)}
        found: list[Any] = [kinds[self.kind]] if self.kind in kinds else []
        if self.person:
            found.append(
                or_(*(each.icontains(self.person, autoescape=True) for each in (audit.c.person, audit.c.person_name)))
            )
        if self.words:
            found.append(or_(*(each.icontains(self.words, autoescape=True) for each in (audit.c.words, audit.c.act))))
        return found


ALL_LINES = AuditFilter()


class Audit:
    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock

    async def refused(self, person: Person, place: Place, words: str) -> None:
        """Log that a person was refused something, and why."""
        async with self._database.change() as connection:
            await connection.execute(self.line(person, place, REFUSED, words))

    async def decided(self, person: Person, place: Place, act: str, words: str) -> None:
        """Log something that a moderator did without changing a rule."""
        async with self._database.change() as connection:
            await connection.execute(self.line(person, place, act, words))

    def line(
        self,
        person: Person,
        place: Place,
        act: str,
        words: str,
        changes: Sequence[Mapping[str, Any]] = (),
        community: str | None = None,
    ) -> Insert:
        """Return the statement that writes a line. By default it belongs to the place's community."""
        values = {
            "at": self._clock(),
            "community": community_of(place) if community is None else community,
            "place": place.id,
            "place_name": place.name,
            "person": person.key,
            "person_name": person.name,
            "act": act,
            "words": words,
            "changes": list(changes),
            "undone": 0,
        }
        return audit.insert().values(values)

    async def last_in(
        self, community: str, count: int = 20, before: int | None = None, wanted: AuditFilter = ALL_LINES
    ) -> list[Entry]:
        """Return the latest lines of a community, newest first; with `before`, only lines older than that number."""
        where = [audit.c.community == community, *([audit.c.seq < before] if before is not None else [])]
        where += wanted.conditions
        question = select(audit).where(*where).order_by(audit.c.seq.desc()).limit(count)
        async with self._database.read(begun=True) as connection:
            return await connection.each(question, _entry)

    async def communities(self) -> dict[str, str]:
        """Return the communities in the log, as "platform:id", each with the name of its latest place."""
        latest = select(func.max(audit.c.seq)).where(audit.c.community != "").group_by(audit.c.community)
        question = select(audit.c.community, audit.c.place_name).where(audit.c.seq.in_(latest))
        async with self._database.read() as connection:
            return dict(map(tuple, await connection.execute(question)))

    async def name_of(self, person: str) -> str:
        """Return the last name of a person in the log, who is given as "platform:id"; empty if there is none."""
        mine = (audit.c.person == person, audit.c.person_name != "")
        question = select(audit.c.person_name).where(*mine).order_by(audit.c.seq.desc()).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(question)).scalar_one_or_none() or ""

    async def refusals_since(self, community: str, moment: float) -> list[Entry]:
        """Return the refusals since a moment, oldest first."""
        where = (audit.c.community == community, audit.c.act == REFUSED, audit.c.at >= moment)
        async with self._database.read(begun=True) as connection:
            return await connection.each(select(audit).where(*where).order_by(audit.c.seq), _entry)

    async def to_undo(self, connection: AsyncConnection, community: str) -> Entry | None:
        """Return a community's last decision that changed rules and was not undone. Changes to workflows themselves do
        not count.
        """
        acts = (audit.c.act.not_in((*_OWN, "undo")), audit.c.act.not_like("workflow %"))
        where = (audit.c.community == community, audit.c.undone == 0, *acts)
        question = select(audit).where(*where).order_by(audit.c.seq.desc()).limit(200)
        found = (_entry(row) for row in await connection.execute(question))
        return next((entry for entry in found if entry.changes), None)

    async def mark_undone(self, connection: AsyncConnection, entry: Entry) -> None:
        await connection.execute(update(audit).where(audit.c.seq == entry.number).values(undone=1))

    async def forget(self, person: str) -> None:
        """Remove the name, refusals and private requests of a person, given as "platform:id". Their decisions as a
        moderator, and the decisions about them, stay under their number.
        """
        mine = audit.c.person == person
        async with self._database.change(locks=(MANY_LINES,)) as connection:
            await connection.execute(delete(audit).where(mine, audit.c.act.in_(_OWN)))
            await connection.execute(update(audit).where(mine).values(person_name=""))
            key = Subject(SubjectKind.PERSON, person).key
            about = cast(audit.c.changes, Text).contains(json.dumps(key), autoescape=True)
            for row in list(await connection.execute(select(audit).where(about))):
                nameless = update(audit).where(audit.c.seq == row.seq)
                await connection.execute(nameless.values(_without_name(row.words, row.changes, key, person)))

    async def about(self, person: str) -> list[AuditLine]:
        """Return the lines about a person, given as "platform:id", and of what they did themselves, oldest first."""
        key = json.dumps(Subject(SubjectKind.PERSON, person).key)
        mine = or_(audit.c.person == person, cast(audit.c.changes, Text).contains(key, autoescape=True))
        own = (audit.c.person == person).label("own")
        columns = (audit.c.at, audit.c.place, audit.c.place_name, audit.c.act, audit.c.words, own)
        question = select(*columns).where(mine).order_by(audit.c.seq)
        async with self._database.read(begun=True) as connection:
            return await connection.each(question, lambda row: AuditLine(*row))

    async def sweep(self, moment: float) -> None:
        """Delete the refusals and private requests from before a moment. Decisions are kept."""
        async with self._database.change(locks=(MANY_LINES,)) as connection:
            await connection.execute(delete(audit).where(audit.c.act.in_(_OWN), audit.c.at < moment))

    async def count(self, community: str) -> int:
        question = select(func.count()).where(audit.c.community == community)
        async with self._database.read() as connection:
            return int((await connection.execute(question)).scalar_one())


def _without_name(words: str, changes: Sequence[Mapping[str, Any]], key: str, person: str) -> dict[str, Any]:
    """Return a line about a person with their number instead of their name."""
    names, kept = set(), []
    for change in changes:
        sides = {side: dict(rule) if rule else rule for side, rule in change.items()}
        names |= {rule.pop("who_name", "") for rule in sides.values() if rule and rule.get("who") == key}
        kept.append(sides)
    for name in filter(None, names):
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _match: person, words)
    return {"words": words, "changes": kept}


def _entry(row: Row[Any]) -> Entry:
    person, community = row.person.partition(":"), row.community.partition(":")
    return Entry(
        row.seq,
        row.at,
        Person(person[0], person[2], row.person_name),
        Place(community[0] or person[0], row.place, row.place_name, community[2]),
        row.act,
        row.words,
        tuple(row.changes),
        bool(row.undone),
    )
