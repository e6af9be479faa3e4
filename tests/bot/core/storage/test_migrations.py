"""A database of any earlier schema is upgraded with all its rows, and has the tables of the code then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Connection, Float, Integer, LargeBinary, MetaData, Table, create_engine, select

from bot.core.storage.schema import metadata
from bot.core.storage.upgrade import revisions, upgrade
from tests.bot.databases import new_postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"


_QUICK = {
    (SQLITE, "0001"),
    (SQLITE, "0006"),
    (SQLITE, revisions()[-2]),
    (POSTGRESQL, "0001"),
}  #: 0006: 0.1.0
_KINDS = [
    pytest.param(*each, marks=[] if each in _QUICK else [pytest.mark.long])
    for each in ((kind, revision) for kind in (SQLITE, POSTGRESQL) for revision in revisions())
]


@contextmanager
def _empty(kind: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to an empty database."""
    if kind == SQLITE:
        url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'made.db'}"
    else:
        made = new_postgres(request.getfixturevalue("postgres"), empty=True)
        url = made.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _tables(connection: Connection) -> dict[str, Table]:
    found = MetaData()
    found.reflect(connection)
    return {name: table for name, table in found.tables.items() if name != "alembic_version"}


def _row(table: Table) -> dict[str, Any]:
    """A value in each column."""
    return {column.name: _value(column.type) for column in table.columns}


def _value(kind: Any) -> Any:
    match kind:
        case JSON():
            return {"a": [1, None, "ü"]}
        case LargeBinary():
            return b"\0\xff"
        case Integer():
            return 7
        case Float():
            return 1.5
        case _:
            return "a text"


@pytest.mark.parametrize(("kind", "revision"), _KINDS)
def test_a_database_of_this_schema_is_upgraded(kind: str, revision: str, request: pytest.FixtureRequest) -> None:
    with _empty(kind, request) as connection:
        upgrade(connection, revision)
        before = _tables(connection)
        for table in before.values():
            connection.execute(table.delete())
            connection.execute(table.insert().values(_row(table)))
        upgrade(connection)
        after = _tables(connection)
        for name, table in before.items():
            kept = [column for column in after[name].columns if column.name in table.c]
            (row,) = connection.execute(select(*kept))
            assert dict(row._mapping) == {column.name: _row(table)[column.name] for column in kept}
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [str(each) for each in compare_metadata(context, metadata)]
        assert [each for each in differences if "_index'" not in each] == []  # SQLite does not say how one is ordered
        for name, table in metadata.tables.items():
            assert {index.name for index in after[name].indexes} == {index.name for index in table.indexes}
