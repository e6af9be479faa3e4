"""The database of presets: values of a workflow that a person keeps under a name."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, bindparam, delete, func, literal_column, select, update

from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.schema import presets

Accounts: TypeAlias = tuple[str, ...]
_KEPT = 1000  # people of whom their own defaults are at hand

_MINE = presets.c.person.in_(bindparam("of_people", expanding=True))
_OF = select(presets).where(_MINE).order_by(presets.c.folded)
_PRESENT = presets.c.person == bindparam("of_account")  # of two accounts the one that its person uses now counts
_NAMED = select(presets).where(_MINE, presets.c.folded == bindparam("of_name")).order_by(_PRESENT.desc())
_IS_USUAL = presets.c.usual == literal_column("1")  # the index lists those for the same words alone
_USUAL = select(presets.c.workflow, presets.c.given).where(_MINE, _IS_USUAL).order_by(_PRESENT)
_PEOPLE = select(presets.c.person).where(_IS_USUAL).distinct()


@dataclass(frozen=True)
class Preset:
    """Values of a workflow, given by its id. `code` lets others have a copy, and is empty while they cannot. If it is
    `usual`, its values are the person's own defaults of the workflow.
    """

    number: int
    name: str
    workflow: str
    values: Mapping[str, Any]
    code: str = ""
    usual: bool = False


class PresetStore:
    """A person is given by all of their accounts, as "platform:id", first the one that they use now. All methods raise
    `StorageFailed`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people: frozenset[str] | None = None  # those who have defaults of their own
        self._edition = 0
        self._usual: OrderedDict[Accounts, Mapping[str, Mapping[str, Any]]] = OrderedDict()
        database.bells.on(Topic.PRESETS, self._note)

    def _note(self) -> None:
        self._people, self._edition = None, self._edition + 1
        self._usual.clear()

    async def of(self, person: Accounts) -> list[Preset]:
        """Return a person's presets, by their names."""
        return await self._database.ask(
            lambda connection: list(map(_read, connection.execute(_OF, {"of_people": person})))
        )

    async def named(self, person: Accounts, name: str) -> Preset | None:
        """Return a preset by its name, however that is written."""
        given = _called(person, name)
        return await self._database.ask(lambda connection: _first(connection, _NAMED, given))

    async def numbered(self, person: Accounts, number: int) -> Preset | None:
        """Return a person's preset by its number."""
        question = select(presets).where(presets.c.person.in_(person), presets.c.seq == number)
        return await self._database.ask(lambda connection: _first(connection, question))

    async def shared(self, code: str) -> Preset | None:
        """Return the preset that a code shares."""
        question = select(presets).where(presets.c.code == code)
        return await self._database.ask(lambda connection: _first(connection, question)) if code else None

    async def put(
        self, person: Accounts, name: str, workflow: str, values: Mapping[str, Any], most: int
    ) -> bool | None:
        """Keep values under a name. Returns True if they replace others, and None if there are `most` already."""
        row = {"workflow": workflow, "given": dict(values), "name": name}

        def put(connection: Connection) -> bool | None:
            found = _first(connection, _NAMED, _called(person, name))
            if found is not None:
                usual = found.usual and found.workflow == workflow
                again = update(presets).where(presets.c.seq == found.number)
                connection.execute(again.values(**row, code=None, usual=int(usual)))
                return True
            count = connection.execute(select(func.count()).where(presets.c.person.in_(person))).scalar_one()
            if count >= most:
                return None
            connection.execute(
                presets.insert().values(person=person[0], folded=folded(name), usual=0, at=time(), **row)
            )
            return False

        replaced = await self._database.write(put, locks=_locks(person))
        if replaced:
            self._database.bells.changed((Topic.PRESETS,))
        return replaced

    async def rename(self, person: Accounts, number: int, name: str) -> bool:
        """Rename a preset. Returns False if the person has another one of this name."""
        taken = select(presets.c.seq).where(presets.c.person.in_(person), presets.c.folded == folded(name))
        mine = (presets.c.person.in_(person), presets.c.seq == number)

        def rename(connection: Connection) -> bool:
            if connection.execute(taken.where(presets.c.seq != number)).first() is not None:
                return False
            connection.execute(update(presets).where(*mine).values(name=name, folded=folded(name)))
            return True

        return await self._database.write(rename, locks=_locks(person))

    async def delete(self, person: Accounts, number: int) -> None:
        mine = (presets.c.person.in_(person), presets.c.seq == number)
        await self._database.write(
            lambda connection: connection.execute(delete(presets).where(*mine)), Topic.PRESETS, locks=_locks(person)
        )

    async def share(self, person: Accounts, number: int, *, on: bool) -> str:
        """Return the code that shares a preset, which is made if there is none; or take it back."""
        mine = (presets.c.person.in_(person), presets.c.seq == number)

        def share(connection: Connection) -> str:
            code = connection.execute(select(presets.c.code).where(*mine)).scalar() if on else ""
            if not code:
                code = _code() if on else ""
                connection.execute(update(presets).where(*mine).values(code=code or None))
            return str(code)

        return await self._database.write(share, locks=_locks(person))

    async def make_usual(self, person: Accounts, workflow: str, number: int | None) -> None:
        """Make a preset's values the person's own defaults of its workflow; None for no defaults of their own."""
        mine = (presets.c.person.in_(person), presets.c.workflow == workflow)

        def choose(connection: Connection) -> None:
            connection.execute(update(presets).where(*mine, presets.c.usual == 1).values(usual=0))
            connection.execute(update(presets).where(*mine, presets.c.seq == number).values(usual=1))

        await self._database.write(choose, Topic.PRESETS, locks=_locks(person))

    async def usual(self, person: Accounts, workflow: str) -> Mapping[str, Any]:
        """Return a person's own defaults of a workflow. Mostly this asks no database."""
        edition = self._edition
        people = self._people if self._people is not None else await self._database.ask(_people)
        if people.isdisjoint(person):
            found: Mapping[str, Mapping[str, Any]] = {}
        elif person in self._usual:
            found = self._usual[person]
        else:
            found = await self._database.ask(partial(_defaults, person))
        if edition == self._edition:  # nothing has changed meanwhile
            self._people = people
            self._note_usual(person, found)
        return found.get(workflow, {})

    def _note_usual(self, person: Accounts, found: Mapping[str, Mapping[str, Any]]) -> None:
        if found:
            self._usual[person] = found
            if len(self._usual) > _KEPT:
                self._usual.popitem(last=False)

    async def forget(self, person: Accounts) -> None:
        """Delete all that a person has kept."""
        mine = delete(presets).where(presets.c.person.in_(person))
        await self._database.write(lambda connection: connection.execute(mine), Topic.PRESETS, locks=_locks(person))


def folded(name: str) -> str:
    """Return a name so that it is the same however it is written."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _locks(person: Accounts) -> Sequence[str]:
    return tuple(f"presets of {each}" for each in person)


def _code() -> str:
    """Return a code of 100 random bits, which a person can also type."""
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()[:20]


def _called(person: Accounts, name: str) -> Mapping[str, Any]:
    return {"of_people": person, "of_account": person[0], "of_name": folded(name)}


def _people(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(_PEOPLE).scalars())


def _defaults(person: Accounts, connection: Connection) -> dict[str, Mapping[str, Any]]:
    given = {"of_people": person, "of_account": person[0]}
    return dict(map(tuple, connection.execute(_USUAL, given)))


def _first(connection: Connection, question: Any, given: Mapping[str, Any] | None = None) -> Preset | None:
    row = connection.execute(question, given).first()
    return _read(row) if row is not None else None


def _read(row: Row[Any]) -> Preset:
    return Preset(row.seq, row.name, row.workflow, row.given, row.code or "", bool(row.usual))
