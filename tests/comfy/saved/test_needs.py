"""A saved workflow says which packs its nodes are from, and where its models can be had."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.saved.needs import ModelLink, read_needs, with_notes
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


NOTE = """## Models
- [a.safetensors](https://example.com/other) (15.93 GB)
- [ b.sft ]( https://example.com/b ) - 236.1 MB
- [c.gguf(renamed)](https://example.com/c_2.gguf) (4 GB)
- [d.safetensors](https://example.com/d) needs a GPU of 24 GB
│   └── e.pth          313 MiB
"""


def test_notes_say_how_large_models_are() -> None:
    noted = subgraph("s", node(5, "MarkdownNote", widgets_values=[NOTE]), links=[])
    data = graph(node(1, "s"), node(2, "Draw", properties={"models": LINKS}), definitions={"subgraphs": [noted]})
    assert with_notes(read_needs(data), data).models == {
        "a.safetensors": ModelLink("a.safetensors", "loras", "https://example.com/a", "15.93 GB"),
        "b.sft": ModelLink("b.sft", "", "https://example.com/b", "236.1 MB"),
        "c.gguf": ModelLink("c.gguf", "", "https://example.com/c_2.gguf", "4 GB"),
        "e.pth": ModelLink("e.pth", "", "", "313 MB"),
    }


@pytest.mark.parametrize(
    ("size", "words"), [(15_930_000_000, "15.93 GB"), (248.0, "1 MB"), ("2 GB", "2 GB"), (True, ""), (-1, ""), ([], "")]
)
def test_a_size_beside_a_model_is_read(size: Any, words: str) -> None:
    data = graph(node(1, "A", properties={"models": [{"name": "a", "size": size}]}))
    assert read_needs(data).models["a"].size == words


@pytest.mark.parametrize("odd", [None, 3, [3, None], ["a.b." * 50_000, "x.pt " * 40_000, "x.pt" + " " * 50_000]])
def test_odd_notes_say_nothing(odd: Any) -> None:
    data = graph(node(1, "Note", widgets_values=odd))
    assert with_notes(read_needs(data), data).models == {}
