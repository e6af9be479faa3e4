"""Class types that a server no longer has, and says what takes their place: `GET /node_replacements`.

To everything else, an outdated class_type is one that the server has, declared with its own inputs: `with_outdated`.
`up_to_date` puts the new one in its place before a prompt is sent. The server would do so too, but it forgets all
inputs of a node that it has only renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from comfy.saved.definitions import AUTOGROW, DYNAMIC
from comfy.saved.document import mapping, sequence

_KEY = "replaced_by"  # of a declaration: what the server says of it
_ANY: Any = ["*", {}]
_ANY_WIDGET: Any = ["STRING", {}]
_MOST_OUTPUTS = 100  # of a node


def with_outdated(data: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Add the outdated class_types of `/node_replacements` to `/object_info`, each declared by what takes its place."""
    made = dict(data)
    for old, entries in answer.items():
        said = mapping(next(iter(sequence(entries)), None))  # the server takes the first one
        new = data.get(str(said.get("new_node_id")))
        if old not in data and isinstance(new, dict):
            made[old] = {**new, **_declared(new, said), _KEY: said}
    return made


def up_to_date(graph: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace the outdated nodes of a prompt. `data` is the server's `/object_info`, as `with_outdated` made it."""
    outdated = {
        node_id: said
        for node_id, node in graph.items()
        if (said := mapping(mapping(data.get(node["class_type"])).get(_KEY)))
    }
    if not outdated:
        return graph
    slots = {node_id: {old: new for new, old in _outputs(said)} for node_id, said in outdated.items()}
    made = {}
    for node_id, node in graph.items():
        inputs = {name: _relinked(value, slots) for name, value in node["inputs"].items()}
        if node_id in outdated:
            said = outdated[node_id]
            made[node_id] = {**node, "class_type": str(said["new_node_id"]), "inputs": _renamed(inputs, said)}
        else:
            made[node_id] = {**node, "inputs": inputs}
    return made


def _declared(new: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Declare the inputs and outputs of an outdated class_type by those of the new one."""
    types = list(sequence(new.get("output")))
    outputs = {old: types[each] for each, old in _outputs(said) if each < len(types)}
    count = max([len(types) - 1, *outputs]) + 1
    declared = {"output": [outputs.get(at, types[at] if at < len(types) else "*") for at in range(count)]}
    entries = said.get("input_mapping")
    if not isinstance(entries, list):
        return declared
    names = {str(each["old_id"]): str(each.get("new_id")) for each in map(mapping, entries) if "old_id" in each}
    widgets = [str(each) for each in sequence(said.get("old_widget_ids"))]
    groups: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
    for old in (*(old for old in names if old not in widgets), *widgets):
        group, spec = _found(new, names[old], entries) if old in names else ("optional", _ANY_WIDGET)
        in_a_row = old in widgets and not names.keys() >= set(widgets)  # the saved values have one for each, in order
        groups["optional" if in_a_row else group][old] = spec
    return {**declared, "input": groups, "input_order": {group: list(each) for group, each in groups.items()}}


def _found(new: Mapping[str, Any], name: str, entries: list[Any]) -> tuple[str, Any]:
    """Find the declaration of an input, and if it is required; that of "a.b" within the one of "a"."""
    parent, _dot, own = name.rpartition(".")
    groups = mapping(new.get("input"))
    if parent and (spec := _within(_found(new, parent, entries)[1], parent, entries)):
        groups = spec
        if not any(own in mapping(each) for each in groups.values()):  # one of many that grow
            own = next(iter(mapping(next(iter(groups.values()), None))), own)
    for group in ("required", "optional"):
        if own in mapping(groups.get(group)):
            return group, groups[group][own]
    return "optional", _ANY


def _within(spec: Any, name: str, entries: list[Any]) -> Mapping[str, Any]:
    """Return the inputs that an input brings along."""
    kind, options = (spec[0], mapping(spec[1])) if isinstance(spec, list) and len(spec) > 1 else ("*", {})
    if kind == AUTOGROW:
        return mapping(mapping(options.get("template")).get("input"))
    if kind != DYNAMIC:
        return {}
    chosen = next((each.get("set_value") for each in map(mapping, entries) if each.get("new_id") == name), None)
    branches = [mapping(each) for each in sequence(options.get("options"))]
    return mapping(next((each.get("inputs") for each in branches if each.get("key") == chosen), None))


def _outputs(said: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return pairs of a new and an old output."""
    pairs = ((each.get("new_idx"), each.get("old_idx")) for each in map(mapping, sequence(said.get("output_mapping"))))
    return [(new, old) for new, old in pairs if _is_place(new) and _is_place(old)]


def _is_place(index: Any) -> TypeGuard[int]:
    return isinstance(index, int) and 0 <= index < _MOST_OUTPUTS


def _relinked(value: Any, slots: Mapping[str, Mapping[int, int]]) -> Any:
    if isinstance(value, list) and len(value) == 2 and str(value[0]) in slots:
        return [value[0], slots[str(value[0])].get(value[1], value[1])]
    return value


def _renamed(inputs: Mapping[str, Any], said: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = said.get("input_mapping")
    if not isinstance(entries, list):
        return inputs
    made = {}
    for each in map(mapping, entries):
        if "set_value" in each:
            made[str(each.get("new_id"))] = each["set_value"]
        elif each.get("old_id") in inputs:
            made[str(each.get("new_id"))] = inputs[each["old_id"]]
    return made
