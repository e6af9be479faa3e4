"""The results of a person by pages: each begins after a run, so that one far down costs as little as the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, literal_column, select

from bot.core.run import RunRecord, State
from bot.core.runs.history.search import has_words, rarest_first
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
    """People are given as "platform:id". All methods raise `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, person: str, chosen: GalleryFilter, count: int, beyond: int | None = None, *, newer: bool = False
    ) -> list[PlacedRun]:
        """Return runs of a person that are done: the latest, or those beyond a place, the next one first."""

        def ask(connection: Connection) -> list[PlacedRun]:
            question = _filtered(person, chosen, beyond, newer=newer)
            wanted = tokens([chosen.words], _TYPED)
            if not wanted:
                return list(map(_placed, connection.execute(question.limit(count))))
            unread = connection.execute(question.where(literal_column("searchable = 0")).limit(_UNREAD))
            fresh = [each for each in map(_placed, unread) if has_words(each.run, wanted)]
            keys = rarest_first(connection, [key(person, each) for each in wanted])
            read = map(_placed, connection.execute(_with_words(question, keys).limit(count)))
            found = {each.place: each for each in (*fresh, *read)}
            return sorted(found.values(), key=lambda each: each.place, reverse=not newer)[:count]

        return await self._database.ask(ask)

    async def placed(self, person: str, run_id: str) -> PlacedRun | None:
        """Return a run of a person that is done; None if there is none with this id."""
        question = _filtered(person, GalleryFilter(), None, newer=False).where(runs.c.id == run_id)

        def ask(connection: Connection) -> PlacedRun | None:
            row = connection.execute(question).one_or_none()
            return None if row is None else _placed(row)

        return await self._database.ask(ask)

    async def workflows(self, person: str) -> dict[str, int]:
        """Count a person's runs that are done, by workflow."""
        mine = (runs.c.person == person, runs.c.state == State.DONE)
        question = select(runs.c.workflow, func.count()).where(*mine).group_by(runs.c.workflow)
        return await self._database.ask(lambda connection: dict(map(tuple, connection.execute(question))))


def _filtered(person: str, chosen: GalleryFilter, beyond: int | None, *, newer: bool) -> Any:
    own = and_(favourites.c.run_id == runs.c.id, favourites.c.person == person)
    question = select(runs, favourites.c.at.is_not(None).label("favourite"))
    question = question.join_from(runs, favourites, own, isouter=not chosen.favourites)
    question = question.where(runs.c.person == person, runs.c.state == State.DONE)
    if chosen.workflow:
        question = question.where(runs.c.workflow == chosen.workflow)
    if beyond is not None:
        question = question.where(runs.c.seq > beyond if newer else runs.c.seq < beyond)
    return question.order_by(runs.c.seq if newer else runs.c.seq.desc())


def _with_words(question: Any, keys: Sequence[int]) -> Any:
    first, *others = keys
    question = question.where(runs.c.seq.in_(select(words.c.run).where(words.c.word == first)))
    for each in others:
        question = question.where(select(words.c.run).where(words.c.word == each, words.c.run == runs.c.seq).exists())
    return question


def _placed(row: Row[Any]) -> PlacedRun:
    return PlacedRun(row.seq, read_run(row), bool(row.favourite))
