"""The rulebook: decided in one process, it holds in another; and nothing is asked to decide."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event

from bot.core.background import TaskHealth
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import decide
from bot.core.policy.rule_store import By, Change, RuleStore
from bot.core.policy.rules import Access, Block, Rule
from bot.core.policy.scope import RequestContext, Scope, Subject
from bot.core.storage.database import Database
from bot.core.storage.herald import Herald
from bot.core.workflows.catalog import Catalog
from tests.bot.harness import ANN, HERE, MOD, until
from tests.bot.turns import Turns

BY = By(MOD, HERE, "deny", "It is denied.")
GUILD = "test:guild"


@pytest.fixture
async def databases(database_url: str) -> AsyncIterator[tuple[Database, Database]]:
    async with Database(database_url) as one, Database(database_url) as other:
        yield one, other


def denial(workflow: str, community: str = GUILD) -> Change:
    return Change.put(Rule(Scope(community, workflow=workflow), Access(allow=False)))


async def test_what_is_decided_in_one_process_holds_in_another(databases: tuple[Database, Database]) -> None:
    one, other = (RuleStore(database, Audit(database), TaskHealth()) for database in databases)
    heard: list[str] = []
    other.on_change(heard.append)
    heralds = (Herald(database, TaskHealth()) for database in databases)
    async with one, other, next(heralds), next(heralds):
        assert len(other.of("test:another")) == 0
        await one.change(GUILD, BY, [denial("poster")])
        await one.change("", BY, [denial("dream", "")])

        async def seen() -> bool:
            return (len(other.of(GUILD)), len(other.of("test:another"))) == (2, 1)

        await until(seen)
        assert set(heard) == {GUILD, ""}


async def test_what_was_decided_about_somebody_is_kept_without_their_name(databases: tuple[Database, Database]) -> None:
    audit = Audit(databases[0])
    async with RuleStore(databases[0], audit, TaskHealth()) as book:
        for number, person in (("7", "Eve"), ("77", "Evelyn")):
            who = Subject.person(Person("test", number, person))
            rule = Rule(Scope(GUILD, who=who), Block())
            await book.change(GUILD, By(MOD, HERE, "block", f"{who} is blocked."), [Change.put(rule)])
        await audit.forget("test:7")
        evelyn, eve = await audit.last_in(GUILD)
        assert (eve.words, evelyn.words) == ("test:7 is blocked.", "Evelyn is blocked.")
        assert "who_name" not in eve.changes[0]["after"]
        assert evelyn.changes[0]["after"]["who_name"] == "Evelyn"
        undo = By(MOD, HERE, "undo", "")
        assert await book.undo(GUILD, undo, evelyn) is not None
        assert await book.undo(GUILD, undo, eve) is not None
        assert book.own(GUILD) == ()


@pytest.mark.long
async def test_changes_at_once_from_two_processes_are_all_kept(databases: tuple[Database, Database]) -> None:
    one, other = (RuleStore(database, Audit(database), TaskHealth()) for database in databases)
    async with one, other:
        changes = [(book, f"flow-{number}") for number, book in enumerate((one, other) * 10)]
        await asyncio.gather(*(book.change(GUILD, BY, [denial(name)]) for book, name in changes))
        await one.refresh()
        await other.refresh()
        assert len(one.own(GUILD)) == len(other.own(GUILD)) == 20
        entries = await Audit(databases[0]).last_in(GUILD, 100)
        assert len(entries) == 20


@pytest.mark.long
async def test_to_decide_by_a_thousand_rules_nothing_is_asked(databases: tuple[Database, Database]) -> None:
    database, _other = databases
    audit = Audit(database)
    async with RuleStore(database, audit, TaskHealth()) as book:
        await book.change(GUILD, BY, [denial(f"flow-{number}") for number in range(1000)])
        asked: list[str] = []
        for each in (database._engine, database._readers, database._askers):
            event.listen(each.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        gate = PolicyEnforcer(book, audit, Catalog({}), lambda _workflow: False)
        facts = RequestContext.of(ANN, HERE, "flow-7")
        assert not decide(book.of(GUILD), facts, gate._default, 0.0).allowed
        assert not gate.decide(ANN, HERE, "flow-999").allowed
        assert gate.decide(Person("test", "2"), Place("test", "x", "", "guild"), "else").allowed
        assert [text for text in asked if "editions" not in text] == []


async def test_a_decision_among_many_rules_gives_others_a_turn(databases: tuple[Database, Database]) -> None:
    database, _other = databases
    book = RuleStore(database, Audit(database), TaskHealth())  # it is not open: nothing else reads what is new
    await book.change(GUILD, BY, [denial(f"flow-{number}") for number in range(1200)])
    allowed = Change.put(Rule(Scope(GUILD, workflow="flow-7"), Access(allow=True)))
    change = Turns(book.change(GUILD, BY, [allowed]))
    await change
    assert change.given >= 6  # while it looks for the rule that is replaced, and while it reads all rules again
    (last, *_rest) = await Audit(database).last_in(GUILD)
    assert [(each["before"]["body"], each["after"]["body"]) for each in last.changes] == [
        ({"allow": False}, {"allow": True})
    ]
    assert len(book.own(GUILD)) == 1200
