"""The table of reports: which results people have reported, and how far each is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from time import time
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from bot.core.run import RunRecord, State
from bot.core.runs import statements
from bot.core.runs.rows import read_run
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import reports, runs

_DAY = 86_400.0


class ReportStage(StrEnum):
    """The stage of a report. All reports of a result share it."""

    NEW = "new"  #: reviewers are to be asked
    ASKED = "asked"
    TAKEN = "taken"  #: its message is to be removed
    SETTLED = "settled"


class Heard(StrEnum):
    """The fate of a report."""

    KEPT = "kept"
    AGAIN = "again"  #: the same person has reported this result before
    SETTLED = "settled"  #: reviewers have left this result before
    TOO_MANY = "too many"


class ReportStore:
    def __init__(self, database: Database, clock: Callable[[], float] = time) -> None:
        self._database, self._clock = database, clock

    async def add(self, run_id: str, person: str, most: int) -> Heard:
        """Keep a report by a person, given as "platform:id", who has reported fewer than `most` results in a day."""
        return await self._database.write(
            lambda connection: self._add(connection, run_id, person, most),
            Topic.HELD,
            locks=(f"reports of {person}",),
        )

    def _add(self, connection: Connection, run_id: str, person: str, most: int) -> Heard:
        now = self._clock()
        stages = dict(map(tuple, connection.execute(select(reports.c.person, reports.c.stage).where(_of(run_id)))))
        if person in stages:
            return Heard.AGAIN
        lately = select(func.count()).where(reports.c.person == person, reports.c.at > now - _DAY)
        if connection.execute(lately).scalar_one() >= most:
            return Heard.TOO_MANY
        stage = next(iter(stages.values()), ReportStage.NEW)
        connection.execute(insert(reports).values(run_id=run_id, person=person, at=now, stage=stage))
        return Heard.SETTLED if stage == ReportStage.SETTLED else Heard.KEPT

    async def open_in(self, community: str, count: int = 50) -> list[tuple[RunRecord, int]]:
        """Return the reported results of a community, given as "platform:id", that no reviewer has decided about, each
        with its number of reports; oldest first.
        """
        many = select(func.count()).where(reports.c.run_id == runs.c.id).scalar_subquery()
        reported = reports.c.stage.in_((ReportStage.NEW, ReportStage.ASKED))
        ids = select(reports.c.run_id).where(reported)
        where = (runs.c.community == community, runs.c.state.in_((State.DONE, State.FAILED)), runs.c.id.in_(ids))
        question = select(runs, many.label("reported")).where(*where).order_by(runs.c.seq).limit(count)

        def ask(connection: Connection) -> list[tuple[RunRecord, int]]:
            return [(read_run(row), int(row.reported)) for row in connection.execute(question)]

        return await self._database.ask(ask)

    async def at(self, stage: ReportStage, platforms: Collection[str]) -> list[RunRecord]:
        """Return the results at a stage whose messages are on these platforms, oldest first."""
        ids = select(reports.c.run_id).where(reports.c.stage == stage)
        question = select(runs).where(runs.c.id.in_(ids), statements.on_platforms(platforms)).order_by(runs.c.seq)
        return await self._database.ask(lambda connection: list(map(read_run, connection.execute(question))))

    async def move(self, run_id: str, stage: ReportStage, *before: ReportStage) -> bool:
        """Put the reports of a result at a stage, if they are at one of those before."""
        change = update(reports).where(_of(run_id), reports.c.stage.in_(before)).values(stage=stage)

        def move(connection: Connection) -> bool:
            return connection.execute(change).rowcount > 0

        return await self._database.write(move, Topic.HELD)

    async def forget(self, person: str) -> None:
        """Delete the reports of a person, given as "platform:id", but for results whose messages are being removed."""
        mine = (reports.c.person == person, reports.c.stage != ReportStage.TAKEN)
        async with self._database.change() as connection:
            await connection.execute(delete(reports).where(*mine))


def forget_reports(run_ids: Collection[str]) -> Any:
    """Return the statement that deletes the reports of runs."""
    return delete(reports).where(reports.c.run_id.in_(run_ids))


def _of(run_id: str) -> Any:
    return reports.c.run_id == run_id
