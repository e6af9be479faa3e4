"""Fit a form to a new graph: what its fields set is found again where it can be, and told where it cannot. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bot.core.studio.changes import read_toml, tables
from bot.core.workflows import sidecar_edit
from bot.core.workflows.automatic.written import named_node
from bot.core.workflows.sidecar import nodes_called, target_of
from bot.core.workflows.workflow import Target
from comfy.prompt import Node, Prompt, is_link

_MOST = 40  # inputs that are gone and told, and inputs that are offered for each


@dataclass(frozen=True)
class Moved:
    """A field that set one input, and sets another one since the graph is new. With classes, the node of the id that
    it names is of another class now, so its author should look at it.
    """

    field: str
    was: str
    now: str
    was_class: str = ""
    now_class: str = ""


@dataclass(frozen=True)
class Refitted:
    """A sidecar that fits a new graph as far as can be told, and what was done to it. `results` are the nodes that
    delivered results and are gone.
    """

    sidecar: str
    moved: tuple[Moved, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class LostTarget:
    """An input that a field sets, and that the graph does not have. `others` are inputs that it could set, the
    likeliest first.
    """

    field: str
    target: str
    others: tuple[str, ...] = ()


def refitted(sidecar: str, old: Prompt, new: Prompt) -> Refitted:
    """Have the fields of a sidecar set the same inputs in a new graph, also where their nodes have other titles. What
    is not found stays as it is.
    """
    try:
        data = read_toml(sidecar)
    except (ValueError, RecursionError):
        return Refitted(sidecar)
    nodes, moved = _Nodes(old, new), list[Moved]()
    targets: dict[str, str | list[str]] = {}
    for name, table in tables(data).items():
        now = [_followed(each, nodes) for each in _targets(table)]
        moved += [each for found in now if (each := found.told(name)) is not None]
        if [each.now for each in now] != _targets(table):
            targets[name] = now[0].now if isinstance(table.get("target"), str) else [each.now for each in now]
    sidecar = sidecar_edit.retarget(sidecar, targets)
    sidecar, gone = _with_results(sidecar, data, nodes)
    return Refitted(sidecar, tuple(moved), gone)


def lost_targets(sidecar: Mapping[str, Any], prompt: Prompt, old: Prompt | None) -> tuple[LostTarget, ...]:
    """Return what the fields of a sidecar, given as it was read, set in vain. `old` is the graph before, where it is
    known.
    """
    fields = tables(sidecar)
    taken = {found for table in fields.values() for each in _targets(table) if (found := target_of(each, prompt))}
    titles = Counter(node.title for node in prompt)
    free = [
        (node, name, f"{node.title if titles[node.title] == 1 and node.title[:1] != '#' else f'#{node.id}'}.{name}")
        for node in prompt
        for name in settable(node)
        if Target(node.id, name) not in taken
    ]
    lost = (
        (name, each) for name, table in fields.items() for each in _targets(table) if target_of(each, prompt) is None
    )
    return tuple(LostTarget(*each, tuple(_others(each[1], free, old))) for each in islice(lost, _MOST))


def fresh_inputs(prompt: Prompt, old: Prompt) -> frozenset[tuple[str, str]]:
    """Return the inputs, by node and name, that a graph has and an older one had not."""
    nodes = _Nodes(old, prompt)
    known = {(now.id, name) for node in old if (now := nodes.now(node)) is not None for name in settable(node)}
    return frozenset((node.id, name) for node in prompt for name in settable(node)) - known


def settable(node: Node) -> list[str]:
    """Return the inputs of a node that a field could set."""
    return [name for name, value in node.inputs.items() if isinstance(value, str | int | float) and not is_link(value)]


class _Nodes:
    """Knows which node of a new graph was which of the old one."""

    def __init__(self, old: Prompt, new: Prompt) -> None:
        self.old, self.new = old, new
        self._single = _single(new).keys() & _single(old).keys()
        self._by_class = _single(new)

    def now(self, node: Node) -> Node | None:
        """Return the node that was this one: of the same id and kind, else the only one of its kind in both."""
        if node.id in self.new and self.new[node.id].class_type == node.class_type:
            return self.new[node.id]
        return self._by_class[node.class_type] if node.class_type in self._single else None


def _single(prompt: Prompt) -> dict[str, Node]:
    counts = Counter(node.class_type for node in prompt)
    return {node.class_type: node for node in prompt if counts[node.class_type] == 1}


@dataclass(frozen=True)
class _Followed:
    was: str
    now: str
    was_class: str = ""
    now_class: str = ""

    def told(self, field: str) -> Moved | None:
        if self.was == self.now and self.was_class == self.now_class:
            return None
        return Moved(field, self.was, self.now, self.was_class, self.now_class)


def _followed(text: str, nodes: _Nodes) -> _Followed:
    """Return the name of the same input in a new graph. A title means the same node; an id only if its kind is the
    same.
    """
    old, new = nodes.old, nodes.new
    before, after = target_of(text, old), target_of(text, new)
    if before is None:
        return _Followed(text, text)
    node = old[before.node_id]
    if after is not None and (not text.startswith("#") or new[after.node_id].class_type == node.class_type):
        return _Followed(text, text)
    other = nodes.now(node)
    if other is not None and before.input in settable(other):
        return _Followed(text, f"{named_node(new, other.id)}.{before.input}")
    if after is not None:
        return _Followed(text, text, node.class_type, new[after.node_id].class_type)
    return _Followed(text, text)


def _with_results(sidecar: str, data: Mapping[str, Any], nodes: _Nodes) -> tuple[str, tuple[str, ...]]:
    """Deliver the results of the same nodes as before. If none of them is left, those of all are delivered."""
    given = data.get("outputs")
    if not isinstance(given, list):
        return sidecar, ()
    kept, gone = [], []
    for name in map(str, given):
        found = _result(name, nodes)
        kept += found
        gone += [] if found else [name]
    wanted = list(dict.fromkeys(kept))
    return (sidecar if wanted == given else sidecar_edit.deliver(sidecar, wanted)), tuple(gone)


def _result(name: str, nodes: _Nodes) -> list[str]:
    old, new = nodes.old, nodes.new
    before, after = nodes_called(name, old), nodes_called(name, new)
    is_id = name.startswith("#") and bool(before)
    is_same = not is_id or [old[each].class_type for each in before] == [new[each].class_type for each in after]
    if after and is_same:
        return [name]
    others = (nodes.now(old[each]) for each in before)
    return [named_node(new, each.id) for each in others if each is not None]


def _others(text: str, free: Iterable[tuple[Node, str, str]], old: Prompt | None) -> Iterable[str]:
    """Return the inputs that could stand for one that is gone: of the same kind of value, those of the same name
    first.
    """
    before = target_of(text, old) if old is not None else None
    node = old[before.node_id] if old is not None and before is not None else None
    name = before.input if before is not None else text.rpartition(".")[2]
    like = type(node.inputs[name]) if node is not None else None
    fitting = [each for each in free if like is None or _alike(type(each[0].inputs[each[1]]), like)]
    fitting.sort(key=lambda each: (each[1] != name, node is None or each[0].class_type != node.class_type))
    return (called for _node, _name, called in fitting[:_MOST])


def _alike(one: type, other: type) -> bool:
    numbers = (int, float)
    return one is other or (one in numbers and other in numbers)


def _targets(table: Mapping[str, Any]) -> list[str]:
    given = table.get("target", [])
    return [str(each) for each in given] if isinstance(given, list) else [str(given)]
