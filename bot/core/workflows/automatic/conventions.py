"""Fields that an author marked in the graph: nodes of other programs that stand for an input, and titles that name one.

The nodes are those of ComfyUI Deploy, of Krita's tooling nodes, of SwarmUI and of comfy-pack; the titles those of the
Minimalistic Comfy Wrapper, `<Label:category:row>`, and of ViewComfy, `VC_BASIC Label` and `VC_ADV Label`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.core.workflows.automatic.fields import AutoField, field_name, is_never_asked
from bot.core.workflows.automatic.titles import Titles, word_for
from bot.core.workflows.automatic.traced import file_kind
from bot.core.workflows.field_kinds import kind_of_input, kind_of_literal
from bot.core.workflows.form import NUMERIC, FieldKind
from bot.core.workflows.placeholders import consumers_of
from bot.core.workflows.workflow import Target, as_number
from comfy.json_text import read_json
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_LABEL = re.compile(r"\s*<\s*([^:<>]+?)\s*:\s*([^:<>/]+)(?:/[^:<>]*)?\s*:\s*(\d+)(?:/(\d+))?\s*>\s*(.*)", re.DOTALL)
_CATEGORIES = ("prompt", "important", "advanced")
_LARGEST = 2**53  # bounds beyond it are those of the node's type
_DEPLOY = "ComfyUIDeployExternal"
_DEPLOY_KINDS = {
    **dict.fromkeys(("Text", "TextAny", "TextSingleLine"), FieldKind.TEXT),
    **dict.fromkeys(("Number", "NumberSlider"), FieldKind.NUMBER),
    **dict.fromkeys(("NumberInt", "NumberSliderInt", "Seed"), FieldKind.INTEGER),
    **dict.fromkeys(("Enum", "Lora", "Checkpoint"), FieldKind.CHOICE),
    "Boolean": FieldKind.TOGGLE,
}
_SWARM_KINDS = {
    "Integer": FieldKind.INTEGER,
    "Float": FieldKind.NUMBER,
    "Text": FieldKind.TEXT,
    "Boolean": FieldKind.TOGGLE,
    "Image": FieldKind.IMAGE,
    "Video": FieldKind.VIDEO,
    "Audio": FieldKind.AUDIO,
    **dict.fromkeys(("Dropdown", "ModelName", "Checkpoint"), FieldKind.CHOICE),
}
_KRITA_KINDS = {
    "number": FieldKind.NUMBER,
    "number (integer)": FieldKind.INTEGER,
    "toggle": FieldKind.TOGGLE,
    "choice": FieldKind.CHOICE,
    **dict.fromkeys(("text", "prompt (positive)", "prompt (negative)"), FieldKind.TEXT),
}
#: Inputs that a title names, the best first, where the node has several.
_TITLED = ("text", "prompt", "value", "noise_seed", "seed")


@dataclass(frozen=True)
class _Marked:
    """A field that was marked, and its place in the form."""

    place: tuple[float, ...]
    field: AutoField


def marked_fields(prompt: Prompt, info: ObjectInfo | None) -> list[AutoField]:
    """Return the fields that a graph marks, in their order; none if it marks none."""
    reader = _Reader(prompt, info)
    found = [each for node in prompt for each in reader.read(node)]
    return [each.field for each in sorted(found, key=lambda each: (each.field.more, each.place))]


def marked_outputs(prompt: Prompt) -> tuple[str, ...]:
    """Return the nodes that titles mark as results."""
    return tuple(
        node_id
        for node_id, title in prompt.titles()
        if "<" in title and (found := _LABEL.fullmatch(title)) is not None and _category(found) == "output"
    )


class _Reader:
    """Reads the marks of one prompt."""

    def __init__(self, prompt: Prompt, info: ObjectInfo | None) -> None:
        self._prompt, self._info = prompt, info
        self._titles = Titles(prompt, info)

    def read(self, node: Node) -> Iterator[_Marked]:
        kind = node.class_type
        if kind.startswith(_DEPLOY):
            yield from self._deploy(node, kind.removeprefix(_DEPLOY))
        elif kind == "ETN_Parameter":
            yield from self._krita(node)
        elif kind.startswith("SwarmInput"):
            yield from self._swarm(node, kind.removeprefix("SwarmInput"))
        elif kind.startswith("CPackInput"):
            yield from self._pack(node)
        elif (found := _LABEL.fullmatch(node.title)) is not None:
            yield from self._labelled(node, found)
        elif node.title.startswith(("VC_BASIC", "VC_ADV")):
            yield from self._viewed(node)

    def _deploy(self, node: Node, short: str) -> Iterator[_Marked]:
        inputs = node.inputs
        title = _text(inputs, "display_name") or word_for(_text(inputs, "input_id").removeprefix("input_"))
        name = next((each for each in inputs if each.startswith("default_") and not is_link(inputs[each])), None)
        if short in _DEPLOY_KINDS and name is not None:
            field = AutoField(
                field_name(_text(inputs, "input_id"), title),
                (Target(node.id, name),),
                _DEPLOY_KINDS[short],
                title,
                seed=short == "Seed",
                help=_text(inputs, "description"),
                multiline=short in ("Text", "TextAny") or None,
                choices=_listed(inputs.get("options")) if short == "Enum" else None,
            )
            yield _Marked((), _bounded(field, inputs.get("min_value"), inputs.get("max_value")))
        elif (loader := self._loader(node)) is not None:
            target, kind = loader
            yield _Marked((), AutoField(field_name(_text(inputs, "input_id"), title), (target,), kind, title))

    def _loader(self, node: Node) -> tuple[Target, FieldKind] | None:
        """The loader that a node takes its picture from when it is given no address."""
        for value in node.inputs.values():
            source = self._prompt[str(value[0])] if is_link(value) and str(value[0]) in self._prompt else None
            for name in source.inputs if source is not None else ():
                if source is not None and (kind := file_kind(source, name, self._info)) is not None:
                    return Target(source.id, name), kind
        return None

    def _krita(self, node: Node) -> Iterator[_Marked]:
        consumers = list(consumers_of(self._prompt, node.id))
        accepted = next(
            (
                known
                for other, name in consumers
                if self._info is not None and (known := self._info.input(other.class_type, name)) is not None
            ),
            None,
        )
        default = node.inputs.get("default")
        kind = _KRITA_KINDS.get(_text(node.inputs, "type"))
        if kind is None:
            kind = kind_of_input(*consumers[0], self._info) if accepted is not None else _kind_of_text(default)
        title = _text(node.inputs, "name").rpartition("/")[2].strip() or self._titles.word(
            Target(node.id, "default"), kind
        )
        field = AutoField(
            field_name(title),
            (Target(node.id, "default"),),
            kind,
            title,
            seed=kind is FieldKind.INTEGER and "seed" in title.lower(),
            default=_typed(default, kind),
            choices=tuple(map(str, accepted.choices)) if accepted is not None and accepted.choices else None,
            multiline=True if _text(node.inputs, "type").startswith("prompt") else None,
        )
        yield _Marked((), _bounded(field, node.inputs.get("min"), node.inputs.get("max")))

    def _swarm(self, node: Node, short: str) -> Iterator[_Marked]:
        kind = _SWARM_KINDS.get(short)
        if kind is None or is_link(node.inputs.get("value")) or "value" not in node.inputs:
            return
        group = self._source(node, "group")
        around = group.inputs if group is not None else {}
        title = _text(node.inputs, "title") or word_for("value")
        view = _text(node.inputs, "view_type")
        field = AutoField(
            field_name(_text(node.inputs, "raw_id"), title),
            (Target(node.id, "value"),),
            kind,
            title,
            more=node.inputs.get("is_advanced") is True or around.get("is_advanced") is True,
            seed=view == "seed",
            help=_text(node.inputs, "description"),
            multiline=view == "prompt" if kind is FieldKind.TEXT else None,
            choices=_listed(node.inputs.get("values")) if short == "Dropdown" else None,
            step=_number(node.inputs.get("step")) if kind is FieldKind.NUMBER else None,
        )
        place = (_number(around.get("order_priority")) or 0, _number(node.inputs.get("order_priority")) or 0)
        yield _Marked(place, _bounded(field, node.inputs.get("min"), node.inputs.get("max")))

    def _pack(self, node: Node) -> Iterator[_Marked]:
        name = next((each for each in ("value", "input", "image", "file") if each in node.inputs), None)
        if name is None or is_link(node.inputs[name]):
            return
        target = Target(node.id, name)
        kind = FieldKind.IMAGE if node.class_type == "CPackInputImage" else kind_of_input(node, name, self._info)
        own = self._titles.own(node)
        title = word_for(own) if own and not own.endswith(" Input") else self._titles.word(target, kind)
        field = AutoField(field_name(own, title), (target,), kind, title, seed="seed" in title.lower())
        field = replace(field, seed=field.seed and kind is FieldKind.INTEGER)
        yield _Marked((), _bounded(field, node.inputs.get("min"), node.inputs.get("max")))

    def _labelled(self, node: Node, found: re.Match[str]) -> Iterator[_Marked]:
        category, label = _category(found), found[1]
        open_inputs = list(self._open(node))
        best = [name for each in (label.lower(), *_TITLED) for name in open_inputs if name.rpartition(".")[2] == each]
        files = [name for name in open_inputs if file_kind(node, name, self._info) is not None]
        name = next(iter((*files, *best, *open_inputs)), None)
        if category == "output" or name is None:
            return
        kind = file_kind(node, name, self._info) or kind_of_input(node, name, self._info)
        numbers = [as_number(each.strip()) for each in found[5].split(",")]
        low, high, step = [_number(each) for each in (*numbers, None, None, None)[:3]]
        field = AutoField(
            field_name(label, name),
            (Target(node.id, name),),
            kind,
            label,
            more=category not in ("prompt", "important"),
            seed=kind is FieldKind.INTEGER and "seed" in label.lower() and low is None,
            multiline=True if kind is FieldKind.TEXT else None,
            step=step if kind in NUMERIC else None,
        )
        rank = _CATEGORIES.index(category) if category in _CATEGORIES else len(_CATEGORIES)
        yield _Marked((rank, int(found[3]), int(found[4] or 0)), _bounded(field, low, high))

    def _viewed(self, node: Node) -> Iterator[_Marked]:
        is_basic = node.title.startswith("VC_BASIC")
        label = node.title.removeprefix("VC_BASIC").removeprefix("VC_ADV").strip(" -:_")
        names = list(self._open(node))
        for name in names:
            target = Target(node.id, name)
            kind = file_kind(node, name, self._info) or kind_of_input(node, name, self._info)
            word = self._titles.word(target, kind)
            title = (label if len(names) == 1 else f"{label}: {word}") if label else word
            seed = kind is FieldKind.INTEGER and name.rpartition(".")[2] in ("seed", "noise_seed", "rand_seed")
            yield _Marked((), AutoField(field_name(title, name), (target,), kind, title, not is_basic, seed))

    def _open(self, node: Node) -> Iterator[str]:
        """The inputs of a node that a field can set."""
        for name, value in node.inputs.items():
            if isinstance(value, str | int | float) and not is_never_asked(name):
                yield name

    def _source(self, node: Node, name: str) -> Node | None:
        link: Any = node.inputs.get(name)
        return self._prompt[str(link[0])] if is_link(link) and str(link[0]) in self._prompt else None


def _category(found: re.Match[str]) -> str:
    return found[2].strip().lower().removesuffix("s")


def _bounded(field: AutoField, low: object, high: object) -> AutoField:
    """Set the bounds of a number, unless they are those of its type, or equal."""
    if field.kind not in NUMERIC or _number(low) == _number(high):
        return field
    least, most = (_number(each) for each in (low, high))
    return replace(
        field,
        minimum=least if least is not None and abs(least) < _LARGEST else None,
        maximum=most if most is not None and abs(most) < _LARGEST else None,
    )


def _text(inputs: Any, name: str) -> str:
    value = inputs.get(name)
    return value.strip() if isinstance(value, str) else ""


def _listed(given: object) -> tuple[str, ...] | None:
    """Read choices: a JSON list, or texts between commas or line breaks."""
    if not isinstance(given, str) or not given.strip():
        return None
    try:
        data = read_json(given)
    except (ValueError, RecursionError):
        data = re.split(r"\n" if "\n" in given.strip() else ",", given)
    if not isinstance(data, list):
        return None
    texts: Sequence[str] = [str(each).strip() for each in data if isinstance(each, str | int | float)]
    return tuple(dict.fromkeys(each for each in texts if each)) or None


def _number(given: object) -> float | None:
    return given if isinstance(given, int | float) and not isinstance(given, bool) else None


def _kind_of_text(given: object) -> FieldKind:
    text = str(given).strip()
    return kind_of_literal(True if text.lower() in ("true", "false") else as_number(text))


def _typed(given: object, kind: FieldKind) -> str | int | float | bool | None:
    """A text as a value of a kind; None if it is none."""
    text = str(given).strip()
    match kind:
        case FieldKind.TOGGLE:
            return text.lower() in ("true", "1", "yes", "on")
        case FieldKind.INTEGER | FieldKind.NUMBER:
            number = as_number(text)
            return None if isinstance(number, str) else number
        case _:
            return text or None
