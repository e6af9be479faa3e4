"""The fields that people expect of a prompt, found by following its links."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.workflows.automatic.fields import AutoField
from bot.core.workflows.automatic.prompt_graph import last_part
from bot.core.workflows.automatic.titles import Titles
from bot.core.workflows.automatic.tracing import Found, Tracer
from bot.core.workflows.form import FieldKind
from bot.core.workflows.workflow import Target, loader_kind
from bot.i18n import _
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_MOST_TEXTS = 3  # of a side, in the main group
_MEDIA_NAMES = {
    FieldKind.IMAGE: "picture",
    FieldKind.VIDEO: "video",
    FieldKind.AUDIO: "sound",
    FieldKind.MODEL_3D: "model_3d",
    FieldKind.FILE: "file",
}
_MODELS = ("ckpt_name", "unet_name", "lora_name", "vae_name", "model_name", "control_net_name")


def traced_fields(prompt: Prompt, info: ObjectInfo | None) -> list[AutoField]:
    """Return the fields in the order of the form: texts, files, sizes, numbers, seeds. An input may be there twice."""
    tracer, titles = Tracer(prompt, info), Titles(prompt, info)
    found = tracer.trace()
    return [
        *_texts(prompt, titles, found.positive, "prompt", _("Prompt")),
        *_texts(prompt, titles, found.negative, "avoid", _("Avoid"), at_most=1),
        *_media(prompt, titles, tracer.order, info),
        *_switches(titles, tracer.order),
        *_sizes(tracer.order, found),
        *_numbers(prompt, found),
        *_models(tracer.order),
    ]


def file_kind(node: Node, name: str, info: ObjectInfo | None) -> FieldKind | None:
    """Return the kind of file that an input takes; None if it is not a file."""
    accepted = info.input(node.class_type, name) if info is not None else None
    if accepted is not None:
        return FieldKind(accepted.upload) if accepted.upload else None
    return loader_kind(node, name)


def _texts(
    prompt: Prompt,
    titles: Titles,
    groups: Sequence[Sequence[Target]],
    word: str,
    title: str,
    at_most: int = _MOST_TEXTS,
) -> list[AutoField]:
    made = []
    for number, group in enumerate(groups):
        own = titles.own(prompt[group[0].node_id])
        usual = {"prompt", "positive", "negative"} & set(own.lower().split()) and len(own.split()) < 3
        rare = number >= at_most or "system" in prompt[group[0].node_id].title.lower()
        made.append(
            AutoField(word, tuple(group), FieldKind.TEXT, title if len(groups) == 1 and usual else own or title, rare)
        )
    return made


def _media(prompt: Prompt, titles: Titles, order: Sequence[Node], info: ObjectInfo | None) -> list[AutoField]:
    """The files that people give, in the order of the prompt's file."""
    active = {node.id for node in order}
    found = [
        (Target(node.id, name), kind)
        for node in prompt
        if node.id in active
        for name, value in node.inputs.items()
        if not is_link(value) and (kind := file_kind(node, name, info)) is not None
    ]
    return [
        AutoField(
            "mask" if titles.is_mask(target.node_id) else _MEDIA_NAMES[kind],
            (target,),
            kind,
            titles.own(prompt[target.node_id]) or titles.file(target.node_id, kind),
        )
        for wanted in _MEDIA_NAMES
        for target, kind in found
        if kind is wanted
    ]


def _switches(titles: Titles, order: Sequence[Node]) -> list[AutoField]:
    """Booleans that are nodes of their own. Those to which the author gave a title are in the main group."""
    return [
        AutoField("switch", (Target(node.id, "value"),), FieldKind.TOGGLE, own or _("Switch"), more=not own)
        for node in order
        if node.class_type == "PrimitiveBoolean" and isinstance(node.inputs.get("value"), bool)
        for own in [titles.own(node)]
    ]


def _sizes(order: Sequence[Node], found: Found) -> list[AutoField]:
    made = []
    if found.size is not None:
        wide, high = found.size
        made += [
            AutoField("width", (wide,), FieldKind.INTEGER, _("Width"), found.is_scaled),
            AutoField("height", (high,), FieldKind.INTEGER, _("Height"), found.is_scaled),
        ]
    for node in order:
        for name, value in node.inputs.items():
            if last_part(name) in ("aspect_ratio", "ratio") and isinstance(value, str):
                target = Target(node.id, name)
                made.append(AutoField("size", (target,), FieldKind.CHOICE, _("Size"), found.size is not None))
    if found.length is not None:
        title = _("Seconds") if last_part(found.length.input) in ("seconds", "duration") else _("Length")
        made.append(AutoField("length", (found.length,), FieldKind.NUMBER, title))
    return made


def _numbers(prompt: Prompt, found: Found) -> list[AutoField]:
    made: list[AutoField] = []
    for number, group in enumerate(_alike(prompt, found.steps)):
        made.append(AutoField("steps", group, FieldKind.INTEGER, _("Steps"), number > 0))
    for number, group in enumerate(_alike(prompt, found.denoise)):
        made.append(AutoField("strength", group, FieldKind.NUMBER, _("Strength"), number > 0))
    made += [
        AutoField("strength", group, FieldKind.NUMBER, _("Strength"), True) for group in _alike(prompt, found.refined)
    ]
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
