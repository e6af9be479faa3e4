"""A saved workflow says which packs its nodes are from, and where its models can be had."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.saved.needs import ModelLink, read_needs
from tests.comfy.saved.graphs import graph, node, subgraph

LINKS = [{"name": "a.safetensors", "url": "https://example.com/a", "directory": "loras"}]


def test_packs_and_models_are_read_in_subgraphs_too() -> None:
    inner = node(5, "Draw", properties={"cnr_id": "ink-pack", "models": LINKS})
    data = graph(
        node(1, "s"),
        node(2, "Load", properties={"cnr_id": "comfy-core"}),
        node(3, "Odd", properties={"aux_id": "ann/odd", "models": [{"name": "b", "url": "javascript:x"}, 3]}),
        definitions={"subgraphs": [subgraph("s", inner, links=[])]},
    )
    needs = read_needs(data)
    assert needs.packs == {"Draw": "ink-pack", "Odd": "ann/odd"}
    assert needs.models == {
        "a.safetensors": ModelLink("a.safetensors", "loras", "https://example.com/a"),
        "b": ModelLink("b"),
    }


@pytest.mark.parametrize("odd", [None, 3, "x", [None], {"models": 3, "cnr_id": 5}, {"models": [{"name": ["x"]}]}])
def test_odd_properties_say_nothing(odd: Any) -> None:
    needs = read_needs(graph(node(1, "A", properties=odd)))
    assert (dict(needs.packs), dict(needs.models)) == ({}, {})
