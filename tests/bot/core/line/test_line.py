"""The line as people read it, and what they may still do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import Place
from bot.core.run import State
from comfy.embedded import EmbeddedServer
from tests.bot.core.runs.test_wording import write_dice
from tests.bot.harness import ANN, BEN, HERE, MOD, Gates, House, house, running, until


@pytest.mark.long
async def test_the_line_is_in_the_order_of_turns_and_says_what_a_button_cancels(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        line = home.services.line
        assert await line.entries(ANN, HERE) == []
        first, message = await home.ask("gated", color="1", gate="a")
        await home.platform.until(running(message))
        others = [(await home.ask("gated", color="2", gate="b"))[0]]
        await until(lambda: _is_ahead(home, others[0]))  # before Ben asks, whose turn it would be
        others.append((await home.ask("gated", color="3", gate="b"))[0])
        other, _message = await home.ask("gated", BEN, color="4", gate="c")
        entries = await line.entries(ANN, HERE)
        assert [each.run.id for each in entries] == [first, others[0], other, others[1]]  # Ann and Ben take turns
        assert entries[0].words.startswith("runs")
        assert [each.words.partition(", starts")[0] for each in entries[1:]] == [
            "next in line",
            "2 runs before it",
            "3 runs before it",
        ]
        assert [each.cancel for each in entries] == ["Cancel 1: Gated", "Cancel 2: Gated", "", "Cancel 4: Gated"]
        assert [each.cancel for each in await line.entries(MOD, HERE)][2] == "Cancel 3: Gated"
        alone = await line.entries(BEN, Place("test", "private"))
        assert [(each.number, each.run.id, each.words.partition(",")[0]) for each in alone] == [
            (1, other, "2 runs before it")
        ]
        gates.open()
        await home.ended(first, other, *others)


@pytest.mark.long
async def test_a_group_is_one_entry_and_one_button_for_all_of_it(tmp_path: Path) -> None:
    write_dice(tmp_path)
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        line, groups = home.services.line, home.services.groups
        first, message = await home.ask("dice", count=3)
        await home.platform.until(running(message))
        alone, _message = await home.ask("dice", BEN)
        group = (await home.run(first)).group_id
        assert group is not None
        entries = await line.entries(ANN, HERE)
        assert [(each.group, each.cancel) for each in entries] == [(group, "Cancel 1: dice (3)"), ("", "")]
        assert entries[0].words.startswith("3 of 3 left: ")
        assert await groups.cancel(group, ANN)
        gates.open()
        await home.ended(alone)
        assert await line.entries(ANN, HERE) == []


async def _is_ahead(home: House, run_id: str) -> bool:
    run = await home.run(run_id)
    return run.state is State.WAITING and run.server is not None


@pytest.mark.long
async def test_all_of_ones_own_that_waits_is_cancelled_and_nothing_else(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        first, message = await home.ask("gated", color="1", gate="a")
        await home.platform.until(running(message))
        waiting = [(await home.ask("gated", color=str(number), gate="b"))[0] for number in (2, 3)]
        other, _message = await home.ask("gated", BEN, color="4", gate="c")
        assert await home.services.line.cancel_waiting(ANN) == waiting
        gates.open()
        assert [run.state for run in await home.ended(*waiting)] == [State.CANCELLED] * 2
        assert [run.state for run in await home.ended(first, other)] == [State.DONE] * 2
        assert await home.services.line.cancel_waiting(ANN) == []


@pytest.mark.long
async def test_limits_say_what_is_left_and_when_there_is_more(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        line, moderation = home.services.line, home.services.moderation
        assert await line.limits(ANN, HERE) == [
            "At most 2 of your runs at a time, and 20 in line. Now: 0 under way, 0 in line.",
            "There is no other limit on your runs here.",
        ]
        await moderation.limit(MOD, HERE, "hour", 1)
        await moderation.limit(MOD, HERE, "day", 5)
        await home.ended((await home.ask(color="1"))[0])
        first, reached, free = await line.limits(ANN, HERE)
        assert "Now: 0 under way" in first
        assert reached.startswith("1 run per hour")
        assert "0 left, more in " in reached
        assert free.startswith("5 runs per day")
        assert free.endswith("4 left")
