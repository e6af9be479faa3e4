"""A workflow: its form, its prompt, and the inputs that each field sets."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from bot.core.errors import BadValue
from bot.core.workflows.field_kinds import fed_with, has_used_mask, kind_of_input
from bot.core.workflows.form import MEDIA, NUMERIC, Field, FieldKind, Form, Value
from bot.core.workflows.languages import Translations, in_language
from bot.core.workflows.optional_files import NeededInput, without_nodes
from bot.core.workflows.placeholders import with_values_in_place
from bot.core.workflows.recipes.recipe import Step
from bot.core.workflows.source import Layer, SavedSource
from comfy.models.loras import read_loras, with_loras
from comfy.object_info import InputInfo, ObjectInfo
from comfy.prompt import Node, Prompt
from comfy.saved.files import with_defaults
from comfy.scheduling.schedule import is_model
from comfy.verdict import PromptVerdict, judge

#: Nodes that load every frame of an animated picture.
_FRAME_LOADERS = frozenset({"LoadImage", "LoadImageMask", "LoadImageOutput"})
#: The value of a run that has its LoRAs, as they are written in words; no field can have this name.
LORAS = "<lora>"
_SEEDS = frozenset({"seed", "noise_seed"})


@dataclass(frozen=True)
class Target:
    """A node's input that a field sets."""

    node_id: str
    input: str

    def __str__(self) -> str:
        return f"{self.node_id}.{self.input}"


@dataclass(frozen=True)
class Declared:
    """A field as declared in the sidecar; None where the server decides. A choice that sets several inputs has its
    choices in `sets`, each with a value for each target.
    """

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
    more: bool = False
    sets: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    translations: Translations = ()

    def assigned(self, value: Value) -> Iterator[tuple[Target, Value]]:
        """Return the inputs that a value sets, with the value of each."""
        values = dict(self.sets).get(str(value), ()) if self.sets else [value] * len(self.targets)
        return zip(self.targets, values, strict=False)


@dataclass(frozen=True)
class Workflow:
    """A graph that people can run. The results of the nodes in `outputs` are delivered; empty means all.

    With `spoiler`, chats show results behind a spoiler; `nsfw` says that they are for adults. `group` is its heading in
    menus. Records and rules refer to the `id` (default: the name), and people type the `name`. `version` is a digest of
    its files, and `path` where they lie in the folder of their `layer`, without an ending. While it is on `trial`, only
    operators may see and run it.

    People do not fill in the seeds that are `drawn`: ComfyUI's editor would change them after each run. `next` names
    those that its author would use a result in, the best first. A recipe has `steps`: its graph is theirs together, and
    is never sent.

    A run of it is stopped after `time_limit` seconds at a server, or `stall_limit` seconds without progress; None
    stands for the operator's limits.

    The `prompt` is made with what is known of all servers; that of a workflow with a `source` is made again for each.
    """

    name: str
    title: str
    description: str
    prompt: Prompt
    declared: Sequence[Declared] = ()
    outputs: tuple[str, ...] = ()
    spoiler: bool = False
    nsfw: bool = False
    group: str = ""
    translations: Translations = ()
    source: SavedSource | None = None
    id: str = ""
    version: str = ""
    path: str = ""
    layer: Layer = Layer.FOLDER
    trial: bool = False
    drawn: Sequence[Declared] = ()
    next: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    time_limit: float | None = None
    stall_limit: float | None = None

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", self.name)

    @property
    def label(self) -> str:
        """The title for menus, after the group if there is one."""
        return f"{self.group} · {self.title}" if self.group else self.title

    def in_language(self, language: str) -> Workflow:
        """Return the workflow with its texts in a language, as far as its author has translated them."""
        if not self.translations:
            return self
        title, description = (in_language(self.translations, key, language) for key in ("title", "description"))
        return replace(self, title=title or self.title, description=description or self.description)

    def form(self, info: ObjectInfo | None = None) -> Form:
        """Return the form: from the sidecar, else from the server's nodes, else from the graph."""
        return self._form if info is None else self._form_for(info)

    @cached_property
    def _form(self) -> Form:
        return self._form_for(None)

    def _form_for(self, info: ObjectInfo | None) -> Form:
        return Form(tuple(self._beside_choices(each, self._field(each, info)) for each in self.declared))

    def fill(self, values: Mapping[str, Value], info: ObjectInfo | None = None) -> Prompt:
        """Return the prompt with these values. A file's value is the name that the server gave it. A value of an input
        goes before a choice that sets several. A loader whose file may be left out, and is, goes with what needs it.
        """
        prompt = self._without_absent(values, info) if info is not None else self.prompt
        for field in (*sorted(self.declared, key=lambda each: not each.sets), *self.drawn):
            if field.name in values:
                for target, given in field.assigned(values[field.name]):
                    if target.node_id not in prompt:  # it went with a file that was left out
                        continue
                    value = self._typed(given, target, info)
                    prompt = prompt.with_input(target.node_id, target.input, value)
        if LORAS in values:
            prompt = with_loras(prompt, read_loras(str(values[LORAS])), info)
        return with_values_in_place(prompt)

    @property
    def varies(self) -> bool:
        """True if another run with the same values makes something else."""
        own = bool(self.drawn) or any(field.seed for field in self.form().fields)
        return own or any(step.workflow.varies for step in self.steps)

    def draw(self, info: ObjectInfo | None = None) -> dict[str, Any]:
        """Return values for the seeds that are drawn for a run."""
        return Form(tuple(self._field(each, info) for each in self.drawn)).check({})

    def needed_files(self, info: ObjectInfo) -> Iterator[tuple[Declared, NeededInput]]:
        """Return the files that the sidecar says may be left out, and the server's nodes say not: each with the input
        that needs it.
        """
        for field in self._optional_files(info):
            if isinstance(found := self._without(self.prompt, field, info), NeededInput):
                yield field, found

    def _without_absent(self, values: Mapping[str, Value], info: ObjectInfo) -> Prompt:
        prompt = self.prompt_for(info)
        for field in self._optional_files(info):
            if field.name not in values and isinstance(left := self._without(prompt, field, info), Prompt):
                prompt = left
        return prompt

    def prompt_for(self, info: ObjectInfo) -> Prompt:
        """Return the prompt as a server with these definitions takes it: made for it, or with the defaults of inputs
        that its nodes got later.
        """
        if self.source is not None:
            return self.source.prompt_for(info)
        return Prompt(with_defaults(self.prompt.to_json(), info.data)) if self._lacks_inputs(info) else self.prompt

    def _lacks_inputs(self, info: ObjectInfo) -> bool:
        known = ((node, info.node(node.class_type)) for node in self.prompt)
        return any(
            each.required and each.name not in node.inputs
            for node, declared in known
            if declared is not None
            for each in declared.inputs.values()
        )

    def _optional_files(self, info: ObjectInfo) -> list[Declared]:
        optional = (each for each in self.declared if each.required is False)
        return [each for each in optional if (each.kind or self._kind(each.targets[0], info)) in MEDIA]

    def _without(self, prompt: Prompt, field: Declared, info: ObjectInfo) -> Prompt | NeededInput:
        return without_nodes(prompt, [each.node_id for each in field.targets if each.node_id in prompt], info)

    def kind(self, form: Form, values: Mapping[str, Any]) -> str:
        """Return a key for runs of similar duration and needs: the workflow and the choices made. `form` is the form
        that the person filled in, because often only the servers know that a field is a choice.
        """
        chosen = {field.name: values[field.name] for field in form.fields if _is_chosen(field, values)}
        chosen |= {LORAS: values[LORAS]} if LORAS in values else {}
        return f"{self.id} {json.dumps(chosen, sort_keys=True)}"

    def verdict(self, info: ObjectInfo, chosen: Mapping[str, Value] = MappingProxyType({})) -> PromptVerdict:
        """Return what a server does not take of a run with these choices. Where people fill something in, the graph's
        own value does not count; a choice counts that the server does not offer at all.
        """
        prompt = self.fill(chosen, info)
        filled = {
            (target.node_id, target.input)
            for declared in self.declared
            if declared.name not in chosen and self._choices(declared, info) != ()
            for target in declared.targets
        }
        found = judge(prompt, info, filled)
        good = tuple(each for each in found.outputs if not self.outputs or each in self.outputs)
        return replace(found, outputs=good)

    def _choices(self, declared: Declared, info: ObjectInfo) -> tuple[str, ...] | None:
        accepted = [found for each in declared.targets if (found := self._accepted(each, info)) is not None]
        return None if any(each.upload for each in accepted) else _choices(declared, accepted)

    def node(self, target: Target) -> Node:
        return self.prompt[target.node_id]

    def literal(self, target: Target) -> Any:
        """Return the graph's value of an input."""
        return self.node(target).inputs.get(target.input)

    def own_values(self) -> dict[str, str]:
        """Return the graph's own words for the texts that people have to give."""
        words = {each.name: self.literal(each.targets[0]) for each in self.declared}
        required = (each for each in self.form().fields if each.required and each.kind is FieldKind.TEXT)
        return {each.name: words[each.name] for each in required if isinstance(words[each.name], str)}

    def _field(self, declared: Declared, info: ObjectInfo | None) -> Field:
        target = declared.targets[0]
        literal = self.literal(target)
        accepted = [self._accepted(each, info) for each in declared.targets]
        known = [each for each in accepted if each is not None]
        kind = declared.kind or self._kind(target, info)
        required = _or(declared.required, kind in MEDIA)
        if kind in MEDIA and not required and info is not None:
            required = isinstance(self._without(self.prompt, declared, info), NeededInput)
        seed = _or(declared.seed, target.input in _SEEDS and kind is FieldKind.INTEGER)
        low, high = self._bounds(declared, known, info, seed=seed) if kind in NUMERIC else (None, None)
        field = Field(
            declared.name,
            kind,
            declared.title or declared.name.replace("_", " ").replace("-", " ").capitalize(),
            declared.help or next((each.tooltip for each in known), ""),
            required=required,
            frames=any(self._takes_frames(each, info) for each in declared.targets),
            minimum=low,
            maximum=high,
            step=declared.step,
            choices=_choices(declared, accepted) if kind is FieldKind.CHOICE else None,
            max_length=declared.max_length,
            multiline=kind is FieldKind.TEXT and _or(declared.multiline, _is_multiline(known, literal)),
            seed=seed,
            more=declared.more and not required,
            translations=declared.translations,
            mask=kind is FieldKind.IMAGE and any(self._uses_mask(each, info) for each in declared.targets),
        )
        if declared.sets:
            return replace(field, default=declared.default or self._shown_choice(declared, field))
        return _with_step(_with_default(_with_seeds(field), declared, literal), known)

    def _bounds(
        self, declared: Declared, known: list[InputInfo], info: ObjectInfo | None, *, seed: bool
    ) -> tuple[float | None, float | None]:
        """Return the bounds of a number, also those of the inputs that a node hands it on to. A number that the author
        chose beyond those works, so they do not count then; the editor draws a seed without a look at them.
        """
        fed = list[InputInfo]()
        for target in declared.targets:
            handed_on = fed_with(self.prompt, self.node(target), target.input, info, seed=seed)
            fed += [each for each in handed_on if seed or _takes(each, self.literal(target))]
        return _common_bounds(declared, [*known, *fed])

    def _kind(self, target: Target, info: ObjectInfo | None) -> FieldKind:
        return kind_of_input(self.node(target), target.input, info)

    def _shown_choice(self, declared: Declared, field: Field) -> str | None:
        """The choice that sets what the graph has."""
        own = tuple(self.literal(each) for each in declared.targets)
        return next((name for name, values in declared.sets if values == own and name in (field.choices or ())), None)

    def _beside_choices(self, declared: Declared, field: Field) -> Field:
        """Link a choice that sets several inputs with the fields of these. Those are left to the choice unless a person
        fills them in.
        """
        if declared.sets:
            named = {target: each.name for each in self.declared if not each.sets for target in each.targets}
            sets = tuple(
                (name, tuple((named[target], value) for target, value in declared.assigned(name) if target in named))
                for name, _values in declared.sets
            )
            return replace(field, sets=sets)
        is_set = any(set(each.targets) & set(declared.targets) for each in self.declared if each.sets)
        return replace(field, default=None, required=False) if is_set and not field.is_media else field

    def _takes_frames(self, target: Target, info: ObjectInfo | None) -> bool:
        accepted = self._accepted(target, info)
        return self.node(target).class_type in _FRAME_LOADERS or (accepted is not None and accepted.frames)

    def _uses_mask(self, target: Target, info: ObjectInfo | None) -> bool:
        return has_used_mask(self.prompt, self.node(target), info)

    def _accepted(self, target: Target, info: ObjectInfo | None) -> InputInfo | None:
        return info.input(self.node(target).class_type, target.input) if info else None

    def _typed(self, value: Value, target: Target, info: ObjectInfo | None) -> Any:
        """Convert a choice back to a number if the server's own choices are numbers."""
        accepted = self._accepted(target, info)
        if accepted is not None and accepted.choices is not None:
            return next((choice for choice in accepted.choices if str(choice) == str(value)), value)
        literal = self.literal(target)
        if isinstance(value, str) and isinstance(literal, int | float) and not isinstance(literal, bool):
            return int(value[1:], 16) if value.startswith("#") else as_number(value)
        return value


def choices_of(kind: str) -> dict[str, Any]:
    """Return the choices in a key made by `Workflow.kind`."""
    return dict(json.loads(kind.partition(" ")[2]))


def _is_chosen(field: Field, values: Mapping[str, Any]) -> bool:
    """True if a field is a choice. A model is one even while no known server lists it."""
    return field.name in values and (field.kind is FieldKind.CHOICE or is_model(values[field.name]))


def as_number(text: str) -> str | int | float:
    """Return the number in a choice, or the text itself if it is not a number."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _with_default(field: Field, declared: Declared, literal: Any) -> Field:
    """Set the default: the sidecar's, else the graph's. A choice that the server lacks becomes its first one."""
    value = literal if declared.default is None else declared.default
    if field.is_media or field.seed or field.required or not isinstance(value, str | int | float | bool):
        return field
    if field.choices is not None:
        text = str(value)
        return replace(field, default=text if text in field.choices else next(iter(field.choices), None))
    try:
        return replace(field, default=field.parse(_clamped(value, field)))
    except BadValue:
        return replace(field, default=value)


def _clamped(value: Value, field: Field) -> Value:
    """Move a value into the field's bounds; a server may accept less than the sidecar says."""
    if isinstance(value, str | bool):
        return value
    above = value if field.minimum is None else max(value, field.minimum)
    return above if field.maximum is None else min(above, field.maximum)


def _with_step(field: Field, known: list[InputInfo]) -> Field:
    """Use the server's step if the sidecar has none; for an integer only if the default fits it."""
    step = next((each.step for each in known if each.step), None)
    if field.kind not in NUMERIC or field.seed or field.step is not None or step is None:
        return field
    stepped = replace(field, step=step)
    try:
        stepped.parse(field.default if field.default is not None else field.minimum or 0)
    except BadValue:
        return field
    return stepped


def _with_seeds(field: Field) -> Field:
    if not field.seed:
        return field
    return replace(field, minimum=_or(field.minimum, 0), maximum=_or(field.maximum, 2**63 - 1))


def _common_bounds(declared: Declared, known: list[InputInfo]) -> tuple[float | None, float | None]:
    """Return the bounds of both the sidecar and the server; the sidecar's if these do not overlap."""
    low = max(_finite(declared.minimum, *(each.min for each in known)), default=None)
    high = min(_finite(declared.maximum, *(each.max for each in known)), default=None)
    if low is not None and high is not None and low > high:
        return declared.minimum, declared.maximum
    return low, high


def _finite(*bounds: float | None) -> list[float]:
    return [bound for bound in bounds if bound is not None and (isinstance(bound, int) or math.isfinite(bound))]


def _choices(declared: Declared, accepted: Sequence[InputInfo | None]) -> tuple[str, ...] | None:
    """Return the choices that the sidecar and all target nodes share; None if there is no list."""
    if declared.sets:
        return tuple(name for name, values in declared.sets if all(map(_takes, accepted, values)))
    known = [each for each in accepted if each is not None]
    lists = [tuple(map(str, each.choices)) for each in known if each.choices is not None]
    if declared.choices is not None:
        lists.insert(0, declared.choices)
    if not lists:
        return None
    others = [frozenset(each) for each in lists[1:]]
    return tuple(choice for choice in dict.fromkeys(lists[0]) if all(choice in each for each in others))


def _takes(accepted: InputInfo | None, value: Value) -> bool:
    """True if a server takes a value, as far as it says."""
    if accepted is None:
        return True
    if accepted.choices is not None:
        return str(value) in map(str, accepted.choices)
    low, high = accepted.min, accepted.max
    return not isinstance(value, int | float) or ((low is None or value >= low) and (high is None or value <= high))


def _is_multiline(known: Iterable[InputInfo], literal: Any) -> bool:
    return any(each.multiline for each in known) or (isinstance(literal, str) and "\n" in literal)


def _or(own: Any, other: Any) -> Any:
    return other if own is None else own
