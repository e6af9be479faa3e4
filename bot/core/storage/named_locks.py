"""Locks by name that PostgreSQL keeps until a transaction ends, so that changes of several processes take turns only
where they must.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from zlib import crc32

from sqlalchemy import Connection, TextClause, text

LOCK = 0x6461726B  #: shared by every change; an upgrade takes it alone, and versions to 0.1 did for each change
_NAMED = 0x6461726B  # the first half of the locks by name, which are others
FOR_ALL, SHARED = f"pg_advisory_xact_lock({LOCK})", f"pg_advisory_xact_lock_shared({LOCK})"


def take_turns(connection: Connection, names: Collection[str]) -> None:
    """Let a transaction take more locks, as in `Database.change`. Two that each wait for the other would fail: so take
    those of a person first, and then at once all of what many people share.
    """
    if names and connection.dialect.name == "postgresql":
        take(connection, None, names)


def take(connection: Connection, first: str | None, names: Collection[str]) -> None:
    """Wait for a lock of all, if one is wanted, and for those of these names."""
    numbers = _numbers(names)
    connection.execute(_taking(first, len(numbers)), {f"lock_{at}": each for at, each in enumerate(numbers)})


def in_words(first: str, names: Collection[str]) -> str:
    """Return the statement of `take` for a message that has no parameters."""
    return f"SELECT {', '.join([first, *map(_named, _numbers(names))])}"


def _numbers(names: Collection[str]) -> list[int]:
    return sorted({crc32(name.encode()) - 2**31 for name in names})


def _named(number: object) -> str:
    return f"pg_advisory_xact_lock({_NAMED}, CAST({number} AS integer))"


@cache
def _taking(first: str | None, count: int) -> TextClause:
    named = [_named(f":lock_{at}") for at in range(count)]
    return text(f"SELECT {', '.join([first, *named] if first else named)}")
