"""What tests of limits begin with: a clock that they set, limits, and runs that count for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from bot.core.chat import Address, Person, Place
from bot.core.errors import TooMany
from bot.core.line import Line, NewRun, Pick
from bot.core.policy import Terms
from bot.core.records import Records
from bot.core.rules import Budget, Limit, Measure, Rule
from bot.core.run import RunRecord, State
from bot.core.scope import Scope

GUILD = "test:guild"
CHANNEL = Place("test", "channel", "#channel", "guild")


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def limit(measure: Measure, most: int, place: str = "", workflow: str = "") -> Rule:
    return Rule(Scope(GUILD, place, workflow=workflow), Limit(most), measure)


def budget(measure: Measure, most: int, place: str = "", workflow: str = "", community: str = GUILD) -> Rule:
    return Rule(Scope(community, place, workflow=workflow), Budget(most), measure)


def new(*limits: Rule, workflow: str = "poster", place: Place = CHANNEL, person: str = "ann") -> NewRun:
    who = Person("test", person)
    terms = Terms(tuple(limits))
    return NewRun(
        str(uuid4()), workflow, {}, {}, "x", who, place, Address("test", "c", "m"), workflow, frozenset(), terms=terms
    )


def elsewhere(place: str = "other", community: str = "guild") -> Place:
    return replace(CHANNEL, id=place, community=community)


async def refused(line: Line, run: NewRun) -> str:
    with pytest.raises(TooMany) as fault:
        await line.join(run)
    return str(fault.value)


async def started(line: Line) -> RunRecord | None:
    """The next run is given to a server."""
    return await line.take("me", lambda heads: Pick(heads[0].id, "gpu"))


async def spend(line: Line, records: Records, clock: Clock, run: NewRun, took: float) -> None:
    """Have a run made, whose server needs so many seconds."""
    await line.join(run)
    assert await started(line)
    clock.now += took
    found = await records.get(run.id)
    assert found is not None
    await records.executed(found)
    await records.end(found, State.DONE)
