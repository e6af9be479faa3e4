"""Files that nobody saved with the editor: they are refused or converted, in a short time and without other errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from comfy.saved import UnreadableWorkflow, convert
from comfy.saved.files import read_workflow
from comfy.saved.texts import choose_words
from comfy.saved.written.draw import draw
from tests.comfy.saved.graphs import DEFINITIONS, converted, graph, node, subgraph


def doubled(depth: int, *leaf: Any) -> dict[str, Any]:
    """Subgraphs that each have the next one twice."""
    inner = [
        subgraph(
            f"s{number}",
            *(node(each, f"s{number + 1}", inputs=[("in", each, "INT")]) for each in (1, 2)),
            links=[(each, -10, 0, each, 0) for each in (1, 2)],
            inputs=[("in", "INT", (1, 2))],
        )
        for number in range(depth)
    ]
    last = subgraph(f"s{depth}", *leaf, links=[], inputs=[("in", "INT", ())])
    return graph(node(1, "s0", (5,)), *leaf, definitions={"subgraphs": [*inner, last]})


@pytest.mark.parametrize("leaf", [(), (node(90, "SaveImage", ("%Load.image%",)),)])
def test_subgraphs_that_double_are_refused_even_if_they_are_empty(leaf: Any) -> None:
    with pytest.raises(UnreadableWorkflow, match="more than 1500 nodes"):
        convert(doubled(45, *leaf), DEFINITIONS)


@pytest.mark.long
def test_a_long_chain_of_subgraphs_is_refused() -> None:
    chain = [subgraph(f"s{number}", node(1, f"s{number + 1}"), links=[]) for number in range(900)]
    with pytest.raises(UnreadableWorkflow, match="nested too deeply"):
        convert(graph(node(1, "s0"), definitions={"subgraphs": chain}), DEFINITIONS)


def wide(count: int) -> dict[str, Any]:
    return node(1, "Sample", inputs=[(f"i{number}", number, "*") for number in range(count)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (graph(*(node(number, "Blank") for number in range(10_000))), "more than 1500 nodes"),
        (graph(wide(201)), "more than 200 inputs or outputs"),
        (graph(*[wide(200)] * 100), "its nodes have more than 15000 inputs"),
        (graph(node(1, "a", properties={"proxyWidgets": [["1", "x"]] * 201})), "more than 200 inputs or outputs"),
        (graph(node(1, "a"), definitions={"subgraphs": [subgraph("a", node(2, "a"), links=[])]}), "contain each other"),
        (
            graph(
                *(node(number, "workflow>a") for number in range(100)),
                extra={"groupNodes": {"a": {"nodes": [node(number, "Blank") for number in range(100)]}}},
            ),
            "more than 1500 nodes",
        ),
    ],
    ids=["nodes", "inputs of a node", "inputs", "promoted values", "in itself", "groups"],
)
def test_what_is_far_more_than_people_make_is_refused(data: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableWorkflow, match=reason):
        convert(data, DEFINITIONS)


def test_switches_that_double_are_converted() -> None:
    switches = [
        node(number, "Switch", inputs=[("no", 2 * number, "*"), ("yes", 2 * number + 1, "*")], mode=4)
        for number in range(2, 60)
    ]
    links = [(2 * number + side, number - 1, 0, number, side + 1) for number in range(2, 60) for side in (0, 1)]
    links.append((500, 59, 0, 90, 0))
    saved = node(90, "SaveImage", inputs=[("images", 500)])
    data = graph(node(1, "Load", ("a.png", "image")), *switches, saved, links=links)
    assert converted(data)["90"]["images"] == ["1", 0]


def test_braces_that_are_nested_deeply_are_read() -> None:
    assert choose_words("{" * 5_000 + "a" + "|b}" * 5_000, lambda _count: 0) == "a"
    assert choose_words("{" * 5_000, lambda _count: 0) == ""


@pytest.mark.parametrize("value", [[1], {}, float("nan"), "7", None])
def test_a_primitive_whose_value_is_no_number_gives_none(value: Any) -> None:
    primitive = node(2, "PrimitiveNode", (value,), outputs=["INT"])
    sampler = node(1, "Sample", (7, "fixed", 30), inputs=[("*steps", 50, "INT")])
    data = graph(sampler, primitive, links=[(50, 2, 0, 1, 0)])
    assert converted(data)["1"]["steps"] is None


def test_a_group_with_links_to_impossible_places_is_read_without_them() -> None:
    parts = {"nodes": [node(0, "Blank", (64, 64))], "links": [[-5, 0, -9, 0], [0, -1, 0, 0]]}
    data = graph(node(1, "workflow>a", (64, 32)), extra={"groupNodes": {"a": parts}})
    assert list(converted(data).values()) == [{"width": 64, "height": 32}]


def test_a_file_full_of_beginnings_of_json_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(b"\x89PNG" + (b'{"a":[' + b"1," * 8_000) * 450)
    with pytest.raises(UnreadableWorkflow, match="no ComfyUI workflow"):
        read_workflow(path)


def test_an_input_that_may_grow_without_end_is_read_at_once() -> None:
    grow = {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 1, "max": 10**12}
    nodes = {"Batch": {"input": {"required": {"images": ["COMFY_AUTOGROW_V3", {"template": grow}]}}, "output": []}}
    prompt = {"1": {"class_type": "Batch", "inputs": {"images.image0": ["1", 0], "other": 1}}}
    assert draw(prompt, nodes)["nodes"][0]["id"] == 1


@pytest.mark.parametrize("odd", ["9" * 5_000, 10**4_299, "\u0663", "\u00b2", -1, 1.5, None, "x"])
def test_an_id_that_is_no_usual_number_is_a_text(odd: Any) -> None:
    definitions = {"subgraphs": [subgraph("s", node(odd, "Blank", (64, 64)), links=[])]}
    data = graph(node(odd, "Blank", (32, 32)), node(1, "s"), definitions=definitions, last_node_id=odd)
    made = converted(data)
    assert made[str(odd)] == {"width": 32, "height": 32}
    assert len(made) == 2
    prompt = {number: {"class_type": "Blank", "inputs": each} for number, each in made.items()}
    assert len(draw(prompt, DEFINITIONS)["nodes"]) == 2


@pytest.mark.parametrize("kind", ["Blank", "Switch", "s"])
def test_a_link_from_an_impossible_output_is_no_link(kind: str) -> None:
    definitions = {"subgraphs": [subgraph("s", node(8, "Blank"), links=[(1, 8, 0, -20, 0)], outputs=[("o", "*", [1])])]}
    target = node(3, "Switch", inputs=[("no", 7, "*"), ("yes", 8, "*")], mode=4)
    ends = [(7, 2, -4, 3, 1), (8, 2, -4, 3, 2), (9, 3, 0, 5, 0)]
    saved = node(5, "SaveImage", ("x",), inputs=[("images", 9)])
    data = graph(node(2, kind), target, saved, links=ends, definitions=definitions)
    assert converted(data)["5"] == {"filename_prefix": "x"}


def test_definitions_with_odd_orders_and_outputs_are_read() -> None:
    odd = {
        "input": {"required": {"seed": ["INT", {}]}},
        "input_order": {"required": [["seed"], {}, "gone"]},
        "output": 7,
    }
    assert convert(graph(node(1, "Odd", (5,))), {"Odd": odd}).prompt["1"]["inputs"] == {"seed": 5}


def test_a_link_to_an_input_that_a_choice_does_not_bring_along_is_drawn() -> None:
    inputs = {"model": "a later one", "model.pictures": ["1", 0]}
    prompt = {"1": {"class_type": "Blank", "inputs": {}}, "2": {"class_type": "Model", "inputs": inputs}}
    (link,) = draw(prompt, DEFINITIONS)["links"]
    assert link[1:4] == [1, 0, 2]


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf")], ids=["large", "small", "infinite"])
def test_a_primitive_keeps_the_bounds_of_its_input_however_large_it_is(value: float) -> None:
    primitive = node(2, "PrimitiveNode", (value,), outputs=["FLOAT"])
    sampler = node(1, "Sample", (7, "fixed", 30, 8.0), inputs=[("*cfg", 50, "FLOAT")])
    data = graph(sampler, primitive, links=[(50, 2, 0, 1, 0)])
    assert converted(data)["1"]["cfg"] == (100.0 if value > 0 else 0.0)


def test_the_parts_of_a_group_get_their_values_if_the_file_counts_its_nodes_wrongly() -> None:
    parts = {"nodes": [node(0, "Blank", (64, 64))], "links": []}
    data = graph(
        node(1, "workflow>a", (64, 32)), node(2, "Load", ("a.png", "image")), extra={"groupNodes": {"a": parts}}
    )
    made = converted({**data, "last_node_id": 0})
    assert {"width": 64, "height": 32} in made.values()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("/* " * 200_000, "/* " * 200_000),
        ("a /* b */ c /* d", "a  c /* d"),
        ("a // b */ c\nd /*//e", "a \nd /*"),
        ("/*/ a */b", "b"),
    ],
    ids=["opened very often", "opened once more", "closed in a line that is cut", "one sign for both"],
)
def test_comments_that_are_never_closed_stay(text: str, sent: str) -> None:
    assert choose_words(text, lambda _count: 0) == sent


@pytest.mark.long
def test_very_many_places_in_names_of_files_are_filled() -> None:
    savers = [node(number, "SaveImage", ("%Sample.seed%%x.y%" * 200,)) for number in range(2, 1_400)]
    made = converted(graph(node(1, "Sample", (7,), title="Sample"), *savers))
    assert made["1399"]["filename_prefix"] == "7%x.y%" * 200


@pytest.mark.long
def test_of_an_app_with_very_many_widgets_the_first_ones_are_shown() -> None:
    app = {"linearData": {"inputs": [["s9:1", "x"]] * 199 + [["2", "text"], *[["s9:1", "y"]] * 40_000], "outputs": []}}
    nodes = [node(1, "s0", mode=2), node(2, "PlainText"), node(3, "Text")]
    hidden = doubled(45)["definitions"]
    found = convert(graph(*nodes, definitions=hidden, extra=app), DEFINITIONS).surface.app
    assert found == ()
    app["linearData"]["inputs"][0] = ["3", "text"]
    (shown,) = convert(graph(*nodes, definitions=hidden, extra=app), DEFINITIONS).surface.app
    assert shown.targets == (("3", "text"),)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([node(1, "Blank", mode=2), node(2, "Note", ("x",)), node(3, "Blank", mode=4)], "notes, muted or bypassed"),
        ([], "the workflow has no nodes"),
    ],
)
def test_a_workflow_that_sends_nothing_is_refused(nodes: Any, reason: str) -> None:
    with pytest.raises(UnreadableWorkflow, match=reason):
        convert(graph(*nodes), DEFINITIONS)
