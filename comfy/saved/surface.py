"""The outside of a saved workflow: the widgets of its app mode, and those that its subgraphs promote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy.saved.document import MOST_NODES, PRIMITIVE, Document, mapping, sequence
from comfy.saved.flatten import GraphScope
from comfy.saved.node import BuiltNode
from comfy.saved.promotion import carrier, targets

_MOST_SHOWN = 200  # widgets, and results


@dataclass(frozen=True)
class ShownWidget:
    """A widget that the editor shows outside, and the inputs of the prompt that it sets: pairs of a node's id and an
    input. `label` is the author's own name for it, and `help` a sentence; each may be empty.
    """

    name: str
    targets: tuple[tuple[str, str], ...]
    label: str = ""
    help: str = ""


@dataclass(frozen=True)
class Surface:
    """The widgets of app mode in their order and the ids of its results; and those that subgraphs promote to the root.

    What is muted, gone or linked is left out. Without app mode, `app` is empty.
    """

    app: tuple[ShownWidget, ...] = ()
    outputs: tuple[str, ...] = ()
    promoted: tuple[ShownWidget, ...] = ()


def read_surface(document: Document, root: GraphScope, prompt: Mapping[str, Any]) -> Surface:
    """Read it from a workflow that was built, and the prompt that was made of it."""
    app = mapping(document.extra.get("linearData"))
    inputs, results = (sequence(app.get(key))[:_MOST_SHOWN] for key in ("inputs", "outputs"))
    places = _Places(document, root, prompt)
    shown = [places.shown(entry) for entry in inputs if isinstance(entry, list) and entry]
    outputs = [f"{scope.path}{node.id}" for each in results for scope, node in places.find(each)]
    return Surface(
        tuple(dict.fromkeys(each for each in shown if each is not None)),
        tuple(dict.fromkeys(each for each in outputs if each in prompt)),
        tuple(places.promoted()),
    )


class _Places:
    """Finds the places in a prompt of what a saved workflow names."""

    def __init__(self, document: Document, root: GraphScope, prompt: Mapping[str, Any]) -> None:
        self._document, self._root, self._prompt = document, root, prompt

    def shown(self, entry: Sequence[Any]) -> ShownWidget | None:
        """Read `[id, widget]` or `[id, widget, options]`; None where it leads nowhere."""
        name = str(entry[1]) if len(entry) > 1 else str(entry[0]).rpartition(":")[2]
        options = mapping(entry[2]) if len(entry) > 2 else {}
        for scope, node in (*self.find(entry[0]), *self._promoting(str(entry[0]), name)):
            if set_by := tuple(self._set_by(scope, node, name)):
                return ShownWidget(name, set_by, _label(node, name), str(options.get("description") or ""))
        return None

    def find(self, given: Any) -> Iterator[tuple[GraphScope, BuiltNode]]:
        """Find a node by what app mode calls it: its id, those of the instances around it before it, or the id of its
        graph before it.
        """
        text = str(given)
        if text in self._root.graph.nodes:
            yield self._root, self._root.graph.nodes[text]
            return
        first, colon, rest = text.partition(":")
        if first in self._document.definitions:
            for scope in self._scopes():
                if scope.instance is not None and scope.instance.type == first:
                    yield from _walk(scope, rest.split(":"))
        else:
            yield from _walk(self._root, text.split(":"))
            if colon and not first.isdecimal():
                yield from _walk(self._root, rest.split(":"))

    def promoted(self) -> Iterator[ShownWidget]:
        """The widgets on instances of subgraphs in the root."""
        for node in self._root.graph.nodes.values():
            for port in node.definition.inputs if node.definition is not None else ():
                if set_by := tuple(self._set_by(self._root, node, port.name)):
                    yield ShownWidget(port.name, set_by, _label(node, port.name))

    def _promoting(self, given: str, name: str) -> Iterator[tuple[GraphScope, BuiltNode]]:
        """The only instance that promotes this widget of a node inside it."""
        inner_id = given.rpartition(":")[2] if given.count(":") == 1 else given
        found = [
            (self._root.inside(node, inside), inner)
            for node in self._root.graph.nodes.values()
            if (inside := node.definition) is not None
            for port in inside.inputs
            for inner, slot in targets(inside, port.links)
            if (inner.id, slot.name) == (inner_id, name)
        ]
        return iter(found if len(found) == 1 else ())

    def _set_by(self, scope: GraphScope, node: BuiltNode, name: str) -> Iterator[tuple[str, str]]:
        """The inputs of the prompt that a widget sets."""
        if node.type == PRIMITIVE:
            links = [link.id for link in scope.graph.links.values() if link.origin == node.id]
            for target, slot in targets(scope.graph, links):
                yield from self._set_by(scope, target, slot.name)
        elif node.definition is not None:
            own = node.slot(name)
            port = own.port if own is not None else None
            if port is not None and carrier(node.definition, port) is not None:
                inside = scope.inside(node, node.definition)
                for target, slot in targets(node.definition, port.links):
                    yield from self._set_by(inside, target, slot.name)
        elif node.widget(name) is not None or node.spec is None:
            place = f"{scope.path}{node.id}"
            value = self._prompt.get(place, {}).get("inputs", {}).get(name, [])
            if not isinstance(value, list | dict):
                yield place, name

    def _scopes(self) -> Iterator[GraphScope]:
        waiting = [self._root]
        for _count in range(MOST_NODES):  # what is muted may have any number of graphs inside
            if not waiting:
                return
            scope = waiting.pop()
            yield scope
            inner = (node for node in scope.graph.nodes.values() if node.definition is not None)
            waiting += [scope.inside(node, node.definition) for node in inner if node.definition is not None]


def _walk(scope: GraphScope, ids: Sequence[str]) -> Iterator[tuple[GraphScope, BuiltNode]]:
    """Go through the instances of these ids. What follows the id of a plain node is the name of a widget."""
    for number, each in enumerate(ids):
        node = scope.graph.nodes.get(each)
        if node is None:
            return
        if node.definition is None or number + 1 == len(ids) or ids[number + 1] not in node.definition.nodes:
            yield scope, node
            return
        scope = scope.inside(node, node.definition)


def _label(node: BuiltNode, name: str) -> str:
    """The author's own name for a widget."""
    listed = next((each.label for each in node.saved.inputs if each.name == name and each.label), "")
    ports = node.definition.inputs if node.definition is not None else []
    return listed or next((port.label for port in ports if port.name == name), "")
