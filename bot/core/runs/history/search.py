"""The table of words: which runs have which, so that a person finds one among many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, partial
from heapq import merge
from typing import Any, Protocol, TypeAlias

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select, update

from bot.core.run import RunRecord
from bot.core.runs import usage
from bot.core.runs.history.tokens import key, texts_of, tokens
from bot.core.runs.rows import read_run
from bot.core.storage.database import Database
from bot.core.storage.schema import runs, words

_AT_ONCE = 200  # runs that are read in one transaction
_UNREAD = 500  # of a person's latest runs that were not read yet, and are looked through instead
_RARE = 1000  # runs with a word; how much more frequent it is need not be known
_TYPED = 8  # words that are looked for


Accounts: TypeAlias = tuple[str, ...]  #: of one person, each as "platform:id"


class _Asking(Protocol):
    def __call__(self, connection: Connection, person: str, skip: int, count: int) -> list[RunRecord]: ...


class RunSearch:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest(self, person: Accounts, skip: int, count: int) -> list[RunRecord]:
        """Return runs of a person, given by their accounts, newest first, after the first `skip`."""
        return await self._pages(_latest, person, skip, count)

    async def find(self, person: Accounts, typed: str, skip: int, count: int) -> list[RunRecord]:
        """Return runs of a person that have all the words that were typed, newest first, after the first `skip`."""
        wanted = tokens([typed], _TYPED)
        if not wanted:
            return await self.latest(person, skip, count)
        return await self._pages(partial(_find, wanted=wanted), person, skip, count)

    async def _pages(self, ask: _Asking, accounts: Accounts, skip: int, count: int) -> list[RunRecord]:
        """Ask for the runs of each account by itself, which the indexes have in order, and put them in order."""
        if len(accounts) == 1:
            return await self._database.ask(partial(ask, person=accounts[0], skip=skip, count=count))
        each = partial(ask, skip=0, count=skip + count)

        def ask_all(connection: Connection) -> list[RunRecord]:
            found = [each(connection, person=account) for account in accounts]
            return list(merge(*found, key=lambda run: -run.asked_at))[skip : skip + count]

        return await self._database.ask(ask_all)

    async def read(self) -> bool:
        """Take the words of some runs that were not read yet into the table. True if there may be more."""
        if not await self._database.ask(lambda connection: connection.execute(_UNREAD_RUNS.limit(1)).first()):
            return False

        def read(connection: Connection) -> bool:
            found = list(connection.execute(_UNREAD_RUNS))
            rows = [
                {"word": word, "run": row.seq}
                for row in found
                for word in {key(row.person, each) for each in tokens(texts_of(row.workflow, row.given))}
            ]
            if rows:
                connection.execute(insert(words), rows)
            if found:
                read_now = update(runs).where(runs.c.seq.in_([row.seq for row in found]))
                connection.execute(read_now.values(searchable=1))
            return len(found) == _AT_ONCE

        return await self._database.write(read, locks=(usage.MANY_RUNS,))


def forget_words(run_ids: Collection[str]) -> Any:
    """Return the statement that deletes the words of runs, which are still there."""
    return delete(words).where(words.c.run.in_(select(runs.c.seq).where(runs.c.id.in_(run_ids))))


def rarest_first(connection: Connection, keys: Sequence[int]) -> list[int]:
    """Return words, given by their numbers, in the order in which to look for them: the others are only looked up."""
    if len(keys) < 2:
        return list(keys)
    return sorted(keys, key=lambda each: connection.execute(_FREQUENCY, {"word": each}).scalar_one())


def has_words(run: RunRecord, wanted: Sequence[str]) -> bool:
    """True if a run has all of these words, as `tokens` makes them."""
    return set(wanted) <= set(tokens(texts_of(run.workflow, run.values)))


def _latest(connection: Connection, person: str, skip: int, count: int) -> list[RunRecord]:
    given = {"of_person": person, "skip": skip, "count": count}
    return list(map(read_run, connection.execute(_LATEST, given)))


def _find(connection: Connection, person: str, skip: int, count: int, wanted: Sequence[str]) -> list[RunRecord]:
    fresh = [run for run in _unread(connection, person) if has_words(run, wanted)]
    if len(fresh) >= skip + count:
        return fresh[skip : skip + count]
    keys = rarest_first(connection, [key(person, each) for each in wanted])
    given = {f"word_{number}": each for number, each in enumerate(keys)}
    page = {"skip": max(0, skip - len(fresh)), "count": count, "of_person": person}
    return [*fresh[skip:], *map(read_run, connection.execute(_found_by(len(keys)), given | page))][:count]


def _unread(connection: Connection, person: str) -> list[RunRecord]:
    """The latest runs whose words are not in the table yet, of all people: no index would find those of one."""
    return [read_run(row) for row in connection.execute(_OF_UNREAD, {"of_person": person})]


@cache
def _found_by(count: int) -> Any:
    """The runs that have so many words, newest first."""
    first, *others = [words.alias(f"words_{number}") for number in range(count)]
    also = [
        select(literal_column("1"))
        .where(each.c.word == bindparam(f"word_{number}"), each.c.run == first.c.run)
        .correlate(first)
        .exists()
        for number, each in enumerate(others, 1)
    ]
    having = select(first.c.run).where(first.c.word == bindparam("word_0"), *also)
    page = having.order_by(first.c.run.desc()).offset(bindparam("skip")).limit(bindparam("count")).subquery()
    mine = (runs.c.seq.in_(select(page.c.run)), runs.c.person == bindparam("of_person"))
    return select(runs).where(*mine).order_by(runs.c.seq.desc())


_LATEST = (
    select(runs)
    .where(runs.c.person == bindparam("of_person"))
    .order_by(runs.c.seq.desc())
    .offset(bindparam("skip"))
    .limit(bindparam("count"))
)
_some = select(words.c.run).where(words.c.word == bindparam("word")).limit(_RARE).subquery()
_FREQUENCY = select(func.count()).select_from(_some)
_unread_now = select(runs.c.seq).where(literal_column("searchable = 0")).order_by(runs.c.seq.desc()).limit(_UNREAD)
_OF_UNREAD = (
    select(runs)
    .where(runs.c.seq.in_(select(_unread_now.subquery().c.seq)), runs.c.person == bindparam("of_person"))
    .order_by(runs.c.seq.desc())
)
_UNREAD_RUNS = (
    select(runs.c.seq, runs.c.person, runs.c.workflow, runs.c.given)
    .where(literal_column("searchable = 0"))
    .order_by(runs.c.seq)
    .limit(_AT_ONCE)
)
