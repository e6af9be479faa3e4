"""Decisions are rehearsed: what would change is told, and nothing does."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

import pytest

from bot.core.errors import BadValue, NotAllowed
from bot.core.model import DisplayOptions
from bot.core.moderation.preview import Effects
from bot.core.moderation.service import ModerationService
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rules import Measure, Narrowing, WordList
from bot.core.policy.scope import Subject
from bot.core.run import State
from bot.settings import Role
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, House, house, until
from tests.bot.turns import Turns


async def effects(home: House, name: str, *given: object, **named: object) -> Effects:
    """What a decision of this name would change."""
    moderation = home.services.moderation
    told = await moderation.rehearse(MOD, HERE, lambda acts: getattr(acts, name)(MOD, HERE, *given, **named))
    assert moderation.own_rules("test:guild") == []
    return told.effects


@pytest.mark.long
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


@pytest.mark.long
async def test_what_is_told_of_waiting_runs_is_what_then_happens(tmp_path: Path) -> None:
    async with house(tmp_path, role=Role(worker=None)) as home:
        moderation, gated = home.services.moderation, RuleTarget(workflow="gated")

        async def agree(name: str, *given: object, **named: object) -> tuple[int, ...]:
            def act(acts: ModerationService) -> Awaitable[str]:
                return getattr(acts, name)(MOD, HERE, *given, **named)

            before = {run: await home.run(run) for run in runs}
            told = (await moderation.rehearse(MOD, HERE, act)).effects
            counts = told.refused, told.held, told.reviewed, told.unreviewed, told.displayed
            await act(moderation)

            async def has_happened() -> bool:
                after = {run: await home.run(run) for run in runs}
                moved = [(before[run], after[run]) for run in runs if before[run].state is State.WAITING]
                waits = [(then, now) for then, now in moved if now.state is State.WAITING]
                return counts == (
                    sum(now.state is State.FAILED for _then, now in moved),
                    sum(now.state is State.HELD for _then, now in moved),
                    sum(now.review and not then.review for then, now in waits),
                    sum(then.review and not now.review for then, now in waits),
                    sum(then.display != now.display for then, now in waits),
                )

            await until(has_happened)
            return counts

        runs = [(await home.ask("gated", BEN, gate=words, color="9"))[0] for words in ("rude words", "other words")]
        runs.append((await home.ask(PLAIN, ANN))[0])
        assert await agree("review", True, "", gated) == (0, 0, 2, 0, 0)
        assert await agree("where", DisplayOptions(spoilers=True)) == (0, 0, 0, 0, 3)
        assert await agree("review", None, "", gated) == (0, 0, 0, 2, 0)
        assert await agree("undo") == (0, 0, 2, 0, 0)
        assert await agree("words", "rude", WordList(("rude",), hold=True)) == (0, 1, 0, 0, 0)
        assert await agree("field", "color", Narrowing(maximum=5), gated) == (1, 0, 0, 0, 0)
        assert await agree("block", ANN, "spam") == (1, 0, 0, 0, 0)


@pytest.mark.long
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


async def test_while_many_groups_are_looked_at_others_have_a_turn(tmp_path: Path) -> None:
    async with house(tmp_path, role=Role(worker=None)) as home:
        moderation = home.services.moderation
        for number in range(10):
            role = RuleTarget(workflow="gated", who=Subject.role(str(number), f"role {number}"))
            await moderation.deny(MOD, HERE, role)
        turns = Turns(moderation.rehearse(MOD, HERE, lambda acts: acts.deny(MOD, HERE)))
        told = (await turns).effects
        assert len(told.access) == 12
        assert turns.given >= 12
