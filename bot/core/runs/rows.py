"""Read the rows of the table of runs.

msgspec checks what is stored against the fields of our classes. Where a later version stores more, the rest is read.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from bot.core.model import Address, Person, Place
from bot.core.run import QueuedRun, RunRecord

# Rows are read in several threads. msgspec notes how a class is read when it first reads one, and another thread that
# comes in between takes the half of that, and crashes. So all that is noted now.
_KNOWN = [msgspec.json.Decoder(each) for each in (QueuedRun, RunRecord)]


def read_queued(row: Row[Any]) -> QueuedRun:
    """Read only the data that decides where a run goes."""
    return msgspec.convert(_columns(row), QueuedRun)


def read_run(row: Row[Any]) -> RunRecord:
    """Read a record. Columns and fields have the same names, but for these."""
    person, place = row.person.partition(":"), row.place.partition(":")
    joined = {
        "values": row.given,
        "person": Person(person[0], person[2], row.person_name, frozenset(row.roles), bool(row.administrator)),
        "place": Place(place[0], place[2], row.place_name, row.community.partition(":")[2], tuple(row.parents)),
        "address": Address(person[0], row.chat, row.message),
        "outcome": row.outputs or None,
        "display": row.manner or {},
        "review": bool(row.review),
        "opened": bool(row.opened),
        "restored": bool(row.restored),
        "private": bool(row.private),
    }
    return msgspec.convert(_columns(row) | joined, RunRecord)


def _columns(row: Row[Any]) -> dict[str, Any]:
    """Return the columns by their names, which in SQLAlchemy are a kind of `str` that msgspec refuses."""
    return dict(zip(map(str, row._fields), row, strict=True))
