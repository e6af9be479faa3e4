"""Read the rows of the table of runs.

msgspec checks what is stored against the fields of our classes. Where a later version stores more, the rest is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import JSON, Row, Text, cast

from bot.core.model import Address, Person, Place
from bot.core.run import QueuedRun, RunRecord
from bot.core.storage.schema import runs

_JSON = frozenset(column.name for column in runs.c if isinstance(column.type, JSON))
#: The columns of a run as they are stored: what is JSON is text.
STORED = [cast(column, Text).label(column.name) if column.name in _JSON else column for column in runs.c]
#: Records by their rows, with the columns `STORED`.
Stored: TypeAlias = Mapping[tuple[Any, ...], RunRecord]

# Rows are read in several threads. msgspec notes how a class is read when it first reads one, and another thread that
# comes in between takes the half of that, and crashes. So all that is noted now.
_KNOWN = [msgspec.json.Decoder(each) for each in (QueuedRun, RunRecord)]


def read_queued(row: Row[Any]) -> QueuedRun:
    """Read only the data that decides where a run goes."""
    return msgspec.convert(_columns(row), QueuedRun)


def read_run(row: Row[Any]) -> RunRecord:
    """Read a record."""
    return _record(_columns(row))


def read_stored(rows: Iterable[Row[Any]], known: Stored) -> Stored:
    """Return the records of rows with the columns `STORED`, in their order. A row that has not changed since it was
    `known` is not read again.
    """
    found = dict[tuple[Any, ...], RunRecord]()
    for row in rows:
        stored = tuple(row)
        before = known.get(stored)
        found[stored] = before if before is not None else _record(_unpacked(_columns(row)))
    return found


def _unpacked(columns: dict[str, Any]) -> dict[str, Any]:
    return columns | {name: json.loads(columns[name]) for name in _JSON if columns[name] is not None}


def _record(row: dict[str, Any]) -> RunRecord:
    """Columns and fields have the same names, but for these."""
    person, place = row["person"].partition(":"), row["place"].partition(":")
    roles, parents = frozenset(row["roles"]), tuple(row["parents"])
    joined = {
        "values": row["given"],
        "person": Person(person[0], person[2], row["person_name"], roles, bool(row["administrator"])),
        "place": Place(place[0], place[2], row["place_name"], row["community"].partition(":")[2], parents),
        "address": Address(person[0], row["chat"], row["message"]),
        "outcome": row["outputs"] or None,
        "display": row["manner"] or {},
        "review": bool(row["review"]),
        "opened": bool(row["opened"]),
        "restored": bool(row["restored"]),
        "private": bool(row["private"]),
    }
    return msgspec.convert(row | joined, RunRecord)


def _columns(row: Row[Any]) -> dict[str, Any]:
    """Return the columns by their names, which in SQLAlchemy are a kind of `str` that msgspec refuses."""
    return dict(zip(map(str, row._fields), row, strict=True))
