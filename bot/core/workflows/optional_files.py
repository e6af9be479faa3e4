"""Take a loader out of a prompt when a person leaves its file out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.core.workflows.placeholders import consumers_of
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt


@dataclass(frozen=True)
class NeededInput:
    """A file cannot be left out: this input of a node is required, and is made from it."""

    node: Node
    input: str


@dataclass
class _Cut:
    """Nodes that go, each with the required input for which it goes; and inputs of other nodes that go with them."""

    nodes: dict[str, NeededInput | None]
    inputs: set[tuple[str, str]] = field(default_factory=set)


def without_nodes(prompt: Prompt, loaders: Iterable[str], info: ObjectInfo) -> Prompt | NeededInput:
    """Return the prompt without these nodes and the optional inputs that they feed. A node between, one of whose
    required inputs they feed, goes too. If a result would go, return the required input that they feed.
    """
    cut, waiting = _Cut(dict.fromkeys(loaders)), list(loaders)
    while waiting:
        node_id = waiting.pop(0)
        for consumer, name in consumers_of(prompt, node_id):
            if _is_optional(consumer, name, info, cut):
                cut.inputs.add((consumer.id, name))
                continue
            needed = cut.nodes[node_id] or NeededInput(consumer, name)
            if _is_result(consumer, info):
                return needed
            if consumer.id not in cut.nodes:
                cut.nodes[consumer.id] = needed
                waiting.append(consumer.id)
    graph = prompt.to_json()
    return Prompt(
        {node.id: {**graph[node.id], "inputs": _left(node, cut)} for node in prompt if node.id not in cut.nodes}
    )


def _is_optional(node: Node, name: str, info: ObjectInfo, cut: _Cut) -> bool:
    """True if a node does without an input. Of inputs that grow, those beyond the first few are optional."""
    accepted = info.input(node.class_type, name)
    if accepted is not None:
        return not accepted.required
    grown = info.input(node.class_type, name.rpartition(".")[0])
    if grown is None or grown.type != "COMFY_AUTOGROW_V3":
        return False
    left = [each for each in node.inputs if each.startswith(f"{grown.name}.") and (node.id, each) not in cut.inputs]
    is_free = not grown.required and "." not in grown.name  # within a choice, what is required is not told
    return is_free or len(left) > (1 if grown.min is None else grown.min)


def _left(node: Node, cut: _Cut) -> dict[str, object]:
    return {name: value for name, value in node.inputs.items() if (node.id, name) not in cut.inputs}


def _is_result(node: Node, info: ObjectInfo) -> bool:
    """True if a node saves something, as an unknown one may; a preview of what is left out goes with it."""
    known = info.node(node.class_type)
    return known is None or (known.output_node and not node.class_type.startswith("Preview"))
