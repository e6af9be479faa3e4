"""A prepared statement says and finds what SQLAlchemy's own way would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, Column, Connection, Float, Integer, MetaData, Table, Text, bindparam, func, select, update

from bot.core.errors import StorageAway
from bot.core.storage.database import Database
from bot.core.storage.engines.prepared import PreparedStatement

_THINGS = Table(
    "things",
    MetaData(),
    Column("seq", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("body", JSON),
    Column("at", Float),
)
_PUT = PreparedStatement(_THINGS.insert())
_ONE_OF = PreparedStatement(
    select(_THINGS)
    .where(_THINGS.c.name.in_(bindparam("names", expanding=True)), _THINGS.c.seq >= bindparam("least"))
    .order_by(_THINGS.c.seq)
    .limit(100)
)
_MOVE = PreparedStatement(
    update(_THINGS)
    .where(_THINGS.c.name.in_(bindparam("names", expanding=True)))
    .values(body=bindparam("new_body", type_=JSON), at=_THINGS.c.at + 1)
    .returning(_THINGS.c.name, _THINGS.c.body)
)
_RENAME = PreparedStatement(update(_THINGS).where(_THINGS.c.name == bindparam("old")).values(name=bindparam("new")))
_COUNT = PreparedStatement(select(func.count(), func.max(_THINGS.c.at)))

_names = st.sampled_from(["a", "b", "it's", "100%", ":c", "?"])
_bodies = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
async def things(database: Database) -> AsyncIterator[Database]:
    await database.write(_THINGS.create)
    yield database
    await database.write(_THINGS.drop)


async def test_on_both_databases_it_finds_and_changes_the_same(things: Database) -> None:
    def work(connection: Connection) -> None:
        for number, (name, body) in enumerate([("a", {"x": [1, None]}), ("b", None), ("it's 100% :c ?", "ü")]):
            _PUT.change(connection, {"name": name, "body": body, "at": number / 3})
        first, second = _ONE_OF.rows(connection, {"names": ["a", "b", "z"], "least": 0})
        assert (first.name, first.body, first.at, second.body) == ("a", {"x": [1, None]}, 0.0, None)
        assert tuple(first) == (first.seq, "a", {"x": [1, None]}, 0.0)
        assert _ONE_OF.rows(connection, {"names": [], "least": 0}) == []
        assert _ONE_OF.row(connection, {"names": ["it's 100% :c ?"], "least": 0}).body == "ü"
        assert _ONE_OF.row(connection, {"names": ["z"], "least": 0}) is None
        moved = _MOVE.rows(connection, {"names": ["b"], "new_body": {"y": 1.5}})
        assert [tuple(row) for row in moved] == [("b", {"y": 1.5})]
        assert [_RENAME.change(connection, {"old": "b", "new": new}) for new in ("c", "d")] == [1, 0]
        assert tuple(_COUNT.row(connection)) == (3, pytest.approx(4 / 3))

    await things.write(work)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@given(rows=st.lists(st.tuples(_names, _bodies, st.floats(-1e9, 1e9)), max_size=6), names=st.lists(_names, max_size=4))
def test_whatever_is_stored_it_reads_as_sqlalchemy_does(
    folder: Path, rows: list[tuple[str, Any, float]], names: list[str]
) -> None:
    def work(connection: Connection) -> None:
        _THINGS.drop(connection, checkfirst=True)
        _THINGS.create(connection)
        for name, body, at in rows:
            _PUT.change(connection, {"name": name, "body": body, "at": at})
        found = {"names": names, "least": 0}
        expected = [tuple(row) for row in connection.execute(_ONE_OF.statement, found)]
        assert [tuple(row) for row in _ONE_OF.rows(connection, found)] == expected
        assert [row[1:] for row in expected] == [row for row in rows if row[0] in names]

    async def check() -> None:
        async with Database.in_folder(folder) as database:
            await database.write(work)

    asyncio.run(check())


async def test_only_what_expands_makes_another_text(tmp_path: Path) -> None:
    put, found = PreparedStatement(_THINGS.insert()), PreparedStatement(_ONE_OF.statement)

    def work(connection: Connection) -> None:
        _THINGS.create(connection)
        for body in ([], [1], [1, 2]):
            put.change(connection, {"name": "a", "body": body, "at": 0.0})
        for names in (["a"], ("b", "a"), ("a",), ["b", "c"]):
            assert len(found.rows(connection, {"least": 0, "names": names})) == 3 * ("a" in names)
        with pytest.raises(TypeError, match="body"):
            put.change(connection, {"name": "a", "at": 0.0})

    async with Database.in_folder(tmp_path) as database:
        await database.write(work)
    assert put._compiled is not None
    assert found._compiled is not None
    assert (len(put._compiled._sql), len(found._compiled._sql)) == (1, 2)


async def test_it_is_committed_where_nothing_else_is_said(things: Database) -> None:
    async with things.change() as connection:
        await connection.run_sync(_PUT.change, {"name": "a", "body": None, "at": 0.0})
    assert (await things.ask(_COUNT.row))[0] == 1


async def test_what_a_database_refuses_is_told_as_ever(things: Database) -> None:
    def work(connection: Connection) -> None:
        _PUT.change(connection, {"name": "a", "body": None, "at": 0.0})
        _PUT.change(connection, {"name": None, "body": None, "at": 0.0})

    with pytest.raises(StorageAway):
        await things.write(work)
    assert (await things.ask(_COUNT.row))[0] == 0
