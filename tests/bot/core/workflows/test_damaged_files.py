"""Saved files in which anything may stand anywhere: each becomes a workflow or a fault, and none stops the others."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from bot.core.workflows.catalog import Catalog
from bot.core.workflows.reader import Reading, SourceFile, graph_of
from bot.core.workflows.source import Layer
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow
from comfy.saved.written.filled import editor_workflow
from tests.comfy.saved.graphs import DEFINITIONS, graph, node, subgraph

INFO = ObjectInfo(DEFINITIONS)
ODD: list[Any] = [
    *(None, True, 0, -1, 7, 2.5, 10**400, -(10**400), float("inf"), float("nan")),
    *("", "x", "-1", "-10", "5", "9" * 5_000, "{a|b", "%Blank.width%", "*"),
    *([], {}, [[]], ["5", 0], {"name": []}, {"a": 1}, [None]),
]
INNER = subgraph(
    "inner",
    node(
        10, "Sample", (3, "fixed", 20, 7.0, "euler"), inputs=[("image", 11), ("*steps", 12, "INT")], outputs=["IMAGE"]
    ),
    node(11, "Blend", (0.5,), inputs=[("one", 13), ("two", 13)], outputs=["IMAGE"], mode=4),
    links=[(11, -10, 0, 10, 0), (12, -10, 1, 10, 2), (13, 10, 0, 11, 0), (14, 11, 0, -20, 0)],
    inputs=[("picture", "IMAGE", (11,)), ("steps", "INT", (12,))],
    outputs=[("IMAGE", "IMAGE", (14,))],
)
WHOLE = graph(
    node(1, "Load", ("a.png", "image"), outputs=["IMAGE", "MASK"], title="Photo"),
    node(2, "PrimitiveNode", (12, "fixed"), outputs=["INT"]),
    node(3, "inner", (), inputs=[("picture", 1), ("*steps", 2, "INT")], outputs=["IMAGE"]),
    node(4, "Reroute", (), inputs=[("", 3, "*")], outputs=["*"]),
    node(5, "SaveImage", ("%Load.image%",), inputs=[("images", 4)]),
    node(6, "Text", ("a {red|blue} house",), outputs=["TEXT"]),
    node(7, "Switch", (False,), inputs=[("no", 5, "*"), ("yes", 6, "*")], outputs=["*"], mode=4),
    node(8, "Model", ("large", 5, "fixed", "plain", "a note"), inputs=[("model.pictures", 7)], outputs=["IMAGE"]),
    node(9, "CustomCombo", ("b", 1, "a", "b", ""), outputs=["STRING", "INT"]),
    node(20, "workflow>pair", (64, 32)),
    node(21, "Blank", (512, 768), outputs=["IMAGE"]),
    links=[(1, 1, 0, 3, 0), (2, 2, 0, 3, 1), (3, 3, 0, 4, 0), (4, 4, 0, 5, 0), (5, 1, 0, 7, 1), (6, 21, 0, 7, 2)],
    definitions={"subgraphs": [INNER]},
    extra={
        "linearData": {"inputs": [[3, "steps"], ["6", "text"], ["3:10", "cfg"]], "outputs": [5]},
        "groupNodes": {"pair": {"nodes": [node(0, "Blank", (64, 64), outputs=["IMAGE"])], "links": []}},
    },
    last_node_id=21,
)


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Walk all places of a file, as a list or a mapping and the key in it."""
    for key in list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield data, key
        yield from places(data[key])


def damaged(data: Any, chance: random.Random) -> Any:
    """Return a copy with odd things in some of its places."""
    copy = json.loads(json.dumps(data))
    for _ in range(chance.choice((1, 1, 2, 4))):
        within, key = chance.choice(list(places(copy)))
        within[key] = json.loads(json.dumps(chance.choice(ODD)))
    return copy


def use(data: Any) -> Catalog:
    """Do with a file all that the catalog, the menus and a run do."""
    file = SourceFile.of(Layer.SAVED, "odd", "odd.json", graph_of(json.dumps(data).encode()))
    catalog = Catalog.of(Reading((file,)), INFO)
    for each in catalog.workflows.values():
        each.form(INFO)
        each.verdict(INFO)
        editor_workflow(each.fill({}, INFO).to_json(), DEFINITIONS, each.source.data if each.source else None)
    return catalog


def test_the_file_is_a_workflow_as_it_is() -> None:
    (workflow,) = use(WHOLE).workflows.values()
    assert [field.name for field in workflow.declared] == ["steps", "prompt", "cfg"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.long
def test_what_is_damaged_is_a_workflow_or_a_fault(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        data = damaged(WHOLE, chance)
        try:
            catalog = use(data)
        except (UnreadableWorkflow, PromptRejected):
            continue
        assert catalog.workflows or catalog.faults, json.dumps(data)
