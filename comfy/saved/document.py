"""Read what ComfyUI's editor saves: graphs of nodes and links, version 0.4 and 1, with their subgraphs.

Links are read as the nodes' inputs name them; the positions that a link remembers are often stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Both sides of a subgraph, as its links name them.
ENTRY, EXIT = "-10", "-20"
NEVER, BYPASSED = 2, 4
#: The nodes that only the editor knows: they draw, or pass something on, and are not sent.
REROUTE, PRIMITIVE, SETTER, GETTER = "Reroute", "PrimitiveNode", "SetNode", "GetNode"
VIRTUAL = frozenset({"Note", "MarkdownNote", REROUTE, PRIMITIVE, SETTER, GETTER})
MOST_NODES, DEEPEST = 1_500, 50
LARGEST = 2**53 - 1  # the largest whole number that the editor knows
TOO_MANY = f"it has more than {MOST_NODES} nodes"
TOO_DEEP = "its subgraphs are nested too deeply, or contain each other"
_MOST_DEFINITIONS = 1_000
_MOST_INPUTS = 15_000
_MOST_SLOTS = 200  # inputs or outputs of a node or a subgraph, and values that a subgraph takes from inside


class UnreadableWorkflow(ValueError):
    """A file cannot be read as a workflow; the text says why, and completes "this file cannot be used: …"."""


@dataclass(slots=True)
class SavedLink:
    """A link from an output to an input. `target_slot` is where the input was when the file was written."""

    id: str
    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(slots=True)
class SavedInput:
    """An input as the file lists it: most files list only those that are linked."""

    name: str
    type: str
    link: str | None = None
    is_widget: bool = False
    label: str = ""


@dataclass(slots=True)
class SavedNode:
    """A node as the file has it. `values` are those of its widgets by position, or by name in some files; `raw` is what
    was read.
    """

    id: str
    type: str
    mode: int = 0
    title: str | None = None
    inputs: list[SavedInput] = field(default_factory=list)
    values: Sequence[Any] | dict[str, Any] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> list[str]:
        """The types of its outputs."""
        listed = sequence(self.raw.get("outputs"))
        return [_type(each.get("type") if isinstance(each, dict) else None) for each in listed]


@dataclass(eq=False)
class Port:
    """An input or output of a subgraph, and the links that go on inside."""

    name: str
    type: str
    links: list[str]
    label: str = ""


@dataclass
class SavedGraph:
    """The root graph, or the definition of a subgraph."""

    id: str
    nodes: list[SavedNode]
    links: dict[str, SavedLink]
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)


@dataclass
class Document:
    """A saved workflow. `definitions` are those of its subgraphs by id, in the order of the file."""

    root: SavedGraph
    definitions: dict[str, SavedGraph]
    last_id: int
    extra: Mapping[str, Any]


def is_saved_workflow(data: Any) -> bool:
    """True if this is what the editor saves, and not a prompt for the API."""
    return isinstance(data, dict) and isinstance(data.get("nodes"), list)


def read_document(data: Mapping[str, Any]) -> Document:
    """Read a saved workflow. Raises `UnreadableWorkflow`."""
    definitions: dict[str, SavedGraph] = {}
    for raw in _definitions(data, 0):
        definition = _graph(raw, str(raw.get("id")))
        definitions.setdefault(definition.id, definition)
        if len(definitions) > _MOST_DEFINITIONS:
            raise UnreadableWorkflow("it has too many subgraphs")
    root = _graph(data, "")
    nodes = [node for graph in (root, *definitions.values()) for node in graph.nodes]
    if len(nodes) > MOST_NODES:
        raise UnreadableWorkflow(TOO_MANY)
    if sum(len(node.inputs) for node in nodes) > _MOST_INPUTS:
        raise UnreadableWorkflow(f"its nodes have more than {_MOST_INPUTS} inputs")
    last = data.get("last_node_id", mapping(data.get("state")).get("lastNodeId"))
    return Document(root, definitions, _number(last), mapping(data.get("extra")))


def read_node(raw: Any) -> SavedNode:
    """Read one node. Raises `UnreadableWorkflow`."""
    if not isinstance(raw, dict) or not isinstance(kind := raw.get("type"), str):
        raise UnreadableWorkflow("one of its nodes has no type")
    get = raw.get
    values, title, properties, inputs = get("widgets_values"), get("title"), mapping(get("properties")), get("inputs")
    for slots in (inputs, get("outputs"), properties.get("proxyWidgets")):
        if isinstance(slots, list) and len(slots) > _MOST_SLOTS:
            _check_slots(slots)
    return SavedNode(
        str(get("id")),
        kind,
        _number(get("mode")),
        title if isinstance(title, str) and title else None,
        [_input(each) for each in inputs if isinstance(each, dict)] if isinstance(inputs, list) else [],
        values if isinstance(values, list | dict) else (),
        properties,
        raw,
    )


def _check_slots(raw: Any) -> None:
    if isinstance(raw, list) and len(raw) > _MOST_SLOTS:
        raise UnreadableWorkflow(f"one of its nodes has more than {_MOST_SLOTS} inputs or outputs")


def _definitions(data: Mapping[str, Any], depth: int) -> Iterable[Mapping[str, Any]]:
    """The definitions of subgraphs, those inside others too."""
    if depth > DEEPEST:
        raise UnreadableWorkflow(TOO_DEEP)
    for raw in sequence(mapping(data.get("definitions")).get("subgraphs")):
        if isinstance(raw, dict):
            yield raw
            yield from _definitions(raw, depth + 1)


def _graph(raw: Mapping[str, Any], graph_id: str) -> SavedGraph:
    if graph_id:
        _check_slots(raw.get("inputs"))
        _check_slots(raw.get("outputs"))
    return SavedGraph(
        graph_id,
        [read_node(each) for each in sequence(raw.get("nodes"))],
        {link.id: link for each in sequence(raw.get("links")) if (link := _link(each)) is not None},
        [_port(each) for each in sequence(raw.get("inputs")) if graph_id and isinstance(each, dict)],
        [_port(each) for each in sequence(raw.get("outputs")) if graph_id and isinstance(each, dict)],
    )


def _link(raw: Any) -> SavedLink | None:
    """A link, in either version; None where it is neither."""
    if isinstance(raw, dict):
        get = raw.get
        link, origin, target = get("id"), get("origin_id"), get("target_id")
        origin_slot, target_slot = get("origin_slot"), get("target_slot")
    elif isinstance(raw, list) and len(raw) >= 5:
        link, origin, origin_slot, target, target_slot = raw[:5]
    else:
        return None
    if type(origin_slot) is not int or not 0 <= origin_slot <= LARGEST:
        origin_slot = _number(origin_slot)
    if type(target_slot) is not int or not 0 <= target_slot <= LARGEST:
        target_slot = _number(target_slot)
    if origin_slot < 0 or target_slot < 0:  # there is no such place
        return None
    return SavedLink(str(link), str(origin), origin_slot, str(target), target_slot)


def _input(raw: Mapping[str, Any]) -> SavedInput:
    get = raw.get
    link, named, kind, label = get("link"), get("name"), get("type"), get("label")
    return SavedInput(
        named if isinstance(named, str) else "",
        kind if kind and isinstance(kind, str) else _type(kind),
        None if link is None else str(link),
        isinstance(get("widget"), dict),
        str(label) if label else "",
    )


def _port(raw: Mapping[str, Any]) -> Port:
    links = [str(each) for each in sequence(raw.get("linkIds"))]
    return Port(str(raw.get("name") or ""), _type(raw.get("type")), links, str(raw.get("label") or ""))


def _type(raw: Any) -> str:
    if isinstance(raw, str):
        return raw or "*"
    return "COMBO" if isinstance(raw, list) else "*"


def _number(raw: Any) -> int:
    if type(raw) is int:
        return raw if -LARGEST <= raw <= LARGEST else 0
    try:
        number = int(raw)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if abs(number) <= LARGEST else 0


def mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def sequence(raw: Any) -> Sequence[Any]:
    return raw if isinstance(raw, list) else ()
