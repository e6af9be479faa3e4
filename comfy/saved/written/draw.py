"""Make a workflow that the editor opens out of a prompt: its nodes, links and values, laid out from left to right."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from comfy.saved.definitions import ABSENT, AUTOGROW, NodeSpec
from comfy.saved.document import SavedInput, SavedNode, mapping
from comfy.saved.ids import number_of
from comfy.saved.node import BuiltNode, build, fill_in
from comfy.saved.widgets import NodePlans, Rank, Slot, Widget

_COLUMN, _GAP, _WIDTH = 420, 60, 320  # pixels
_HEAD, _ROW, _TALL_ROW = 46, 24, 120


#: Nodes that hold a value, by its type.
_VALUE_NODES = {str: "PrimitiveStringMultiline", bool: "PrimitiveBoolean", int: "PrimitiveInt", float: "PrimitiveFloat"}


@dataclass(frozen=True)
class _Link:
    """A link between two nodes of a prompt, with the number that the workflow gives it."""

    number: int
    origin: str
    slot: int
    target: str
    name: str


def draw(prompt: Mapping[str, Any], definitions: Mapping[str, Any] | NodePlans) -> dict[str, Any]:
    """Make the workflow of a prompt, with a server's `/object_info`. The ids of the nodes stay. Of a node that the
    definitions lack, the values stand in the order of the prompt. A value of an input that has no widget, which a
    prompt may have and a workflow may not, gets a node of its own.
    """
    return _Drawing(prompt, NodePlans.of(definitions)).make()


class _Drawing:
    def __init__(self, prompt: Mapping[str, Any], plans: NodePlans) -> None:
        self._prompt, self._plans = dict(prompt), plans
        self._into: dict[str, list[_Link]] = {}
        self._give_nodes_to_values()
        self._links = list(_links(self._prompt))
        self._from: dict[str, list[_Link]] = {}
        for link in self._links:
            self._into.setdefault(link.target, []).append(link)
            self._from.setdefault(link.origin, []).append(link)

    def make(self) -> dict[str, Any]:
        depths = _depths(self._prompt, self._into)
        order = sorted(self._prompt, key=lambda node_id: depths[node_id])
        slots: dict[int, int] = {}
        bottoms: dict[int, int] = {}
        nodes = []
        for number, node_id in enumerate(order):
            node = self._node(node_id, slots)
            column = depths[node_id]
            top = bottoms.get(column, 0)
            bottoms[column] = top + node["size"][1] + _GAP
            nodes.append({**node, "pos": [column * _COLUMN, top], "order": number})
        numbers = [node["id"] for node in nodes if isinstance(node["id"], int)]
        return {
            "last_node_id": max(numbers, default=0),
            "last_link_id": len(self._links),
            "nodes": nodes,
            "links": [self._link(link, slots[link.number]) for link in self._links],
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }

    def _give_nodes_to_values(self) -> None:
        numbers = itertools.count(max(map(number_of, self._prompt), default=0) + 1)
        for node_id, node in list(self._prompt.items()):
            links = {}
            for name in self._loose(node_id):
                value = _unwrapped(node["inputs"][name])
                class_type = next((each for kind, each in _VALUE_NODES.items() if type(value) is kind), "")
                if class_type in self._plans.data:
                    made = str(next(numbers))
                    self._prompt[made] = {"class_type": class_type, "inputs": {"value": value}}
                    links[name] = [made, 0]
            if links:
                self._prompt[node_id] = {**node, "inputs": {**node["inputs"], **links}}

    def _loose(self, node_id: str) -> list[str]:
        """The inputs of a node that have a value and no widget."""
        node = self._prompt[node_id]
        spec = self._spec(node["class_type"])
        if spec is None:
            return []
        widgets = {each.name for each in spec.inputs if each.is_widget}
        names = [name for name, value in node["inputs"].items() if not _is_link(value) and name not in widgets]
        if not names:
            return []
        built, grown = (
            self._built(node_id),
            {name for each in spec.inputs if each.kind == AUTOGROW for name, _ in each.grown},
        )
        return [name for name in names if built.widget(name) is None and (built.slot(name) or name in grown)]

    def _node(self, node_id: str, slots: dict[int, int]) -> dict[str, Any]:
        """A node of the workflow. The places of its linked inputs are noted in `slots`, by the number of the link."""
        given = self._prompt[node_id]
        node = self._built(node_id)
        inputs: list[dict[str, Any]] = []
        for slot in node.ordered_slots:
            if slot.link is None and slot.rank is not Rank.SOCKET:
                continue
            if slot.link is not None:
                slots[int(slot.link)] = len(inputs)
            linked = None if slot.link is None else int(slot.link)
            widget = {"widget": {"name": slot.name}} if node.widget(slot.name) is not None else {}
            inputs.append({"name": slot.name, "type": slot.type, "link": linked, **widget})
        outputs = list(self._outputs(node_id))
        values = _values(node, given["inputs"])
        rows = max(len(inputs), len(outputs)) + len(values)
        tall = sum(1 for value in values if isinstance(value, str) and (len(value) > 40 or "\n" in value))
        title = mapping(given.get("_meta")).get("title")
        named = isinstance(title, str) and title and node.spec is not None and title != node.spec.display_name
        return {
            "id": _number(node_id),
            "type": node.type,
            **({"title": title} if named else {}),
            "size": [_WIDTH, _HEAD + rows * _ROW + tall * _TALL_ROW],
            "flags": {},
            "mode": 0,
            "inputs": inputs,
            "outputs": outputs,
            "properties": {"Node name for S&R": node.type},
            "widgets_values": values,
        }

    def _built(self, node_id: str) -> BuiltNode:
        class_type, links = self._prompt[node_id]["class_type"], self._into.get(node_id, ())
        spec = self._spec(class_type)
        names = {each.name for each in spec.inputs if each.is_widget} if spec is not None else set()
        inputs = [
            SavedInput(link.name, self._type(link.origin, link.slot), str(link.number), link.name in names)
            for link in links
        ]
        given = self._prompt[node_id]["inputs"]
        literals = {name: _unwrapped(value) for name, value in given.items() if not _is_link(value)}
        node = build(SavedNode(node_id, class_type, inputs=inputs, values=literals), self._plans.get(class_type))
        for each in inputs:
            if node.slot(each.name) is None:  # a choice that the definitions lack brings no inputs along
                node.slots.append(Slot(each.name, each.type, Rank.EXTRA, each.link))
        fill_in(node)
        return node

    def _outputs(self, node_id: str) -> Iterable[dict[str, Any]]:
        spec = self._spec(self._prompt[node_id]["class_type"])
        raw = mapping(self._plans.data.get(self._prompt[node_id]["class_type"]))
        names, links = raw.get("output_name"), self._from.get(node_id, ())
        count = max([len(spec.outputs) if spec is not None else 0, *(link.slot + 1 for link in links)])
        for slot in range(count):
            kind = self._type(node_id, slot)
            name = names[slot] if isinstance(names, list) and slot < len(names) else kind
            numbers = [link.number for link in links if link.slot == slot]
            yield {"name": str(name), "type": kind, "links": numbers or None, "slot_index": slot}

    def _link(self, link: _Link, slot: int) -> list[Any]:
        kind = self._type(link.origin, link.slot)
        return [link.number, _number(link.origin), link.slot, _number(link.target), slot, kind]

    def _type(self, node_id: str, slot: int) -> str:
        spec = self._spec(self._prompt[node_id]["class_type"])
        return spec.outputs[slot] if spec is not None and 0 <= slot < len(spec.outputs) else "*"

    def _spec(self, class_type: str) -> NodeSpec | None:
        plan = self._plans.get(class_type)
        return plan.spec if plan is not None else None


def _links(prompt: Mapping[str, Any]) -> Iterable[_Link]:
    number = 0
    for node_id, node in prompt.items():
        for name, value in node["inputs"].items():
            if _is_link(value) and value[0] in prompt:
                number += 1
                yield _Link(number, value[0], max(value[1], 0), node_id, name)


def _depths(prompt: Mapping[str, Any], into: Mapping[str, list[_Link]]) -> dict[str, int]:
    """The column of each node: one to the right of all that it needs."""
    depths: dict[str, int] = {}
    waiting = [(node_id, False) for node_id in reversed(list(prompt))]
    seen = set[str]()
    while waiting:
        node_id, is_ready = waiting.pop()
        origins = [link.origin for link in into.get(node_id, ())]
        if is_ready:
            depths[node_id] = max((depths.get(each, -1) + 1 for each in origins), default=0)
        elif node_id not in seen:
            seen.add(node_id)
            waiting.append((node_id, True))
            waiting += [(each, False) for each in origins]
    return depths


def _values(node: BuiltNode, given: Mapping[str, Any]) -> list[Any]:
    if node.spec is None:
        return [_unwrapped(value) for value in given.values() if not _is_link(value)]
    return [_held(widget) for widget in node.widgets if widget.has_place]


def _held(widget: Widget) -> Any:
    if widget.value is ABSENT:
        return None
    return "fixed" if widget.spec is None and not widget.is_sent and widget.value == "randomize" else widget.value


def _unwrapped(value: Any) -> Any:
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def _number(node_id: str) -> int | str:
    """Ids that are numbers are numbers in a workflow."""
    number = number_of(node_id)
    return number if str(number) == node_id else node_id
