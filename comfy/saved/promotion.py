"""Promoted widgets: values that an instance of a subgraph has, in place of those of the nodes inside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from comfy.saved.definitions import ABSENT, InputSpec
from comfy.saved.document import ENTRY, PRIMITIVE, Port, SavedLink, SavedNode
from comfy.saved.node import BuiltGraph, BuiltNode
from comfy.saved.widgets import Rank, Slot, Widget


def build_instance(saved: SavedNode, definition: BuiltGraph) -> BuiltNode:
    """Build an instance of a subgraph. Its inputs are those of the definition; the file only says what they link to."""
    node, left = BuiltNode(saved, definition=definition), list(saved.inputs)
    for port in definition.inputs:
        same = [each for each in left if each.name == port.name and each.type == port.type]
        found = next(iter(same or [each for each in left if each.name == port.name]), None)
        if found is not None:
            left.remove(found)
        node.slots.append(Slot(port.name, port.type, Rank.SOCKET, found.link if found else None, port=port))
    return node


def pour_promoted(node: BuiltNode) -> None:
    """Give an instance the values that the file has for it, and make the inputs that older files promote by name."""
    graph = node.definition
    if graph is None:
        return
    carriers = [port for port in graph.inputs if carrier(graph, port) is not None]
    values = node.saved.values
    if isinstance(values, dict):
        node.values |= {port: values[port.name] for port in carriers if port.name in values}
        values = ()
    node.values |= dict(zip(carriers, values, strict=False))
    node.places |= {port: number for number, port in enumerate(carriers)}
    for name, value in _quarantined(node.saved.properties):
        node.values |= {port: value for port in graph.inputs if port.name == name}
    promoted = node.saved.properties.get("proxyWidgets")
    for number, entry in enumerate(promoted if isinstance(promoted, list) else ()):
        if isinstance(entry, list) and len(entry) >= 2:
            value = values[number] if number < len(values) else None
            port = _promote(node, graph, str(entry[0]), str(entry[1]), value)
            if port is not None:
                node.places[port] = number


def carrier(graph: BuiltGraph, port: Port) -> Widget | tuple[BuiltNode, Port] | None:
    """Find the first widget that a port of a subgraph leads to: a node's, or a port of an instance inside."""
    return _carrier(graph, port, set())


def _carrier(graph: BuiltGraph, port: Port, tried: set[Port]) -> Widget | tuple[BuiltNode, Port] | None:
    for target, slot in targets(graph, port.links):
        if target.definition is not None:
            if slot.port is None or slot.port in tried:
                continue
            tried.add(slot.port)
            if _carrier(target.definition, slot.port, tried) is not None:
                return target, slot.port
        elif (widget := target.widget(slot.name)) is not None:
            return widget
    return None


def promoted_value(node: BuiltNode, port: Port) -> Any:
    """The value of an instance's input; `ABSENT` where it takes none."""
    if port in node.values:
        return node.values[port]
    if node.definition is None:
        return ABSENT
    match carrier(node.definition, port):
        case Widget(value=value):
            return value
        case (inner, inner_port):
            return promoted_value(inner, inner_port)
        case _:
            return ABSENT


def promoted_spec(node: BuiltNode, port: Port) -> InputSpec | None:
    """The definition of the widget behind an instance's input."""
    if node.definition is None:
        return None
    match carrier(node.definition, port):
        case Widget(spec=spec):
            return spec
        case (inner, inner_port):
            return promoted_spec(inner, inner_port)
        case _:
            return None


def targets(graph: BuiltGraph, links: Sequence[str]) -> Iterator[tuple[BuiltNode, Slot]]:
    """The inputs that links lead to."""
    for link in links:
        if link in graph.links and (target := graph.nodes.get(graph.links[link].target)) is not None:
            slot = target.slot_of_link(link)
            if slot is not None:
                yield target, slot


def _quarantined(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    entries = properties.get("proxyWidgetErrorQuarantine")
    for each in entries if isinstance(entries, list) else ():
        original = each.get("originalEntry") if isinstance(each, dict) else None
        if isinstance(original, list) and len(original) >= 2 and str(original[0]) == "-1" and "hostValue" in each:
            yield str(original[1]), each["hostValue"]


def _promote(node: BuiltNode, graph: BuiltGraph, inner_id: str, name: str, value: Any) -> Port | None:
    """Give a value to the port that an entry names, and return the port; None if there is none."""
    if inner_id == "-1":
        port = next((port for port in graph.inputs if port.name == name), None)
    else:
        port = _promoted_port(graph, inner_id, name)
        if port is not None:
            node.slot_of_port(port)
    _set(node, port, value)
    return port


def _promoted_port(graph: BuiltGraph, inner_id: str, name: str) -> Port | None:
    inner = graph.nodes.get(inner_id)
    if inner is None or name.startswith("$$"):
        return None
    if inner.type == PRIMITIVE:
        return _replace_primitive(graph, inner)
    for named in (name, name.partition(": ")[2]):
        if named and _is_promotable(inner, named):
            return _port_of(graph, inner, named) or _new_port(graph, inner, named)
    return None


def _set(node: BuiltNode, port: Port | None, value: Any) -> None:
    if port is not None and value is not None:
        node.values[port] = value


def _is_promotable(inner: BuiltNode, name: str) -> bool:
    if inner.definition is None:
        return inner.widget(name) is not None
    slot = inner.slot(name)
    return slot is not None and slot.port is not None and carrier(inner.definition, slot.port) is not None


def _port_of(graph: BuiltGraph, inner: BuiltNode, name: str) -> Port | None:
    """The port that already leads to a widget."""
    for port in graph.inputs:
        if any(target is inner and slot.name == name for target, slot in targets(graph, port.links)):
            return port
    return None


def _new_port(graph: BuiltGraph, inner: BuiltNode, name: str) -> Port:
    """Make a port for a widget; the link that its input had is cut."""
    slot, widget = inner.slot(name), inner.widget(name)
    if slot is None:
        kind = widget.spec.type if widget is not None and widget.spec is not None else "*"
        slot = Slot(name, kind, Rank.WIDGET, spec=widget.spec if widget is not None else None)
        inner.slots.append(slot)
    return _feed(graph, name, slot.type, [(inner, slot)])


def _replace_primitive(graph: BuiltGraph, primitive: BuiltNode) -> Port | None:
    """Let a port feed what a primitive has fed. The editor finds those inputs by the positions that the links remember,
    and so do we, even where they are stale; None if one of them has another type.
    """
    kind = primitive.output_type(0)
    fed: list[tuple[BuiltNode, Slot]] = []
    for link in graph.links.values():
        if link.origin != primitive.id:
            continue
        target = graph.nodes.get(link.target)
        slots = target.ordered_slots if target is not None else ()
        if target is None or link.target_slot >= len(slots) or slots[link.target_slot].type != kind:
            return None
        fed.append((target, slots[link.target_slot]))
    if not fed:
        return None
    name = primitive.saved.title or (fed[0][1].name)
    del graph.nodes[primitive.id]
    return _feed(graph, name, kind, fed)


def _feed(graph: BuiltGraph, name: str, kind: str, fed: Sequence[tuple[BuiltNode, Slot]]) -> Port:
    port = Port(_unique(name, {each.name for each in graph.inputs}), kind, [])
    graph.inputs.append(port)
    for target, slot in fed:
        link = next(name for number in itertools.count() if (name := f"promoted {number}") not in graph.links)
        graph.links[link] = SavedLink(link, ENTRY, len(graph.inputs) - 1, target.id, 0)
        port.links.append(link)
        slot.link = link
    return port


def _unique(name: str, taken: set[str]) -> str:
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(1)))
    return next(each for each in names if each not in taken)
