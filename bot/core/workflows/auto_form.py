"""Make a form for a workflow that has no sidecar: the fields that people expect, found by tracing its prompt."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.core.errors import BadWorkflowFile
from bot.core.workflows.form import MEDIA, FieldKind
from bot.core.workflows.saved import ConvertedFile
from bot.core.workflows.tracing import Found, Tracer
from bot.core.workflows.workflow import Declared, Target, loader_kind
from bot.i18n import _
from comfy.errors import PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_MOST_TEXTS = 3  # of a side, in the main group
_EXAMPLE = 120  # characters of the author's own words
_MEDIA_NAMES = {FieldKind.IMAGE: "picture", FieldKind.VIDEO: "video", FieldKind.AUDIO: "sound"}
_MODELS = ("ckpt_name", "unet_name", "lora_name", "vae_name", "model_name", "control_net_name")


@dataclass(frozen=True)
class AutoField:
    """A field of an automatic form. Those of `more` are what few people change."""

    name: str
    targets: tuple[Target, ...]
    kind: FieldKind
    title: str
    more: bool = False
    seed: bool = False


def auto_form(prompt: Prompt, info: ObjectInfo | None = None) -> tuple[AutoField, ...]:
    """Return the fields of a prompt, in the order of the form. `info` has the definitions, if a server is known."""
    tracer = Tracer(prompt, info)
    found = tracer.trace()
    fields = [
        *_texts(prompt, found.positive, "prompt", _("Prompt")),
        *_texts(prompt, found.negative, "avoid", _("Avoid"), at_most=1),
        *_media(prompt, tracer.order, info),
        *_switches(prompt, tracer.order),
        *_sizes(tracer.order, found),
        *_numbers(prompt, found),
        *_models(tracer.order),
    ]
    taken: set[Target] = set()
    kept = []
    for each in fields:
        targets = tuple(target for target in each.targets if target not in taken)
        if targets:
            taken.update(targets)
            kept.append(replace(each, targets=targets))
    return tuple(_numbered(sorted(kept, key=lambda each: (each.more, each.seed and not each.more))))


def declared_fields(prompt: Prompt) -> tuple[Declared, ...]:
    """Return the automatic form as a sidecar would declare it. The first text is required: its author's own words are
    an example, and are not run unless a person asks for them.
    """
    fields = auto_form(prompt)
    main = next((each for each in fields if each.kind is FieldKind.TEXT and not each.more), None)
    return tuple(_declared(prompt, each, is_main=each is main) for each in fields)


def _declared(prompt: Prompt, field: AutoField, *, is_main: bool) -> Declared:
    words = prompt[field.targets[0].node_id].inputs.get(field.targets[0].input)
    example = textwrap.shorten(words, _EXAMPLE, placeholder="…") if is_main and isinstance(words, str) else ""
    return Declared(
        field.name,
        field.targets,
        field.kind if field.kind in MEDIA else None,
        field.title,
        help=_("For example: {words}").format(words=example) if example else "",
        required=True if is_main else None,
        seed=True if field.seed else None,
    )


def _numbered(fields: Sequence[AutoField]) -> Iterator[AutoField]:
    """Number those of one name, and those of one title."""
    names, titles = Counter[str](), Counter[str]()
    for each in fields:
        names[each.name] += 1
        titles[each.title] += 1
        number, count = names[each.name], titles[each.title]
        name = each.name if number == 1 else f"{each.name}_{number}"
        yield replace(each, name=name, title=each.title if count == 1 else f"{each.title} {count}")


def form_of_file(file: ConvertedFile) -> tuple[AutoField, ...]:
    """Return the form of a workflow file, with the definitions that it was read with. Raises `BadWorkflowFile`."""
    try:
        return auto_form(Prompt(file.prompt), ObjectInfo(file.definitions))
    except PromptRejected as fault:
        words = _("{file} cannot be used: {reason}.")
        reason = fault.node_errors[0].message if fault.node_errors else fault.message
        raise BadWorkflowFile(words.format(file=file.name, reason=reason)) from fault


def _texts(
    prompt: Prompt, groups: Sequence[Sequence[Target]], word: str, title: str, at_most: int = _MOST_TEXTS
) -> list[AutoField]:
    made = []
    for number, group in enumerate(groups):
        own = _own_title(prompt[group[0].node_id]) if len(groups) > 1 else ""
        rare = number >= at_most or "system" in prompt[group[0].node_id].title.lower()
        made.append(AutoField(word, tuple(group), FieldKind.TEXT, own or title, more=rare))
    return made


def _media(prompt: Prompt, order: Sequence[Node], info: ObjectInfo | None) -> list[AutoField]:
    """The files that people give, in the order of the prompt's file."""
    words = {FieldKind.IMAGE: _("Picture"), FieldKind.VIDEO: _("Video"), FieldKind.AUDIO: _("Sound")}
    active = {node.id for node in order}
    found = [
        (Target(node.id, name), kind)
        for node in prompt
        if node.id in active
        for name, value in node.inputs.items()
        if not is_link(value) and (kind := _file_kind(node, name, info)) is not None
    ]
    made = []
    for kind, word in words.items():
        targets = [target for target, each in found if each is kind]
        for target in targets:
            title = _own_title(prompt[target.node_id]) or word
            made.append(AutoField(_MEDIA_NAMES[kind], (target,), kind, title))
    return made


def _file_kind(node: Node, name: str, info: ObjectInfo | None) -> FieldKind | None:
    accepted = info.input(node.class_type, name) if info is not None else None
    if accepted is not None:
        return FieldKind(accepted.upload) if accepted.upload else None
    return loader_kind(node.class_type, name)


def _switches(prompt: Prompt, order: Sequence[Node]) -> list[AutoField]:
    """Booleans that are nodes of their own. Those to which the author gave a title are in the main group."""
    return [
        AutoField("switch", (Target(node.id, "value"),), FieldKind.TOGGLE, own or _("Switch"), more=not own)
        for node in order
        if node.class_type == "PrimitiveBoolean" and isinstance(node.inputs.get("value"), bool)
        for own in [_own_title(node)]
    ]


def _sizes(order: Sequence[Node], found: Found) -> list[AutoField]:
    made = []
    if found.size is not None:
        wide, high = found.size
        made += [
            AutoField("width", (wide,), FieldKind.INTEGER, _("Width")),
            AutoField("height", (high,), FieldKind.INTEGER, _("Height")),
        ]
    for node in order:
        if isinstance(node.inputs.get("aspect_ratio"), str):
            made.append(
                AutoField(
                    "size", (Target(node.id, "aspect_ratio"),), FieldKind.CHOICE, _("Size"), found.size is not None
                )
            )
    if found.length is not None:
        title = _("Seconds") if found.length.input in ("seconds", "duration") else _("Length")
        made.append(AutoField("length", (found.length,), FieldKind.NUMBER, title))
    return made


def _numbers(prompt: Prompt, found: Found) -> list[AutoField]:
    made: list[AutoField] = []
    for number, group in enumerate(_alike(prompt, found.steps)):
        made.append(AutoField("steps", group, FieldKind.INTEGER, _("Steps"), number > 0))
    for number, group in enumerate(_alike(prompt, found.denoise)):
        made.append(AutoField("strength", group, FieldKind.NUMBER, _("Strength"), number > 0))
    made += [AutoField("guidance", group, FieldKind.NUMBER, _("Guidance"), True) for group in _alike(prompt, found.cfg)]
    for number, target in enumerate(found.seeds):
        made.append(AutoField("seed", (target,), FieldKind.INTEGER, _("Seed"), number > 0, seed=True))
    return made


def _models(order: Sequence[Node]) -> list[AutoField]:
    words = {"lora_name": _("LoRA"), "vae_name": _("VAE")}
    return [
        AutoField(
            name.removesuffix("_name"), (Target(node.id, name),), FieldKind.CHOICE, words.get(name, _("Model")), True
        )
        for node in order
        for name in _MODELS
        if isinstance(node.inputs.get(name), str)
    ]


def _alike(prompt: Prompt, targets: Sequence[Target]) -> list[tuple[Target, ...]]:
    """Group targets of the same value: one field sets them all."""
    groups: dict[object, list[Target]] = {}
    for target in targets:
        groups.setdefault(prompt[target.node_id].inputs.get(target.input), []).append(target)
    return [tuple(group) for group in groups.values()]


def _own_title(node: Node) -> str:
    """The title that a node's author gave it; empty where it is only its type's."""
    title = node.title.strip()
    plain = "".join(title.lower().split())
    typical = ("cliptextencode", "loadimage", "ksampler", "(prompt)", "positiveprompt", "negativeprompt", "primitive")
    return "" if plain == node.class_type.lower() or any(each in plain for each in typical) else title
