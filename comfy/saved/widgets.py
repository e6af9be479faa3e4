"""Slots and widgets: what each input of a class_type is made of when the editor builds a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any

from comfy.saved.definitions import AUTOGROW, DYNAMIC, InputSpec, NodeSpec, read_spec
from comfy.saved.document import Port

CONTROL = "control_after_generate"
#: What a control says of a number that the editor changes after each run.
CHANGING = frozenset({"randomize", "increment", "decrement", "increment-wrap"})
_UPLOADS = {"image_upload": "image", "video_upload": "image", "animated_image_upload": "image", "audio_upload": ""}
_BUTTONS_3D = {"upload 3d model": "upload3dmodel", "upload extra resources": "uploadExtraResources", "clear": "clear"}
_WITH_PICTURE = ("SaveGLB", "Preview3D")


class Rank(IntEnum):
    """The order of a node's slots: those without a widget come first, and what only the file knows comes last."""

    SOCKET = 0
    WIDGET = 1
    EXTRA = 2


@dataclass(eq=False, slots=True)
class Slot:
    """An input of a node, with the link that leads to it."""

    name: str
    type: str
    rank: Rank
    link: str | None = None
    spec: InputSpec | None = None
    port: Port | None = None  # of the subgraph that the node is an instance of


@dataclass(eq=False, slots=True)
class Widget:
    """A value of a node. `has_place` says that it takes a place among the saved values, and `is_sent` that the prompt
    has it. `control` is what a primitive says instead of the control beside it.
    """

    name: str
    value: Any
    spec: InputSpec | None = None
    has_place: bool = True
    is_sent: bool = True
    is_part: bool = False  # of a dynamic combo
    control: str = ""


class NodePlan:
    """A class_type, and the slots and widgets that its nodes start with."""

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self._slots: list[Slot] = []
        self._widgets: list[Widget] = []
        for each in spec.inputs:
            slots, widgets = parts(each, spec, {})
            self._slots += slots
            self._widgets += widgets
        self._widgets += added(spec)
        forced = list(self._find_forced())
        self._forced = forced if any(forced) else []

    def slots(self) -> list[Slot]:
        return [Slot(each.name, each.type, each.rank, None, each.spec) for each in self._slots]

    def widgets(self) -> list[Widget]:
        return [
            Widget(each.name, each.value, each.spec, each.has_place, each.is_sent, each.is_part)
            for each in self._widgets
        ]

    def without_forced(self, values: Sequence[Any]) -> Sequence[Any]:
        """Leave out the values of inputs that were widgets when the file was written, if their number shows that."""
        if not self._forced or len(self._forced) != len(values):
            return values
        return [value for value, is_forced in zip(values, self._forced, strict=True) if not is_forced]

    def _find_forced(self) -> Iterator[bool]:
        names = {widget.name for widget in self._widgets}
        for each in self.spec.inputs:
            if each.name in names or each.is_forced:
                yield each.is_forced
                if each.options.get(CONTROL):
                    yield False


class NodePlans:
    """The class_types of a server, from the answer of `/object_info`. Each is read when it is first used."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data  #: the answer
        self._read: dict[str, NodePlan] = {}

    @staticmethod
    def of(definitions: Mapping[str, Any] | NodePlans) -> NodePlans:
        """Return those of an answer, or those that were read already."""
        return definitions if isinstance(definitions, NodePlans) else NodePlans(definitions)

    def get(self, class_type: str) -> NodePlan | None:
        """Return a class_type; None if the server does not have it."""
        found = self._read.get(class_type)
        if found is None and isinstance(raw := self.data.get(class_type), Mapping):
            found = self._read[class_type] = NodePlan(read_spec(class_type, raw))
        return found


def parts(spec: InputSpec, node: NodeSpec, links: Mapping[str, str | None]) -> tuple[list[Slot], list[Widget]]:
    """The slots and widgets that an input starts with. `links` are those of the inputs that it replaces, by name."""
    if spec.kind == AUTOGROW:
        return [Slot(name, kind, Rank.SOCKET, links.get(name)) for name, kind in _grown(spec, links)], []
    if not spec.is_widget:
        return [Slot(spec.name, spec.type, Rank.SOCKET, links.get(spec.name), spec)], []
    rank = Rank.SOCKET if spec.kind == DYNAMIC else Rank.WIDGET
    slots = [] if spec.is_socketless else [Slot(spec.name, spec.type, rank, links.get(spec.name), spec)]
    widgets = list(_widgets(spec, node))
    if spec.kind == DYNAMIC:
        more_slots, more_widgets = branch_parts(spec, widgets[0].value, node, links)
        slots += more_slots
        widgets += more_widgets
    return slots, widgets


def branch_parts(
    spec: InputSpec, key: Any, node: NodeSpec, links: Mapping[str, str | None]
) -> tuple[list[Slot], list[Widget]]:
    """The slots and widgets that an option of a dynamic combo brings along; they stand with the combo."""
    slots: list[Slot] = []
    widgets: list[Widget] = []
    for part in spec.branch(key):
        more_slots, more_widgets = parts(part, node, links)
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
        control = spec.options.get(CONTROL)
        name = control if isinstance(control, str) else CONTROL
        yield Widget(name, name if name in CHANGING or name == "fixed" else "randomize", is_sent=False)
        if spec.kind == "COMBO":
            yield Widget("control_filter_list", "", is_sent=False)
    if spec.kind == "BOUNDING_BOX":
        yield from (Widget(side, None, is_sent=False) for side in ("x", "y", "width", "height"))
    if node.class_type == "CustomCombo" and spec.name == "choice":
        yield Widget("index", 0)
        yield option(1)


def changing_numbers(widgets: Sequence[Widget]) -> Iterable[Widget]:
    """The whole numbers that the editor changes after each run, as the control behind each says, or its primitive."""
    for widget, control in pairwise(widgets):
        if widget.spec is not None and widget.spec.kind == "INT" and widget.spec.has_control:
            said = widget.control or control.value
            if isinstance(said, str) and said in CHANGING:
                yield widget


def option(number: int) -> Widget:
    return Widget(f"option{number}", "")


def added(spec: NodeSpec) -> Iterable[Widget]:
    """The widgets that only the editor knows of."""
    for each in spec.inputs:
        for upload, value in _UPLOADS.items():
            if each.options.get(upload) and each.kind == "COMBO":
                yield Widget("upload", value, is_sent=False)
    if spec.class_type in _WITH_PICTURE:
        yield Widget("image", "")
