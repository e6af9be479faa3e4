"""Tell what a server's `POST /prompt` will answer to a prompt, from its `/object_info` alone.

The server checks the nodes that lead to an output, and takes a prompt if one of its outputs can run. What a node checks
with code of its own cannot be known: a file that is not in its list, for one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_DYNAMIC, _GROWN, _MATCH = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3", "COMFY_MATCHTYPE_V3"
_CONVERT: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_UPLOADS = ("image_upload", "animated_image_upload", "video_upload", "audio_upload", "mesh_upload", "file_upload")
_MOST_GROWN = 100
#: Inputs of ComfyUI's own nodes that take more than their list, or any value; None stands for all inputs of the node.
_FREE: Mapping[str, Collection[str] | None] = {
    "CustomCombo": None,
    "LoadLatent": ("latent",),
    "ModelAttentionBackend": ("attention",),
    "SelectModelDevice": ("device",),
    "SelectCLIPDevice": ("device",),
    "SelectVAEDevice": ("device",),
}


@dataclass(frozen=True)
class MissingNode:
    """A class_type that the server does not have. It refuses every prompt with such a node."""

    node_id: str
    class_type: str


@dataclass(frozen=True)
class MissingChoice:
    """A combo value that the server does not have, usually a model that is not installed."""

    node_id: str
    class_type: str
    input_name: str
    value: Any
    choices: tuple[Any, ...]


@dataclass(frozen=True)
class MissingFile:
    """A picture, video or sound that the prompt names and that is not in the server's input folder."""

    node_id: str
    class_type: str
    input_name: str
    value: Any


@dataclass(frozen=True)
class MissingInput:
    """A required input to which the prompt gives no value and no link."""

    node_id: str
    class_type: str
    input_name: str


@dataclass(frozen=True)
class WrongInput:
    """An input whose value or link the server does not take; `reason` completes "it must …"."""

    node_id: str
    class_type: str
    input_name: str
    value: Any
    reason: str


@dataclass(frozen=True)
class NoOutput:
    """The prompt has no node that makes a result."""


PromptFault: TypeAlias = MissingNode | MissingChoice | MissingFile | MissingInput | WrongInput | NoOutput


@dataclass(frozen=True)
class PromptVerdict:
    """The faults of a prompt at a server. It `runs` if at least one of its `outputs` can, without the others."""

    faults: tuple[PromptFault, ...] = ()
    outputs: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = field(default=(), compare=False)  # inputs that only their node can check

    @property
    def runs(self) -> bool:
        return bool(self.outputs)


def judge(prompt: Prompt, info: ObjectInfo, filled: Collection[tuple[str, str]] = ()) -> PromptVerdict:
    """Tell what a server does not take. The inputs in `filled`, by node and name, get good values before the prompt is
    sent.
    """
    missing = [MissingNode(node.id, node.class_type) for node in prompt if node.class_type not in info]
    outputs = [node.id for node in prompt if _mapping(info.data.get(node.class_type)).get("output_node") is True]
    if missing:  # with what else the server lacks, as far as it can be seen
        found = _Walk(prompt, info, frozenset(filled)).judge([*outputs, *(each.node_id for each in missing)])
        return PromptVerdict((*missing, *found.faults))
    if not outputs:
        is_told = any(_mapping(raw).get("output_node") is True for raw in info.data.values())
        return PromptVerdict((NoOutput(),)) if is_told else PromptVerdict(outputs=("?",))
    return _Walk(prompt, info, frozenset(filled)).judge(outputs)


class _Walk:
    """A walk from the outputs to all nodes that they need."""

    def __init__(self, prompt: Prompt, info: ObjectInfo, filled: frozenset[tuple[str, str]]) -> None:
        self._prompt, self._info, self._filled = prompt, info, filled
        self._sources: dict[str, set[str]] = {}
        self._faults: list[PromptFault] = []
        self._unknown: list[tuple[str, str]] = []
        self._bad: set[str] = set()

    def judge(self, outputs: list[str]) -> PromptVerdict:
        waiting = list(reversed(outputs))
        while waiting:
            node_id = waiting.pop()
            if node_id not in self._sources:
                before = len(self._faults)
                self._sources[node_id] = set(self._node(self._prompt[node_id]))
                if len(self._faults) > before:
                    self._bad.add(node_id)
                waiting += self._sources[node_id]
        self._circles()
        self._spread()
        good = tuple(node_id for node_id in outputs if node_id not in self._bad)
        return PromptVerdict(tuple(self._faults), good, tuple(self._unknown))

    def _circles(self) -> None:
        """Find what a circle of nodes keeps from running, and name the nodes of the first circle."""
        order = TopologicalSorter(self._sources)
        try:
            order.prepare()
            return
        except CycleError as fault:
            circle = frozenset(fault.args[1]) - self._bad
        free = set[str]()
        while ready := order.get_ready():
            free.update(ready)
            order.done(*ready)
        self._bad |= self._sources.keys() - free
        for node_id in (each for each in self._sources if each in circle):
            class_type = self._prompt[node_id].class_type
            self._faults.append(WrongInput(node_id, class_type, "", None, "not need its own result"))

    def _spread(self) -> None:
        """Mark what needs a bad node as bad."""
        waiting, needed_by = list(self._bad), defaultdict[str, set[str]](set)
        for node_id, sources in self._sources.items():
            for source in sources:
                needed_by[source].add(node_id)
        while waiting:
            for other in needed_by[waiting.pop()] - self._bad:
                self._bad.add(other)
                waiting.append(other)

    def _node(self, node: Node) -> Iterator[str]:
        """Check the inputs of a node, and yield the nodes that it needs."""
        if node.class_type not in self._info:
            yield from (value[0] for value in node.inputs.values() if is_link(value))
            return
        for name, spec, required in _inputs(self._declared(node).get("input"), node.inputs):
            if (node.id, name) in self._filled:
                continue
            if name not in node.inputs:
                if required:
                    self._faults.append(MissingInput(node.id, node.class_type, name))
            elif is_link(node.inputs[name]):
                yield from self._link(node, name, spec)
            else:
                self._literal(node, name, spec, node.inputs[name])

    def _link(self, node: Node, name: str, spec: _Spec) -> Iterator[str]:
        source, slot = node.inputs[name]
        if self._prompt[source].class_type not in self._info:
            yield source
            return
        outputs = self._declared(self._prompt[source]).get("output")
        outputs = outputs if isinstance(outputs, list) else []
        try:
            received = outputs[slot]
        except IndexError:
            self._wrong(node, name, f"be linked to an output that there is: {self._prompt[source].class_type} has none")
            return
        if _fits(received, spec[0]):
            yield source
        else:
            wanted, given = _type_name(spec[0]), _type_name(received)
            self._wrong(node, name, f"be linked to {wanted}, and not to {given}")

    def _literal(self, node: Node, name: str, spec: _Spec, value: Any) -> None:
        kind, options = spec
        if isinstance(value, dict) and "__value__" in value:
            value = value["__value__"]
        convert = _CONVERT.get(kind) if isinstance(kind, str) else None
        try:
            value = convert(value) if convert is not None else value
        except (TypeError, ValueError, OverflowError):
            self._wrong(node, name, f"be {kind}")
            return
        choices = _choices(kind, options)
        if _is_file(node, name, options):
            self._file(node, name, value, choices)
        elif _is_free(node, name):
            self._unknown.append((node.id, name))
        elif _is_number(value) and (words := _out_of_bounds(value, options)):
            self._wrong(node, name, words)
        elif choices is not None and any(each not in choices for each in _chosen(value, options)):
            self._faults.append(MissingChoice(node.id, node.class_type, name, value, tuple(choices)))

    def _file(self, node: Node, name: str, value: Any, choices: list[Any] | None) -> None:
        """The list has the files of one folder. Files of others may be there all the same."""
        if choices is not None and value in choices:
            return
        if not isinstance(value, str):
            self._wrong(node, name, "be the name of a file")
            return
        folder = _folder(value)
        listed = {_folder(each) for each in choices or () if each != "none"}
        if choices is None or str(value).endswith("]") or (folder not in listed and (folder or choices)):
            self._unknown.append((node.id, name))
        elif value != "":  # the server takes it for its folder of files, which is there
            self._faults.append(MissingFile(node.id, node.class_type, name, value))

    def _declared(self, node: Node) -> Mapping[str, Any]:
        return _mapping(self._info.data.get(node.class_type))

    def _wrong(self, node: Node, name: str, reason: str) -> None:
        self._faults.append(WrongInput(node.id, node.class_type, name, node.inputs.get(name), reason))


_Spec: TypeAlias = tuple[Any, Mapping[str, Any]]


def _inputs(groups: Any, given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, _Spec, bool]]:
    """The inputs of a node as they are for the values that it has: name, type and options, and if it is required."""
    for group in ("required", "optional"):
        for own, raw in _mapping(_mapping(groups).get(group)).items():
            name, spec, required = f"{above}{own}", _spec(raw), group == "required"
            if spec[0] == _DYNAMIC:
                yield from _dynamic(name, spec, given)
            elif spec[0] == _GROWN:
                yield from _grown(name, spec)
            else:
                yield name, spec, required


def _dynamic(name: str, spec: _Spec, given: Mapping[str, Any]) -> Iterator[tuple[str, _Spec, bool]]:
    """The server checks neither a choice that is not there nor one that is missing."""
    for option in _list(spec[1].get("options")):
        if name in given and not is_link(given[name]) and _mapping(option).get("key") == given[name]:
            yield from _inputs(_mapping(option).get("inputs"), given, f"{name}.")
            return


def _grown(name: str, spec: _Spec) -> Iterator[tuple[str, _Spec, bool]]:
    template = _mapping(spec[1].get("template"))
    groups = _mapping(template.get("input"))
    group = next((each for each in groups if _mapping(groups[each])), None)
    if group is None:
        return
    raw = next(iter(groups[group].values()))
    most, least, prefix = template.get("max"), template.get("min"), template.get("prefix", "")
    names = _list(template.get("names")) or [
        f"{prefix}{at}" for at in range(min(most, _MOST_GROWN) if isinstance(most, int) else 0)
    ]
    required = group == "required"
    for number, each in enumerate(names):
        yield f"{name}.{each}", _spec(raw), required and number < (least if isinstance(least, int) else 1)


def _spec(raw: Any) -> _Spec:
    if not isinstance(raw, list) or not raw:
        return "*", {}
    return raw[0], _mapping(raw[1]) if len(raw) > 1 else {}


def _fits(received: Any, wanted: Any) -> bool:
    """True if the server takes an output of one type for an input of another."""
    if received == wanted or {"*", _MATCH} & {each for each in (received, wanted) if isinstance(each, str)}:
        return True
    if isinstance(received, list):
        return bool(wanted == "COMBO")
    if not isinstance(received, str) or not isinstance(wanted, str):
        return False
    types, others = ({each.strip() for each in kind.split(",")} for kind in (received, wanted))
    return bool(types & others or "*" in types | others)


def _choices(kind: Any, options: Mapping[str, Any]) -> list[Any] | None:
    if isinstance(kind, list):
        return kind
    if kind != "COMBO":
        return None
    return None if options.get("remote") else _list(options.get("options"))


def _chosen(value: Any, options: Mapping[str, Any]) -> list[Any]:
    return value if options.get("multiselect") and isinstance(value, list) else [value]


def _out_of_bounds(value: float, options: Mapping[str, Any]) -> str:
    low, high = options.get("min"), options.get("max")
    if isinstance(low, int | float) and value < low:
        return f"be at least {low}"
    return f"be at most {high}" if isinstance(high, int | float) and value > high else ""


def _folder(name: Any) -> str:
    return str(name).rpartition("/")[0]


def _is_file(node: Node, name: str, options: Mapping[str, Any]) -> bool:
    return any(options.get(each) for each in _UPLOADS) or (node.class_type, name) == ("LoadLatent", "latent")


def _is_free(node: Node, name: str) -> bool:
    free = _FREE.get(node.class_type, ())
    return free is None or name in free


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _type_name(kind: Any) -> str:
    return "a choice" if isinstance(kind, list) else str(kind)


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if type(raw) is dict or isinstance(raw, Mapping) else {}


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []
