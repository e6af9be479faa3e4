"""Workflow: a form, a prompt, and which field goes where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.core.form import Field, FieldKind, Form, Value
from comfy.object_info import InputInfo, Missing, ObjectInfo
from comfy.prompt import Node, Prompt

#: Nodes whose named input is a file that the person brings: known without asking a server.
_LOADERS = {
    ("LoadImage", "image"): FieldKind.IMAGE,
    ("LoadImageMask", "image"): FieldKind.IMAGE,
    ("LoadVideo", "file"): FieldKind.VIDEO,
    ("LoadAudio", "audio"): FieldKind.AUDIO,
}
_KINDS = {
    "INT": FieldKind.INTEGER,
    "FLOAT": FieldKind.NUMBER,
    "STRING": FieldKind.TEXT,
    "BOOLEAN": FieldKind.TOGGLE,
    "COMBO": FieldKind.CHOICE,
}
_SEEDS = frozenset({"seed", "noise_seed"})


@dataclass(frozen=True)
class Target:
    """An input of a node that a field sets."""

    node_id: str
    input: str


@dataclass(frozen=True)
class Declared:
    """A field as the sidecar has it: None where it leaves the answer to the server."""

    name: str
    targets: tuple[Target, ...]
    kind: FieldKind | None = None
    title: str = ""
    help: str = ""
    required: bool | None = None
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None
    max_length: int | None = None
    multiline: bool | None = None
    seed: bool | None = None


@dataclass(frozen=True)
class Workflow:
    """A graph that people can run. `outputs` are the nodes whose outputs are delivered; empty for all."""

    name: str
    title: str
    description: str
    prompt: Prompt
    declared: tuple[Declared, ...] = ()
    outputs: tuple[str, ...] = ()

    def form(self, info: ObjectInfo | None = None) -> Form:
        """What to fill in: by the sidecar, else by what the server accepts, else by what stands in the graph."""
        return Form(tuple(self._field(each, info) for each in self.declared))

    def fill(self, values: Mapping[str, Value], info: ObjectInfo | None = None) -> Prompt:
        """The prompt with these values in their places. A file's value is the name that the server gave it."""
        prompt = self.prompt
        for field in self.declared:
            if field.name in values:
                for target in field.targets:
                    value = self._typed(values[field.name], target, info)
                    prompt = prompt.with_input(target.node_id, target.input, value)
        return prompt

    def missing(self, info: ObjectInfo) -> Missing:
        """What a server lacks to run this. A model that people choose is lacking only where there is none to choose."""
        chosen = {target for field in self.declared for target in field.targets}
        missing = info.missing(self.prompt)
        needed = (
            choice
            for choice in missing.choices
            if Target(choice.node_id, choice.input_name) not in chosen or not choice.choices
        )
        return Missing(missing.nodes, tuple(needed))

    def node(self, target: Target) -> Node:
        return self.prompt[target.node_id]

    def _field(self, declared: Declared, info: ObjectInfo | None) -> Field:
        target = declared.targets[0]
        literal = self.node(target).inputs.get(target.input)
        accepted = [self._accepted(each, info) for each in declared.targets]
        known = [each for each in accepted if each is not None]
        kind = declared.kind or self._kind(target, known, literal)
        seed = declared.seed if declared.seed is not None else target.input in _SEEDS and kind is FieldKind.INTEGER
        field = Field(
            declared.name,
            kind,
            declared.title or declared.name.replace("_", " ").replace("-", " ").capitalize(),
            declared.help or next((each.tooltip for each in known), ""),
            required=_or(declared.required, kind in (FieldKind.IMAGE, FieldKind.VIDEO, FieldKind.AUDIO)),
            minimum=_bound(declared.minimum, (each.min for each in known), max),
            maximum=_bound(declared.maximum, (each.max for each in known), min),
            step=_or(declared.step, next((each.step for each in known), None)),
            choices=self._choices(declared, known) if kind is FieldKind.CHOICE else None,
            max_length=declared.max_length,
            multiline=_or(declared.multiline, any(each.multiline for each in known)),
            seed=seed,
        )
        return replace(field, default=_default(declared, field, literal), **_seed_bounds(field))

    def _kind(self, target: Target, known: list[InputInfo], literal: Any) -> FieldKind:
        if known:
            accepted = known[0]
            return FieldKind(accepted.upload) if accepted.upload else _KINDS.get(accepted.type, _kind_of(literal))
        return _LOADERS.get((self.node(target).class_type, target.input)) or _kind_of(literal)

    def _accepted(self, target: Target, info: ObjectInfo | None) -> InputInfo | None:
        return info.input(self.node(target).class_type, target.input) if info else None

    def _choices(self, declared: Declared, known: list[InputInfo]) -> tuple[str, ...] | None:
        if declared.choices is not None:
            return declared.choices
        return next((tuple(map(str, each.choices)) for each in known if each.choices is not None), None)

    def _typed(self, value: Value, target: Target, info: ObjectInfo | None) -> Any:
        """Choices travel as text; where the server's own are numbers, they become numbers again."""
        accepted = self._accepted(target, info)
        literal = self.node(target).inputs.get(target.input)
        if accepted is not None and accepted.choices is not None:
            return next((choice for choice in accepted.choices if str(choice) == str(value)), value)
        if isinstance(value, str) and isinstance(literal, int | float) and not isinstance(literal, bool):
            return type(literal)(value)
        return value


def _kind_of(literal: Any) -> FieldKind:
    match literal:
        case bool():
            return FieldKind.TOGGLE
        case int():
            return FieldKind.INTEGER
        case float():
            return FieldKind.NUMBER
        case _:
            return FieldKind.TEXT


def _default(declared: Declared, field: Field, literal: Any) -> Value | None:
    """The sidecar's, else what stands in the graph; for a choice that the server does not have, its first one."""
    if field.is_media or field.seed:
        return declared.default
    value = declared.default if declared.default is not None else literal
    if not isinstance(value, str | int | float | bool) or field.required:
        return declared.default
    if field.kind is FieldKind.CHOICE:
        text = str(value)
        return text if field.choices is None or text in field.choices else next(iter(field.choices), None)
    return value


def _seed_bounds(field: Field) -> dict[str, Any]:
    if not field.seed:
        return {}
    return {"minimum": _or(field.minimum, 0), "maximum": _or(field.maximum, 2**63 - 1)}


def _bound(own: float | None, servers: Iterable[float | None], tightest: Any) -> float | None:
    if own is not None:
        return own
    known = [bound for bound in servers if bound is not None]
    return tightest(known) if known else None


def _or(own: Any, other: Any) -> Any:
    return other if own is None else own
