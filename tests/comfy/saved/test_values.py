"""Values of widgets: their places in the file, what is filled in, and what a prompt has of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from comfy.saved import convert
from tests.comfy.saved.graphs import DEFINITIONS, converted, graph, node, subgraph


def only(kind: str, values: Any = (), **more: Any) -> dict[str, Any]:
    """The inputs of a node that stands alone."""
    (inputs,) = converted(graph(node(1, kind, values, **more))).values()
    return inputs


def test_a_seed_has_a_place_after_it_for_what_becomes_of_it() -> None:
    assert only("Sample", (7, "randomize", 30, 6.5, "ddim")) == {
        "seed": 7,
        "steps": 30,
        "cfg": 6.5,
        "sampler_name": "ddim",
    }


@pytest.mark.parametrize("control", ["randomize", "increment", "decrement", "fixed", None, 5])
def test_a_seed_that_the_editor_changes_after_a_run_is_told(control: object) -> None:
    made = convert(graph(node(1, "Sample", (7, control))), DEFINITIONS)
    expected = (("1", "seed"),) if control in ("randomize", "increment", "decrement") else ()
    assert made.changing == expected


def test_a_primitive_decides_for_the_seed_that_it_gives_and_a_link_is_no_number() -> None:
    def changing(kind: str, values: tuple[object, ...], own: str) -> tuple[tuple[str, str], ...]:
        first = node(1, kind, values, outputs=("INT",))
        sampler = node(2, "Sample", (7, own), inputs=[("image", None), ("*seed", 5, "INT")])
        return convert(graph(first, sampler, links=[(5, 1, 0, 2, 1)]), DEFINITIONS).changing

    assert changing("PrimitiveNode", (3, "randomize"), "fixed") == (("2", "seed"),)
    assert changing("PrimitiveNode", (3, "fixed"), "randomize") == ()
    assert changing("PrimitiveNode", (3,), "randomize") == (("2", "seed"),)
    assert changing("Whole", (3,), "randomize") == ()


def test_a_seed_inside_a_subgraph_and_of_an_option_is_told() -> None:
    inner = subgraph("in", node(4, "Sample", (7, "randomize")), links=[], outputs=[("IMAGE", "IMAGE", [])])
    data = graph(node(1, "in", outputs=("IMAGE",)), definitions={"subgraphs": [inner]})
    assert convert(data, DEFINITIONS).changing == (("1:4", "seed"),)
    model = graph(node(1, "Model", ("large", 5, "randomize", "plain", "note")))
    assert convert(model, DEFINITIONS).changing == (("1", "model.seed"),)


def test_values_that_the_file_lacks_are_the_defaults() -> None:
    assert only("Sample", (7, "fixed")) == {"seed": 7, "steps": 20, "cfg": 8.0, "sampler_name": "euler"}
    assert only("Blank", None) == {"width": 512, "height": 512}
    assert only("Remote") == {"file": "Loading..."}


def test_no_value_is_checked_or_cast() -> None:
    assert only("Sample", ("x", "fixed", 2.5, None, "unheard of")) == {
        "seed": "x",
        "steps": 2.5,
        "cfg": None,
        "sampler_name": "unheard of",
    }


def test_null_becomes_the_first_choice_and_an_empty_text() -> None:
    assert only("Load", (None, "image")) == {"image": "a.png"}
    assert only("Text", (None,)) == {"text": ""}


def test_values_by_name_are_read_by_name() -> None:
    assert only("Blank", {"height": 64}) == {"width": 512, "height": 64}


def test_the_place_of_an_input_that_was_a_widget_is_left_out() -> None:
    assert only("Join", ("old", "new")) == {"second": "new"}
    assert only("Join", ("new",)) == {"second": "new"}


def test_a_dynamic_combo_has_the_inputs_of_its_choice() -> None:
    assert only("Model", ("small", 3, "n")) == {"model": "small", "model.quality": 3, "note": "n"}
    assert only("Model", ("large", 9, "fixed", "bold", "n")) == {
        "model": "large",
        "model.seed": 9,
        "model.style": "bold",
        "note": "n",
    }
    assert only("Model", ("gone", "n")) == {"model": "gone", "note": "n"}
    assert only("Model") == {"model": "small", "model.quality": 1, "note": ""}


def test_a_type_of_several_is_a_widget_only_if_it_says_so() -> None:
    assert only("Either", (1.5,)) == {"number": 1.5}


def test_lists_are_wrapped_since_they_would_be_links() -> None:
    assert only("Curve", ([[0, 0], [1, 1]], ["#fff", "#000"])) == {
        "curve": {"__type__": "CURVE", "__value__": [[0, 0], [1, 1]]},
        "list": {"__value__": ["#fff", "#000"]},
    }
    assert only("Compare", ("ignored",)) == {"view": {"__value__": ["", ""]}}


def test_a_box_has_four_places_that_are_not_sent() -> None:
    box = {"x": 1, "y": 2, "width": 3, "height": 4}
    assert only("Box", (box, 1, 2, 3, 4, 9)) == {"box": box, "after": 9}


def test_a_custom_combo_has_an_index_and_one_option_more() -> None:
    assert only("CustomCombo", ("two", 0, "one", "two", "")) == {
        "choice": "two",
        "index": 1,
        "option1": "one",
        "option2": "two",
        "option3": "",
    }
    assert only("CustomCombo", ("gone", 0, "one"))["index"] == -1


def test_a_saved_model_has_a_picture_that_only_the_editor_knows() -> None:
    assert only("SaveGLB", ("name",)) == {"filename_prefix": "name", "image": ""}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a {red|blue} car", "a red car"),
        ("a {{big|small} red|blue} car", "a big red car"),
        ("{alone} and {}", "alone and "),
        (r"\{a\|b\}", "{a|b}"),
        ("a /* not\nthis */b // nor this\nc", "a b \nc"),
        ("http://x", "http:"),
    ],
)
def test_words_are_chosen_and_comments_cut(text: str, sent: str) -> None:
    assert only("Text", (text,)) == {"text": sent}
    assert only("PlainText", (text,)) == {"value": text}


def test_names_of_files_have_dates_and_values() -> None:
    data = graph(
        node(1, "SaveImage", ("%date:yyyy-MM-dd hhmm%/%Text.text%_%Gone.x%_%width%",)),
        node(2, "Text", ("a/b?c",), properties={"Node name for S&R": "Text"}),
    )
    prompt = convert(data, DEFINITIONS, clock=lambda: datetime(2026, 3, 4, 5, 6, tzinfo=UTC)).prompt
    assert prompt["1"]["inputs"]["filename_prefix"] == "2026-03-04 0506/a_b_c_%Gone.x%_%width%"


def test_titles_come_along() -> None:
    prompt = convert(graph(node(1, "Sample", title="Mine"), node(2, "Sample")), DEFINITIONS).prompt
    assert [entry["_meta"]["title"] for entry in prompt.values()] == ["Mine", "Sampler"]


def test_nodes_that_the_server_lacks_are_named() -> None:
    data = graph(node(1, "Nowhere", (1,)), node(2, "Elsewhere", mode=2), node(3, "Note"))
    assert convert(data, DEFINITIONS).unknown == ("Nowhere",)


def primitive(kind: str, slot: str, value: Any) -> Any:
    data = graph(
        node(1, "PrimitiveNode", (value, "fixed"), outputs=["INT"], mode=2),
        node(2, kind, inputs=[(f"*{slot}", 5)]),
        links=[(5, 1, 0, 2, 0)],
    )
    (inputs,) = converted(data).values()
    return inputs[slot]


@pytest.mark.parametrize(
    ("kind", "slot", "value", "sent"),
    [
        ("Blank", "width", 900, 904),
        ("Blank", "width", 99999, 16384),
        ("Blank", "width", 1, 16),
        ("Sample", "steps", 12.7, 13),
        ("Sample", "seed", 2**63 + 1, 2**63 + 1),
        ("Sample", "cfg", 7.123456, 7.1),
        ("Sample", "cfg", "much", None),
        ("Sample", "sampler_name", "ddim", "ddim"),
        ("PlainText", "value", "words", "words"),
    ],
)
def test_a_primitive_is_written_into_the_widget_as_if_typed(kind: str, slot: str, value: Any, sent: Any) -> None:
    assert primitive(kind, slot, value) == sent
