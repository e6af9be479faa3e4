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

_SHORT = 32  # values that expand: texts for longer lists are made each time, as they take much memory
_NOTHING: Mapping[str, Any] = {}
#: Takes a value out of what a statement is given, as the database stores it.
_Value = Callable[[Mapping[str, Any]], Any]
#: Turns a value into what the database stores, or back; None where that is the same.
_Processor = Callable[[Any], Any] | None


class PreparedStatement:
    """A statement that is given values of the same names each time. Those that expand are sequences.

    Its rows are tuples. Columns of a table, and those with a label, are attributes of a row, too.
    """

    def __init__(self, statement: Executable) -> None:
        self.statement: Any = statement
        self._compiled: _Compiled | None = None

    def rows(self, connection: Connection, given: Mapping[str, Any] = _NOTHING) -> list[Any]:
        """Return the rows."""
        if connection.dialect.name != "sqlite":
            return list(connection.execute(self.statement, given))
        return self._prepared(connection.dialect, given).rows(connection, given)

    def row(self, connection: Connection, given: Mapping[str, Any] = _NOTHING) -> Any:
        """Return the first row; None if there is none."""
        found = self.rows(connection, given)
        return found[0] if found else None

    def change(self, connection: Connection, given: Mapping[str, Any] = _NOTHING) -> int:
        """Execute a statement that returns no rows; return how many an update has changed."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self.statement, given).rowcount
        count: int = self._prepared(connection.dialect, given).execute(connection, given).rowcount
        return count

    def _prepared(self, dialect: Dialect, given: Mapping[str, Any]) -> _Sql:
        if self._compiled is None:
            self._compiled = _Compiled(self.statement, dialect, given)
        return self._compiled.sql(given)


class _Compiled:
    """A statement as SQLAlchemy has compiled it, with a text for each short length of what expands."""

    def __init__(self, statement: Any, dialect: Dialect, given: Mapping[str, Any]) -> None:
        self.made = statement.compile(dialect=dialect, column_keys=list(given))
        self.dialect, self.columns = dialect, tuple(getattr(statement, "exported_columns", ()))
        self._names = frozenset(given)
        self._expand = tuple(name for name, value in self.made.binds.items() if value.expanding)
        self._sql: dict[tuple[int, ...], _Sql] = {}

    def sql(self, given: Mapping[str, Any]) -> _Sql:
        """Return the text for what is given. Raises `TypeError` where that has other names than the first time."""
        if given.keys() != self._names:
            raise TypeError(f"a prepared statement is given other values: {sorted(given.keys() ^ self._names)}")
        lengths = tuple(len(given[name]) for name in self._expand)
        found = self._sql.get(lengths)
        if found is None:
            found = _Sql(self, given)
            if sum(lengths) <= _SHORT:
                self._sql[lengths] = found
        return found


class _Sql:
    """The text of a statement, what it is given in order, and what comes back."""

    def __init__(self, compiled: _Compiled, given: Mapping[str, Any]) -> None:
        state = compiled.made.construct_expanded_state(dict(given))
        self._text = state.statement
        self._values = tuple(_values(compiled, state, given))
        dialect = compiled.dialect
        read = (each.type.dialect_impl(dialect).result_processor(dialect, None) for each in compiled.columns)
        self._read = tuple((number, processor) for number, processor in enumerate(read) if processor is not None)
        names = [str(getattr(each, "name", "")) for each in compiled.columns]
        row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        self._row = row._make

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> list[Any]:
        return [self._row(self._processed(row)) for row in self.execute(connection, given).fetchall()]

    def execute(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        if not connection.in_transaction():
            connection.begin()  # else SQLAlchemy would not know that there is something to commit
        driver: Any = connection.connection.dbapi_connection
        return driver.cursor().execute(self._text, [value(given) for value in self._values])

    def _processed(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self._read:
            return row
        values = list(row)
        for number, processor in self._read:
            values[number] = processor(values[number])
        return values


def _values(compiled: _Compiled, state: Any, given: Mapping[str, Any]) -> Iterator[_Value]:
    lists = state.parameter_expansion.items()
    parts = {part: (name, number) for name, every in lists for number, part in enumerate(every)}
    for name in state.positiontup:
        whole, number = parts.get(name, (name, None))
        processor = compiled.made.binds[whole].type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)
        if whole not in given:
            yield _fixed(state.parameters[name], processor)
        elif number is None:
            yield _stored(itemgetter(name), processor)
        else:
            yield _stored(_part(whole, number), processor)


def _part(name: str, number: int) -> _Value:
    return lambda given: given[name][number]


def _stored(value: _Value, processor: _Processor) -> _Value:
    return value if processor is None else lambda given: processor(value(given))


def _fixed(value: Any, processor: _Processor) -> _Value:
    stored = value if processor is None else processor(value)
    return lambda _given: stored
