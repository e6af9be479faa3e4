"""Finds runs of all people, for those who look after the whole installation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select

from bot.core.run import RunRecord, State
from bot.core.runs.rows import read_run
from bot.core.storage.database import Database
from bot.core.storage.schema import runs

_LATEST = 20_000  # runs of all communities that are looked through for people


@dataclass(frozen=True)
class RunFilter:
    """Runs in one of these states, or in any; of people with these words in their name or key, of these workflows,
    given by id, or of all; and whose end was told with these words.
    """

    states: tuple[State, ...] = ()
    person: str = ""
    workflows: frozenset[str] | None = None
    fault: str = ""

    @property
    def conditions(self) -> list[Any]:
        found: list[Any] = []
        if self.states:
            found.append(runs.c.state.in_(self.states))
        if self.person:
            key, name = (each.icontains(self.person, autoescape=True) for each in (runs.c.person, runs.c.person_name))
            found.append(or_(key, name))
        if self.workflows is not None:
            found.append(runs.c.workflow.in_(self.workflows))
        if self.fault:  # what a private run was told is between it and its person
            told = (each.icontains(self.fault, autoescape=True) for each in (runs.c.sentence, runs.c.reason))
            found += [or_(*told), runs.c.private == 0]
        return found


class RunFinder:
    """All methods raise `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, wanted: RunFilter, count: int, after: int = 0) -> list[RunRecord]:
        """Return the latest runs, newest first, without the first `after` of them."""
        question = select(runs).where(*wanted.conditions).order_by(runs.c.seq.desc())
        return await self._read(question.offset(after).limit(count))

    async def last_failures(self, servers: Collection[tuple[str, str]]) -> dict[tuple[str, str], RunRecord]:
        """Return the last run that failed at each server, given as worker and name. A retried run does not count."""
        failed = [await self._last_failure(*each) for each in servers]
        return {place: run for place, run in zip(servers, failed, strict=True) if run is not None}

    async def _last_failure(self, worker: str, server: str) -> RunRecord | None:
        where = (runs.c.worker == worker, runs.c.state == State.FAILED, runs.c.server == server)
        found = await self._read(select(runs).where(*where).order_by(runs.c.seq.desc()).limit(1))
        return found[0] if found else None

    async def people(self, community: str | None, since: float, count: int) -> list[tuple[RunRecord, int]]:
        """Return the people who asked in a community, given as "platform:id", or anywhere of late, since a moment:
        the latest request of each, and how many there were; those who asked last come first.
        """
        newest = select(func.max(runs.c.seq)).scalar_subquery()
        there = runs.c.seq > newest - _LATEST if community is None else runs.c.community == community
        mine = (there, runs.c.asked_at >= since)
        latest = select(func.max(runs.c.seq).label("seq"), func.count().label("count")).where(*mine)
        each = latest.group_by(runs.c.person).order_by(func.max(runs.c.seq).desc()).limit(count).subquery()
        question = select(runs, each.c.count.label("asked_count")).join(each, runs.c.seq == each.c.seq)
        return await self._database.ask(
            lambda connection: [
                (read_run(row), row.asked_count) for row in connection.execute(question.order_by(runs.c.seq.desc()))
            ]
        )

    async def of_person(self, community: str, person: str, count: int) -> list[RunRecord]:
        """Return the latest runs of a person in a community, both given as "platform:id"; none that is private."""
        mine = (runs.c.community == community, runs.c.person == person, runs.c.private == 0)
        return await self._read(select(runs).where(*mine).order_by(runs.c.seq.desc()).limit(count))

    async def _read(self, question: Select[Any]) -> list[RunRecord]:
        return await self._database.ask(lambda connection: list(map(read_run, connection.execute(question))))
