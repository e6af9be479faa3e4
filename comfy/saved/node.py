"""A node as the editor builds it: slots and widgets from the server's definition, with the file laid over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy.saved.definitions import DYNAMIC, InputSpec, NodeSpec
from comfy.saved.document import BYPASSED, NEVER, VIRTUAL, Port, SavedInput, SavedLink, SavedNode
from comfy.saved.widgets import NodePlan, Rank, Slot, Widget, branch_parts, option

_SAMPLERS = ("KSampler", "KSamplerAdvanced")
_GROWING = "CustomCombo"  # it gets another widget when its last one has a value


@dataclass(eq=False, slots=True)
class BuiltNode:
    """A node that is built. An instance of a subgraph has its `definition`, and values for ports that take one, with
    the places at which the file has them. A node that `runs` is sent as it is.
    """

    saved: SavedNode
    spec: NodeSpec | None = None
    definition: BuiltGraph | None = None
    slots: list[Slot] = field(default_factory=list)
    widgets: list[Widget] = field(default_factory=list)
    values: dict[Port, Any] = field(default_factory=dict)
    places: dict[Port, int] = field(default_factory=dict)  # of values among the saved ones
    id: str = field(init=False)
    type: str = field(init=False)
    mode: int = field(init=False)
    runs: bool = field(init=False)

    def __post_init__(self) -> None:
        saved = self.saved
        self.id, self.type, self.mode = saved.id, saved.type, saved.mode
        self.runs = self.definition is None and saved.type not in VIRTUAL and saved.mode not in (NEVER, BYPASSED)

    @property
    def ordered_slots(self) -> Sequence[Slot]:
        return sorted(self.slots, key=lambda slot: slot.rank)

    def slot(self, name: str) -> Slot | None:
        for each in self.slots:
            if each.name == name:
                return each
        return None

    def widget(self, name: str) -> Widget | None:
        for each in self.widgets:
            if each.name == name:
                return each
        return None

    def slot_of_link(self, link: str) -> Slot | None:
        for each in self.slots:
            if each.link == link:
                return each
        return None

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


def build(saved: SavedNode, plan: NodePlan | None) -> BuiltNode:
    """Build a node that is no instance of a subgraph; a type that the server lacks has only what the file says."""
    if plan is None:
        node = BuiltNode(saved)
        for given in saved.inputs:
            _lay_over(node, given)
        return node
    node = BuiltNode(saved, plan.spec, None, plan.slots(), plan.widgets())
    has_orphans = False
    for given in saved.inputs:
        has_orphans |= _lay_over(node, given)
    values = saved.values
    _pour(node, values if isinstance(values, dict) else plan.without_forced(values))
    if has_orphans:
        _drop_orphans(node)
    if node.type in _SAMPLERS:
        _without_prefix(node)
    if node.type == _GROWING:
        _set_index(node)
    return node


def set_value(node: BuiltNode, widget: Widget, value: Any) -> None:
    """Set a widget as if its node were read from a file; a dynamic combo gets the inputs of its option."""
    widget.value, spec = value, widget.spec
    if spec is not None and spec.kind == DYNAMIC:
        _expand(node, widget, spec)
    elif node.type == _GROWING and value and widget is node.widgets[-1] and widget.name.startswith("option"):
        node.widgets.append(option(int(widget.name.removeprefix("option")) + 1))


def fill_in(node: BuiltNode) -> None:
    """Give a value to each widget that has null and cannot."""
    for widget in node.widgets:
        if widget.value is not None or widget.spec is None:
            continue
        if widget.spec.kind == "COMBO" and widget.spec.choices:
            widget.value = widget.spec.choices[0]
        elif widget.spec.kind == "STRING" and widget.spec.options.get("multiline"):
            widget.value = ""


def _lay_over(node: BuiltNode, saved: SavedInput) -> bool:
    """Lay an input of the file over a slot; True if there is none for one that was a widget's."""
    name = saved.name
    for slot in node.slots:
        if slot.name == name:
            slot.link = saved.link
            return False
    widget = saved.is_widget and node.spec is not None
    node.slots.append(Slot(name, saved.type, Rank.WIDGET if widget else Rank.EXTRA, saved.link))
    return widget


def _pour(node: BuiltNode, values: Sequence[Any] | dict[str, Any]) -> None:
    place = number = 0
    is_plain = node.type != _GROWING
    while number < len(node.widgets):  # they may become more meanwhile
        widget = node.widgets[number]
        number += 1
        if isinstance(values, dict):
            if widget.name in values:
                set_value(node, widget, values[widget.name])
        elif place == len(values):
            return
        elif widget.has_place:
            value = values[place]
            place += 1
            if is_plain and (widget.spec is None or widget.spec.kind != DYNAMIC):
                widget.value = value  # as `set_value` does
            else:
                set_value(node, widget, value)


def _expand(node: BuiltNode, widget: Widget, spec: InputSpec) -> None:
    prefix = f"{widget.name}."
    links = {slot.name: slot.link for slot in node.slots if slot.name.startswith(prefix)}
    node.slots = [slot for slot in node.slots if not slot.name.startswith(prefix)]
    node.widgets = [each for each in node.widgets if not each.name.startswith(prefix)]
    slots, widgets = branch_parts(spec, widget.value, node.spec or NodeSpec("", "", (), (), ()), links)
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
