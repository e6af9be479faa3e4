"""Decisions are rehearsed: what would change is told, and nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import BadValue, NotAllowed
from bot.core.moderation.preview import Effects
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rules import Measure, Narrowing, WordList
from bot.core.policy.scope import Subject
from bot.core.run import State
from bot.settings import Role
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, House, house


async def effects(home: House, name: str, *given: object, **named: object) -> Effects:
    """What a decision of this name would change."""
    moderation = home.services.moderation
    told = await moderation.rehearse(MOD, HERE, lambda acts: getattr(acts, name)(MOD, HERE, *given, **named))
    assert moderation.own_rules("test:guild") == []
    return told.effects


async def test_what_a_decision_would_change_is_told_and_nothing_does(tmp_path: Path) -> None:
    async with house(tmp_path, role=Role(worker=None)) as home:  # everything waits
        await home.services.moderation.deny(MOD, HERE, RuleTarget(workflow="gated"))
        await home.services.moderation.undo(MOD, HERE)
        runs = [(await home.ask(PLAIN, ANN))[0], (await home.ask("gated", BEN, gate="rude words", color="9"))[0]]
        gated = RuleTarget(workflow="gated")

        told = await effects(home, "deny", gated)
        assert [(each.who, each.allowed, each.titles) for each in told.access] == [
            ("everyone", False, ("Gated",)),
            ("administrators", False, ("Gated",)),
        ]
        assert (set(told.people), told.refused, told.held) == ({"Ann", "Ben"}, 1, 0)
        assert "1 waiting run is cancelled." in told.lines
        assert (await effects(home, "block", ANN, "spam")).refused == 1
        assert (await effects(home, "words", "rude", WordList(("rude",), hold=True))).held == 1
        assert (await effects(home, "words", "rude", WordList(("rude",)))).refused == 1
        assert (await effects(home, "field", "color", Narrowing(maximum=5), gated)).refused == 1
        assert (await effects(home, "review", True)).reviewed == 2
        assert set((await effects(home, "limit", Measure.DAY, 1)).at_limit) == {"Ann", "Ben"}
        assert (await effects(home, "limit", Measure.DAY, 2)).at_limit == ()
        role = RuleTarget(workflow="gated", who=Subject.role("9", "artists"))
        assert [(each.who, each.titles) for each in (await effects(home, "deny", role)).access] == [
            ("artists", ("Gated",))
        ]
        told = await effects(home, "allow", gated)
        assert told.lines == ["Nothing changes at once, for anyone who asked here lately or waits now."]
        with pytest.raises(BadValue):
            await effects(home, "field", "nothing", Narrowing(maximum=5), gated)
        with pytest.raises(NotAllowed):
            await home.services.moderation.rehearse(BEN, HERE, lambda acts: acts.deny(BEN, HERE))
        assert [(await home.run(run)).state for run in runs] == [State.WAITING, State.WAITING]
        log = [entry.act for entry in await home.services.moderation.log(MOD, HERE)]
        assert log == ["refused", "undo", "deny"]


async def test_people_of_a_place_and_why_they_may_run_something(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.ended(*[(await home.ask(PLAIN, person))[0] for person in (ANN, ANN, BEN)])
        moderation = home.services.moderation
        await moderation.block(MOD, HERE, BEN, "spam")
        known = await moderation.people.known(MOD, HERE)
        assert [(each.person.name, each.count, each.block is not None) for each in known] == [
            ("Ben", 1, True),
            ("Ann", 2, False),
        ]
        assert [each.person.name for each in await moderation.people.known(MOD, HERE, "an")] == ["Ann"]
        about = await moderation.people.about(MOD, HERE, BEN)
        assert len(about.runs) == 1
        assert {each.decision.why for each in about.reasons} == {
            "A moderator has blocked you everywhere here. The reason: spam"
        }
        matrix = await moderation.matrix(MOD, HERE)
        assert [str(each) for each in matrix.subjects] == ["everyone", "administrators"]
        with pytest.raises(NotAllowed):
            await moderation.people.known(ANN, HERE)
