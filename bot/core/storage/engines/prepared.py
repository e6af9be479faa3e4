"""Statements of every run. On SQLite each is turned into SQL once, and goes past SQLAlchemy from then on.

What SQLAlchemy does around a statement takes longer there than the statement.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql import Executable

_NOTHING: Mapping[str, Any] = {}
#: Turns a value into what the database stores, or back; None where that is the same.
_Processor = Callable[[Any], Any] | None


class PreparedStatement:
    """A statement with named values. It is always given values of the same names, and lists for those that expand."""

    def __init__(self, statement: Executable) -> None:
        self.statement: Any = statement
        self._sql: dict[tuple[int, ...], _Sql] = {}  # by the lengths of the lists

    def rows(self, connection: Connection, given: Mapping[str, Any] = _NOTHING) -> list[Any]:
        """Return the rows: each a tuple whose columns are its attributes, too."""
        if connection.dialect.name != "sqlite":
            return list(connection.execute(self.statement, given))
        return self._of(connection.dialect, given).rows(connection, given)

    def row(self, connection: Connection, given: Mapping[str, Any] = _NOTHING) -> Any:
        """Return the only row; None if there is none."""
        found = self.rows(connection, given)
        return found[0] if found else None

    def change(self, connection: Connection, given: Mapping[str, Any] = _NOTHING) -> int:
        """Execute a statement that returns no rows; return how many an update has changed."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self.statement, given).rowcount
        count: int = self._of(connection.dialect, given).execute(connection, given).rowcount
        return count

    def _of(self, dialect: Dialect, given: Mapping[str, Any]) -> _Sql:
        lengths = tuple(len(value) for value in given.values() if type(value) is list)
        found = self._sql.get(lengths)
        if found is None:
            found = self._sql[lengths] = _Sql(self.statement, dialect, given)
        return found


class _Sql:
    """The text of a statement, what it is given in order, and what comes back."""

    def __init__(self, statement: Any, dialect: Dialect, given: Mapping[str, Any]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(given))
        state = compiled.construct_expanded_state(dict(given))
        self._text = state.statement
        self._values = tuple(_values(compiled, state, dialect, given))
        columns = list(getattr(statement, "exported_columns", ()))
        read = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self._read = tuple((number, processor) for number, processor in enumerate(read) if processor is not None)
        row: Any = namedtuple("Row", [str(getattr(column, "name", "")) for column in columns], rename=True)  # type: ignore[misc]
        self._row = row._make

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> list[Any]:
        return [self._row(self._processed(row)) for row in self.execute(connection, given).fetchall()]

    def execute(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        driver: Any = connection.connection.dbapi_connection
        return driver.cursor().execute(self._text, [value(given) for value in self._values])

    def _processed(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self._read:
            return row
        values = list(row)
        for number, processor in self._read:
            values[number] = processor(values[number])
        return values


def _values(
    compiled: Any, state: Any, dialect: Dialect, given: Mapping[str, Any]
) -> Iterator[Callable[[Mapping[str, Any]], Any]]:
    """Yield what takes each value out of what a statement is given."""
    lists = state.parameter_expansion.items()
    parts = {part: (name, number) for name, every in lists for number, part in enumerate(every)}
    for name in state.positiontup:
        whole, number = parts.get(name, (name, None))
        processor = compiled.binds[whole].type.dialect_impl(dialect).bind_processor(dialect)
        if whole in given:
            yield _value(whole, number, processor)
        else:
            yield _fixed(state.parameters[name], processor)


def _value(name: str, number: int | None, processor: _Processor) -> Callable[[Mapping[str, Any]], Any]:
    """Take a value by its name; of a list, the one of this number."""
    take: Callable[[Mapping[str, Any]], Any] = itemgetter(name)
    if number is not None:
        take = lambda given: given[name][number]  # noqa: E731
    return take if processor is None else lambda given: processor(take(given))


def _fixed(value: Any, processor: _Processor) -> Callable[[Mapping[str, Any]], Any]:
    stored = value if processor is None else processor(value)
    return lambda _given: stored
