"""The inputs of a class_type as the editor sees them: which are widgets, and what each starts with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from comfy.saved.document import mapping, sequence

DYNAMIC, AUTOGROW, MATCH = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3", "COMFY_MATCHTYPE_V3"
_WIDGETS = frozenset(
    {
        *("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO", "MARKDOWN", "TEXTAREA", "COLOR", "COLORS", "CURVE", "RANGE"),
        *("BOUNDING_BOX", "BOUNDING_BOXES", "IMAGECOMPARE", "PAINTER", "COMPOSITOR", "VIDEO_EDIT", "CHART"),
        *("GALLERIA", "WEBCAM", "AUDIO_RECORD", "LOAD_3D", DYNAMIC),
    }
)
#: What a widget holds that has no value; its key is not sent.
ABSENT: Any = object()
_MOST_STEPS = 1000  # of an input that grows: ComfyUI itself allows 100
_EMPTY: Mapping[str, Any] = {
    "INT": 0,
    "FLOAT": 0,
    "BOOLEAN": False,
    "STRING": "",
    "MARKDOWN": "",
    "TEXTAREA": "",
    "COLOR": "#000000",
    "COLORS": [],
    "BOUNDING_BOXES": [],
    "BOUNDING_BOX": {"x": 0, "y": 0, "width": 512, "height": 512},
    "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
    "RANGE": {"min": 0, "max": 1},
    "WEBCAM": "",
    "AUDIO_RECORD": "",
    "PAINTER": "",
}


@dataclass(frozen=True)
class InputSpec:
    """An input as a server defines it. `kind` is the type that decides what it is, and `type` the type of its slot."""

    name: str
    type: str
    kind: str
    options: Mapping[str, Any]
    choices: Sequence[Any] = ()

    @property
    def is_forced(self) -> bool:
        return bool(self.options.get("forceInput"))

    @property
    def is_widget(self) -> bool:
        return self.kind in _WIDGETS and not self.is_forced

    @property
    def is_socketless(self) -> bool:
        return bool(self.options.get("socketless"))

    @property
    def has_control(self) -> bool:
        """True if a widget follows that changes the value after each run."""
        control = self.options.get("control_after_generate")
        if self.kind == "INT" and control is None:
            return self.name in ("seed", "noise_seed")
        return bool(control) and self.kind in ("INT", "FLOAT", "COMBO")

    @property
    def default(self) -> Any:
        """Return what the editor fills in; `ABSENT` where it has nothing to choose from."""
        default = self.options.get("default")
        if self.kind == "COMBO":
            if self.options.get("remote"):
                return "Loading..."
            return default or (self.choices[0] if self.choices else ABSENT)
        if self.kind == DYNAMIC:
            return _key(self.branches[0]) if self.branches else ABSENT
        return default if default is not None else _EMPTY.get(self.kind, ABSENT)

    @property
    def branches(self) -> Sequence[Mapping[str, Any]]:
        """The options of a dynamic combo."""
        options = self.options.get("options")
        return [each for each in options if isinstance(each, dict)] if isinstance(options, list) else []

    def branch(self, key: Any) -> Sequence[InputSpec]:
        """The inputs that an option of a dynamic combo brings along."""
        return next((inputs for own, inputs in self._read_branches if own == key), ())

    @cached_property
    def _read_branches(self) -> Sequence[tuple[Any, Sequence[InputSpec]]]:
        return [
            (_key(option), [each.below(self.name) for each in _groups(mapping(option.get("inputs")), {})])
            for option in self.branches
        ]

    def below(self, parent: str) -> InputSpec:
        return InputSpec(f"{parent}.{self.name}", self.type, self.kind, self.options, self.choices)

    @property
    def grown(self) -> Sequence[tuple[str, str]]:
        """The names and types of all inputs that an input may grow into, in order; those of one step together."""
        return [each for step in self.steps for each in step]

    @cached_property
    def steps(self) -> Sequence[Sequence[tuple[str, str]]]:
        template = mapping(self.options.get("template"))
        inputs = list(_groups(mapping(template.get("input")), {}))
        names = template.get("names")
        if isinstance(names, list):
            return [[(f"{self.name}.{name}", each.type) for each in inputs[:1]] for name in names]
        most = template.get("max", 100)
        count = min(most, _MOST_STEPS) if isinstance(most, int) else 100
        if len(inputs) == 1:
            prefix = template.get("prefix", "")
            return [[(f"{self.name}.{prefix}{number}", inputs[0].type)] for number in range(count)]
        return [[(f"{self.name}.{each.name}{number}", each.type) for each in inputs] for number in range(count)]

    @property
    def at_first(self) -> int:
        """Return the number of steps that an input that grows has at first."""
        least = mapping(self.options.get("template")).get("min", 1)
        return (least if isinstance(least, int) else 1) + 1


@dataclass(frozen=True)
class NodeSpec:
    """A class_type: its inputs in the editor's order, and its outputs."""

    class_type: str
    display_name: str
    inputs: Sequence[InputSpec]
    outputs: Sequence[str]
    match_outputs: Sequence[str | None]

    def input(self, name: str) -> InputSpec | None:
        return next((each for each in self.inputs if each.name == name), None)


def read_spec(class_type: str, raw: Mapping[str, Any]) -> NodeSpec:
    """Read an entry of `/object_info`."""
    outputs = [each if isinstance(each, str) else "COMBO" for each in sequence(raw.get("output"))]
    matches = raw.get("output_matchtypes")
    return NodeSpec(
        class_type,
        str(raw.get("display_name") or class_type),
        list(_groups(mapping(raw.get("input")), mapping(raw.get("input_order")))),
        outputs,
        [each if isinstance(each, str) else None for each in matches] if isinstance(matches, list) else [],
    )


def _groups(inputs: Mapping[str, Any], order: Mapping[str, Any]) -> Iterator[InputSpec]:
    for group in ("required", "optional"):
        specs, names = mapping(inputs.get(group)), order.get(group)
        ordered = [name for name in sequence(names) if isinstance(name, str) and name in specs]
        for name in (*ordered, *(name for name in specs if name not in ordered)):
            yield _input(name, specs[name])


def _input(name: str, raw: Any) -> InputSpec:
    """Read the definition of an input: its type, or a list of choices, and options."""
    kind, options = (raw[0], mapping(raw[1]) if len(raw) > 1 else {}) if isinstance(raw, list) and raw else (raw, {})
    listed = options.get("options")
    if isinstance(kind, list):
        return InputSpec(name, "COMBO", "COMBO", options, kind)
    if not isinstance(kind, str):
        return InputSpec(name, "*", "*", options)
    choices = listed if kind == "COMBO" and isinstance(listed, list) else ()
    if kind == MATCH:
        kind_of_slot = mapping(options.get("template")).get("allowed_types")
        return InputSpec(name, kind_of_slot if isinstance(kind_of_slot, str) else "*", MATCH, options)
    widget_type = options.get("widgetType")
    return InputSpec(name, kind, widget_type if isinstance(widget_type, str) else kind, options, choices)


def _key(option: Mapping[str, Any]) -> Any:
    return option.get("key")
