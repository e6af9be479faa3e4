"""Links: through reroutes and bypassed nodes, in and out of subgraphs, and those that end nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.saved import UnreadableWorkflow, convert
from tests.comfy.saved.graphs import DEFINITIONS, converted, graph, node, subgraph


def chain(*middle: Any, links: Any, **more: Any) -> dict[str, Any]:
    """A picture that is loaded by 1 and saved by 9 at link 90, with nodes in between."""
    loaded, saved = node(1, "Load", ("a.png", "image")), node(9, "SaveImage", ("p",), inputs=[("images", 90)])
    return graph(loaded, *middle, saved, links=links, **more)


def source(data: dict[str, Any]) -> Any:
    return converted(data)["9"].get("images")


def test_a_link_is_found_by_the_input_that_names_it() -> None:
    data = chain(node(2, "Blank"), links=[(90, 1, 0, 9, 17), (91, 2, 0, 9, 0)])
    assert source(data) == ["1", 0]


def test_version_1_has_links_as_objects_and_ids_as_text() -> None:
    data = chain(links=[], version=1)
    data["links"] = [{"id": "90", "origin_id": "1", "origin_slot": "1", "target_id": 9, "target_slot": 0}]
    data["nodes"][0]["id"] = "1"
    assert source(data) == ["1", 1]


@pytest.mark.parametrize(("mode", "sent"), [(0, ["1", 0]), (4, ["1", 0]), (2, None)])
def test_reroutes_are_followed_unless_muted(mode: int, sent: Any) -> None:
    data = chain(
        node(2, "Reroute", inputs=[("", 20)], outputs=["*"]),
        node(3, "Reroute", inputs=[("", 30)], outputs=["*"], mode=mode),
        links=[(20, 1, 0, 2, 0), (30, 2, 0, 3, 0), (90, 3, 0, 9, 0)],
    )
    assert source(data) == sent


def test_a_bypassed_node_passes_on_what_has_the_type_that_is_wanted() -> None:
    links = [(20, 1, 1, 2, 0), (21, 1, 0, 2, 1), (90, 2, 0, 9, 0)]
    blend = node(2, "Blend", inputs=[("one", None), ("two", 21)], mode=4)
    assert source(chain(blend, links=links)) is None  # the first input is wanted, and leads nowhere
    mask = node(2, "MaskOf", inputs=[("image", 21)], mode=4)
    assert source(chain(mask, links=links)) == ["1", 0]  # no output of that type: the one with the type wanted


def test_a_bypassed_switch_has_the_type_of_what_it_is_linked_to() -> None:
    links = [(20, 1, 0, 2, 0), (21, 1, 0, 2, 1), (90, 2, 0, 9, 0)]
    switch = node(2, "Switch", inputs=[("no", 20), ("yes", 21)], mode=4)
    assert source(chain(switch, links=links)) == ["1", 0]
    links[:2] = [(20, 1, 1, 2, 0), (21, 1, 1, 2, 1)]  # masks, while a picture is wanted
    assert source(chain(switch, links=links)) is None


def test_a_widget_has_its_own_value_where_a_link_ends_nowhere() -> None:
    data = graph(
        node(1, "PlainText", ("away",), mode=2),
        node(2, "Sample", (3, "fixed", 9), inputs=[("*steps", 20, "INT")]),
        links=[(20, 1, 0, 2, 0)],
    )
    assert converted(data) == {"2": {"seed": 3, "steps": 9, "cfg": 8.0, "sampler_name": "euler"}}


def test_links_of_no_origin_are_dropped() -> None:
    assert source(chain(links=[(90, 77, 0, 9, 0)])) is None
    assert source(chain(links=[])) is None
    assert converted(chain(links=[(90, "x", "y", 9, 0)]))["9"] == {"filename_prefix": "p"}


def test_a_circle_of_reroutes_ends() -> None:
    data = chain(
        node(2, "Reroute", inputs=[("", 20)]),
        node(3, "Reroute", inputs=[("", 30)]),
        links=[(20, 3, 0, 2, 0), (30, 2, 0, 3, 0), (90, 3, 0, 9, 0)],
    )
    assert source(data) is None


def test_a_getter_stands_for_the_setter_of_its_name() -> None:
    data = chain(
        node(2, "SetNode", ("pic",), inputs=[("IMAGE", 20)], mode=4),
        node(3, "GetNode", ("pic",)),
        links=[(20, 1, 0, 2, 0), (90, 3, 0, 9, 0)],
    )
    assert source(data) == ["1", 0]
    data["nodes"][2]["widgets_values"] = ["other"]
    assert source(data) is None


@pytest.mark.long
def test_a_long_chain_of_reroutes_is_followed() -> None:
    middle = [node(number, "Reroute", inputs=[("", number)]) for number in range(100, 1400)]
    links = [(100, 1, 0, 100, 0), *((number, number - 1, 0, number, 0) for number in range(101, 1400))]
    assert source(chain(*middle, links=[*links, (90, 1399, 0, 9, 0)])) == ["1", 0]


def test_an_input_that_grows_keeps_its_gaps() -> None:
    data = chain(
        node(2, "Batch", inputs=[("images.image0", None), ("images.image4", 20)]),
        links=[(20, 1, 0, 2, 1), (90, 2, 0, 9, 0)],
    )
    assert converted(data)["2"] == {"images.image4": ["1", 0]}


def test_links_of_a_dynamic_combo_go_with_its_choice() -> None:
    inputs = [("model.pictures", 20), ("*model.style", None, "COMBO"), ("model.gone", 21)]
    links = [(20, 1, 0, 2, 0), (21, 1, 0, 2, 1), (90, 2, 0, 9, 0)]
    sent = converted(chain(node(2, "Model", ("large", 1, "fixed", "bold", "n"), inputs=inputs), links=links))["2"]
    assert sent["model.pictures"] == ["1", 0]
    assert "model.gone" not in sent
    assert "model.pictures" not in converted(chain(node(2, "Model", ("small",), inputs=inputs), links=links))["2"]


def test_a_widget_of_an_older_definition_is_gone_with_its_link() -> None:
    data = chain(
        node(2, "Blend", inputs=[("*gone", 20, "INT"), ("extra", 21)]), links=[(20, 1, 0, 2, 0), (21, 1, 1, 2, 1)]
    )
    assert converted(data)["2"] == {"factor": 0.5, "extra": ["1", 1]}


def inner(**more: Any) -> dict[str, Any]:
    """A subgraph that blends a picture with itself."""
    return subgraph(
        "blend",
        node(5, "Blend", (0.25,), inputs=[("one", 1), ("two", 2), ("*factor", 3, "FLOAT")], **more),
        links=[(1, -10, 0, 5, 0), (2, -10, 0, 5, 1), (3, -10, 1, 5, 2), (4, 5, 0, -20, 0)],
        inputs=[("picture", "IMAGE", [1, 2]), ("factor", "FLOAT", [3])],
        outputs=[("made", "IMAGE", [4])],
    )


def test_nodes_of_a_subgraph_have_ids_of_two_parts() -> None:
    data = chain(
        node(2, "blend", (0.75,), inputs=[("picture", 20)]),
        links=[(20, 1, 0, 2, 0), (90, 2, 0, 9, 0)],
        definitions={"subgraphs": [inner()]},
    )
    assert converted(data)["2:5"] == {"one": ["1", 0], "two": ["1", 0], "factor": 0.75}
    assert source(data) == ["2:5", 0]


@pytest.mark.parametrize(("mode", "sent"), [(2, None), (4, ["1", 0])])
def test_an_instance_that_is_muted_or_bypassed_hides_its_nodes(mode: int, sent: Any) -> None:
    data = chain(
        node(2, "blend", inputs=[("picture", 20)], mode=mode),
        links=[(20, 1, 0, 2, 0), (90, 2, 0, 9, 0)],
        definitions={"subgraphs": [inner()]},
    )
    assert "2:5" not in converted(data)
    assert source(data) == sent


def test_an_inner_instance_that_is_muted_hides_nothing() -> None:
    outer = subgraph(
        "outer",
        node(6, "blend", inputs=[("picture", 1)], mode=2),
        links=[(1, -10, 0, 6, 0), (2, 6, 0, -20, 0)],
        inputs=[("picture", "IMAGE", [1])],
        outputs=[("made", "IMAGE", [2])],
    )
    data = chain(
        node(2, "outer", inputs=[("picture", 20)]),
        links=[(20, 1, 0, 2, 0), (90, 2, 0, 9, 0)],
        definitions={"subgraphs": [outer, inner()]},
    )
    assert converted(data)["2:6:5"]["one"] == ["1", 0]
    assert source(data) is None


def test_an_input_that_goes_straight_out_is_passed_on() -> None:
    through = subgraph(
        "through", links=[(1, -10, 0, -20, 0)], inputs=[("x", "IMAGE", [1])], outputs=[("y", "IMAGE", [1])]
    )
    data = chain(
        node(2, "through", inputs=[("x", 20)]),
        links=[(20, 1, 0, 2, 0), (90, 2, 0, 9, 0)],
        definitions={"subgraphs": [through]},
    )
    assert source(data) == ["1", 0]


def test_ids_that_are_taken_become_the_next_free_ones() -> None:
    definition = inner()
    definition["nodes"][0]["id"] = 9  # as the node that saves
    for link in definition["links"]:
        link["target_id"] = 9 if link["target_id"] == 5 else link["target_id"]
        link["origin_id"] = 9 if link["origin_id"] == 5 else link["origin_id"]
    data = chain(
        node(2, "blend", (0.1,), inputs=[("picture", 20)], properties={"proxyWidgets": [["9", "factor"]]}),
        links=[(20, 1, 0, 2, 0), (90, 2, 0, 9, 0)],
        definitions={"subgraphs": [definition]},
        last_node_id=30,
    )
    assert converted(data)["2:31"] == {"one": ["1", 0], "two": ["1", 0], "factor": 0.1}
    assert source(data) == ["2:31", 0]


def test_subgraphs_that_contain_each_other_are_refused() -> None:
    one = subgraph("one", node(5, "two"), links=[])
    two = subgraph("two", node(6, "one"), links=[])
    with pytest.raises(UnreadableWorkflow, match="contain each other"):
        convert(graph(node(1, "one"), definitions={"subgraphs": [one, two]}), DEFINITIONS)


def test_a_workflow_that_grows_beyond_measure_is_refused() -> None:
    """Thirty subgraphs, each with two of the next: a billion nodes."""
    nested = [
        subgraph(f"s{depth}", node(10 * depth + 1, f"s{depth + 1}"), node(10 * depth + 2, f"s{depth + 1}"), links=[])
        for depth in range(30)
    ]
    last = subgraph("s30", node(999, "Blank"), links=[])
    with pytest.raises(UnreadableWorkflow, match="more than 1500 nodes"):
        convert(graph(node(1, "s0"), definitions={"subgraphs": [*nested, last]}), DEFINITIONS)
