"""Our verdict on a prompt is the server's: the answers of a real server, and of the engine over its socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from comfy.embedded import EmbeddedServer
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.verdict import (
    MissingChoice,
    MissingFile,
    MissingInput,
    MissingNode,
    NoOutput,
    PromptVerdict,
    WrongInput,
    judge,
)

DATA = Path(__file__).parent.parent / "data"
INFO = ObjectInfo(json.loads((DATA / "object_info.json").read_text()))
RECORDED = json.loads((DATA / "recordings" / "c_http_errors.json").read_text())
SAVE = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
EMPTY = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}
GRID = [
    "COMFY_AUTOGROW_V3",
    {"template": {"input": {"required": {"i": ["IMAGE", {}]}}, "prefix": "i", "min": 2, "max": 3}},
]
SIZES = [
    {"key": "exact", "inputs": {"required": {"width": ["INT", {"min": 8, "max": 64}]}}},
    {"key": "auto", "inputs": {}},
]


def node(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"input": {"required": required}, "output": ["IMAGE"], "output_node": True, **more}


OWN = ObjectInfo(
    {
        "Combo": node({"choice": ["COMBO", {"options": []}]}),
        "CustomCombo": node({"choice": ["COMBO", {"options": []}]}, output_node=False),
        "Load": node({"image": [["there.png"], {"image_upload": True}]}),
        "Load3D": node({"file": ["COMBO", {"options": ["none", "3d/a.glb"], "file_upload": True}]}),
        "Remote": node({"image": ["COMBO", {"remote": {"route": "/x"}, "image_upload": True}]}),
        "Grid": node({"images": GRID}),
        "Size": node({"size": ["COMFY_DYNAMICCOMBO_V3", {"options": SIZES}]}),
        "Several": node({"tags": ["COMBO", {"options": ["a", "b"], "multiselect": True}]}),
        "Save": node({"image": ["IMAGE", {}]}),
        "Model": node({}, output=["MODEL"], output_node=False),
    }
)


def said(graph: dict[str, Any], **values: Any) -> PromptVerdict:
    return judge(Prompt(graph), OWN, **values)


def one(class_type: str, **inputs: Any) -> PromptVerdict:
    return said({"1": {"class_type": class_type, "inputs": inputs}})


def is_checked(case: dict[str, Any]) -> bool:
    """False for graphs that are not sent at all: their structure is wrong."""
    try:
        Prompt(case["request_prompt"])
    except (KeyError, PromptRejected):
        return False
    return case["status"] in (200, 400)


@pytest.mark.parametrize("case", [each for each in RECORDED if is_checked(each)], ids=lambda case: case["case"])
def test_a_verdict_is_that_of_the_real_server(case: dict[str, Any]) -> None:
    info = ObjectInfo(
        {**INFO.data, "LoadImage": node({"image": [["probe.png"], {"image_upload": True}]}, output_node=False)}
    )
    assert judge(Prompt(case["request_prompt"]), info).runs is (case["status"] == 200)


GRAPHS = {
    "good": {"1": EMPTY, "2": SAVE},
    "no output": {"1": EMPTY},
    "unknown node": {"1": EMPTY, "2": SAVE, "3": {"class_type": "Nowhere", "inputs": {}}},
    "input missing": {"1": {**EMPTY, "inputs": {"width": 8}}, "2": SAVE},
    "too large": {"1": {**EMPTY, "inputs": {**EMPTY["inputs"], "width": 99999999}}, "2": SAVE},
    "no number": {"1": {**EMPTY, "inputs": {**EMPTY["inputs"], "width": "wide"}}, "2": SAVE},
    "a number as text": {"1": {**EMPTY, "inputs": {**EMPTY["inputs"], "width": "16"}}, "2": SAVE},
    "wrong node without an output": {"1": EMPTY, "2": SAVE, "3": {"class_type": "ImageInvert", "inputs": {}}},
    "one good output": {"1": EMPTY, "2": SAVE, "3": {"class_type": "PreviewImage", "inputs": {}}},
    "picture there": {"1": {"class_type": "LoadImage", "inputs": {"image": "probe.png"}}, "2": SAVE},
    "picture not there": {"1": {"class_type": "LoadImage", "inputs": {"image": "gone.png"}}, "2": SAVE},
    "no such choice": {
        "1": EMPTY,
        "3": {
            "class_type": "ImageScale",
            "inputs": {"image": ["1", 0], "upscale_method": "BALANCED", "width": 8, "height": 8, "crop": "disabled"},
        },
        "2": {**SAVE, "inputs": {**SAVE["inputs"], "images": ["3", 0]}},
    },
    "wrong type": {"1": {"class_type": "PrimitiveInt", "inputs": {"value": 1}}, "2": SAVE},
    "no such slot": {"1": EMPTY, "2": {**SAVE, "inputs": {**SAVE["inputs"], "images": ["1", 7]}}},
    "in a circle": {
        "1": {"class_type": "ImageInvert", "inputs": {"image": ["3", 0]}},
        "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "2": SAVE,
    },
}


async def test_a_verdict_is_that_of_the_engine(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        Image.new("RGB", (8, 8)).save(tmp_path / "input" / "probe.png")
        async with aiohttp.ClientSession(server.url) as session:
            info = ObjectInfo(await (await session.get("/object_info")).json())
            taken = {}
            for name, graph in GRAPHS.items():
                async with session.post("/prompt", json={"prompt": graph}) as answer:
                    taken[name] = answer.status == 200
    assert {name: judge(Prompt(graph), info).runs for name, graph in GRAPHS.items()} == taken
    assert set(taken.values()) == {True, False}


def test_faults_name_node_and_input() -> None:
    scale = Prompt(GRAPHS["no such choice"])
    (fault,) = judge(scale, INFO).faults
    assert isinstance(fault, MissingChoice)
    assert (fault.node_id, fault.input_name, fault.value) == ("3", "upscale_method", "BALANCED")
    assert "lanczos" in fault.choices
    assert judge(Prompt(GRAPHS["unknown node"]), INFO).faults == (MissingNode("3", "Nowhere"),)
    both = {**GRAPHS["no such choice"], "4": {"class_type": "Nowhere", "inputs": {"a": ["5", 0]}}}
    both["5"] = {"class_type": "PreviewImage", "inputs": {}}
    wanted = (MissingNode("4", "Nowhere"), fault, MissingInput("5", "PreviewImage", "images"))
    assert judge(Prompt(both), INFO).faults == wanted
    assert judge(Prompt({"1": EMPTY}), INFO).faults == (NoOutput(),)
    assert judge(Prompt(GRAPHS["one good output"]), INFO).faults == (MissingInput("3", "PreviewImage", "images"),)
    wrong = judge(Prompt(GRAPHS["too large"]), INFO).faults[0]
    assert isinstance(wrong, WrongInput)
    assert (wrong.input_name, wrong.reason) == ("width", "be at most 16384")


def test_only_the_nodes_of_the_first_circle_are_named_and_nothing_that_needs_one_runs() -> None:
    def invert(source: str) -> dict[str, Any]:
        return {"class_type": "ImageInvert", "inputs": {"image": [source, 0]}}

    def save(source: str) -> dict[str, Any]:
        return {**SAVE, "inputs": {**SAVE["inputs"], "images": [source, 0]}}

    two = {"class_type": "ImageBatch", "inputs": {"image1": ["between", 0], "image2": ["d", 0]}}
    graph = {
        "a": invert("b"),
        "b": invert("a"),
        "behind": save("a"),
        "good": EMPTY,
        "kept": save("good"),
        "between": invert("b"),
        "c": two,
        "d": invert("c"),
        "far": save("c"),
    }
    for first in (graph, {**graph, "far": save("a"), "behind": save("c")}):
        found = judge(Prompt(first), INFO)
        named = {each.node_id for each in found.faults if isinstance(each, WrongInput)}
        assert named in ({"a", "b"}, {"c", "d"})
        assert (len(found.faults), found.outputs) == (2, ("kept",))


def test_a_list_that_only_the_browser_knows_is_not_missing() -> None:
    combo = {"class_type": "CustomCombo", "inputs": {"choice": "mine", "index": 0, "option1": "mine"}}
    assert said({"1": combo, "2": {"class_type": "Save", "inputs": {"image": ["1", 0]}}}).faults == ()
    assert one("Combo", choice="mine").faults == (MissingChoice("1", "Combo", "choice", "mine", ()),)


@pytest.mark.parametrize(
    ("class_type", "values", "is_there", "is_known"),
    [
        ("Load", {"image": "there.png"}, True, True),
        ("Load", {"image": "gone.png"}, False, True),
        ("Load", {"image": "folder/gone.png"}, True, False),
        ("Load", {"image": "gone.png [output]"}, True, False),
        ("Load3D", {"file": "3d/gone.glb"}, False, True),
        ("Load3D", {"file": "a.glb"}, True, False),
        ("Remote", {"image": "a.png [output]"}, True, False),
    ],
)
def test_a_file_is_looked_for_where_the_list_has_its_folder(
    class_type: str, values: dict[str, str], is_there: bool, is_known: bool
) -> None:
    found = one(class_type, **values)
    assert found.runs is is_there
    assert (found.unknown == ()) is is_known
    if not is_there:
        assert isinstance(found.faults[0], MissingFile)


@pytest.mark.parametrize("class_type", ["Load", "Remote"])
@pytest.mark.parametrize("value", [None, 7, {"__value__": ["there.png"]}])
def test_a_file_has_a_name(class_type: str, value: Any) -> None:
    found = judge(Prompt({"1": {"class_type": class_type, "inputs": {"image": value}}}), OWN)
    assert not found.runs
    assert isinstance(found.faults[0], WrongInput)


def test_a_file_that_a_person_gives_need_not_be_there() -> None:
    graph = {"1": {"class_type": "Load", "inputs": {"image": "gone.png"}}}
    assert said(graph, filled={("1", "image")}).runs


def test_inputs_that_grow_and_inputs_of_a_choice() -> None:
    empty = {"class_type": "Save", "inputs": {}}
    linked = {"class_type": "Grid", "inputs": {"images.i0": ["2", 0]}}
    assert said({"1": linked, "2": empty}).faults == (
        MissingInput("1", "Grid", "images.i1"),
        MissingInput("2", "Save", "image"),
    )
    assert one("Size", size="auto").runs
    assert one("Size", size="exact").faults == (MissingInput("1", "Size", "size.width"),)
    assert not one("Size", size="exact", **{"size.width": 65}).runs
    assert one("Several", tags={"__value__": ["a", "b"]}).runs
    assert not one("Several", tags={"__value__": ["a", "c"]}).runs
    model = {"class_type": "Model", "inputs": {}}
    (wrong,) = said({"1": model, "2": {"class_type": "Save", "inputs": {"image": ["1", 0]}}}).faults
    assert isinstance(wrong, WrongInput)
    assert wrong.reason == "be linked to IMAGE, and not to MODEL"


def test_a_server_that_names_no_outputs_is_not_said_to_have_none() -> None:
    info = ObjectInfo({"Save": {"input": {}, "output": []}})
    assert judge(Prompt({"1": {"class_type": "Save", "inputs": {}}}), info).runs


def test_a_graph_of_many_nodes_is_judged_at_once() -> None:
    """Each node links to the two before it: as paths they are too many to walk."""
    graph: dict[str, Any] = {"0": {"class_type": "Grid", "inputs": {}}, "1": {"class_type": "Grid", "inputs": {}}}
    for number in range(2, 5000):
        links = {"images.i0": [str(number - 1), 0], "images.i1": [str(number - 2), 0]}
        graph[str(number)] = {"class_type": "Grid", "inputs": links}
    assert not said(graph).runs
