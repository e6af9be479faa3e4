"""New decisions apply to waiting runs; runs that a server has started are finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import DisplayOptions, Failed, Held, Place, Queued
from bot.core.policy.audit import REFUSED
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rules import Narrowing, WordList
from bot.core.run import State
from bot.server_settings import NamedServer
from bot.settings import Role
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, Gates, RecordingPlatform, house, running, until

ELSEWHERE = Place("test", "other", "#other", "another")


@pytest.mark.long
async def test_what_waits_is_refused_or_goes_on_as_was_decided(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts = home.services.moderation
        begun, at_work = await home.ask("gated", gate="x")
        await home.platform.until(running(at_work))
        blocked, shown = await home.ask()
        denied, told = await home.ask("gated", BEN, gate="y")
        seen, looked_at = await home.ask(PLAIN, BEN)
        elsewhere, _ = await home.ask(PLAIN, ANN, place=ELSEWHERE)

        await acts.block(MOD, HERE, ANN, "spam")
        await acts.deny(MOD, HERE, RuleTarget(workflow="gated"))
        await acts.review(MOD, HERE, on=True)
        await acts.where(MOD, HERE, DisplayOptions(spoilers=True))

        async def is_amended() -> bool:
            run = await home.run(seen)
            return run.review and run.display.spoilers is True

        await until(is_amended)
        await home.platform.until(lambda: isinstance(shown.last, Failed) and isinstance(told.last, Failed))
        assert shown.last == Failed("A moderator has blocked you everywhere here. The reason: spam")
        assert told.last == Failed("“gated” is denied everywhere here.")
        gates.open()
        runs = await home.ended(begun, blocked, denied, elsewhere)
        assert [run.state for run in runs] == [State.DONE, State.FAILED, State.FAILED, State.DONE]
        await home.platform.until(lambda: looked_at.last == Held())
        refusals = [entry.words for entry in await acts.log(MOD, HERE) if entry.act == REFUSED]
        assert len(refusals) == 2


@pytest.mark.long
async def test_words_and_values_that_are_not_to_be_asked_for_any_more(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts, gated = home.services.moderation, RuleTarget(workflow="gated")
        begun, at_work = await home.ask("gated", gate="a naughty one", color="9")
        await home.platform.until(running(at_work))
        rude, told = await home.ask("gated", BEN, gate="naughty")
        large, shown = await home.ask("gated", BEN, gate="y", color="9")
        other, decided = await home.ask("gated", BEN, gate="z", color="3")
        unsure, asked = await home.ask("gated", BEN, gate="perhaps", color="2")

        await acts.words(MOD, HERE, "rude", WordList(("naughty",)))
        await acts.words(MOD, HERE, "maybe", WordList(("perhaps",), hold=True))
        await acts.field(MOD, HERE, "color", Narrowing(maximum=5), gated)
        await home.platform.until(lambda: isinstance(told.last, Failed) and isinstance(shown.last, Failed))
        assert "the word list “rude” blocks" in str(told.last)
        assert "color" in str(shown.last)
        await home.platform.until(lambda: asked.last == Held())
        assert not isinstance(decided.last, Failed | Held)
        await acts.field(MOD, HERE, "color", Narrowing(fixed="2"), gated)
        await home.platform.until(lambda: isinstance(decided.last, Failed))
        assert len([entry for entry in await acts.log(MOD, HERE) if entry.act == REFUSED]) == 3

        assert await acts.reviews.approve(MOD, HERE, unsure)
        await acts.where(MOD, HERE, DisplayOptions(spoilers=True))

        async def is_amended() -> bool:
            return (await home.run(unsure)).display.spoilers is True

        await until(is_amended)
        assert isinstance(asked.last, Queued)  # what a moderator has let in is not held again
        gates.open()
        runs = await home.ended(begun, rude, large, other, unsure)
        assert [run.state for run in runs] == [State.DONE, *[State.FAILED] * 3, State.DONE]


@pytest.mark.long
async def test_fewer_at_a_time_hold_from_the_next_turn_on(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes()) for _each in range(2)]) as home:
        busy = [await home.ask("gated", BEN, gate=name) for name in ("x", "y")]
        for _run, message in busy:
            await home.platform.until(running(message))
        waiting = [(await home.ask("gated", gate=name))[0] for name in ("a", "b")]
        await home.services.moderation.limit(MOD, HERE, "running", 1)

        async def are_amended() -> bool:
            return all([(await home.run(each)).caps for each in waiting])

        await until(are_amended)
        gates.open()
        runs = await home.ended(*waiting)
        first, second = sorted(runs, key=lambda run: run.started_at or 0.0)
        assert (second.started_at or 0.0) >= (first.executed_at or 0.0) > 0.0


@pytest.mark.long
async def test_what_was_decided_while_nobody_looked_holds_from_the_start(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    async with house(tmp_path, platform, [], Role(worker=None)) as home:
        run_id, message = await home.ask()
    async with house(tmp_path, platform, [NamedServer("away", "http://127.0.0.1:9")], Role(chat=False)) as home:
        await home.services.moderation.block(MOD, HERE, ANN)
    async with house(tmp_path, platform, [], Role(worker=None)) as home:
        (run,) = await home.ended(run_id)
        assert run.state is State.FAILED
        await platform.until(lambda: isinstance(message.last, Failed))
