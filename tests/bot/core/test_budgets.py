"""Server seconds, what a whole place may use, and how many runs are with servers: reserved, settled, never passed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.core.caps import Caps
from bot.core.database import Database
from bot.core.line import Line
from bot.core.records import Records
from bot.core.rules import Measure
from bot.core.run import State
from tests.bot.core.counting import Clock, budget, elsewhere, limit, new, refused, spend, started

DAY = 86_400
PEOPLE = [f"person-{number}" for number in range(20)]


async def test_seconds_of_servers(line: Line, records: Records, clock: Clock) -> None:
    most = limit(Measure.SECONDS, 110)
    await spend(line, records, clock, new(most), 55.0)
    await spend(line, records, clock, new(most), 55.0)
    said = await refused(line, new(most))
    assert said.startswith("There is a limit here: 2 min of servers a day in all places here. You have used all of it.")
    clock.now += DAY - 55 - 1  # a second before the first of them has been over for a day
    await refused(line, new(most))
    clock.now += 1
    await line.join(new(most))


async def test_no_run_is_let_in_that_there_are_not_enough_seconds_for(
    line: Line, records: Records, clock: Clock
) -> None:
    most = limit(Measure.SECONDS, 100)
    await spend(line, records, clock, new(), 60.0)
    assert await refused(line, new(most)) == (
        "There is a limit here: 2 min of servers a day in all places here. "
        "40 s of it are left, and such a run takes about 60 s. You can ask again in 24 h 0 min."
    )
    await line.join(new(most, workflow="negative"))  # of which nothing is known, and so ten seconds are reserved
    (standing,) = await line.standings("test:ann", "negative", [most])
    assert str(standing) == "2 min of servers a day in all places here, 30 s left"


async def test_seconds_are_reserved_by_runs_that_wait(line: Line, records: Records) -> None:
    most = limit(Measure.SECONDS, 35)
    runs = [new(most) for _ in range(10)]
    answers = await asyncio.gather(*(line.join(run) for run in runs), return_exceptions=True)
    assert answers.count(None) == 3  # each is thought to take ten seconds while nothing is known
    said = await refused(line, new(most))
    assert "5 s of it are left, and such a run takes about 10 s. Try again when one has ended." in said
    await records.ask_to_cancel(runs[answers.index(None)].id, "test:ann:Ann")
    await line.join(new(most))


async def test_a_limit_denies_nobody_who_has_used_nothing_of_it(line: Line, records: Records, clock: Clock) -> None:
    few = limit(Measure.SECONDS, 30)
    await spend(line, records, clock, new(person="ben"), 60.0)
    await spend(line, records, clock, new(few), 60.0)
    await refused(line, new(few))
    nothing = limit(Measure.SECONDS, 0)
    said = "There is a limit here: nothing of servers a day in all places here."
    assert await refused(line, new(nothing, person="cyd")) == said


async def test_seconds_count_from_when_they_were_used(line: Line, records: Records, clock: Clock) -> None:
    most, run = limit(Measure.SECONDS, 50), new()
    await line.join(run)
    clock.now += 2 * DAY  # so long it waits, and what is reserved for it is not forgotten
    await line.sweep()
    assert [each.used for each in await line.standings("test:ann", "poster", [most])] == [10.0]
    assert await started(line)
    clock.now += 50
    found = await records.get(run.id)
    assert found is not None
    await records.executed(found)
    await records.end(found, State.DONE)
    await line.sweep()
    await refused(line, new(most))


@pytest.mark.parametrize("measure", [Measure.HOUR, Measure.DAY, Measure.WAITING])
async def test_a_budget_is_everybodys(line: Line, measure: Measure) -> None:
    together, other = budget(measure, 3), elsewhere(community="another")
    answers = await asyncio.gather(*(line.join(new(together, person=each)) for each in PEOPLE), return_exceptions=True)
    assert answers.count(None) == 3
    await line.join(new(budget(measure, 1, community="test:another"), place=other))
    assert "all together" in await refused(line, new(together, person="ann"))
    assert "everywhere, all together" in await refused(line, new(budget(measure, 4, community=""), place=other))


async def test_a_place_has_so_many_seconds_a_day(line: Line, records: Records, clock: Clock) -> None:
    own, together = limit(Measure.SECONDS, 100), budget(Measure.SECONDS, 150)
    await spend(line, records, clock, new(own, together), 90.0)
    assert "10 s of it are left" in await refused(line, new(own, together))
    await spend(line, records, clock, new(together, workflow="negative", person="ben"), 60.0)
    assert await refused(line, new(own, together, person="cyd")) == (
        "There is a limit here: 2 min of servers a day in all places here, all together. All of it is used. "
        "You can ask again in 23 h 59 min."
    )
    await line.join(new(own, budget(Measure.SECONDS, 150, place="other"), place=elsewhere(), person="cyd"))


async def test_a_limit_of_running_counts_in_its_own_place_and_workflow(database: Database, clock: Clock) -> None:
    line = Line(database, Caps(100, 100), clock)
    here, flow = limit(Measure.RUNNING, 1, place="channel"), limit(Measure.RUNNING, 1, workflow="negative")
    for run in (
        new(place=elsewhere()),  # counts for neither
        new(here, flow),
        new(here, flow),  # waits for the one before it
        new(flow, workflow="negative", place=elsewhere()),  # has nothing to do with either
        new(flow, workflow="negative", place=elsewhere()),
    ):
        await line.join(run)
    taken = [await started(line) for _ in range(4)]
    assert [each and (each.workflow, each.place.id) for each in taken] == [
        ("poster", "other"),
        ("poster", "channel"),
        ("negative", "other"),
        None,
    ]


async def test_a_budget_of_running_holds_for_all_together(line: Line, records: Records) -> None:
    two = budget(Measure.RUNNING, 2)
    for person in ("ann", "ben", "cyd"):
        await line.join(new(two, person=person))
    await line.join(new(person="dan", place=elsewhere(community="another")))
    taken = [await started(line) for _ in range(4)]
    assert names(taken) == ["ann", "ben", "dan", None]
    first = taken[0]
    assert first is not None
    found = await records.get(first.id)
    assert found is not None
    await records.executed(found)
    assert names([await started(line)]) == ["cyd"]


def names(taken: Sequence[object]) -> list[str | None]:
    return [getattr(getattr(each, "person", None), "id", None) for each in taken]
