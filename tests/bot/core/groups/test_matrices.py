"""Matrices: a run for each combination of values, as one group under the rules of the place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.errors import BadValue, NotAllowed, TooMany
from bot.core.model import Address, Done, Failed, RunRequest
from bot.core.platform import Narrowing, RuleTarget, WordList
from bot.core.policy.rules import DisplayOptions
from bot.core.run import State
from bot.core.status_text import group_caption
from comfy.embedded import EmbeddedServer
from tests.bot.core.groups.recording import GroupPlatform, ask, closed, write_worded
from tests.bot.harness import ANN, HERE, MOD, house, painter

MODELS = ["a.ckpt", "b.ckpt", "c.ckpt"]
NINE = "model=a.ckpt;b.ckpt;c.ckpt, color=1..3"


def server(*failing: tuple[str, int]) -> EmbeddedServer:
    def paint(model: str, color: int) -> None:
        if (model, color) in failing:
            raise ValueError("no such colour")

    return EmbeddedServer(nodes=painter(MODELS, paint))


@pytest.mark.long
async def test_of_nine_one_fails_and_can_be_had_again(tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    platform, failing = GroupPlatform(), [("b.ckpt", 2)]

    def paint(model: str, color: int) -> None:
        if (model, color) in failing:
            raise ValueError("no such colour")

    async with house(tmp_path, platform, [EmbeddedServer(nodes=painter(MODELS, paint))]) as home:
        runs = await closed(home, await ask(home, None, workflow="worded", prompt="a car", vary=NINE))
        drawn = platform.groups[runs[0].address.message]
        assert len({run.values["seed"] for run in runs}) == 1  # what differs is what was asked for
        assert [(run.values["model"], run.values["color"]) for run in runs[3:5]] == [("b.ckpt", 1), ("b.ckpt", 2)]
        assert drawn.last is not None
        assert sorted(drawn.files) == [1, 2, 3, 4, 6, 7, 8, 9]
        assert [type(cell.status) for cell in drawn.last.cells] == [Done] * 4 + [Failed] + [Done] * 4
        assert drawn.last.cells[5].name == "6 (model b.ckpt, color 3)"
        caption = group_caption(drawn.last).splitlines()
        assert [line for line in caption if "no such colour" in line] == [
            line for line in caption if line.startswith("5 (model b.ckpt, color 2): ")
        ]
        failing.clear()
        again = await home.services.runs.again(runs[4].id, ANN, HERE, {})
        one = await home.services.runs.submit(again, Address("test", "chat", "again"))
        (ended,) = await home.ended(one)
        assert (ended.state, ended.group_id, ended.values) == (State.DONE, None, runs[4].values)


@pytest.mark.long
async def test_again_and_change_ask_for_the_matrix_and_vary_for_one_of_it(tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    async with house(tmp_path, GroupPlatform(), [server()]) as home:
        given = {"prompt": "{a|b}", "vary": "prompt={a|b} car;a dog, color=1;2"}
        runs = await closed(home, await ask(home, None, workflow="worded", **given))
        assert {run.values["prompt"] for run in runs[:2]} in ({"a car"}, {"b car"})
        assert runs[0].label == "“{a|b} car”, color 1"
        groups, group = home.services.groups, runs[0].group_id or ""
        again = await groups.again(group, ANN, HERE)
        assert again.values["vary"] == given["vary"]
        others = await groups.cells((await _submitted(home.services, again)) or "")
        assert [run.label for run in others] == [run.label for run in runs]
        assert others[0].values["seed"] != runs[0].values["seed"]
        assert (await groups.changed(group, ANN, HERE)).values["vary"] == given["vary"]
        varied = await groups.vary(runs[0].id, ANN, HERE)
        assert (varied.count, "vary" in varied.values, varied.values["color"]) == (4, False, 1)
        assert "vary" not in (await home.services.runs.changed(runs[0].id, ANN, HERE)).values


async def _submitted(services: object, request: RunRequest) -> str | None:
    runs = services.runs  # type: ignore[attr-defined]
    run = await runs.get(await runs.submit(request, Address("test", "chat", "more")))
    return str(run.group_id)


@pytest.mark.long
async def test_a_limit_takes_all_or_none_and_a_cooldown_counts_once(tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    async with house(tmp_path, GroupPlatform(), [server()]) as home:
        limit = home.services.moderation.limit
        await limit(MOD, HERE, "day", 7)
        with pytest.raises(TooMany, match="You asked for nine at once: seven fit"):
            await ask(home, None, workflow="worded", prompt="x", vary=NINE)
        assert await home.services.runs.last_of(ANN) == []
        await limit(MOD, HERE, "cooldown", 3600)
        assert len(await ask(home, None, workflow="worded", prompt="x", vary="seed=1..4")) == 4
        with pytest.raises(TooMany, match="between two runs"):
            await ask(home, None, workflow="worded", prompt="x", vary="seed=1..2")


@pytest.mark.long
async def test_the_rules_of_the_place_hold_for_each(tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    async with house(tmp_path, GroupPlatform(), [server()]) as home:
        moderation, target = home.services.moderation, RuleTarget(workflow="worded")
        await moderation.words(MOD, HERE, "no", WordList(words=("forest",)))
        await moderation.words(MOD, HERE, "look", WordList(words=("lake",), hold=True))
        with pytest.raises(NotAllowed, match="word list “no”"):
            await ask(home, None, workflow="worded", prompt="x", vary="prompt=a hill;a for{est|est}")
        held = await ask(home, None, workflow="worded", prompt="x", vary="prompt=a hill;a lake")
        assert {(await home.run(run)).state for run in held} == {State.HELD}
        await moderation.field(MOD, HERE, "color", Narrowing(minimum=1, maximum=9), target)
        with pytest.raises(BadValue, match="vary: color: “10” is too large; use 1 to 9"):
            await ask(home, None, workflow="worded", prompt="x", vary="color=9;10")
        await moderation.field(MOD, HERE, "color", Narrowing(fixed=5), target)
        with pytest.raises(BadValue, match="vary: color: moderators have set this for all runs here"):
            await ask(home, None, workflow="worded", prompt="x", vary="color=5;6")
        with pytest.raises(BadValue, match="please use one of the two"):
            await ask(home, 2, workflow="worded", prompt="x", vary="seed=1;2")
        await moderation.limit(MOD, HERE, "count", 3)
        with pytest.raises(BadValue, match="at most 3 runs will do"):
            await ask(home, None, workflow="worded", prompt="x", vary="seed=1;2;3;4")
        await moderation.limit(MOD, HERE, "count", 1)
        with pytest.raises(BadValue, match="vary: there is no such field"):
            await ask(home, None, workflow="worded", prompt="x", vary="seed=1;2")
        assert len(await home.services.runs.last_of(ANN)) == 2


@pytest.mark.long
async def test_moderators_read_each_text_of_a_private_matrix(tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    async with house(tmp_path, GroupPlatform(), [server()]) as home:
        moderation = home.services.moderation
        await moderation.where(MOD, HERE, DisplayOptions(private=True))
        values = {"vary": "prompt=a car;a dog, color=1;2"}
        await home.services.runs.submit(
            RunRequest("worded", values, ANN, HERE, private=True), Address("test", "chat", "m1")
        )
        told = [each.words for each in await moderation.log(MOD, HERE) if each.act == "private"]
        assert len(told) == 2
        assert sorted(word for words in told for word in ("a car", "a dog") if word in words) == ["a car", "a dog"]
