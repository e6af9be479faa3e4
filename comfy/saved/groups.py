"""Group nodes of older files, made into subgraphs as the editor does when it opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy.saved.document import (
    ENTRY,
    EXIT,
    MOST_NODES,
    TOO_MANY,
    Document,
    Port,
    SavedGraph,
    SavedLink,
    SavedNode,
    UnreadableWorkflow,
    read_node,
    sequence,
)
from comfy.saved.ids import number_of

_PREFIXES = ("workflow>", "workflow/")


@dataclass
class Group:
    """The values of a group's parts, which stand in the file one after the other."""

    parts: Sequence[SavedNode]
    values: Sequence[Any]


def make_subgraphs(document: Document) -> dict[str, Group]:
    """Replace each group node of the root by an instance of a new subgraph. Returns the groups by the subgraph's id.
    Raises `UnreadableWorkflow` if there are too many nodes.
    """
    document.last_id = max(document.last_id, *(number_of(node.id) for node in document.root.nodes), 0)
    kept, count = document.extra.get("groupNodes"), 0
    groups: dict[str, Group] = {}
    if not isinstance(kept, dict):
        return groups
    for node in document.root.nodes:
        name = next((node.type.removeprefix(each) for each in _PREFIXES if node.type.startswith(each)), None)
        raw = kept.get(name) if name is not None else None
        if isinstance(raw, dict):
            definition, parts = _definition(document, raw, f"group {len(groups) + 1}")
            document.definitions[definition.id] = definition
            count += len(parts)
            if count > MOST_NODES:
                raise UnreadableWorkflow(TOO_MANY)
            values = node.values if isinstance(node.values, list) else []
            groups[definition.id] = Group(parts, values)
            _become(document, node, definition.id)
    return groups


def _definition(document: Document, raw: Mapping[str, Any], name: str) -> tuple[SavedGraph, list[SavedNode]]:
    nodes: list[SavedNode] = []
    for each in sequence(raw.get("nodes")):
        document.last_id += 1
        nodes.append(read_node({**each, "id": document.last_id} if isinstance(each, dict) else each))
    graph = SavedGraph(name, nodes, {})
    linked: set[tuple[int, int]] = set()
    for number, each in enumerate(sequence(raw.get("links"))):
        if not isinstance(each, list) or len(each) < 4 or not all(isinstance(n, int) and n >= 0 for n in each[:4]):
            continue  # a link from outside
        origin, origin_slot, target, target_slot = each[:4]
        if not (origin < len(nodes) and target < len(nodes) and target_slot < len(nodes[target].inputs)):
            continue
        link = SavedLink(f"part {number}", nodes[origin].id, origin_slot, nodes[target].id, target_slot)
        graph.links[link.id] = link
        nodes[target].inputs[target_slot].link = link.id
        linked.add((target, target_slot))
    pairs = [each[:2] for each in sequence(raw.get("external")) if isinstance(each, list)]
    external = {tuple(pair) for pair in pairs if all(isinstance(number, int) for number in pair)}
    _add_inputs(graph, linked)
    _add_outputs(graph, external)
    return graph, nodes


def _add_inputs(graph: SavedGraph, linked: set[tuple[int, int]]) -> None:
    for index, node in enumerate(graph.nodes):
        for slot, each in enumerate(node.inputs):
            if (index, slot) in linked:
                continue
            link = SavedLink(f"in {len(graph.inputs)}", ENTRY, len(graph.inputs), node.id, slot)
            graph.links[link.id] = link
            each.link = link.id
            graph.inputs.append(Port(_unique(each.name, node, graph.inputs), each.type, [link.id]))


def _add_outputs(graph: SavedGraph, external: set[tuple[Any, ...]]) -> None:
    used = {(link.origin, link.origin_slot) for link in graph.links.values()}
    for index, node in enumerate(graph.nodes):
        for slot, kind in enumerate(node.outputs):
            if (node.id, slot) in used and (index, slot) not in external:
                continue
            link = SavedLink(f"out {len(graph.outputs)}", node.id, slot, EXIT, len(graph.outputs))
            graph.links[link.id] = link
            graph.outputs.append(Port(kind, kind, [link.id]))


def _unique(name: str, node: SavedNode, ports: Sequence[Port]) -> str:
    taken = {port.name for port in ports}
    for each in (name, f"{node.title or node.type} {name}"):
        if each not in taken:
            return each
    return f"{node.type} {len(ports)} {name}"


def _become(document: Document, node: SavedNode, definition: str) -> None:
    """The instance gets the next free id after its parts, and its links follow."""
    document.last_id += 1
    old, node.id, node.type, node.values = node.id, str(document.last_id), definition, ()
    for link in document.root.links.values():
        link.origin = node.id if link.origin == old else link.origin
        link.target = node.id if link.target == old else link.target
