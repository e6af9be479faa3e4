"""The results of a person by pages: each begins after a run, so that one far down costs as little as the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, literal_column, select

from bot.core.run import RunRecord, State
from bot.core.runs.history.search import Accounts, has_words, rarest_first
from bot.core.runs.history.tokens import key, tokens
from bot.core.runs.rows import read_run
from bot.core.storage.database import Database
from bot.core.storage.schema import favourites, runs, words

_TYPED = 8  # words that are looked for
_UNREAD = 500  # latest runs whose words were not read yet, and are looked through


@dataclass(frozen=True)
class GalleryFilter:
    """The results that a person looks for: with all of these `words`, of a `workflow`, given by its id, and favourites
    alone. What is empty leaves nothing out.
    """

    words: str = ""
    workflow: str = ""
    favourites: bool = False


@dataclass(frozen=True)
class PlacedRun:
    """A run, its place among all runs, which grows, and whether it is a favourite of its person."""

    place: int
    run: RunRecord
    favourite: bool


class GalleryPages:
    """People are given by their accounts. All methods raise `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, person: Accounts, chosen: GalleryFilter, count: int, beyond: int | None = None, *, newer: bool = False
    ) -> list[PlacedRun]:
        """Return runs of a person that are done: the latest, or those beyond a place, the next one first. Each account
        is asked for by itself, since the indexes have its runs in order.
        """
        wanted = tokens([chosen.words], _TYPED)

        def ask(connection: Connection) -> list[PlacedRun]:
            found = dict[int, PlacedRun]()
            for account in person:
                question = _filtered(account, person, chosen, beyond, newer=newer)
                found |= {each.place: each for each in _found(connection, account, question, wanted, count)}
            return sorted(found.values(), key=lambda each: each.place, reverse=not newer)[:count]

        return await self._database.ask(ask)

    async def placed(self, person: Accounts, run_id: str) -> PlacedRun | None:
        """Return a run of a person that is done; None if there is none with this id."""
        questions = [
            _filtered(account, person, GalleryFilter(), None, newer=False).where(runs.c.id == run_id)
            for account in person
        ]

        def ask(connection: Connection) -> PlacedRun | None:
            rows = [connection.execute(question).one_or_none() for question in questions]
            return next((_placed(row) for row in rows if row is not None), None)

        return await self._database.ask(ask)

    async def together(self, person: Accounts, group: str) -> list[str]:
        """Return the ids of a person's runs that one request asked for, in order."""
        mine = (runs.c.person.in_(person), runs.c.group_id == group)
        question = select(runs.c.id).where(*mine).order_by(runs.c.cell)
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def workflows(self, person: Accounts) -> dict[str, int]:
        """Count a person's runs that are done, by workflow."""
        mine = (runs.c.person.in_(person), runs.c.state == State.DONE)
        question = select(runs.c.workflow, func.count()).where(*mine).group_by(runs.c.workflow)
        return await self._database.ask(lambda connection: dict(map(tuple, connection.execute(question))))


def _filtered(account: str, person: Accounts, chosen: GalleryFilter, beyond: int | None, *, newer: bool) -> Any:
    liked = select(favourites.c.run_id).where(favourites.c.run_id == runs.c.id, favourites.c.person.in_(person))
    question = select(runs, liked.exists().label("favourite"))
    question = question.where(runs.c.person == account, runs.c.state == State.DONE)
    if chosen.favourites:
        question = question.where(liked.exists())
    if chosen.workflow:
        question = question.where(runs.c.workflow == chosen.workflow)
    if beyond is not None:
        question = question.where(runs.c.seq > beyond if newer else runs.c.seq < beyond)
    return question.order_by(runs.c.seq if newer else runs.c.seq.desc())


def _found(connection: Connection, account: str, question: Any, wanted: Sequence[str], count: int) -> list[PlacedRun]:
    """Return what a question finds, with all the words that are wanted."""
    if not wanted:
        return list(map(_placed, connection.execute(question.limit(count))))
    unread = connection.execute(question.where(literal_column("searchable = 0")).limit(_UNREAD))
    fresh = [each for each in map(_placed, unread) if has_words(each.run, wanted)]
    keys = rarest_first(connection, [key(account, each) for each in wanted])
    return [*fresh, *map(_placed, connection.execute(_with_words(question, keys).limit(count)))]


def _with_words(question: Any, keys: Sequence[int]) -> Any:
    first, *others = keys
    question = question.where(runs.c.seq.in_(select(words.c.run).where(words.c.word == first)))
    for each in others:
        question = question.where(select(words.c.run).where(words.c.word == each, words.c.run == runs.c.seq).exists())
    return question


def _placed(row: Row[Any]) -> PlacedRun:
    return PlacedRun(row.seq, read_run(row), bool(row.favourite))
