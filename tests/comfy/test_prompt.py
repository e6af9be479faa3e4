"""A prompt is changed by copy, and every structure that would hurt a server is caught before it travels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy import Prompt, PromptRejected
from tests.comfy.messages.test_events import json_values

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "Photo"}},
    "12:3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}


def test_nodes_by_title_id_and_class() -> None:
    prompt = Prompt(GRAPH)
    assert prompt["12:3"].title == "SaveImage"
    assert [node.id for node in prompt.titled("Photo")] == ["1"]
    assert [node.id for node in prompt.of_class("SaveImage")] == ["12:3"]
    assert "1" in prompt
    assert len(prompt) == 2


def test_a_change_is_a_copy() -> None:
    prompt = Prompt(GRAPH)
    changed = prompt.with_input("1", "image", 'a "quote", a { and a \\')
    assert changed["1"].inputs["image"] == 'a "quote", a { and a \\'
    assert prompt["1"].inputs["image"] == "a.png"
    assert changed != prompt


def test_a_list_is_set_as_a_literal_never_as_a_link() -> None:
    changed = Prompt(GRAPH).with_input("1", "image", ["12:3", 0])
    assert changed["1"].inputs["image"] == {"__value__": ["12:3", 0]}


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ([], "must be an object"),
        ({}, "no nodes"),
        ({"nodes": [], "links": []}, "Export \\(API\\)"),
        ({"1": "x"}, "must be an object"),
        ({"1": {"inputs": {}}}, "class_type"),
        ({"1": {"class_type": 1, "inputs": {}}}, "class_type"),
        ({"1": {"class_type": "A"}}, "must have inputs"),
        ({"1": {"class_type": "A", "inputs": None}}, "must have inputs"),
        ({"1": {"class_type": "A", "inputs": {"x": ["9", 0]}}}, 'node "9", which does not exist'),
        ({"2": {"class_type": "A", "inputs": {"x": [2, 0]}}}, "ids must be strings"),
        ({"1": {"class_type": "A", "inputs": {"x": ["1", 10**9]}}}, "output 1000000000"),
        ({"1": {"class_type": "A", "inputs": {"x": ["1", -1]}}}, "output -1"),
        ({"1": {"class_type": "A", "inputs": {"x": [1, 2, 3]}}}, "__value__"),
        ({"1": {"class_type": "A", "inputs": {"x": []}}}, "__value__"),
    ],
)
def test_structures_that_would_hurt_a_server(graph: Any, words: str) -> None:
    with pytest.raises(PromptRejected, match=words) as caught:
        Prompt(graph)
    assert caught.value.type == "invalid_structure"


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(PromptRejected) as caught:
        Prompt({"1": {"class_type": "A"}, "2": {"inputs": {"x": ["9", 0]}}})
    assert len(caught.value.node_errors) == 3


@pytest.mark.parametrize("text", ["", "{", "\ufeff{}", "[" * 100_000])
def test_no_json(text: str) -> None:
    with pytest.raises(PromptRejected):
        Prompt.loads(text)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4) | json_values)
@pytest.mark.long
def test_any_json_is_a_prompt_or_rejected(graph: Any) -> None:
    try:
        prompt = Prompt(graph)
    except PromptRejected:
        return
    assert all(isinstance(node.class_type, str) for node in prompt)
