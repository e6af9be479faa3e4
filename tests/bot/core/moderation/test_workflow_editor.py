"""Workflows from the chat: who may add them, what they may use, and how they are completed and taken away."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import NotAllowed, UnknownWorkflow, UserError
from bot.core.model import Person, Place
from bot.core.moderation.workflow_editor import settings_from, suggested
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rules import Trial
from bot.core.run import State
from comfy.embedded import EmbeddedServer
from comfy.prompt import Prompt
from tests.bot.harness import ANN, HERE, MOD, PLAIN, Gates, House, house

TRUSTED, OTHER = Person("test", "77", "Tru"), Person("test", "78", "Oth")
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 7}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}


async def add(home: House, name: str = "blank", graph: object = GRAPH, by: Person = TRUSTED) -> str:
    return await home.services.moderation.workflows.add(by, HERE, name, json.dumps(graph).encode())


@pytest.mark.long
async def test_from_a_file_to_a_run_with_a_named_field(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        workflows = home.services.moderation.workflows
        assert await add(home) == (
            "Added “blank”. You can try it now; “workflow open” lets others run it. People fill in: none."
        )
        targets = {each.target: each.value for each in await workflows.inputs(TRUSTED, HERE, "blank")}
        assert targets["EmptyImage.color"] == "7"
        settings = {"target": "EmptyImage.color", "title": 'A "colour"', "minimum": 0, "maximum": 9, "help": None}
        await workflows.field(TRUSTED, HERE, "blank", "color", settings)
        (color,) = (await home.services.workflows.form("blank", TRUSTED, HERE)).fields
        assert (color.title, color.maximum, color.default) == ('A "colour"', 9, 7)
        (run,) = await home.ended((await home.ask("blank", person=TRUSTED, color="3"))[0])
        assert (run.state, run.values) == (State.DONE, {"color": 3})
        await workflows.describe(TRUSTED, HERE, "blank", "Blank sheet", "Nothing\non it.")
        await workflows.rename(TRUSTED, HERE, "blank", "sheet")
        assert home.services.workflows.catalog.get("sheet").title == "Blank sheet"
        with pytest.raises(UnknownWorkflow):
            home.services.workflows.catalog.get("blank")
        await workflows.field(TRUSTED, HERE, "sheet", "color", None)
        assert (await home.services.workflows.form("sheet", TRUSTED, HERE)).fields == ()
        await workflows.remove(TRUSTED, HERE, "sheet")
        assert not list((tmp_path / "added").glob("*sheet*"))
        log = [entry.act for entry in await home.services.moderation.log(MOD, HERE)]
        assert log[::-1] == [f"workflow {act}" for act in ("add", "field", "describe", "rename", "field", "remove")]


COMMENTED = """\
# For the summer party: ask Ann before you change it.
description = "A plain sheet" # shown in /help
title = "Blank"

# The colour of the paper.
[fields.color]
maximum = 9 # ten would be too bright
target = "EmptyImage.color"
help = "0 to 9"

# The size comes last.
[fields.width]
target = "EmptyImage.width"
# The end.
"""


@pytest.mark.long
async def test_comments_and_the_order_of_a_sidecar_survive_every_change(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        workflows, file = home.services.moderation.workflows, tmp_path / "added" / "blank.toml"
        await add(home)
        file.write_text(COMMENTED)
        await workflows.describe(TRUSTED, HERE, "blank", "Sheet", "A coloured sheet")
        settings = {"target": "EmptyImage.color", "maximum": 8, "title": "Colour"}
        await workflows.field(TRUSTED, HERE, "blank", "color", settings)
        await workflows.field(TRUSTED, HERE, "blank", "height", {"target": "EmptyImage.height"})
        await workflows.field(TRUSTED, HERE, "blank", "width", None)
        await workflows.rename(TRUSTED, HERE, "blank", "sheet")
        assert (
            file.with_name("sheet.toml").read_text()
            == """\
# For the summer party: ask Ann before you change it.
description = "A coloured sheet" # shown in /help
title = "Sheet"

# The colour of the paper.
[fields.color]
maximum = 8 # ten would be too bright
target = "EmptyImage.color"
title = "Colour"

# The size comes last.
# The end.

[fields.height]
target = "EmptyImage.height"
"""
        )


@pytest.mark.long
async def test_nobody_else_adds_or_changes_any(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        workflows = home.services.moderation.workflows
        for who in (ANN, MOD, replace(TRUSTED, platform="else")):
            with pytest.raises(NotAllowed, match="whom the operator trusts"):
                await add(home, by=who)
            for act in (workflows.remove(who, HERE, PLAIN), workflows.field(who, HERE, PLAIN, "x", None)):
                with pytest.raises(NotAllowed):
                    await act
        (last, *_rest) = await home.services.moderation.log(MOD, HERE)
        assert (last.act, last.words.split(":")[0]) == ("refused", "workflow field")


@pytest.mark.parametrize("name", ["", " ", PLAIN, "negative", "Negative"])
async def test_names_that_will_not_do(tmp_path: Path, name: str) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        before = {path for path in tmp_path.rglob("*") if path.suffix in (".json", ".toml")}
        with pytest.raises(UserError):
            await add(home, name)
        assert {path for path in tmp_path.rglob("*") if path.suffix in (".json", ".toml")} == before


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("../evil", "evil"),
        ("/etc/evil", "etc_evil"),
        (".hidden", "hidden"),
        ("Big", "big"),
        ("a b", "a_b"),
        ("猫", "mao"),
    ],
)
@pytest.mark.long
async def test_any_other_name_will_do_and_stays_in_its_folder(tmp_path: Path, name: str, slug: str) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        before = set(tmp_path.rglob("*.*"))
        await add(home, name)
        added = {path for path in tmp_path.rglob("*.*") if path.suffix in (".json", ".toml")} - before
        assert added == {tmp_path / "added" / f"{slug}.json", tmp_path / "added" / f"{slug}.toml"}
        assert home.services.workflows.catalog.find(slug).title == name.capitalize()


SAVED = {
    "nodes": [
        {"id": 1, "type": "EmptyImage", "outputs": [{"type": "IMAGE"}], "widgets_values": [16, 16, 1, 7]},
        {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}


@pytest.mark.long
async def test_what_the_editor_saved_or_a_result_is_added_and_runs(tmp_path: Path) -> None:
    body = b"workflow\0" + json.dumps(SAVED).encode()
    picture = b"\x89PNG\r\n\x1a\n" + len(body).to_bytes(4, "big") + b"tEXt" + body + bytes(4)
    async with house(tmp_path, trusted=("test:77",)) as home:
        workflows = home.services.moderation.workflows
        for name, data in (("saved", json.dumps(SAVED).encode()), ("result", picture)):
            await workflows.add(TRUSTED, HERE, name, data)
            await workflows.field(TRUSTED, HERE, name, "color", {"target": "Empty Image.color"})
            (run,) = await home.ended((await home.ask(name, person=TRUSTED, color="3"))[0])
            assert (run.state, run.values) == (State.DONE, {"color": 3})
            assert json.loads((tmp_path / "added" / f"{name}.json").read_text()) == SAVED


@pytest.mark.long
async def test_hostile_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    deep = b'{"a":' * 100_000
    many = json.dumps({str(number): GRAPH["1"] for number in range(10_000)}).encode()
    inner = {"id": "a", "nodes": [{"id": 1, "type": "a"}]}
    within = json.dumps({"nodes": [{"id": 1, "type": "a"}], "definitions": {"subgraphs": [inner]}}).encode()
    async with house(tmp_path, trusted=("test:77",)) as home:
        for data, reason in ((deep, "it is not JSON"), (many, "more than 1500 nodes"), (within, "contain each other")):
            with pytest.raises(UserError, match=rf"This file cannot be used: .*{reason}.*\. Send a workflow that"):
                await home.services.moderation.workflows.add(TRUSTED, HERE, "bad", data)


@pytest.mark.long
async def test_files_that_are_no_workflow_and_faulty_fields_change_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        workflows = home.services.moderation.workflows
        for data in (b"", b"\xff", b"[]", b'{"nodes": [], "links": []}', b"x" * (8 * 2**20 + 1)):
            with pytest.raises(UserError):
                await workflows.add(TRUSTED, HERE, "bad", data)
        await add(home)
        for settings in ({}, {"target": "Nothing.color"}, {"target": "EmptyImage.color", "kind": "toggle"}):
            with pytest.raises(UserError):
                await workflows.field(TRUSTED, HERE, "blank", "color", settings)
        assert (await home.services.workflows.form("blank", TRUSTED, HERE)).fields == ()
        with pytest.raises(UserError, match="only the operator can change it"):
            await workflows.remove(TRUSTED, HERE, "negative")


@pytest.mark.long
async def test_nodes_that_nobody_has_and_packs_that_are_not_allowed_are_refused_by_name(tmp_path: Path) -> None:
    gate = replace(Gates().nodes()["Gate"], module="custom_nodes.evil-pack")
    gated = {**GRAPH, "3": {"class_type": "Gate", "inputs": {"image": ["1", 0], "name": "x"}}}
    server = EmbeddedServer(nodes={"Gate": gate})
    async with house(tmp_path, servers=[server], trusted=("test:77",)) as home:
        with pytest.raises(
            UserError, match=r"not allowed these packs of nodes: evil-pack\. The workflow uses their nodes Gate"
        ):
            await add(home, graph=gated)
        with pytest.raises(UserError, match="No server has the nodes Other"):
            await add(home, graph={"1": {"class_type": "Other", "inputs": {}}})
    server = EmbeddedServer(nodes={"Gate": gate})
    async with house(tmp_path, servers=[server], trusted=("test:77",), allowed_nodes=("Evil-Pack",)) as home:
        await add(home, graph=gated)


def test_fields_are_suggested_for_pictures_texts_and_seeds() -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "Photo"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["9", 0]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a dog", "clip": ["9", 0]}},
        "4": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20}, "_meta": {"title": "K.1"}},
        "9": {"class_type": "CLIPLoader", "inputs": {}},
    }
    assert suggested(Prompt(graph)) == {
        "picture": {"target": "Photo.image"},
        "text": {"target": "#2.text"},
        "text2": {"target": "#3.text"},
        "seed": {"target": "#4.seed"},
    }


def test_settings_of_a_field_have_the_types_of_a_sidecar() -> None:
    said = 'target=A.x,B.y minimum=1 maximum=2.5 required=true choices="red, deep blue" help="How wide" default=7'
    assert settings_from(said) == {
        "target": ["A.x", "B.y"],
        "minimum": 1,
        "maximum": 2.5,
        "required": True,
        "choices": ["red", "deep blue"],
        "help": "How wide",
        "default": 7,
    }


@pytest.mark.parametrize(("said", "sentence"), [("wide=7", "wide=7"), ("target", "target"), ('help="x', "quote")])
def test_settings_that_say_nothing_are_refused(said: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        settings_from(said)


OPERATOR = Person("test", "99", "Op")
ELSEWHERE = replace(HERE, community="another")


async def who_may(home: House, name: str = "blank", place: Place = HERE) -> list[str]:
    """Return the kinds of people that may run a workflow."""
    people = (ANN, MOD, TRUSTED, OTHER, OPERATOR)
    return [each.name for each in people if home.services.workflows.decide(each, place, name).allowed]


@pytest.mark.long
async def test_what_was_added_is_tried_before_others_may_run_it(tmp_path: Path) -> None:
    trusted = ("test:77", "test:78")
    async with house(tmp_path, trusted=trusted, operators=("test:99",), default_workflows="none") as home:
        acts = home.services.moderation
        await add(home)
        assert await who_may(home) == ["Tru", "Op"]
        with pytest.raises(NotAllowed, match="“blank” is still on trial: only the person who added it"):
            await home.ask("blank")
        await acts.allow(MOD, HERE)
        assert await who_may(home) == ["Tru", "Op"]  # an allowance of everything is none of what is being tried
        with pytest.raises(UserError, match="The person who added it must open it first"):
            await acts.allow(MOD, HERE, RuleTarget(workflow="blank"))
        for who in (MOD, OTHER):
            with pytest.raises(NotAllowed):
                await acts.workflows.open(who, HERE, "blank")
        assert (await acts.log(MOD, HERE))[0].words.startswith("workflow open: ")
        await acts.workflows.open(TRUSTED, HERE, "blank")
        assert await who_may(home) == ["Ann", "Mo", "Tru", "Oth", "Op"]
        assert await who_may(home, place=ELSEWHERE) == ["Tru", "Op"]
        await acts.deny(MOD, HERE, RuleTarget(workflow="blank"))
        assert await who_may(home) == []
        with pytest.raises(NotAllowed):  # nobody's own place
            await acts.workflows.open(TRUSTED, replace(HERE, community=""), "blank")
        await acts.workflows.open(OPERATOR, replace(HERE, community=""), "blank")
        with pytest.raises(UserError, match="is not on trial"):
            await acts.workflows.open(TRUSTED, ELSEWHERE, "blank")
    async with house(tmp_path, default_workflows="all") as home:
        assert await who_may(home, place=ELSEWHERE) == ["Ann", "Mo", "Tru", "Oth", "Op"]


@pytest.mark.long
async def test_decisions_go_with_a_new_name_and_nothing_is_open_that_was_taken_away(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        acts = home.services.moderation
        await add(home)
        await acts.workflows.open(TRUSTED, HERE, "blank")
        await acts.deny(MOD, HERE, RuleTarget(place=HERE, workflow="blank"))
        await acts.workflows.rename(TRUSTED, HERE, "blank", "sheet")
        assert await who_may(home, "sheet") == []
        assert await who_may(home, "sheet", replace(HERE, id="beside")) == ["Ann", "Mo", "Tru", "Oth", "Op"]
        assert await who_may(home, "sheet", ELSEWHERE) == ["Tru"]
        await acts.workflows.remove(TRUSTED, HERE, "sheet")
        assert not [rule for rule in acts._rules.of("test:guild") if isinstance(rule.body, Trial)]
        await add(home, "sheet")
        assert await who_may(home, "sheet", replace(HERE, id="beside")) == ["Tru"]
        await acts.workflows.open(TRUSTED, ELSEWHERE, "sheet")
        opened = (await acts.export(MOD, ELSEWHERE)).replace("test:another", "test:guild")
        await acts.import_(MOD, HERE, opened)  # which opens nothing
        assert await who_may(home, "sheet", replace(HERE, id="beside")) == ["Tru"]
        assert await acts.undo(MOD, ELSEWHERE) == "There is nothing to undo."


@pytest.mark.long
async def test_the_operators_workflows_cannot_be_changed_removed_or_overwritten_in_the_chat(tmp_path: Path) -> None:
    async with house(tmp_path, trusted=("test:77",)) as home:
        workflows, folder = home.services.moderation.workflows, tmp_path / "workflows"
        await add(home)
        for act in (
            workflows.remove(TRUSTED, HERE, PLAIN),
            workflows.rename(TRUSTED, HERE, PLAIN, "mine"),
            workflows.describe(TRUSTED, HERE, PLAIN, "Mine", ""),
            workflows.field(TRUSTED, HERE, PLAIN, "color", None),
        ):
            with pytest.raises(UserError, match="only the operator"):
                await act
        for taken, suffix in (("faulty", ".json"), ("lonely", ".toml")):
            (folder / f"{taken}{suffix}").write_text("{")
            with pytest.raises(UserError, match="already"):
                await workflows.rename(TRUSTED, HERE, "blank", taken)
            with pytest.raises(UserError, match="already"):
                await add(home, taken)
            assert (folder / f"{taken}{suffix}").read_text() == "{"
        assert (folder / f"{PLAIN}.json").exists()
