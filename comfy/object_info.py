"""Read `/object_info`: the inputs of each class_type, with all forms of combo."""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from comfy.saved.widgets import NodePlans

_COMES_ALONG = ("custom_nodes.websocket_image_save",)  # custom nodes that every ComfyUI has
_DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
_GROWING = "COMFY_AUTOGROW_V3"
_FEW = 200  # class_types that are compared
_UPLOADS = {
    "image_upload": "image",
    "animated_image_upload": "image",
    "video_upload": "video",
    "audio_upload": "audio",
    "mesh_upload": "3d",
    "file_upload": "file",
}


@dataclass(frozen=True)
class InputInfo:
    """The values that one input accepts.

    `type` is ComfyUI's ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "IMAGE", …). `choices` is None except for a
    combo with listed choices. `min` of an input that grows is the fewest that it takes. `upload` is "image", "video",
    "audio", "3d" or "file" if the value is the name of an uploaded file, and of an animated picture all `frames` are
    used, or the first one.
    """

    name: str
    type: str
    required: bool = True
    default: Any = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    multiline: bool = False
    choices: tuple[Any, ...] | None = None
    upload: str | None = None
    tooltip: str = ""
    frames: bool = False


@dataclass(frozen=True)
class PriceBadge:
    """The price of a node, as an expression in JSONata, and what it asks about. `widgets` are names with their types;
    of `inputs` it asks whether they are linked, and of `groups` how many are.
    """

    expression: str
    widgets: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeInfo:
    """One class_type: its inputs by name (those of a dynamic combo as "parent.child") and the types of its outputs.

    An `api_node` calls a service that costs money. `lists` says which outputs are lists, for each element of which the
    nodes behind them run once, unless they take lists themselves (`takes_lists`).
    """

    class_type: str
    display_name: str
    inputs: Mapping[str, InputInfo]
    outputs: tuple[str, ...]
    output_node: bool
    api_node: bool = False
    badge: PriceBadge | None = None
    lists: tuple[bool, ...] = ()
    takes_lists: bool = False

    @cached_property
    def first_choices(self) -> Sequence[tuple[str, Any]]:
        """Return the first choice of each input that has choices, and None for one whose list is empty."""
        combos = (each for each in self.inputs.values() if each.type == "COMBO")
        return [(each.name, each.choices[0] if each.choices else None) for each in combos]


class _Declared:
    """A class_type as a server declares it, read when it is first used. A joint one is of several servers."""

    def __init__(self, class_type: str, raw: Any, parts: Sequence[_Declared] = ()) -> None:
        self.class_type, self.raw, self._parts = class_type, raw, parts
        self._exactly: bytes | None = None

    @cached_property
    def node(self) -> NodeInfo:
        return _joined([each.node for each in self._parts]) if self._parts else _node(self.class_type, self.raw)

    @property
    def is_paid(self) -> bool:
        return any(each.is_paid for each in self._parts) or bool(_mapping(self.raw).get("api_node"))

    @cached_property
    def shape(self) -> bytes:
        return _shape_digest(self.raw)

    @property
    def exactly(self) -> bytes | None:
        """Return what is equal if all is, in the same order and where 1 is not 1.0; None for what is not shared."""
        if self._exactly is None and not self._parts:
            try:
                self._exactly = hashlib.sha256(marshal.dumps(self.raw, 2)).digest()
            except ValueError:
                return None
        return self._exactly


def _have_same_shapes(one: Mapping[str, _Declared], other: Mapping[str, _Declared]) -> bool:
    """True if all digests of two servers are the same, as mostly: servers differ in their models."""
    if one.keys() != other.keys():
        return False
    different = [(mine, other[name]) for name, mine in one.items() if mine is not other[name]]
    return len(different) <= _FEW and all(mine.shape == theirs.shape for mine, theirs in different)


class ObjectInfo:
    """The answer of `/object_info`. Each node is parsed when it is first used."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._declared = {class_type: _Declared(class_type, raw) for class_type, raw in data.items()}
        self._joint: dict[frozenset[str], str] = {}

    @classmethod
    def union(cls, infos: Iterable[ObjectInfo], before: Iterable[ObjectInfo] = ()) -> ObjectInfo:
        """Join several servers: all their class_types and inputs, and all choices and values that one of them takes.
        What they declare as those `before` stays the same object.
        """
        parts, known = tuple(infos), tuple(before)
        if known or len(parts) > 1:
            cls.share((*known, *parts))
        if len(parts) == 1:
            return parts[0]
        made = cls({class_type: raw for part in reversed(parts) for class_type, raw in part.data.items()})
        for class_type in made._declared:
            found = [part._declared[class_type] for part in parts if class_type in part._declared]  # noqa: SLF001
            different = list(dict.fromkeys(found))
            joint = _Declared(class_type, found[0].raw, different)
            made._declared[class_type] = joint if len(different) > 1 else found[0]
        if parts and _have_same_shapes(made._declared, parts[0]._declared):  # noqa: SLF001
            made._joint = parts[0]._joint  # noqa: SLF001
        return made

    @staticmethod
    def share(infos: Iterable[ObjectInfo]) -> None:
        """Let servers share what they declare alike, so that it is kept and read once. The first ones keep theirs."""
        seen: dict[tuple[str, bytes], _Declared] = {}
        first: ObjectInfo | None = None
        for info in infos:
            own = info._declared  # noqa: SLF001
            for class_type, each in own.items():
                if (exactly := each.exactly) is not None:
                    own[class_type] = seen.setdefault((class_type, exactly), each)
            info._data = {class_type: each.raw for class_type, each in own.items()}  # noqa: SLF001
            first = first or info
            if info is not first and _have_same_shapes(own, first._declared):  # noqa: SLF001
                info._joint = first._joint  # noqa: SLF001

    @property
    def data(self) -> Mapping[str, Any]:
        """The answer, unchanged."""
        return self._data

    @cached_property
    def plans(self) -> NodePlans:
        """The nodes as ComfyUI's editor sees them."""
        return NodePlans(self._data)

    def __contains__(self, class_type: object) -> bool:
        return class_type in self._data

    def __len__(self) -> int:
        return len(self._data)

    @cached_property
    def class_types(self) -> frozenset[str]:
        return frozenset(self._data)

    def is_same(self, other: ObjectInfo) -> bool:
        """True if another answer has the same nodes, models and bounds. Input files do not count, because uploads
        change them.
        """
        if self._data.keys() != other._data.keys():
            return False
        changed = (name for name, raw in self._data.items() if raw != other._data[name])
        return all(_without_files(self.node(name)) == _without_files(other.node(name)) for name in changed)

    def declares_as(self, other: ObjectInfo, class_types: Iterable[str]) -> bool:
        """True if these class_types are declared as in another answer, as far as what is alike was shared."""
        return all(self._declared.get(each) is other._declared.get(each) for each in class_types)

    def pack(self, class_type: str) -> str:
        """Return the pack of custom nodes of a class_type; empty for ComfyUI's own nodes, except those that call
        network services.
        """
        module = str(self._data.get(class_type, {}).get("python_module") or "")
        first, _dot, rest = module.partition(".")
        if module in _COMES_ALONG:
            return ""
        return rest.partition(".")[0] if first == "custom_nodes" else first if first == "comfy_api_nodes" else ""

    def digest(self, class_types: frozenset[str]) -> str:
        """Return a text that is another if one of these class_types has other inputs, defaults or outputs. Choices do
        not count: models and files come and go.
        """
        if class_types not in self._joint:
            declared = (self._declared.get(each) for each in sorted(class_types))
            shapes = b"".join(each.shape if each is not None else _NO_SHAPE for each in declared)
            self._joint[class_types] = hashlib.sha256(shapes).hexdigest()
        return self._joint[class_types]

    def node(self, class_type: str) -> NodeInfo | None:
        """Return the inputs and outputs of a class_type; None if the server does not have it."""
        declared = self._declared.get(class_type)
        return declared.node if declared is not None else None

    @cached_property
    def paid(self) -> frozenset[str]:
        """The class_types that cost money, on any of the servers."""
        return frozenset(class_type for class_type, each in self._declared.items() if each.is_paid)

    def is_paid(self, class_type: str) -> bool | None:
        """True if a class_type costs money, on any of the servers; None if no server has it."""
        node = self.node(class_type)
        return node.api_node if node is not None else None

    def input(self, class_type: str, name: str) -> InputInfo | None:
        """Return the values that an input accepts; None if there is no such node or input."""
        node = self.node(class_type)
        return node.inputs.get(name) if node else None


def _shape_digest(raw: Any) -> bytes:
    shape = _SHAPES.encode(_shape(raw))
    return hashlib.sha256(shape.encode("utf-8", "replace")).digest()


def _shape(raw: Any) -> Any:
    """A declaration without its texts and its lists of choices."""
    if type(raw) is dict or isinstance(raw, Mapping):
        return {
            key: value if type(value) in _SIMPLE else _shape([] if key == "options" and _is_plain(value) else value)
            for key, value in raw.items()
            if key not in ("tooltip", "description")
        }
    if isinstance(raw, list):
        return [each if type(each) in _SIMPLE else [] if _is_plain(each) else _shape(each) for each in raw]
    return raw


_SIMPLE = frozenset({str, int, float, bool, type(None)})
_SHAPES = json.JSONEncoder(default=str)
_NO_SHAPE = _shape_digest(None)


def _is_plain(raw: Any) -> bool:
    return isinstance(raw, list) and not any(isinstance(each, list | dict) for each in raw)


def _without_files(node: NodeInfo | None) -> NodeInfo | None:
    if node is None:
        return None
    inputs = {
        name: replace(each, choices=None, default=None) if each.upload else each for name, each in node.inputs.items()
    }
    return replace(node, inputs=inputs)


def _joined(nodes: Sequence[NodeInfo]) -> NodeInfo:
    """Return the first node, with the inputs of all, and all choices and values that one of them takes. It costs money
    if it does on any server.
    """
    inputs: dict[str, InputInfo] = {}
    for node in nodes:
        for name, each in node.inputs.items():
            inputs[name] = _wider(inputs[name], each) if name in inputs else each
    return replace(nodes[0], inputs=inputs, api_node=any(node.api_node for node in nodes))


def _wider(one: InputInfo, other: InputInfo) -> InputInfo:
    if one.type != other.type or one == other:
        return one
    steps = [each for each in (one.step, other.step) if each]
    return replace(
        _either(one, other),
        required=one.required and other.required,
        step=min(steps) if len(steps) == 2 else None,
        multiline=one.multiline or other.multiline,
        choices=one.choices if other.choices is None else _all_choices(one, other) or other.choices,
        upload=one.upload or other.upload,
    )


def _node(class_type: str, data: Mapping[str, Any]) -> NodeInfo:
    inputs: dict[str, InputInfo] = {}
    for each in _inputs(_mapping(data.get("input")), "", needed=True):
        inputs[each.name] = _either(inputs[each.name], each) if each.name in inputs else each
    outputs = tuple(output if isinstance(output, str) else "COMBO" for output in _list(data.get("output")))
    return NodeInfo(
        class_type,
        str(data.get("display_name") or class_type),
        inputs,
        outputs,
        bool(data.get("output_node")),
        bool(data.get("api_node")),
        _badge(data.get("price_badge")),
        tuple(map(bool, _list(data.get("output_is_list")))),
        bool(data.get("is_input_list")),
    )


def _badge(data: Any) -> PriceBadge | None:
    """Read a price badge; None for one that this program cannot work out."""
    badge, asks = _mapping(data), _mapping(_mapping(data).get("depends_on"))
    expression = badge.get("expr")
    if badge.get("engine") != "jsonata" or not isinstance(expression, str):
        return None
    widgets = [(str(each.get("name")), str(each.get("type"))) for each in map(_mapping, _list(asks.get("widgets")))]
    inputs, groups = (tuple(map(str, _list(asks.get(name)))) for name in ("inputs", "input_groups"))
    return PriceBadge(expression, tuple(widgets), inputs, groups)


def _either(one: InputInfo, other: InputInfo) -> InputInfo:
    """Join two options of a dynamic combo with the same input name. The server decides which one applies."""
    return replace(
        one,
        min=None if one.min is None or other.min is None else min(one.min, other.min),
        max=None if one.max is None or other.max is None else max(one.max, other.max),
        choices=_all_choices(one, other),
    )


def _all_choices(one: InputInfo, other: InputInfo) -> tuple[Any, ...] | None:
    if one.choices is None or other.choices is None:
        return None
    there = set(map(repr, one.choices))  # some packs have lists and numbers among their choices
    return (*one.choices, *(choice for choice in other.choices if repr(choice) not in there))


def _inputs(groups: Mapping[str, Any], prefix: str, *, needed: bool) -> Iterator[InputInfo]:
    for group in ("required", "optional"):
        for name, spec in _mapping(groups.get(group)).items():
            yield from _input(prefix + name, spec, needed and group == "required")


def _input(name: str, spec: Any, required: bool) -> Iterator[InputInfo]:
    """Read `[TYPE]`, `[TYPE, options]` or `[[choices…], options]`. A dynamic combo also yields its options' inputs."""
    kind, options = _kind_and_options(spec)
    if kind == _DYNAMIC:
        subs = [option for option in _list(options.get("options")) if isinstance(option, dict)]
        yield _info(name, "COMBO", options, required, tuple(str(option.get("key")) for option in subs))
        for option in subs:
            yield from _inputs(_mapping(option.get("inputs")), f"{name}.", needed=False)
    elif isinstance(kind, list):
        yield _info(name, "COMBO", options, required, tuple(kind))
    elif kind == "COMBO":
        listed = options.get("options")
        yield _info(name, "COMBO", options, required, tuple(listed) if isinstance(listed, list) else None)
    else:
        yield _info(name, str(kind), options, required, None)


def _kind_and_options(spec: Any) -> tuple[Any, Mapping[str, Any]]:
    if not isinstance(spec, list) or not spec:
        return "*", {}
    return spec[0], spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}


def _info(
    name: str, kind: str, options: Mapping[str, Any], required: bool, choices: tuple[Any, ...] | None
) -> InputInfo:
    default = options.get("default", choices[0] if choices else None)
    return InputInfo(
        name,
        kind,
        required,
        default,
        _number(_mapping(options.get("template")).get("min") if kind == _GROWING else options.get("min")),
        _number(options.get("max")),
        _number(options.get("step")),
        options.get("multiline") is True,
        choices,
        _upload(name, options),
        str(options.get("tooltip") or ""),
        bool(options.get("animated_image_upload")),
    )


def _upload(name: str, options: Mapping[str, Any]) -> str | None:
    flags = [key for key, value in options.items() if value and key.endswith("_upload")]
    if not flags:
        return None
    found = next((upload for key, upload in _UPLOADS.items() if key in flags), None)
    if found is None and any(options[key] is True for key in flags):
        return "file"  # packs have flags of their own
    return "3d" if found == "file" and name.rpartition(".")[2] in ("model_file", "mesh") else found


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, or an empty one for anything else, so that one wrong node does not spoil the others."""
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
