"""The workflow that results carry: the saved one with a run's values in it, or one that is made out of the prompt."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from comfy.saved import convert
from comfy.saved.written.draw import draw
from comfy.saved.written.filled import editor_workflow
from tests.comfy.saved.graphs import DEFINITIONS, graph, node, subgraph

PROMPT: dict[str, Any] = {
    "9": {
        "class_type": "SaveImage",
        "inputs": {"images": ["57:8", 0], "filename_prefix": "cat"},
        "_meta": {"title": "Out"},
    },
    "57:8": {
        "class_type": "Sample",
        "inputs": {"image": ["4", 0], "seed": 7, "steps": 9, "cfg": ["11", 0], "sampler_name": "ddim"},
    },
    "4": {"class_type": "Blank", "inputs": {"width": 640, "height": 480}, "_meta": {"title": "Blank"}},
    "11": {"class_type": "PlainText", "inputs": {"value": "2.5"}},
}


def prompt_of(workflow: dict[str, Any]) -> dict[str, Any]:
    return convert(workflow, DEFINITIONS, choose=lambda _count: 0).prompt


def inputs_of(prompt: dict[str, Any]) -> dict[str, Any]:
    return {node_id: (each["class_type"], each["inputs"]) for node_id, each in prompt.items()}


def node_of(workflow: dict[str, Any], node_id: int | str) -> dict[str, Any]:
    (found,) = [each for each in workflow["nodes"] if each["id"] == node_id]
    return dict(found)


def changed(saved: dict[str, Any], *values: tuple[str, str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A saved workflow with these values of a run (node, input, value), and the prompt of the run."""
    prompt = prompt_of(saved)
    for node_id, name, value in values:
        prompt[node_id]["inputs"][name] = value
    before = copy.deepcopy(saved)
    made = editor_workflow(prompt, DEFINITIONS, saved)
    assert saved == before
    assert inputs_of(prompt_of(made)) == inputs_of(prompt)
    return made, prompt


def test_the_editor_queues_what_a_drawn_workflow_was_made_of() -> None:
    made = draw(PROMPT, DEFINITIONS)
    assert inputs_of(prompt_of(made)) == inputs_of(PROMPT)


def test_a_drawn_workflow_has_ids_titles_values_and_links() -> None:
    made = draw(PROMPT, DEFINITIONS)
    assert {each["id"] for each in made["nodes"]} == {9, 4, 11, "57:8"}
    assert node_of(made, 9)["title"] == "Out"
    assert "title" not in node_of(made, "57:8")
    sampler = node_of(made, "57:8")
    assert sampler["widgets_values"] == [7, "fixed", 9, 8.0, "ddim"]
    assert [(each["name"], "widget" in each) for each in sampler["inputs"]] == [("image", False), ("cfg", True)]
    by_number = {link[0]: link[1:] for link in made["links"]}
    assert by_number[sampler["inputs"][0]["link"]] == [4, 0, "57:8", 0, "IMAGE"]
    assert node_of(made, 4)["outputs"][0]["links"] == [sampler["inputs"][0]["link"]]
    assert (made["last_node_id"], made["last_link_id"]) == (11, len(made["links"]))


def test_a_drawn_workflow_runs_from_left_to_right_and_nothing_overlaps() -> None:
    made = draw(PROMPT, DEFINITIONS)
    places = {each["id"]: each["pos"] for each in made["nodes"]}
    for _number, origin, _slot, target, *_rest in made["links"]:
        assert places[origin][0] < places[target][0]
    boxes = [(*each["pos"], *each["size"]) for each in made["nodes"]]
    for number, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[number + 1 :]:
            assert (
                x + width <= other_x
                or other_x + other_width <= x
                or y + height <= other_y
                or other_y + other_height <= y
            )


@pytest.mark.parametrize(
    "given",
    [
        {"model": "large", "model.seed": 3, "model.pictures": ["4", 0], "model.style": "bold", "note": "n"},
        {"model": "many", "model.pictures.image0": ["4", 0], "model.pictures.image1": ["4", 0], "note": ""},
    ],
)
def test_a_drawn_node_has_the_inputs_of_its_option(given: dict[str, Any]) -> None:
    prompt = {"4": PROMPT["4"], "5": {"class_type": "Model", "inputs": given}}
    assert inputs_of(prompt_of(draw(prompt, DEFINITIONS))) == inputs_of(prompt)


def test_a_drawn_node_grows_and_lists_are_no_links() -> None:
    grown = {f"images.image{number}": ["4", 0] for number in range(6)}
    prompt = {
        "4": PROMPT["4"],
        "5": {"class_type": "Batch", "inputs": grown},
        "6": {
            "class_type": "Curve",
            "inputs": {"curve": {"__type__": "CURVE", "__value__": [1, 2]}, "list": {"__value__": [3]}},
        },
    }
    made = draw(prompt, DEFINITIONS)
    assert inputs_of(prompt_of(made)) == inputs_of(prompt)
    assert node_of(made, 6)["widgets_values"] == [[1, 2], [3]]


def test_a_node_that_the_definitions_lack_keeps_its_values_and_links() -> None:
    prompt = {
        "1": {"class_type": "Odd", "inputs": {"a": 1, "b": ["2", 3], "c": "x"}},
        "2": {"class_type": "Odder", "inputs": {}},
    }
    made = draw(prompt, {})
    assert node_of(made, 1)["widgets_values"] == [1, "x"]
    assert node_of(made, 1)["inputs"] == [{"name": "b", "type": "*", "link": 1}]
    assert made["links"] == [[1, 2, 3, 1, 0, "*"]]
    assert len(node_of(made, 2)["outputs"]) == 4


def test_a_circle_is_drawn_too() -> None:
    prompt = {
        each: {"class_type": "MaskOf", "inputs": {"image": [other, 0]}} for each, other in (("1", "2"), ("2", "1"))
    }
    assert len(draw(prompt, DEFINITIONS)["links"]) == 2


def test_values_of_a_run_stand_in_their_nodes() -> None:
    saved = graph(
        node(1, "Blank", (512, 512), outputs=["IMAGE"], pos=[5, 6]),
        node(2, "Sample", (7, "randomize", 20, 8.0, "euler"), inputs=[("image", 3)]),
        node(4, "Text", ("{a|b} cat",)),
        links=[(3, 1, 0, 2, 0)],
        extra={"ds": {"scale": 2}},
    )
    made, _prompt = changed(saved, ("2", "seed", 99), ("1", "width", 640), ("4", "text", "a dog"))
    assert node_of(made, 2)["widgets_values"] == [99, "randomize", 20, 8.0, "euler"]
    assert node_of(made, 1)["widgets_values"] == [640, 512]
    assert node_of(made, 4)["widgets_values"] == ["a dog"]
    assert (node_of(made, 1)["pos"], made["extra"]) == ([5, 6], {"ds": {"scale": 2}})


def test_a_run_without_changes_leaves_the_file_as_it_is() -> None:
    saved = graph(node(1, "Blank", (512, 512)), node(4, "Text", ("{a|b} cat",)))
    assert changed(saved, ("4", "text", "a cat"))[0] == {**saved, "nodes": saved["nodes"]}


def test_values_by_name_stay_so() -> None:
    saved = graph(node(1, "Blank", {"width": 512, "height": 512, "videopreview": {"x": 1}}))
    made, _prompt = changed(saved, ("1", "height", 64))
    assert node_of(made, 1)["widgets_values"] == {"width": 512, "height": 64, "videopreview": {"x": 1}}


def test_a_value_that_a_primitive_gives_stands_in_the_primitive() -> None:
    saved = graph(
        node(1, "PrimitiveNode", (4, "fixed"), outputs=["INT"]),
        node(2, "Sample", (7, "fixed", 20, 8.0, "euler"), inputs=[("*steps", 3, "INT")]),
        links=[(3, 1, 0, 2, 0)],
    )
    made, _prompt = changed(saved, ("2", "steps", 30))
    assert node_of(made, 1)["widgets_values"] == [30, "fixed"]


@pytest.mark.parametrize(
    ("values", "proxies", "expected"),
    [
        ((11, 12), None, [11, 30]),
        ((), None, [20, 30]),
        ({"a": 11, "b": 12}, None, {"a": 11, "b": 30}),
        ((12, 11), [["5", "seed"], ["5", "steps"]], [30, 11]),
    ],
)
def test_a_value_of_a_subgraph_stands_in_its_instance(values: Any, proxies: Any, expected: Any) -> None:
    ports = (("a", "steps"), ("b", "seed"))
    links = [(number, -10, number - 1, 5, 0) for number in (1, 2)]
    inputs = [(f"*{widget}", number, "INT") for number, (_name, widget) in enumerate(ports, start=1)]
    sampler = node(5, "Sample", (7, "fixed", 20, 8.0, "euler"), inputs=inputs)
    listed = [(name, "INT", [number]) for number, (name, _widget) in enumerate(ports, start=1)]
    properties = {} if proxies is None else {"proxyWidgets": proxies}
    saved = graph(
        node(2, "sampling", values, properties=properties),
        definitions={"subgraphs": [subgraph("sampling", sampler, links=links, inputs=listed)]},
    )
    made, _prompt = changed(saved, ("2:5", "seed", 30))
    assert node_of(made, 2)["widgets_values"] == expected


def test_a_value_inside_a_subgraph_stands_in_its_definition() -> None:
    definition = subgraph("inner", node(5, "PlainText", ("old",)), links=[])
    saved = graph(node(2, "inner"), definitions={"subgraphs": [definition]})
    made, _prompt = changed(saved, ("2:5", "value", "new"))
    assert made["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == ["new"]


def test_a_value_that_the_file_has_no_place_for_makes_a_workflow_of_its_own() -> None:
    definition = subgraph("inner", node(5, "PlainText", ("old",)), links=[])
    saved = graph(node(2, "inner"), node(3, "inner"), definitions={"subgraphs": [definition]})
    made, _prompt = changed(saved, ("2:5", "value", "new"))  # the other instance has the old one
    assert {each["id"] for each in made["nodes"]} == {"2:5", "3:5"}


def test_an_option_of_a_run_brings_its_values_along() -> None:
    saved = graph(node(1, "Model", ("small", 1, "n")))
    prompt = {"1": {"class_type": "Model", "inputs": {"model": "small", "model.quality": 4, "note": "m"}}}
    made = editor_workflow(prompt, DEFINITIONS, saved)
    assert node_of(made, 1)["widgets_values"] == ["small", 4, "m"]
    large = {"model": "large", "model.seed": 3, "model.style": "bold", "note": "n"}
    made = editor_workflow({"1": {"class_type": "Model", "inputs": large}}, DEFINITIONS, saved)
    assert inputs_of(prompt_of(made))["1"][1] == large


def test_another_prompt_than_the_files_makes_a_workflow_of_its_own() -> None:
    saved = graph(node(1, "Blank", (512, 512)))
    assert editor_workflow(PROMPT, DEFINITIONS, saved) == draw(PROMPT, DEFINITIONS)
    assert editor_workflow(PROMPT, DEFINITIONS, {"nodes": [{}]}) == draw(PROMPT, DEFINITIONS)
