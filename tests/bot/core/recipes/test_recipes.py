"""Recipes: several workflows with one request, each step on any server, with the results of the one before."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from bot.core.errors import NotAllowed, TooMany, UserError
from bot.core.model import Address, Person, RunRequest
from bot.core.policy.permissions import RuleTarget
from bot.core.run import RunRecord, State
from bot.core.workflows.catalog import Catalog
from bot.server_settings import NamedServer
from bot.settings import Role
from comfy.embedded import EmbeddedServer
from tests.bot.core.groups.recording import GroupPlatform, closed
from tests.bot.harness import ANN, HERE, MOD, Gates, House, failing, house, until
from tests.bot.onward import write_onward, write_recipe


async def ask(home: House, workflow: str = "film", person: Person = ANN, **values: object) -> list[RunRecord]:
    """Ask for a recipe; its runs."""
    name = f"r{len(home.platform.messages)}"
    home.platform.messages[name] = None  # type: ignore[assignment] # the name is taken
    request = RunRequest(workflow, values, person, HERE)
    return await steps(home, await home.services.runs.submit(request, Address(person.platform, "chat", name)))


async def steps(home: House, run_id: str) -> list[RunRecord]:
    run = await home.run(run_id)
    assert run.group_id is not None
    return await home.services.groups.cells(run.group_id)


def colors(drawn: bytes) -> tuple[int, ...]:
    found = Image.open(io.BytesIO(drawn)).convert("RGB").getpixel((3, 3))
    assert isinstance(found, tuple)
    return tuple(int(each) for each in found)


@pytest.mark.long
async def test_the_first_result_goes_on_and_all_is_one_group(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker -> darker")
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        form = await home.services.workflows.form("film", ANN, HERE)
        assert form.names == ("color",)
        asked = await ask(home, color="16711680")
        assert [(run.workflow, run.state) for run in asked][1:] == [("darker", State.LATER)] * 2
        runs = await closed(home, [run.id for run in asked])
        assert {run.state for run in runs} == {State.DONE}
        drawn = platform.groups[runs[0].address.message]
        assert drawn.last is not None
        assert (drawn.last.brief.title, [cell.label for cell in drawn.last.cells]) == (
            "Film",
            ["Pair", "Darker", "Darker"],
        )
        assert colors(drawn.files[3][0])[0] < colors(drawn.files[2][0])[0] < 255
        assert len(await home.services.runs.last_of(ANN)) == 3


@pytest.mark.long
async def test_rules_of_the_recipe_itself_hold_and_a_limit_names_its_workflows(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker")
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        moderation = home.services.moderation
        with pytest.raises(UserError, match=r"limits count its steps\. Limit one of its workflows: pair, darker"):
            await moderation.limit(MOD, HERE, "day", 2, RuleTarget(workflow="film"))
        await moderation.limit(MOD, HERE, "day", 1)
        with pytest.raises(TooMany):
            await ask(home)  # its two steps do not fit together
        assert await home.services.runs.last_of(ANN) == []
        await moderation.limit(MOD, HERE, "day", None)
        await moderation.limit(MOD, HERE, "day", 1, RuleTarget(workflow="darker"))
        await moderation.review(MOD, HERE, True, aim=RuleTarget(workflow="film"))
        asked = await ask(home)
        await platform.until(lambda: bool(platform.asked))
        with pytest.raises(TooMany):
            await ask(home)
        assert len(await home.services.runs.last_of(ANN)) == 2
        assert await moderation.reviews.refuse(MOD, HERE, asked[1].id)
        assert {run.state for run in await closed(home, [run.id for run in asked])} == {State.FAILED}
        await moderation.deny(MOD, HERE, RuleTarget(workflow="film"))
        with pytest.raises(NotAllowed):
            await ask(home)


@pytest.mark.long
async def test_all_results_go_on_and_those_that_did_not_come_cost_nothing(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker", '[step.darker]\ntake = "all"\nmost = 4\n')
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker", name="short")
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        await home.services.moderation.limit(MOD, HERE, "day", 5)
        asked = await ask(home)
        assert len(asked) == 5
        with pytest.raises(TooMany):
            await ask(home)
        await home.ended(asked[0].id)

        async def have_ended() -> bool:
            return all(run.state is State.DONE for run in await steps(home, asked[0].id))

        await until(have_ended)
        runs = await steps(home, asked[0].id)
        assert [run.workflow for run in runs] == ["pair", "darker", "darker"]
        assert len(await ask(home, "short")) == 2  # of five, two were given back


@pytest.mark.long
async def test_its_person_chooses_the_result_that_goes_on(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker", '[step.darker]\ntake = "ask"\n')
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        asked = await ask(home)
        group = asked[0].group_id or ""
        await platform.until(
            lambda: any(each.choices == 2 for drawn in platform.groups.values() for each in drawn.shown)
        )
        with pytest.raises(NotAllowed):
            await home.services.groups.choose(group, 2, Person("test", "9", "Eve"))
        with pytest.raises(UserError, match="nothing to choose"):
            await home.services.groups.choose(group, 3, ANN)
        await home.services.groups.choose(group, 2, ANN)
        first, second = await closed(home, [run.id for run in asked])
        assert first.outcome is not None
        assert second.inputs["picture"].key == first.outcome.files[1].key
        with pytest.raises(UserError, match="nothing to choose"):
            await home.services.groups.choose(group, 1, ANN)


@pytest.mark.long
async def test_a_denial_meanwhile_stops_before_the_step_and_a_cancel_stops_all(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> gate -> darker")
    platform, gates = GroupPlatform(), Gates()
    async with house(tmp_path, platform, [EmbeddedServer(nodes=gates.nodes())]) as home:
        moderation = home.services.moderation
        asked = await ask(home)
        await home.ended(asked[0].id)
        await moderation.deny(MOD, HERE, RuleTarget(workflow="darker"))
        assert (await home.ended(asked[2].id))[0].sentence is not None
        gates.open("gate")
        first, second, third = await closed(home, [run.id for run in asked])
        assert [first.state, second.state, third.state] == [State.DONE, State.DONE, State.FAILED]
        assert "darker" in (third.sentence or "").casefold()
        with pytest.raises(NotAllowed):
            await ask(home)
        assert "film" not in [each.id for each in home.services.workflows.allowed(ANN, HERE)]


@pytest.mark.long
async def test_a_denial_while_the_bot_stood_still_stops_before_the_next_step(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> gate -> darker")
    platform, gates = GroupPlatform(), Gates()
    async with EmbeddedServer(nodes=gates.nodes()) as one, EmbeddedServer(nodes=gates.nodes()) as two:
        servers = [NamedServer("one", one.url), NamedServer("two", two.url)]
        async with house(tmp_path, platform, servers) as home:
            asked = await ask(home)
            await home.ended(asked[0].id)
            await until(lambda: _is(home, asked[1].id, State.RUNNING))
        async with house(tmp_path, platform, servers, role=Role(worker=None)) as home:  # nobody works
            await home.services.moderation.deny(MOD, HERE, RuleTarget(workflow="darker"))
            (third,) = await home.ended(asked[2].id)
            assert "darker" in (third.sentence or "").casefold()
        gates.open()
        async with house(tmp_path, platform, servers) as home:
            runs = await closed(home, [run.id for run in asked])
            assert [run.state for run in runs] == [State.DONE, State.DONE, State.FAILED]
        assert gates.passed == ["gate"]  # no step twice


async def _is(home: House, run_id: str, state: State) -> bool:
    return (await home.run(run_id)).state is state


def test_every_mistake_of_an_author_is_named(tmp_path: Path) -> None:
    write_onward(tmp_path)
    write_recipe(tmp_path, "pair -> darker")
    write_recipe(tmp_path, "film -> nowhere", name="nested")
    wrong = '[step.pair]\ntake = "all"\n[step.pair_2]\ntake = "some"\nask = ["shape"]\n'
    wrong += '[step.lighter]\nvalues = { factor = "x" }\n'
    write_recipe(tmp_path, "pair -> pair -> lighter", wrong, name="wrong")
    write_recipe(tmp_path, "pair", name="short")
    many = '[step.darker]\ntake = "all"\n[step.lighter]\ntake = "all"\n'
    write_recipe(tmp_path, "pair -> darker -> lighter", many, name="many")
    write_recipe(tmp_path, "pair -> darker", name="gate")
    catalog = Catalog.read(tmp_path / "workflows")
    assert {"film"} == {name for name, each in catalog.workflows.items() if each.steps}
    said = "\n".join(map(str, catalog.faults))
    for part in (
        "nested.recipe.toml, steps: “film” is a recipe, and a recipe has workflows alone",
        "nested.recipe.toml, steps: there is no workflow “nowhere”; workflows: darker, gate, lighter, pair",
        "wrong.recipe.toml, step.pair: take, most and into are for the steps after the first",
        "wrong.recipe.toml, step.pair_2: this workflow takes no file",
        "wrong.recipe.toml, step.pair_2: take must be one of these: first, all, ask",
        "wrong.recipe.toml, step.pair_2: ask: there is no field “shape”",
        "wrong.recipe.toml, step.lighter: values: factor:",
        "short.recipe.toml: steps must name two workflows or more",
        "many.recipe.toml: this makes 21 runs, and 10 is the most",
        "gate.recipe.toml: a workflow has the same name",
    ):
        assert part in said, said


def test_each_field_of_a_recipe_has_a_name_of_its_own(tmp_path: Path) -> None:
    write_onward(tmp_path)
    long = "very_long_names_fill_all_the_room"[:32]
    for end in ("json", "toml"):
        (tmp_path / "workflows" / f"darker.{end}").rename(tmp_path / "workflows" / f"{long}.{end}")
    asked = [f'[step.{key}]\nask = ["factor", "factor"]\n' for key in (long, f"{long}_2", f"{long}_3")]
    write_recipe(tmp_path, " -> ".join(["pair", long, long, long]), "".join(asked))
    form = Catalog.read(tmp_path / "workflows").workflows["film"].form()
    assert len(form.names) == len(set(form.names)) == len(form.fields) == 4, form.names


@pytest.mark.long
async def test_a_step_that_failed_is_gone_on_from_and_again_asks_for_all(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> gate -> darker")
    platform = GroupPlatform()
    async with house(tmp_path, platform, [EmbeddedServer(nodes=failing())]) as home:
        asked = await ask(home, color="7")
        runs = await closed(home, [run.id for run in asked])
        assert [run.state for run in runs] == [State.DONE, State.FAILED, State.FAILED]
        drawn = platform.groups[runs[0].address.message].last
        assert drawn is not None
        assert drawn.resumable
    gates = Gates()
    gates.open()
    async with house(tmp_path, platform, [EmbeddedServer(nodes=gates.nodes())]) as home:
        groups, submit = home.services.groups, home.services.runs.submit
        request = await groups.resumed(runs[0].group_id or "", ANN, HERE)
        again = await steps(home, await submit(request, Address("test", "chat", "resumed")))
        assert [run.workflow for run in again] == ["gate", "darker"]
        assert again[0].inputs["picture"].key == runs[1].inputs["picture"].key
        ended = await closed(home, [run.id for run in again])
        assert {run.state for run in ended} == {State.DONE}
        whole = await groups.again(runs[0].group_id or "", ANN, HERE)
        assert (whole.workflow, whole.values, whole.resume) == ("film", {"color": 7}, None)


@pytest.mark.long
async def test_a_part_of_a_result_ends_a_recipe_and_goes_on_nowhere(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    gate = tmp_path / "workflows" / "gate.json"
    early = {"class_type": "SaveImage", "inputs": {"images": ["0", 0], "filename_prefix": "early"}}
    await asyncio.to_thread(gate.write_text, json.dumps({"9": early, **json.loads(gate.read_text())}))
    for name, chain in (("film", "pair -> gate -> darker"), ("short", "pair -> gate")):
        await asyncio.to_thread(write_recipe, tmp_path, chain, name=name)
    async with house(tmp_path, GroupPlatform(), [EmbeddedServer(nodes=failing())]) as home:
        long, short = [
            [run.state for run in await closed(home, [run.id for run in await ask(home, name, color="7")])]
            for name in ("film", "short")
        ]
        assert (long, short) == ([State.DONE, State.FAILED, State.FAILED], [State.DONE, State.DONE])


@pytest.mark.long
async def test_a_review_of_any_step_holds_the_end_and_shows_all(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker")
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        moderation = home.services.moderation
        await moderation.review(MOD, HERE, True, aim=RuleTarget(workflow="pair"))
        asked = await ask(home)
        await platform.until(lambda: bool(platform.asked))
        assert platform.asked == [asked[1].id]
        runs = await steps(home, asked[0].id)
        assert [(run.state, len(run.shown.files)) for run in runs] == [(State.HELD, 0)] * 2
        async with moderation.reviews.result(MOD, HERE, asked[1].id) as (_run, result):
            assert result is not None
            assert len(result.files) == 3
        assert await moderation.reviews.approve(MOD, HERE, asked[1].id)
        assert {run.state for run in await closed(home, [run.id for run in asked])} == {State.DONE}
