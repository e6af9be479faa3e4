"""What a saved workflow shows outside: the inputs and results of app mode, and the widgets that subgraphs promote."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.saved import Surface, convert
from tests.comfy.saved.graphs import DEFINITIONS, graph, node, subgraph

_SAMPLE = (7, "fixed", 20, 8.0, "euler")
_ROOT_ID = "0b6f6c2e-98f2-4a26-9d2c-8f0c1d0f6a11"
_INNER_ID = "4c1f3a52-52d7-4b0e-9f5e-0f8a1c9f2b22"


def surface(inputs: Any = (), outputs: Any = (), **changed: Any) -> Surface:
    """A picture 1; an instance 2 of a subgraph whose sampler 5 has its seed and its steps promoted, with a second such
    sampler inside that has them not; a muted picture 4; a result 9.
    """
    definition = subgraph(
        _INNER_ID,
        node(5, "Sample", _SAMPLE, inputs=[("*seed", 1, "INT"), ("*steps", 2, "INT")]),
        node(6, "Sample", _SAMPLE),
        links=[(1, -10, 0, 5, 0), (2, -10, 1, 5, 1)],
        inputs=[("seed", "INT", [1]), ("steps", "INT", [2])],
        outputs=[("IMAGE", "IMAGE", [])],
    )
    definition["inputs"][1]["label"] = "How long"
    nodes = {
        "n1": node(1, "Load", ("a.png", "image")),
        "n2": node(2, _INNER_ID, (), inputs=[("*seed", None, "INT"), ("*steps", None, "INT")]),
        "n4": node(4, "Load", ("b.png", "image"), mode=2),
        "n9": node(9, "SaveImage", ("x",), inputs=[("images", 30)]),
        **changed,
    }
    data = graph(
        *nodes.values(),
        id=_ROOT_ID,
        links=[(30, 1, 0, 9, 0), (31, 8, 0, 2, 1)],
        definitions={"subgraphs": [definition]},
        extra={"linearData": {"inputs": list(inputs), "outputs": list(outputs)}},
    )
    return convert(data, DEFINITIONS).surface


def shown(*inputs: Any, **changed: Any) -> list[str]:
    """The inputs of the prompt that these entries of app mode set; `+` joins those of one entry."""
    return ["+".join(".".join(each) for each in widget.targets) for widget in surface(inputs, **changed).app]


def test_inputs_and_results_stand_in_the_authors_order_and_once() -> None:
    found = surface([["2", "steps"], [1, "image"], ["1", "image"]], ["9", 9])
    assert [widget.targets for widget in found.app] == [(("2:5", "steps"),), (("1", "image"),)]
    assert found.outputs == ("9",)


@pytest.mark.parametrize(
    "entry",
    [
        ["5", "steps"],
        ["2:5", "steps"],
        [f"{_INNER_ID}:5", "steps"],
        [f"{_INNER_ID}:5:steps", "steps"],
        [f"{_ROOT_ID}:2:steps", "steps"],
        [f"{_ROOT_ID}:2:5", "steps"],
    ],
)
def test_a_widget_in_a_subgraph_is_found_by_each_of_its_names(entry: list[str]) -> None:
    assert shown(entry) == ["2:5.steps"]


def test_a_widget_inside_that_is_not_promoted_is_found_only_by_its_place() -> None:
    assert shown(["6", "steps"]) == []
    assert shown(["2:6", "steps"]) == ["2:6.steps"]


@pytest.mark.parametrize(
    "entry", [["77", "image"], ["1", "gone"], ["4", "image"], ["1"], [], "1", ["9", "images"], ["2", "IMAGE"]]
)
def test_an_entry_that_leads_nowhere_is_passed_over(entry: Any) -> None:
    assert shown(entry, ["1", "image"]) == ["1.image"]


def test_a_result_that_is_not_sent_is_passed_over() -> None:
    assert surface(outputs=["4", "77", "9"]).outputs == ("9",)


def test_the_sentence_of_an_entry_and_the_label_of_a_widget_are_kept() -> None:
    found = surface([["2", "steps", {"height": 3, "description": "More is slower."}], ["1", "image"]])
    assert [(each.label, each.help) for each in found.app] == [("How long", "More is slower."), ("", "")]


def test_a_widget_that_is_linked_from_outside_is_not_shown() -> None:
    linked = {
        "n2": node(2, _INNER_ID, (), inputs=[("*seed", None, "INT"), ("*steps", 31, "INT")]),
        "n8": node(8, "PlainText", ("3",)),
    }
    assert shown(["2", "steps"], ["2", "seed"], **linked) == ["2:5.seed"]
    assert [each.name for each in surface(**linked).promoted] == ["seed"]


def test_a_primitive_sets_what_it_is_linked_to() -> None:
    extra = {"n7": node(7, "PrimitiveNode", (5, "fixed")), "n3": node(3, "Sample", _SAMPLE, inputs=[("*steps", 32)])}
    data_links = [(32, 7, 0, 3, 1)]
    data = graph(*extra.values(), links=data_links, extra={"linearData": {"inputs": [["7", "value"]]}})
    (found,) = convert(data, DEFINITIONS).surface.app
    assert found.targets == (("3", "steps"),)


def test_the_widgets_of_an_instance_are_promoted_and_those_of_a_muted_one_are_not() -> None:
    assert [(each.name, each.targets) for each in surface().promoted] == [
        ("seed", (("2:5", "seed"),)),
        ("steps", (("2:5", "steps"),)),
    ]
    assert surface(n2=node(2, _INNER_ID, (), mode=2)).promoted == ()


def test_a_file_without_app_mode_has_none() -> None:
    data = graph(node(1, "Load", ("a.png", "image")), extra={"linearData": "no"})
    assert convert(data, DEFINITIONS).surface == Surface()
