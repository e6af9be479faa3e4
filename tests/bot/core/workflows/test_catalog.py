"""Every fault of a workflow's files is found when they are read, in words that tell the author what to do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.errors import UnknownWorkflow
from bot.core.workflows.catalog import Catalog
from bot.core.workflows.form import FieldKind
from bot.core.workflows.recipes.reading import RECIPE_KEYS, STEP_KEYS
from bot.core.workflows.sidecar import FIELD_KEYS, KEYS
from bot.core.workflows.workflow import Workflow

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "Photo"}},
    "2": {"class_type": "ImageQuantize", "inputs": {"image": ["1", 0], "colors": 8, "dither": "none"}},
    "3": {"class_type": "AdjustContrast", "inputs": {"images": ["2", 0], "factor": 1.5}, "_meta": {"title": "V1.5"}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "out"}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "out"}},
    "6": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 20, "tiled": True}, "_meta": {"title": "Sampler"}},
}


def write(folder: Path, sidecar: str | None = None, graph: Any = GRAPH, name: str = "poster") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(graph if isinstance(graph, str) else json.dumps(graph))
    if sidecar is not None:
        (folder / f"{name}.toml").write_text(sidecar)


def read(folder: Path, sidecar: str) -> Workflow:
    write(folder, sidecar)
    catalog = Catalog.read(folder)
    assert catalog.faults == ()
    return catalog.get("poster")


def faults(folder: Path, sidecar: str | None, graph: Any = GRAPH) -> list[str]:
    write(folder, sidecar, graph)
    catalog = Catalog.read(folder)
    assert "poster" not in catalog.workflows
    return [str(fault) for fault in catalog.faults]


def test_a_sidecar_says_what_people_fill_in(tmp_path: Path) -> None:
    workflow = read(
        tmp_path,
        """
        title = "Poster"
        description = "Few colours."
        outputs = ["#4"]
        [fields.photo]
        target = "Photo.image"
        [fields.colors]
        target = "ImageQuantize.colors"
        minimum = 2
        maximum = 32
        [fields.contrast]
        target = "V1.5.factor"
        step = 0.1
        [fields.seed]
        target = "Sampler.seed"
        [fields.prefix]
        target = ["#4.filename_prefix", "#5.filename_prefix"]
        max_length = 20
        """,
    )
    assert (workflow.title, workflow.description, workflow.outputs) == ("Poster", "Few colours.", ("4",))
    form = workflow.form()
    assert form.names == ("photo", "colors", "contrast", "seed", "prefix")
    kinds = [FieldKind.IMAGE, FieldKind.INTEGER, FieldKind.NUMBER, FieldKind.INTEGER, FieldKind.TEXT]
    assert [field.kind for field in form.fields] == kinds
    assert (form["colors"].default, form["colors"].range_text) == (8, "2 to 32")
    assert (form["photo"].required, form["seed"].seed, form["contrast"].default) == (True, True, 1.5)
    prompt = workflow.fill({"prefix": "new", "colors": 3})
    assert [prompt[node].inputs["filename_prefix"] for node in "45"] == ["new", "new"]
    assert prompt["2"].inputs["colors"] == 3
    assert workflow.prompt["2"].inputs["colors"] == 8


def test_without_a_sidecar_it_has_the_form_that_its_prompt_suggests(tmp_path: Path) -> None:
    write(tmp_path)
    workflow = Catalog.read(tmp_path).get("poster")
    assert (workflow.title, [field.name for field in workflow.form().fields]) == ("poster", ["picture"])


def test_the_words_of_its_author_are_an_example_and_are_not_run_unasked(tmp_path: Path) -> None:
    nodes = {
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat\nin a hat"}},
        "2": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "positive": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
    }
    (tmp_path / "paint.json").write_text(json.dumps(nodes))
    prompt, steps, seed = Catalog.read(tmp_path).get("paint").form().fields
    assert (prompt.required, prompt.default, prompt.help) == (True, None, "For example: a cat in a hat")
    assert (steps.required, steps.default, seed.seed) == (False, 20, True)


FIELD = "[fields.colors]\ntarget = 'ImageQuantize.colors'\n"


@pytest.mark.parametrize(
    ("sidecar", "fault"),
    [
        ("title = ", "poster.toml: this is not valid TOML: "),
        ("titel = 'x'", "poster.toml: there is no key “titel”; did you mean “title”?"),
        ("zzz = 'x'", "poster.toml: there is no key “zzz”; keys: title, description, outputs, spoiler, nsfw, group"),
        ("title = 3", "poster.toml: title must be a text"),
        ("fields = 3", "poster.toml: fields must be a table"),
        (
            "outputs = ['Nobody']",
            "poster.toml: outputs: no node has the title “Nobody”; titles: Photo, ImageQuantize, ",
        ),
        ("fields.photo = 3", "poster.toml, photo: a field must be a table: [fields.photo]"),
        ("[fields.photo]", "poster.toml, photo: target is missing: name the node's title and input, such as "),
        (
            "[fields.Photo]\ntarget='Photo.image'",
            "poster.toml, Photo: a field's name can have up to 32 lowercase letters",
        ),
        ("[fields.server]\ntarget='Photo.image'", "poster.toml, server: the command line already has an option"),
        ("[fields.photo]\ntarget='Load foto.image'", "poster.toml, photo: no node has the title “Load foto”; titles: "),
        ("[fields.photo]\ntarget='#9.image'", "poster.toml, photo: no node has the id “9”; ids: 1, 2, 3, 4, 5, 6"),
        ("[fields.photo]\ntarget='Photo'", "poster.toml, photo: target “Photo” must be a node's title, a dot"),
        (
            "[fields.c]\ntarget='ImageQuantize.colours'",
            "poster.toml, c: “ImageQuantize” has no input “colours”; inputs",
        ),
        ("[fields.c]\ntarget='ImageQuantize.image'", "poster.toml, c: “image” of “ImageQuantize” is linked to another"),
        (
            "[fields.p]\ntarget='SaveImage.filename_prefix'",
            "poster.toml, p: 2 nodes have the title “SaveImage”: use the id of one, “#4.filename_prefix” or “#5.",
        ),
        (f"{FIELD}kind='colour'", "poster.toml, colors: there is no kind “colour”; kinds: text, integer, number"),
        (f"{FIELD}minimum='2'", "poster.toml, colors: minimum must be a number"),
        (f"{FIELD}minimum=true", "poster.toml, colors: minimum must be a number"),
        (f"{FIELD}minimum=9\nmaximum=2", "poster.toml, colors: minimum is larger than maximum"),
        (f"{FIELD}minimum=-inf", "poster.toml, colors: minimum, maximum and step must be a whole number"),
        (f"{FIELD}maximum=nan", "poster.toml, colors: minimum, maximum and step must be a whole number"),
        (f"{FIELD}step=0", "poster.toml, colors: step must be more than 0"),
        (f"{FIELD}default=40\nmaximum=32", "poster.toml, colors: default: “40” is too large; use 32 or less"),
        (
            f"{FIELD}minimum=10",
            "poster.toml, colors: the graph's own value is not valid, so give a default: “8” is too",
        ),
        (f"{FIELD}choices=['a']", "poster.toml, colors: choices are only for kind = "),
        (f"{FIELD}kind='choice'\nchoices=[]", "poster.toml, colors: choices must be a list of texts or numbers"),
        (f"{FIELD}kind='choice'\nchoices=['many']", "poster.toml, colors: kind choice does not match “colors” of"),
        (f"{FIELD}max_length=3", "poster.toml, colors: max_length is only for texts, and must be at least 1"),
        (f"{FIELD}kind='toggle'", "poster.toml, colors: kind toggle does not match “colors” of “ImageQuantize”"),
        (f"{FIELD}required=true\ndefault=3", "poster.toml, colors: a required field cannot have a default: remove one"),
        (f"{FIELD}seed=true\ndefault=3", "poster.toml, colors: a seed cannot have a default, because it is random"),
        ("[fields.p]\ntarget='Photo.image'\ndefault='x'", "poster.toml, p: a file cannot have a default"),
        (
            f"{FIELD}[fields.c]\ntarget='#2.colors'",
            "poster.toml, c: the field “colors” already sets “colors” of “ImageQuantize”",
        ),
        (
            "[fields.a-b]\ntarget='#2.colors'\n[fields.a_b]\ntarget='#3.factor'",
            "poster.toml, a_b: the name differs from the field “a-b” only",
        ),
    ],
)
def test_a_fault_of_the_sidecar(sidecar: str, fault: str, tmp_path: Path) -> None:
    found = faults(tmp_path, sidecar)
    assert [each for each in found if each.startswith(fault)], found
    assert not [each for each in found if "Traceback" in each or str(tmp_path) in each]


@pytest.mark.parametrize(
    ("graph", "fault"),
    [
        ("", "poster.json: the file is empty: save or export the workflow in ComfyUI"),
        ("{", "poster.json: it is not JSON: "),
        ("[]", "poster.json: "),
        ('{"nodes": [], "links": []}', "poster.json: the workflow has no nodes"),
        ({"1": {"class_type": "A"}}, "poster.json, node 1: "),
        ({"1": {"class_type": "A", "inputs": {"x": ["9", 0]}}}, "poster.json, node 1, x: "),
    ],
)
def test_a_fault_of_the_graph(graph: Any, fault: str, tmp_path: Path) -> None:
    (found,) = faults(tmp_path, None, graph)
    assert found.startswith(fault)


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    sidecar = "titel = 'x'\n[fields.a]\n[fields.b]\ntarget='No.x'\n" + FIELD + "minimum=9\nmaximum=2\nstep=0"
    assert len(faults(tmp_path, sidecar)) == 6


def test_the_faulty_do_not_keep_the_others_from_loading(tmp_path: Path) -> None:
    write(tmp_path, "title = ")
    write(tmp_path, name="good")
    write(tmp_path, name="Bad Name")
    (tmp_path / "alone.toml").write_text("title = 'x'")
    (tmp_path / "latin.json").write_bytes(b'{"\xff": 1}')
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.json").write_text("x")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    catalog = Catalog.read(tmp_path, tmp_path / "no such folder")
    assert [each.title for each in catalog.workflows.values()] == ["Bad Name", "good"]
    assert {fault.file for fault in catalog.faults} == {
        "poster.toml",
        "alone.toml",
        "latin.json",
        "gone.json",
        str(tmp_path / "no such folder"),
    }


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownWorkflow, match="and no other yet"):
        Catalog({}).get("poster")
    write(tmp_path)
    with pytest.raises(UnknownWorkflow, match=r"There is no workflow “postr”. Did you mean “poster”\?"):
        Catalog.read(tmp_path).get("postr")


def test_ones_own_goes_before_its_namesake_even_where_it_is_faulty(tmp_path: Path) -> None:
    write(tmp_path / "bundled", "title = 'Bundled'")
    write(tmp_path / "own", "title = 'Own'")
    assert Catalog.read(tmp_path / "bundled", tmp_path / "own").get("poster").title == "Own"
    write(tmp_path / "own", "titel = 'Own'")
    with pytest.raises(UnknownWorkflow, match=r"cannot run: poster.toml: there is no key .* “title”\?$"):
        Catalog.read(tmp_path / "bundled", tmp_path / "own").get("poster")


def test_the_guide_for_authors_names_every_key() -> None:
    guide = (Path(__file__).parents[4] / "docs" / "workflows.md").read_text()
    rows = [cell for row in re.findall(r"^\| (`.*?) \|", guide, re.MULTILINE) for cell in re.findall(r"`(\w+)`", row)]
    assert sorted(rows) == sorted([*KEYS, *FIELD_KEYS, *RECIPE_KEYS, *STEP_KEYS])
    assert all(str(kind) in guide for kind in FieldKind)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(st.sampled_from([*FIELD_KEYS, "zzz"]), values, max_size=6)
targets = st.sampled_from(["Photo.image", "#2.colors", "V1.5.factor", "Sampler.seed", "Sampler.tiled", "x", ".", "#."])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(["a", "b", "C"]), tables, max_size=3), target=targets, more=values)
@pytest.mark.long
def test_whatever_stands_in_a_sidecar_is_a_workflow_or_a_list_of_faults(
    fields: dict[str, dict[str, Any]], target: str, more: Any, tmp_path: Path
) -> None:
    lines = [f"title = {toml(more)}"]
    for name, table in fields.items():
        lines += [f"[fields.{name}]", *(f"{key} = {toml(value)}" for key, value in table.items() if key != "target")]
        lines.append(f"target = {toml(table.get('target') or target)}")
    write(tmp_path, "\n".join(lines))
    catalog = Catalog.read(tmp_path)
    assert catalog.faults or catalog.get("poster").form() is not None
    assert all(fault.reason for fault in catalog.faults)


def toml(value: Any) -> str:
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
        case str():
            return json.dumps(value)
        case _:
            return str(value)


def test_a_catalog_is_another_once_an_operator_has_closed_a_workflow(tmp_path: Path) -> None:
    before = Catalog.read(tmp_path)
    assert before.is_same(replace(before))
    assert not replace(before, closed=frozenset({"poster"})).is_same(before)


def test_what_its_author_would_use_a_result_in_must_be_a_workflow(tmp_path: Path) -> None:
    write(tmp_path, 'next = ["other", "poster", "Not-There"]')
    write(tmp_path, name="other")
    catalog = Catalog.read(tmp_path)
    assert catalog.get("poster").next == ("other", "poster", "Not-There")
    (fault,) = catalog.faults
    assert str(fault) == "poster.toml: next: there is no workflow “Not-There”; workflows: other, poster"
