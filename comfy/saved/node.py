"""A node as the editor builds it: slots and widgets from the server's definition, with the file laid over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from comfy.saved.definitions import ABSENT, AUTOGROW, DYNAMIC, InputSpec, NodeSpec
from comfy.saved.document import Port, SavedInput, SavedLink, SavedNode

_CONTROL = "control_after_generate"
_UPLOADS = {"image_upload": "image", "video_upload": "image", "animated_image_upload": "image", "audio_upload": ""}
_BUTTONS_3D = {"upload 3d model": "upload3dmodel", "upload extra resources": "uploadExtraResources", "clear": "clear"}
_WITH_PICTURE = ("SaveGLB", "Preview3D")
_SAMPLERS = ("KSampler", "KSamplerAdvanced")


class Rank(IntEnum):
    """The order of a node's slots: those without a widget come first, and what only the file knows comes last."""

    SOCKET = 0
    WIDGET = 1
    EXTRA = 2


@dataclass(eq=False)
class Slot:
    """An input of a node, with the link that leads to it."""

    name: str
    type: str
    rank: Rank
    link: str | None = None
    spec: InputSpec | None = None
    port: Port | None = None  # of the subgraph that the node is an instance of


@dataclass(eq=False)
class Widget:
    """A value of a node. `has_place` says that it takes a place among the saved values, and `is_sent` that the prompt
    has it.
    """

    name: str
    value: Any
    spec: InputSpec | None = None
    has_place: bool = True
    is_sent: bool = True
    is_part: bool = False  # of a dynamic combo


@dataclass(eq=False)
class BuiltNode:
    """A node that is built. An instance of a subgraph has its `definition`, and values for ports that take one."""

    saved: SavedNode
    spec: NodeSpec | None = None
    definition: BuiltGraph | None = None
    slots: list[Slot] = field(default_factory=list)
    widgets: list[Widget] = field(default_factory=list)
    values: dict[Port, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.saved.id

    @property
    def type(self) -> str:
        return self.saved.type

    @property
    def mode(self) -> int:
        return self.saved.mode

    @property
    def ordered_slots(self) -> Sequence[Slot]:
        return sorted(self.slots, key=lambda slot: slot.rank)

    def slot(self, name: str) -> Slot | None:
        return next((each for each in self.slots if each.name == name), None)

    def widget(self, name: str) -> Widget | None:
        return next((each for each in self.widgets if each.name == name), None)

    def slot_of_link(self, link: str) -> Slot | None:
        return next((each for each in self.slots if each.link == link), None)

    def slot_of_port(self, port: Port) -> Slot:
        """The input of an instance; one that the file does not list is made."""
        for slot in self.slots:
            if slot.port is port:
                return slot
        made = Slot(port.name, port.type, Rank.SOCKET, port=port)
        self.slots.append(made)
        return made

    def output_type(self, index: int) -> str:
        outputs: Sequence[str] = self.saved.outputs
        if self.definition is not None:
            outputs = [port.type for port in self.definition.outputs]
        elif self.spec is not None and index < len(self.spec.outputs):
            outputs = self.spec.outputs
        return outputs[index] if 0 <= index < len(outputs) else "*"


@dataclass(eq=False)
class BuiltGraph:
    """A graph that is built."""

    nodes: dict[str, BuiltNode]
    links: dict[str, SavedLink]
    inputs: list[Port]
    outputs: list[Port]


def build(saved: SavedNode, spec: NodeSpec | None) -> BuiltNode:
    """Build a node that is no instance of a subgraph; a type that the server lacks has only what the file says."""
    node = BuiltNode(saved, spec)
    if spec is not None:
        for each in spec.inputs:
            slots, widgets = _parts(each, spec, {})
            node.slots += slots
            node.widgets += widgets
        node.widgets += _added(spec)
    for given in saved.inputs:
        _lay_over(node, given)
    if spec is not None:
        _pour(node, _without_forced(spec, node, saved.values))
        _drop_orphans(node)
        if node.type in _SAMPLERS:
            _without_prefix(node)
        if node.type == "CustomCombo":
            _set_index(node)
    return node


def set_value(node: BuiltNode, widget: Widget, value: Any) -> None:
    """Set a widget as if its node were read from a file; a dynamic combo gets the inputs of its option."""
    widget.value = value
    if widget.spec is not None and widget.spec.kind == DYNAMIC:
        _expand(node, widget, widget.spec)
    elif node.type == "CustomCombo" and value and widget is node.widgets[-1] and widget.name.startswith("option"):
        node.widgets.append(_option(int(widget.name.removeprefix("option")) + 1))


def fill_in(node: BuiltNode) -> None:
    """Give a value to each widget that has null and cannot."""
    for widget in node.widgets:
        if widget.value is not None or widget.spec is None:
            continue
        if widget.spec.kind == "COMBO" and widget.spec.choices:
            widget.value = widget.spec.choices[0]
        elif widget.spec.kind == "STRING" and widget.spec.options.get("multiline"):
            widget.value = ""


def _parts(spec: InputSpec, node: NodeSpec, links: Mapping[str, str | None]) -> tuple[list[Slot], list[Widget]]:
    """The slots and widgets that an input starts with. `links` are those of the inputs that it replaces, by name."""
    if spec.kind == AUTOGROW:
        return [Slot(name, kind, Rank.SOCKET, links.get(name)) for name, kind in _grown(spec, links)], []
    if not spec.is_widget:
        return [Slot(spec.name, spec.type, Rank.SOCKET, links.get(spec.name), spec)], []
    rank = Rank.SOCKET if spec.kind == DYNAMIC else Rank.WIDGET
    slots = [] if spec.is_socketless else [Slot(spec.name, spec.type, rank, links.get(spec.name), spec)]
    widgets = list(_widgets(spec, node))
    if spec.kind == DYNAMIC:
        more_slots, more_widgets = _branch(spec, widgets[0].value, node, links)
        slots += more_slots
        widgets += more_widgets
    return slots, widgets


def _branch(
    spec: InputSpec, key: Any, node: NodeSpec, links: Mapping[str, str | None]
) -> tuple[list[Slot], list[Widget]]:
    """The slots and widgets that an option of a dynamic combo brings along; they stand with the combo."""
    slots: list[Slot] = []
    widgets: list[Widget] = []
    for part in spec.branch(key):
        more_slots, more_widgets = _parts(part, node, links)
        slots += more_slots
        widgets += more_widgets
    for slot in slots:
        slot.rank = Rank.SOCKET
    for widget in widgets:
        widget.is_part = True
    return slots, widgets


def _grown(spec: InputSpec, links: Mapping[str, str | None]) -> Iterable[tuple[str, str]]:
    """The inputs that one has grown into: a few at first, and more as long as each one is linked."""
    for number, step in enumerate(spec.steps):
        if number >= spec.at_first and not all(links.get(name) is not None for name, _kind in step):
            return
        yield from step


def _widgets(spec: InputSpec, node: NodeSpec) -> Iterable[Widget]:
    if spec.kind == "LOAD_3D":
        if node.input("model_file") is not None and node.class_type == "Load3D":
            yield from (Widget(name, value) for name, value in _BUTTONS_3D.items())
        yield Widget(spec.name, "", spec)
        return
    if spec.kind == "IMAGECOMPARE":
        yield Widget(spec.name, ["", ""], spec, has_place=False)
        return
    yield Widget(spec.name, spec.default, spec)
    if spec.has_control:
        control = spec.options.get(_CONTROL)
        name = control if isinstance(control, str) else _CONTROL
        yield Widget(name, "randomize", is_sent=False)
        if spec.kind == "COMBO":
            yield Widget("control_filter_list", "", is_sent=False)
    if spec.kind == "BOUNDING_BOX":
        yield from (Widget(side, None, is_sent=False) for side in ("x", "y", "width", "height"))
    if node.class_type == "CustomCombo" and spec.name == "choice":
        yield Widget("index", 0)
        yield _option(1)


def _option(number: int) -> Widget:
    return Widget(f"option{number}", "")


def _added(spec: NodeSpec) -> Iterable[Widget]:
    """The widgets that only the editor knows of."""
    for each in spec.inputs:
        for upload, value in _UPLOADS.items():
            if each.options.get(upload) and each.kind == "COMBO":
                yield Widget("upload", value, is_sent=False)
    if spec.class_type in _WITH_PICTURE:
        yield Widget("image", "")


def _lay_over(node: BuiltNode, saved: SavedInput) -> None:
    slot = node.slot(saved.name)
    if slot is not None:
        slot.link = saved.link
    else:
        widget = saved.is_widget and node.spec is not None
        node.slots.append(Slot(saved.name, saved.type, Rank.WIDGET if widget else Rank.EXTRA, saved.link))


def _without_forced(spec: NodeSpec, node: BuiltNode, values: Sequence[Any] | Mapping[str, Any]) -> Any:
    """Leave out the values of inputs that were widgets when the file was written, if their number shows that."""
    if isinstance(values, Mapping):
        return values
    names = {widget.name for widget in node.widgets}
    forced: list[bool] = []
    for each in spec.inputs:
        if each.name in names or each.is_forced:
            forced.append(each.is_forced)
            if each.options.get(_CONTROL):
                forced.append(False)
    if len(forced) != len(values):
        return values
    return [value for value, is_forced in zip(values, forced, strict=True) if not is_forced]


def _pour(node: BuiltNode, values: Sequence[Any] | Mapping[str, Any]) -> None:
    place = number = 0
    while number < len(node.widgets):
        widget = node.widgets[number]
        number += 1
        if isinstance(values, Mapping):
            if widget.name in values:
                set_value(node, widget, values[widget.name])
        elif widget.has_place and place < len(values):
            place += 1
            set_value(node, widget, values[place - 1])


def _expand(node: BuiltNode, widget: Widget, spec: InputSpec) -> None:
    prefix = f"{widget.name}."
    links = {slot.name: slot.link for slot in node.slots if slot.name.startswith(prefix)}
    node.slots = [slot for slot in node.slots if not slot.name.startswith(prefix)]
    node.widgets = [each for each in node.widgets if not each.name.startswith(prefix)]
    slots, widgets = _branch(spec, widget.value, node.spec or NodeSpec("", "", (), (), ()), links)
    behind = node.widgets.index(widget) + 1
    node.widgets[behind:behind] = widgets
    own = node.slot(widget.name)
    behind = node.slots.index(own) + 1 if own is not None else len(node.slots)
    node.slots[behind:behind] = slots


def _drop_orphans(node: BuiltNode) -> None:
    """An input that was a widget's, and has none by this definition, is gone."""
    names = {widget.name for widget in node.widgets}
    node.slots = [
        slot for slot in node.slots if slot.rank is not Rank.WIDGET or slot.spec is not None or slot.name in names
    ]


def _without_prefix(node: BuiltNode) -> None:
    widget = node.widget("sampler_name")
    if widget is not None and isinstance(widget.value, str):
        widget.value = widget.value.removeprefix("sample_")


def _set_index(node: BuiltNode) -> None:
    choice, index = node.widget("choice"), node.widget("index")
    options = [widget.value for widget in node.widgets if widget.name.startswith("option")]
    if choice is not None and index is not None:
        index.value = options.index(choice.value) if choice.value in options else -1


def is_absent(value: Any) -> bool:
    """True for a widget that has nothing to send."""
    return value is ABSENT
