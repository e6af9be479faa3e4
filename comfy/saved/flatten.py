"""Follow links through subgraphs, reroutes, and muted or bypassed nodes to what the server is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from comfy.saved.definitions import ABSENT, MATCH, NodeSpec
from comfy.saved.document import (
    BYPASSED,
    DEEPEST,
    ENTRY,
    GETTER,
    MOST_NODES,
    NEVER,
    REROUTE,
    SETTER,
    TOO_DEEP,
    TOO_MANY,
    VIRTUAL,
    Port,
    UnreadableWorkflow,
)
from comfy.saved.node import BuiltGraph, BuiltNode
from comfy.saved.promotion import promoted_value
from comfy.saved.widgets import Slot


@dataclass(slots=True)
class Output:
    """An output of a node that is sent."""

    node_id: str
    index: int


@dataclass(slots=True)
class Value:
    """A value in place of a link: an instance has it at a port, for a widget inside."""

    value: Any
    instance: BuiltNode
    port: Port


@dataclass(eq=False, slots=True)
class GraphScope:
    """A graph at a place: the root, or a subgraph inside an instance."""

    graph: BuiltGraph
    path: str = ""
    outer: GraphScope | None = None
    instance: BuiltNode | None = None
    depth: int = 0

    def inside(self, instance: BuiltNode, definition: BuiltGraph) -> GraphScope:
        """Raises `UnreadableWorkflow` where subgraphs contain each other."""
        if self.depth >= DEEPEST:
            raise UnreadableWorkflow(TOO_DEEP)
        return GraphScope(definition, f"{self.path}{instance.id}:", self, instance, self.depth + 1)


Source = Output | Value | None


def sent_nodes(root: GraphScope) -> Iterator[tuple[GraphScope, BuiltNode]]:
    """Walk all nodes that are sent. Raises `UnreadableWorkflow` if there are too many nodes."""
    waiting = _backwards(root)
    for _count in range(MOST_NODES):
        if not waiting:
            return
        scope, node = waiting.pop()
        if node.definition is not None:
            if scope.depth or node.mode not in (NEVER, BYPASSED):  # an inner one that is muted hides nothing
                waiting += _backwards(scope.inside(node, node.definition))
        elif node.runs:
            yield scope, node
    raise UnreadableWorkflow(TOO_MANY)


def _backwards(scope: GraphScope) -> list[tuple[GraphScope, BuiltNode]]:
    return [(scope, node) for node in reversed(scope.graph.nodes.values())]


def all_nodes(root: GraphScope) -> list[BuiltNode]:
    """Return all nodes, those of a graph before those in its subgraphs. Raises `UnreadableWorkflow` if there are too
    many.
    """
    found: list[BuiltNode] = []
    waiting = [root]
    while waiting:
        scope = waiting.pop()
        nodes = scope.graph.nodes.values()
        found += nodes
        if len(found) > MOST_NODES:
            raise UnreadableWorkflow(TOO_MANY)
        waiting += [scope.inside(each, each.definition) for each in reversed(nodes) if each.definition is not None]
    return found


@dataclass(eq=False, slots=True)
class _Onward:
    """A walk goes on at this input, for an input of this type."""

    scope: GraphScope
    slot: Slot
    kind: str


class Links:
    """Finds what an input is linked to, in graphs that do not change any longer."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, str, int], str] = {}  # of outputs: by the path, the node and the index

    def source(self, scope: GraphScope, node: BuiltNode, slot: Slot) -> Source:
        """Return what an input of a node gets by its link; None if that ends nowhere, or runs in a circle."""
        link = scope.graph.links.get(slot.link) if slot.link is not None else None
        if link is None:
            return None
        if link.origin != ENTRY:  # mostly to a node beside it
            origin = scope.graph.nodes.get(link.origin)
            if origin is None:
                return None
            if origin.runs:
                return Output(f"{scope.path}{origin.id}", link.origin_slot)
        at, seen = _Onward(scope, slot, self.slot_type(scope, node, slot)), set[tuple[str, int]]()
        while (place := (at.scope.path, id(at.slot))) not in seen:
            seen.add(place)
            found = self._follow(at)
            if not isinstance(found, _Onward):
                return found
            at = found
        return None

    def _follow(self, at: _Onward) -> _Step:
        link = at.scope.graph.links.get(at.slot.link) if at.slot.link is not None else None
        if link is None:
            return None
        if link.origin == ENTRY:
            return self._of_entry(at.scope, link.origin_slot)
        origin = at.scope.graph.nodes.get(link.origin)
        return self._of_output(at.scope, origin, link.origin_slot, at.kind) if origin is not None else None

    def _of_entry(self, scope: GraphScope, index: int) -> _Step:
        if scope.outer is None or scope.instance is None or index >= len(scope.graph.inputs):
            return None
        port = scope.graph.inputs[index]
        slot = scope.instance.slot_of_port(port)
        return _Onward(scope.outer, slot, slot.type) if slot.link is not None else _valued(scope.instance, port)

    def _of_output(self, scope: GraphScope, node: BuiltNode, index: int, kind: str) -> _Step:
        if node.type == GETTER:
            return self._of_getter(scope, node, kind)
        if node.type == SETTER:
            return _first(scope, node, kind)
        if node.mode == NEVER:
            return None
        if node.type == REROUTE:
            return _first(scope, node, kind)
        if node.mode == BYPASSED:
            slot = self._bypass(scope, node, index, kind)
            return _Onward(scope, slot, self.slot_type(scope, node, slot)) if slot is not None else None
        if node.definition is not None:
            return self._of_exit(scope.inside(node, node.definition), node.definition, index, kind)
        return None if node.type in VIRTUAL else Output(f"{scope.path}{node.id}", index)

    def _of_exit(self, inside: GraphScope, graph: BuiltGraph, index: int, kind: str) -> _Step:
        if index >= len(graph.outputs):
            return None
        for name in graph.outputs[index].links:
            link = graph.links.get(name)
            if link is None:
                continue
            if link.origin == ENTRY:
                return self._of_entry(inside, link.origin_slot)
            origin = graph.nodes.get(link.origin)
            return self._of_output(inside, origin, link.origin_slot, kind) if origin is not None else None
        return None

    def _of_getter(self, scope: GraphScope, node: BuiltNode, kind: str) -> _Step:
        name = _name(node)
        where: GraphScope | None = scope
        while where is not None:
            for each in where.graph.nodes.values():
                if each.type == SETTER and _name(each) == name:
                    return _first(where, each, kind)
            where = where.outer
        return None

    def _bypass(self, scope: GraphScope, node: BuiltNode, index: int, kind: str) -> Slot | None:
        """The input that a bypassed node passes on for an output."""
        slots = node.ordered_slots
        if not slots:
            return None
        at = slots[index] if index < len(slots) else None
        if kind in ("*", ""):
            return at or slots[0]
        types = {id(slot): self.slot_type(scope, node, slot) for slot in slots}
        output = self.output_type(scope, node, index)
        if at is not None and fits(types[id(at)], output) and fits(types[id(at)], kind):
            return at
        for slot in slots:
            if types[id(slot)] == kind:
                return slot
        for slot in slots:
            if fits(types[id(slot)], output) and fits(types[id(slot)], kind):
                return slot
        return None

    def slot_type(self, scope: GraphScope, node: BuiltNode, slot: Slot) -> str:
        """The type of an input. One that matches others has the type of what those are linked to."""
        if slot.spec is None or slot.spec.kind != MATCH or node.spec is None:
            return slot.type
        group = _group(slot)
        others = [each for each in node.slots if each is not slot and _group(each) == group]
        return self._common(scope, others, slot.type, 0)

    def output_type(self, scope: GraphScope, node: BuiltNode, index: int, depth: int = 0) -> str:
        spec: NodeSpec | None = node.spec
        if spec is None or depth > DEEPEST or index >= len(spec.match_outputs) or spec.match_outputs[index] is None:
            return node.output_type(index)
        key = scope.path, node.id, index
        if key not in self._types:
            slots = [each for each in node.slots if _group(each) == spec.match_outputs[index]]
            self._types[key] = slots[0].type if slots else "*"  # for nodes that are linked in a circle
            self._types[key] = self._common(scope, slots, self._types[key], depth)
        return self._types[key]

    def _common(self, scope: GraphScope, slots: Sequence[Slot], kind: str, depth: int) -> str:
        for slot in slots:
            kind = _both(kind, self._linked_type(scope, slot, depth))
        return kind

    def _linked_type(self, scope: GraphScope, slot: Slot, depth: int) -> str:
        link = scope.graph.links.get(slot.link) if slot.link is not None else None
        if link is None:
            return "*"
        if link.origin == ENTRY:
            return scope.graph.inputs[link.origin_slot].type if link.origin_slot < len(scope.graph.inputs) else "*"
        origin = scope.graph.nodes.get(link.origin)
        if origin is None:
            return "*"
        if origin.type == REROUTE and origin.slots:
            return self._linked_type(scope, origin.slots[0], depth + 1) if depth < DEEPEST else "*"
        return self.output_type(scope, origin, link.origin_slot, depth + 1)


_Step = Source | _Onward


def _first(scope: GraphScope, node: BuiltNode, kind: str) -> _Onward | None:
    return _Onward(scope, node.slots[0], kind) if node.slots else None


def fits(one: str, other: str) -> bool:
    """True if an output of one type can be linked to an input of another."""
    one, other = one.lower(), other.lower()
    if one == other or {one, other} & {"*", "", "0"}:
        return True
    return bool(set(one.split(",")) & set(other.split(",")))


def _both(one: str, other: str) -> str:
    if one == "*":
        return other
    if other == "*":
        return one
    common = [kind for kind in one.split(",") if kind in other.split(",")]
    return ",".join(common) or one


def _group(slot: Slot) -> str | None:
    if slot.spec is None or slot.spec.kind != MATCH:
        return None
    template = slot.spec.options.get("template")
    group = template.get("template_id") if isinstance(template, dict) else None
    return group if isinstance(group, str) else None


def _name(node: BuiltNode) -> Any:
    values = node.saved.values
    return values[0] if isinstance(values, list) and values else None


def _valued(instance: BuiltNode, port: Port) -> Value | None:
    value = promoted_value(instance, port)
    return None if value is ABSENT else Value(value, instance, port)
