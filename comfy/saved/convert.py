"""Make the prompt that ComfyUI's editor would queue from the file that it saves, and the server's `/object_info`.

The rules were read from the editor's own behaviour (frontend 1.49.6) and are checked against what it queues.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from comfy.saved.definitions import ABSENT
from comfy.saved.document import (
    DEEPEST,
    TOO_DEEP,
    VIRTUAL,
    Document,
    SavedGraph,
    UnreadableWorkflow,
    read_document,
)
from comfy.saved.flatten import GraphScope, Links, Output, Value, all_nodes, sent_nodes
from comfy.saved.groups import Group, make_subgraphs
from comfy.saved.ids import renumber
from comfy.saved.node import BuiltGraph, BuiltNode, build, fill_in, set_value
from comfy.saved.primitives import push_primitives
from comfy.saved.promotion import build_instance, pour_promoted
from comfy.saved.surface import Surface, read_surface
from comfy.saved.texts import Choose, as_sent, choose_words, is_file_name, name_file
from comfy.saved.widgets import NodePlan, NodePlans, Widget, changing_numbers

_NOTHING_RUNS = "it has no node that runs: all are notes, muted or bypassed"


@dataclass(frozen=True)
class Conversion:
    """A prompt in the API's format, the class_types that the server lacks, which refuses a prompt with such nodes, what
    the workflow shows outside, and the numbers that the editor changes after each run, by node and input. It
    `is_dated` if the time at which it was made is in it.
    """

    prompt: dict[str, Any]
    unknown: tuple[str, ...]
    surface: Surface = field(default_factory=Surface)
    changing: tuple[tuple[str, str], ...] = ()
    is_dated: bool = False


def convert(
    data: Mapping[str, Any],
    definitions: Mapping[str, Any] | NodePlans,
    choose: Choose | None = None,
    clock: Callable[[], datetime] = datetime.now,
) -> Conversion:
    """Convert a saved workflow with a server's `/object_info`. `choose` picks among the words of `{a|b}`; without it
    the choice is random. Raises `UnreadableWorkflow`.
    """
    document = read_document(data)
    root = build_document(document, NodePlans.of(definitions))
    made = write_prompt(root, choose or (lambda count: random.randrange(count)), clock())  # noqa: S311
    if not made.prompt:
        raise UnreadableWorkflow(_NOTHING_RUNS if data.get("nodes") else "the workflow has no nodes")
    return replace(made, surface=read_surface(document, root, made.prompt))


def build_document(document: Document, definitions: NodePlans) -> GraphScope:
    """Build the graphs of a document, which is changed meanwhile. Raises `UnreadableWorkflow`."""
    groups = make_subgraphs(document)
    renumber(document)
    graphs = _Builder(document, definitions, groups)
    root = GraphScope(graphs.build(document.root))
    for graph in (root.graph, *graphs.built.values()):
        push_primitives(graph)
        for node in graph.nodes.values():
            fill_in(node)
    return root


def write_prompt(root: GraphScope, choose: Choose, now: datetime) -> Conversion:
    """Write the prompt of built graphs. Raises `UnreadableWorkflow`."""
    return _Writer(root, choose, now).write()


class _Builder:
    """Builds graphs, the inner ones first."""

    def __init__(self, document: Document, definitions: NodePlans, groups: Mapping[str, Group]) -> None:
        self._document, self._definitions, self._groups = document, definitions, groups
        self.built: dict[str, BuiltGraph] = {}
        self._depth = 0

    def build(self, saved: SavedGraph) -> BuiltGraph:
        graph = BuiltGraph({}, saved.links, saved.inputs, saved.outputs)
        for each in saved.nodes:
            definition = self._definition(each.type)
            node = build_instance(each, definition) if definition else build(each, self._plan(each.type))
            graph.nodes[node.id] = node
        _drop_loose_links(graph)
        if saved.id in self._groups:
            _pour_group(graph, self._groups[saved.id])
        for node in [each for each in graph.nodes.values() if each.definition is not None]:
            pour_promoted(node)
        return graph

    def _definition(self, name: str) -> BuiltGraph | None:
        saved = self._document.definitions.get(name)
        if saved is None:
            return None
        if name not in self.built:
            if self._depth >= DEEPEST:
                raise UnreadableWorkflow(TOO_DEEP)
            self._depth += 1
            self.built[name] = self.build(saved)
            self._depth -= 1
        return self.built[name]

    def _plan(self, class_type: str) -> NodePlan | None:
        return None if class_type in VIRTUAL else self._definitions.get(class_type)


def _drop_loose_links(graph: BuiltGraph) -> None:
    """A link that is not in the file, or comes from no node, is no link."""
    for node in graph.nodes.values():
        for slot in node.slots:
            if slot.link is not None and slot.link not in graph.links:
                slot.link = None


def _pour_group(graph: BuiltGraph, group: Group) -> None:
    """Give the parts of a group their values; a widget that is linked inside has none."""
    place = 0
    for part in group.parts:
        node = graph.nodes[part.id]
        for widget in list(node.widgets):
            slot = node.slot(widget.name)
            link = graph.links.get(slot.link) if slot is not None and slot.link is not None else None
            if not widget.has_place or (link is not None and link.origin in graph.nodes):
                continue
            if place < len(group.values):
                set_value(node, widget, group.values[place])
            place += 1


class _Writer:
    """Writes the prompt of built graphs."""

    def __init__(self, root: GraphScope, choose: Choose, now: datetime) -> None:
        self._root, self._choose, self._now = root, choose, now
        self._is_dated = False
        self._links = Links()
        self._linked = set[str]()  # the nodes that others are linked to

    def write(self) -> Conversion:
        sent = list(sent_nodes(self._root))
        prompt = {f"{scope.path}{node.id}": self._entry(scope, node) for scope, node in sent}
        if not self._linked <= prompt.keys():
            _drop_links_to_nowhere(prompt)
        unknown = dict.fromkeys(node.type for _scope, node in sent if node.spec is None)
        changing = tuple(
            (f"{scope.path}{node.id}", widget.name)
            for scope, node in sent
            for widget in changing_numbers(node.widgets)
            if type(prompt[f"{scope.path}{node.id}"]["inputs"].get(widget.name)) is int
        )
        return Conversion(prompt, tuple(unknown), changing=changing, is_dated=self._is_dated)

    def _dated(self) -> datetime:
        self._is_dated = True
        return self._now

    def _entry(self, scope: GraphScope, node: BuiltNode) -> dict[str, Any]:
        inputs = {
            widget.name: self._own(node, widget, value)
            if isinstance(value := widget.value, str)
            else as_sent(widget.spec.kind if widget.spec else "", value)
            for widget in node.widgets
            if widget.is_sent and widget.value is not ABSENT
        }
        for slot in node.slots:
            if slot.link is None:
                continue
            match self._links.source(scope, node, slot):
                case Output(node_id, index):
                    inputs[slot.name] = [node_id, index]
                    self._linked.add(node_id)
                case Value(value=value) if (widget := node.widget(slot.name)) is None or widget.is_sent:
                    inputs[slot.name] = as_sent(slot.spec.kind if slot.spec else "", value)
                case _:
                    pass
        title = node.saved.title or (node.spec.display_name if node.spec is not None else node.type)
        return {"inputs": inputs, "class_type": node.type, "_meta": {"title": title}}

    def _own(self, node: BuiltNode, widget: Widget, text: str) -> str:
        """A widget's own text, with what the editor replaces in it."""
        if widget.spec is not None and not widget.is_part:
            if widget.spec.options.get("dynamicPrompts"):
                return choose_words(text, self._choose)
            if "%" in text and is_file_name(node.type, widget.name):
                return name_file(text, self._named, self._dated)
        return text

    @cached_property
    def _named(self) -> Mapping[tuple[str, str], Any]:
        """The values of widgets, by the names of their node and their own. Of several the first one counts."""
        found: dict[tuple[str, str], Any] = {}
        for node in all_nodes(self._root):
            name = str(node.saved.properties.get("Node name for S&R") or node.saved.title or node.type)
            for widget in node.widgets:
                found.setdefault((name, widget.name), widget.value)
        return found


def _drop_links_to_nowhere(prompt: Mapping[str, Any]) -> None:
    """Leave out the links to nodes that are not sent."""
    for entry in prompt.values():
        inputs = entry["inputs"]
        for name, value in list(inputs.items()):
            if isinstance(value, list) and value[0] not in prompt:
                del inputs[name]
