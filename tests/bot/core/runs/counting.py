"""Helpers for tests of limits: a clock that they set, limits, and runs that count for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from bot.core.errors import TooMany
from bot.core.model import Address, Person, Place
from bot.core.policy.evaluate import EffectivePolicy
from bot.core.policy.rules import Budget, Limit, Measure, Rule
from bot.core.policy.scope import Scope
from bot.core.run import RunRecord, State
from bot.core.runs.queue import Assignment, NewRun, RunQueue
from bot.core.runs.repository import RunRepository

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
    terms = EffectivePolicy(tuple(limits))
    return NewRun(
        str(uuid4()), workflow, {}, {}, "x", who, place, Address("test", "c", "m"), workflow, frozenset(), policy=terms
    )


def elsewhere(place: str = "other", community: str = "guild") -> Place:
    return replace(CHANNEL, id=place, community=community)


async def refused(queue: RunQueue, run: NewRun) -> str:
    with pytest.raises(TooMany) as fault:
        await queue.enqueue(run)
    return str(fault.value)


async def started(queue: RunQueue) -> RunRecord | None:
    """The next run is given to a server."""
    return await queue.claim("me", lambda heads: Assignment(heads[0].id, "gpu"))


async def spend(queue: RunQueue, records: RunRepository, clock: Clock, run: NewRun, took: float) -> None:
    """Have a run made, whose server needs so many seconds."""
    await queue.enqueue(run)
    assert await started(queue)
    clock.now += took
    found = await records.get(run.id)
    assert found is not None
    await records.executed(found)
    await records.end(found, State.DONE)
