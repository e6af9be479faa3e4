"""The workflow that a run's results carry: the saved one with the run's values in it, or one made out of its prompt."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from comfy.saved.convert import build_document, convert, write_prompt
from comfy.saved.definitions import ABSENT, DYNAMIC
from comfy.saved.document import PRIMITIVE, Port, UnreadableWorkflow, read_document
from comfy.saved.flatten import GraphScope, Links, Value, sent_nodes
from comfy.saved.node import BuiltNode, set_value
from comfy.saved.promotion import promoted_value
from comfy.saved.texts import choose_words, is_file_name
from comfy.saved.widgets import NodePlans
from comfy.saved.written.draw import draw


def editor_workflow(
    prompt: Mapping[str, Any], definitions: Mapping[str, Any] | NodePlans, saved: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a workflow that the editor opens with the values of a prompt, made with a server's `/object_info`. `saved`
    is the workflow that the prompt came from; it stays as it is.
    """
    plans = NodePlans.of(definitions)
    made = _filled(saved, prompt, plans) if saved is not None else None
    return draw(prompt, plans) if made is None else made


def _filled(saved: Mapping[str, Any], prompt: Mapping[str, Any], plans: NodePlans) -> dict[str, Any] | None:
    """Return a saved workflow with the values of a prompt; None where it has no place for one of them."""
    made = copy.deepcopy(dict(saved))
    try:
        root = build_document(read_document(made), plans)
        before = write_prompt(root, _first, datetime.min.replace(tzinfo=UTC)).prompt  # names of files do not count
        if before.keys() != prompt.keys():
            return None
        _Values(root).put(before, prompt)
        after = convert(made, plans, _first).prompt
    except UnreadableWorkflow:
        return None
    same = after.keys() == prompt.keys() and all(_is_same(after[node_id], prompt[node_id]) for node_id in after)
    return made if same else None


def _first(_count: int) -> int:
    return 0


class _Values:
    """Puts values to where a file has them: in a node, in an instance of its subgraph, or in a primitive."""

    def __init__(self, root: GraphScope) -> None:
        self._root, self._links = root, Links()

    def put(self, before: Mapping[str, Any], prompt: Mapping[str, Any]) -> None:
        for scope, node in list(sent_nodes(self._root)):
            node_id = f"{scope.path}{node.id}"
            had, wanted = before[node_id]["inputs"], prompt[node_id]["inputs"]
            changed = [name for name, value in wanted.items() if value != had.get(name, ABSENT)]
            for name in sorted(changed, key=lambda name: name.count(".")):
                if not isinstance(wanted[name], list) and not is_file_name(node.type, name):
                    self._put(scope, node, name, wanted)

    def _put(self, scope: GraphScope, node: BuiltNode, name: str, wanted: Mapping[str, Any]) -> None:
        value, slot, widget = _plain(wanted[name]), node.slot(name), node.widget(name)
        link = scope.graph.links.get(slot.link) if slot is not None and slot.link is not None else None
        if slot is not None and link is not None:
            origin = scope.graph.nodes.get(link.origin)
            if origin is not None and origin.type == PRIMITIVE:
                _write_first(origin, value)
            elif isinstance(held := self._links.source(scope, node, slot), Value):
                _write_port(held.instance, held.port, value)
                return
        if widget is None:
            return
        set_value(node, widget, value)
        if widget.spec is not None and widget.spec.kind == DYNAMIC:  # its parts have begun again
            for part in [each for each in node.widgets if each.name.startswith(f"{name}.") and each.name in wanted]:
                set_value(node, part, _plain(wanted[part.name]))
        _write(node, name, value)


def _write(node: BuiltNode, name: str, value: Any) -> None:
    raw = node.saved.raw
    old = raw.get("widgets_values")
    if isinstance(old, dict):
        old[name] = value
        return
    values = [None if each.value is ABSENT else each.value for each in node.widgets if each.has_place]
    raw["widgets_values"] = values + (old[len(values) :] if isinstance(old, list) else [])


def _write_first(node: BuiltNode, value: Any) -> None:
    values = node.saved.raw.get("widgets_values")
    if isinstance(values, list) and values:
        values[0] = value


def _write_port(node: BuiltNode, port: Port, value: Any) -> None:
    node.values[port] = value
    raw, place = node.saved.raw, node.places.get(port)
    old = raw.get("widgets_values")
    if isinstance(old, dict):
        old[port.name] = value
    elif place is not None:
        ports = {number: each for each, number in node.places.items()}
        values = list(old) if isinstance(old, list) else []
        for number in range(len(values), place + 1):
            held = promoted_value(node, ports[number]) if number in ports else None
            values.append(None if held is ABSENT else held)
        values[place] = value
        raw["widgets_values"] = values


def _is_same(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    class_type, inputs = wanted["class_type"], wanted["inputs"]
    if made["class_type"] != class_type or made["inputs"].keys() != inputs.keys():
        return False
    return all(
        value == inputs[name] or is_file_name(class_type, name) or _is_chosen(value, inputs[name])
        for name, value in made["inputs"].items()
    )


def _is_chosen(made: Any, wanted: Any) -> bool:
    """True if the editor would choose among the words of a text, as it does whenever it sends it."""
    return isinstance(made, str) and isinstance(wanted, str) and choose_words(wanted, _first) == made


def _plain(value: Any) -> Any:
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value
