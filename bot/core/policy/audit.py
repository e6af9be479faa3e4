"""The audit: who decided what, when and where, before and after; and who was refused, by which rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import Row, Text, cast, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.model import Person, Place
from bot.core.policy.scope import Subject, SubjectKind, community_of
from bot.core.run import key_of
from bot.core.storage.database import Database
from bot.core.storage.schema import audit

REFUSED = "refused"  #: the act of one who was not let do what they asked for


@dataclass(frozen=True)
class Entry:
    """A line of the audit. `changes` are the rules that it changed: each as data, `before` and `after`."""

    number: int
    at: float
    person: Person
    place: Place
    act: str
    words: str
    changes: tuple[Mapping[str, Any], ...] = ()
    undone: bool = False


class Audit:
    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock

    async def refused(self, person: Person, place: Place, words: str) -> None:
        """Note that somebody was not let do something, and by which rule."""
        async with self._database.change() as connection:
            await self.note(connection, person, place, REFUSED, words)

    async def decided(self, person: Person, place: Place, act: str, words: str) -> None:
        """Note something that a moderator did to no rule."""
        async with self._database.change() as connection:
            await self.note(connection, person, place, act, words)

    async def note(
        self,
        connection: AsyncConnection,
        person: Person,
        place: Place,
        act: str,
        words: str,
        changes: Sequence[Mapping[str, Any]] = (),
        community: str | None = None,
    ) -> None:
        """Write a line, inside somebody's transaction; in the community of the place where none is named."""
        values = {
            "at": self._clock(),
            "community": community_of(place) if community is None else community,
            "place": place.id,
            "place_name": place.name,
            "person": key_of(person),
            "person_name": person.name,
            "act": act,
            "words": words,
            "changes": list(changes),
            "undone": 0,
        }
        await connection.execute(audit.insert().values(values))

    async def last_in(self, community: str, count: int = 20, before: int | None = None) -> list[Entry]:
        """The latest lines of a community, the newest first; those older than the number `before`."""
        where = [audit.c.community == community, *([audit.c.seq < before] if before is not None else [])]
        question = select(audit).where(*where).order_by(audit.c.seq.desc()).limit(count)
        async with self._database.read() as connection:
            return [_entry(row) for row in await connection.execute(question)]

    async def communities(self) -> dict[str, str]:
        """The communities of which anything is written down, as "platform:id", with the name of the latest place."""
        latest = select(func.max(audit.c.seq)).where(audit.c.community != "").group_by(audit.c.community)
        question = select(audit.c.community, audit.c.place_name).where(audit.c.seq.in_(latest))
        async with self._database.read() as connection:
            return dict(map(tuple, await connection.execute(question)))

    async def refusals_since(self, community: str, moment: float) -> list[Entry]:
        """Who was refused since then, the oldest first."""
        where = (audit.c.community == community, audit.c.act == REFUSED, audit.c.at >= moment)
        async with self._database.read() as connection:
            return [_entry(row) for row in await connection.execute(select(audit).where(*where).order_by(audit.c.seq))]

    async def to_undo(self, connection: AsyncConnection, community: str) -> Entry | None:
        """The last decision of a community that changed rules and has not been taken back; what was done to workflows
        themselves is not among them.
        """
        acts = (audit.c.act.not_in((REFUSED, "undo")), audit.c.act.not_like("workflow %"))
        where = (audit.c.community == community, audit.c.undone == 0, *acts)
        question = select(audit).where(*where).order_by(audit.c.seq.desc()).limit(200)
        found = (_entry(row) for row in await connection.execute(question))
        return next((entry for entry in found if entry.changes), None)

    async def mark_undone(self, connection: AsyncConnection, entry: Entry) -> None:
        await connection.execute(update(audit).where(audit.c.seq == entry.number).values(undone=1))

    async def forget(self, person: str) -> None:
        """Take the name, and what was refused to them, of a person, as "platform:id", out of the audit. What they
        decided as a moderator stays, under their number alone; and so does what was decided about them.
        """
        mine = audit.c.person == person
        async with self._database.change() as connection:
            await connection.execute(delete(audit).where(mine, audit.c.act == REFUSED))
            await connection.execute(update(audit).where(mine).values(person_name=""))
            key = Subject(SubjectKind.PERSON, person).key
            about = cast(audit.c.changes, Text).contains(json.dumps(key), autoescape=True)
            for row in list(await connection.execute(select(audit).where(about))):
                nameless = update(audit).where(audit.c.seq == row.seq)
                await connection.execute(nameless.values(_without_name(row.words, row.changes, key, person)))

    async def sweep(self, moment: float) -> None:
        """Delete refusals from before a moment: decisions are kept."""
        async with self._database.change() as connection:
            await connection.execute(delete(audit).where(audit.c.act == REFUSED, audit.c.at < moment))

    async def count(self, community: str) -> int:
        question = select(func.count()).where(audit.c.community == community)
        async with self._database.read() as connection:
            return int((await connection.execute(question)).scalar_one())


def _without_name(words: str, changes: Sequence[Mapping[str, Any]], key: str, person: str) -> dict[str, Any]:
    """A line about somebody with their number in the place of their name."""
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
