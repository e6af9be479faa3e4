"""A graph in ComfyUI's API format. It is immutable, and checked before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from comfy.errors import NodeError, PromptRejected
from comfy.json_text import read_json

_MOST_OUTPUTS = 1000  # of a node


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a prompt. `title` is the title in the editor, or the class_type if there is none."""

    id: str
    class_type: str
    title: str
    inputs: Mapping[str, Any]


class Prompt:
    """A checked graph. It is immutable: `with_input` returns a changed copy that shares the rest."""

    def __init__(self, graph: Mapping[str, Any]) -> None:
        """Take a graph as exported from ComfyUI. Raises `PromptRejected` with all errors in its structure."""
        faults = structure_faults(graph)
        if faults:
            raise PromptRejected("invalid_structure", "this is not a prompt in ComfyUI's API format", faults)
        self._graph: Mapping[str, Any] = graph
        self._nodes: dict[str, Node] = {}  # those that were asked for

    @classmethod
    def loads(cls, text: str | bytes) -> Prompt:
        """Read a graph from JSON. Raises `PromptRejected`, also if it is not JSON."""
        try:
            return cls(read_json(text))
        except (ValueError, RecursionError) as fault:
            raise PromptRejected("invalid_structure", f"this is not JSON: {fault}") from None

    @classmethod
    def load(cls, path: str | Path) -> Prompt:
        """Read a graph from a file exported with "Export (API)". Raises `OSError` and `PromptRejected`."""
        return cls.loads(Path(path).read_bytes())

    def __iter__(self) -> Iterator[Node]:
        return map(self.__getitem__, self._graph)

    def __len__(self) -> int:
        return len(self._graph)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._graph

    def __getitem__(self, node_id: str) -> Node:
        found = self._nodes.get(node_id)
        if found is None:
            node = self._graph[node_id]
            found = self._nodes[node_id] = Node(node_id, node["class_type"], _title(node), node["inputs"])
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompt) and self._graph == other._graph

    __hash__ = None  # type: ignore[assignment]  # equal by content, which may contain lists

    def __repr__(self) -> str:
        return f"Prompt({len(self)} nodes)"

    @cached_property
    def class_types(self) -> frozenset[str]:
        return frozenset(node["class_type"] for node in self._graph.values())

    def titles(self) -> Iterator[tuple[str, str]]:
        """Walk the ids and titles of all nodes."""
        return ((node_id, _title(node)) for node_id, node in self._graph.items())

    def titled(self, title: str) -> tuple[Node, ...]:
        """Return the nodes with this title, in the order of the file."""
        return tuple(node for node in self if node.title == title)

    def of_class(self, *class_types: str) -> tuple[Node, ...]:
        """Return the nodes of these class_types, in the order of the file."""
        return tuple(node for node in self if node.class_type in class_types)

    def with_input(self, node_id: str, name: str, value: Any) -> Prompt:
        """Return a copy with another value for one input. A list is a literal value, never a link.

        Raises `KeyError` if the node does not exist.
        """
        literal = {"__value__": value} if isinstance(value, list) else value
        node = self._graph[node_id]
        return Prompt({**self._graph, node_id: {**node, "inputs": {**node["inputs"], name: literal}}})

    def part_for(self, node_ids: Iterable[str]) -> Prompt:
        """Return a prompt of these nodes and all that they need, in the order of the file. Raises `KeyError` if a
        node does not exist.
        """
        needed, waiting = set[str](), list(node_ids)
        while waiting:
            node_id = waiting.pop()
            if node_id not in needed:
                needed.add(node_id)
                waiting += [value[0] for value in self._graph[node_id]["inputs"].values() if is_link(value)]
        return Prompt({node_id: node for node_id, node in self._graph.items() if node_id in needed})

    def to_json(self) -> Mapping[str, Any]:
        """Return the graph. Do not change it."""
        return self._graph

    def as_sent(self) -> dict[str, Any]:
        """Return the graph for `/prompt`. Every node has its title: a server needs it where a class is outdated."""
        return {
            node_id: {
                **node,
                "_meta": {**(meta if isinstance(meta := node.get("_meta"), Mapping) else {}), "title": _title(node)},
            }
            for node_id, node in self._graph.items()
        }


def is_link(value: object) -> bool:
    """True if an input's value is a link `[node_id, slot]`. The server treats every list as a link."""
    return isinstance(value, list)


def structure_faults(graph: object) -> tuple[NodeError, ...]:
    """Find all errors that make the server crash, hang or misunderstand."""
    if not isinstance(graph, Mapping):
        return (_fault("", "", "the graph must be an object of nodes by id"),)
    if isinstance(graph.get("nodes"), list) and "links" in graph:
        return (_fault("", "", 'this is a workflow saved for the editor: export it with "Export (API)"'),)
    if not graph:
        return (_fault("", "", "the graph has no nodes"),)
    doubtful = ((node_id, node) for node_id, node in graph.items() if not _is_plainly_right(graph, node))
    return tuple(fault for node_id, node in doubtful for fault in _node_faults(graph, str(node_id), node))


def _is_plainly_right(graph: Mapping[str, Any], node: object) -> bool:
    """True for a node without errors, as nearly all are."""
    if type(node) is not dict:
        return False
    class_type, inputs = node.get("class_type"), node.get("inputs")
    if not class_type or not isinstance(class_type, str) or type(inputs) is not dict:
        return False
    for value in inputs.values():
        if isinstance(value, list):
            if len(value) != 2:
                return False
            source, slot = value
            if type(slot) is not int or not 0 <= slot < _MOST_OUTPUTS or type(source) is not str or source not in graph:
                return False
    return True


def _node_faults(graph: Mapping[str, Any], node_id: str, node: object) -> Iterator[NodeError]:
    if not _is_mapping(node):
        yield _fault(node_id, "", "a node must be an object")
        return
    class_type, inputs = node.get("class_type"), node.get("inputs")
    if not isinstance(class_type, str) or not class_type:
        yield _fault(node_id, "", "a node must have a class_type that is a string")
        class_type = "?"
    if not _is_mapping(inputs):
        yield _fault(node_id, class_type, "a node must have inputs in an object")
        return
    for name, value in inputs.items():
        if is_link(value) and (reason := _input_fault(graph, value)):
            yield _fault(node_id, class_type, reason, str(name))


def _input_fault(graph: Mapping[str, Any], value: object) -> str | None:
    match value:
        case [str(source), int(slot)] if not isinstance(slot, bool):
            if not 0 <= slot < _MOST_OUTPUTS:
                return f'links to output {slot} of node "{source}", which no node has'
            return None if source in graph else f'links to node "{source}", which does not exist'
        case [int(source), int()]:
            return f'links to node {source} by number: ids must be strings, "{source}"'
        case _:
            return 'a list means a link [node_id, slot]: write a literal list as {"__value__": […]}'


def _is_mapping(raw: object) -> TypeGuard[Mapping[str, Any]]:
    return type(raw) is dict or isinstance(raw, Mapping)  # the former is quick


def _fault(node_id: str, class_type: str, message: str, input_name: str | None = None) -> NodeError:
    return NodeError(node_id, class_type, "invalid_structure", message, input_name or "", input_name)


def _title(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if _is_mapping(meta) else None
    return title if isinstance(title, str) and title else str(node["class_type"])
