"""Values that an instance of a subgraph has for the widgets inside, and group nodes of older files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.comfy.saved.graphs import converted, graph, node, subgraph

_SAMPLE = (7, "fixed", 20, 8.0, "euler")


def sampling(*ports: tuple[str, str], values: Any = (), proxies: Any = None, listed: Any = ()) -> dict[str, Any]:
    """An instance 2 of a subgraph that has a sampler 5, whose widgets these ports feed. The inputs of 5."""
    links = [(number, -10, number - 1, 5, 0) for number in range(1, len(ports) + 1)]
    inputs = [(f"*{widget}", number, "INT") for number, (_name, widget) in enumerate(ports, start=1)]
    definition = subgraph(
        "sampling",
        node(5, "Sample", _SAMPLE, inputs=inputs),
        node(6, "PrimitiveNode", (4, "fixed"), outputs=["INT"]),
        links=links,
        inputs=[(name, "INT", [number]) for number, (name, _widget) in enumerate(ports, start=1)],
    )
    properties = {} if proxies is None else {"proxyWidgets": proxies}
    data = graph(
        node(2, "sampling", values, inputs=listed, properties=properties),
        node(3, "PlainText", ("3",)),
        links=[(30, 3, 0, 2, 0)],
        definitions={"subgraphs": [definition]},
    )
    return converted(data)["2:5"]


def test_values_stand_in_the_order_of_the_definition() -> None:
    sent = sampling(("a", "steps"), ("b", "seed"), values=(11, 12))
    assert (sent["steps"], sent["seed"]) == (11, 12)


def test_an_instance_without_values_has_those_inside() -> None:
    assert sampling(("a", "steps"))["steps"] == 20


def test_a_link_from_outside_wins() -> None:
    assert sampling(("a", "steps"), values=(11,), listed=[("a", 30, "INT")])["steps"] == ["3", 0]


def test_values_in_the_order_of_promoted_widgets() -> None:
    sent = sampling(("a", "steps"), ("b", "seed"), values=(12, 11), proxies=[["5", "seed"], ["5", "steps"]])
    assert (sent["steps"], sent["seed"]) == (11, 12)


def test_a_promoted_widget_without_an_input_gets_one() -> None:
    sent = sampling(values=(0.5, "ddim"), proxies=[["5", "cfg"], ["5", "12: sampler_name"], ["77", "x"], ["5", "$$p"]])
    assert (sent["cfg"], sent["sampler_name"]) == (0.5, "ddim")


def test_an_input_of_the_instance_is_promoted_by_its_name() -> None:
    assert sampling(("a", "steps"), values=(13,), proxies=[["-1", "a"]])["steps"] == 13


def test_what_could_not_be_placed_wins_over_the_position() -> None:
    kept = [{"originalEntry": ["-1", "a"], "hostValue": 44}]
    definition = subgraph(
        "s", node(5, "Sample", _SAMPLE, inputs=[("*steps", 1, "INT")]), links=[(1, -10, 0, 5, 0)],
        inputs=[("a", "INT", [1])],
    )  # fmt: skip
    instance = node(2, "s", (11,), properties={"proxyWidgetErrorQuarantine": kept})
    assert converted(graph(instance, definitions={"subgraphs": [definition]}))["2:5"]["steps"] == 44


def test_a_value_goes_to_each_input_that_a_port_feeds_on_every_level() -> None:
    inner = subgraph(
        "inner",
        node(5, "Sample", _SAMPLE, inputs=[("*steps", 1, "INT"), ("*seed", 2, "INT")]),
        links=[(1, -10, 0, 5, 0), (2, -10, 0, 5, 1)],
        inputs=[("n", "INT", [1, 2])],
    )
    outer = subgraph(
        "outer", node(6, "inner", inputs=[("n", 1, "INT")]), links=[(1, -10, 0, 6, 0)], inputs=[("m", "INT", [1])]
    )
    data = graph(node(2, "outer", (33,)), node(3, "outer"), definitions={"subgraphs": [outer, inner]})
    sent = converted(data)
    assert (sent["2:6:5"]["steps"], sent["2:6:5"]["seed"]) == (33, 33)
    assert sent["3:6:5"]["steps"] == 20


@pytest.mark.parametrize("prefix", ["workflow>", "workflow/"])
def test_a_group_node_is_a_subgraph(prefix: str) -> None:
    parts = {
        "nodes": [
            {**node(-1, "Blank", (64, 64)), "index": 0, "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
            {**node(-1, "Sample", _SAMPLE, inputs=[("image", None)], outputs=["IMAGE"]), "index": 1},
            {**node(-1, "SaveImage", ("p",), inputs=[("images", None)]), "index": 2},
        ],
        "links": [[0, 0, 1, 0, 1, "IMAGE"], [1, 0, 2, 0, 2, "IMAGE"]],
        "external": [],
    }
    values = (128, 256, 9, "fixed", 5, 2.0, "ddim", "mine")
    data = graph(node(4, f"{prefix}G", values), last_node_id=99, extra={"groupNodes": {"G": parts}})
    assert converted(data) == {
        "103:100": {"width": 128, "height": 256},
        "103:101": {"seed": 9, "steps": 5, "cfg": 2.0, "sampler_name": "ddim", "image": ["103:100", 0]},
        "103:102": {"filename_prefix": "mine", "images": ["103:101", 0]},
    }
