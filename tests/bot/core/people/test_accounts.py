"""Accounts of one person: the codes that join them, and what counts together, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.background import TaskHealth
from bot.core.errors import TooMany, UserError
from bot.core.model import Person
from bot.core.people.accounts import LinkedAccounts, LinksFollower
from bot.core.people.codes import LASTS
from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.policy.rules import Measure
from bot.core.run import State
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from tests.bot.core.runs.counting import Clock, limit, new, refused, started
from tests.bot.harness import until

DISCORD, TELEGRAM, PAGE = Person("discord", "1", "Ann"), Person("telegram", "2", "anna"), Person("web", "3")
OTHER = Person("discord", "9", "Annette")
DAY = 86_400.0


async def joined(accounts: LinkedAccounts, one: Person, other: Person) -> None:
    assert await accounts.join(other, await accounts.code(one)) is not None


async def test_a_code_joins_once_and_only_for_some_minutes(database: Database, clock: Clock) -> None:
    accounts = LinkedAccounts(database, clock)
    code = await accounts.code(DISCORD)
    newer = await accounts.code(DISCORD)
    assert await accounts.join(TELEGRAM, code) is None  # the newest alone works
    clock.now += LASTS
    assert await accounts.join(TELEGRAM, newer) is None
    code = (await accounts.code(DISCORD)).lower().replace("-", " ")
    looked = await accounts.look(TELEGRAM, code)
    assert looked is not None
    assert (looked.key, looked.name) == ("discord:1", "Ann")
    assert await accounts.join(TELEGRAM, code) == looked
    assert await accounts.join(PAGE, code) is None
    assert accounts.in_order("telegram:2") == ("telegram:2", "discord:1")
    for _guess in range(4):
        assert await accounts.look(PAGE, "AAAAA-AAAAA") is None
    with pytest.raises(TooMany):
        await accounts.join(PAGE, await accounts.code(TELEGRAM))
    clock.now += LASTS
    assert await accounts.join(PAGE, await accounts.code(TELEGRAM)) is not None
    assert accounts.of("discord:1") == {"discord:1", "telegram:2", "web:3"}


async def test_a_person_has_one_account_on_each_platform(database: Database, clock: Clock) -> None:
    accounts = LinkedAccounts(database, clock)
    await joined(accounts, DISCORD, TELEGRAM)
    for one, other in ((OTHER, TELEGRAM), (TELEGRAM, DISCORD), (DISCORD, OTHER)):
        with pytest.raises(UserError):
            await joined(accounts, one, other)


async def test_an_ended_link_counts_for_a_day_and_while_a_block_holds(database: Database, clock: Clock) -> None:
    accounts = LinkedAccounts(database, clock)
    await joined(accounts, DISCORD, TELEGRAM)
    assert await accounts.end("discord:1")
    assert not await accounts.end("discord:1")
    assert accounts.of("telegram:2") == {"telegram:2"}
    await joined(accounts, TELEGRAM, OTHER)  # who comes new counts with those whose link has ended
    assert accounts.counted("discord:9") == {"discord:1", "discord:9", "telegram:2"}
    clock.now += DAY - 1
    await accounts.sweep(frozenset())
    assert "discord:1" in accounts.counted("discord:9")
    clock.now += 2
    await accounts.sweep(frozenset({"discord:1"}))
    assert "discord:1" in accounts.counted("discord:9")
    await accounts.sweep(frozenset())
    assert accounts.counted("discord:1") == {"discord:1"}
    assert accounts.counted("discord:9") == accounts.of("discord:9") == {"discord:9", "telegram:2"}


async def test_another_process_knows_of_a_link(database: Database, database_url: str) -> None:
    async with Database(database_url) as other:
        here, there = LinkedAccounts(database), LinkedAccounts(other)
        async with LinksFollower(there, other, TaskHealth()):
            await joined(here, DISCORD, TELEGRAM)
            other.bells.ring(["links"])  # as the herald does

            async def knows() -> bool:
                return there.of("telegram:2") == {"discord:1", "telegram:2"}

            await until(knows)


async def test_limits_and_turns_count_a_person_once(database: Database, clock: Clock, records: RunRepository) -> None:
    accounts = LinkedAccounts(database, clock)
    queue = RunQueue(database, ConcurrencyLimits(1, 3), clock, accounts)
    await joined(accounts, DISCORD, TELEGRAM)
    hour = limit(Measure.HOUR, 3)
    mine = [replace(new(hour), person=each) for each in (DISCORD, DISCORD, TELEGRAM)]
    for run in (*mine, new(person="ben")):
        await queue.enqueue(run)
    assert "3 waiting runs" in await refused(queue, replace(new(), person=TELEGRAM))
    assert [run.person.id for run in await queue.waiting()] == ["1", "ben", "1", "2"]  # the second account's come last
    first = await started(queue)
    assert first is not None
    second = await started(queue)
    assert second is not None
    assert [first.person.id, second.person.id] == ["1", "ben"]
    await queue.enqueue(replace(new(), person=TELEGRAM))
    assert await started(queue) is None  # the other account has what a person may have at a time
    assert await records.end(first, State.DONE)
    assert await accounts.end("telegram:2")
    assert await started(queue) is not None
    assert await started(queue) is None
    assert "3 runs per hour" in await refused(queue, replace(new(hour), person=TELEGRAM))
