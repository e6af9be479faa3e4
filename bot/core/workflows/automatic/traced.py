"""The fields that people expect of a prompt, found by following its links."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.workflows.automatic.fields import AutoField
from bot.core.workflows.automatic.prompt_graph import last_part
from bot.core.workflows.automatic.shapes import shapes
from bot.core.workflows.automatic.titles import Titles
from bot.core.workflows.automatic.tracing import Found, Tracer
from bot.core.workflows.field_kinds import loader_kind
from bot.core.workflows.form import FieldKind
from bot.core.workflows.workflow import Target
from bot.i18n import _
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

#: In the names of loaders of what people do not send, or not as a file.
_ELSEWHERE = ("url", "path", "base64", "folder", "dir", "output", "upscale", "lora", "model")
_MOST_TEXTS = 3  # of a side, in the main group
_MEDIA_NAMES = {
    FieldKind.IMAGE: "picture",
    FieldKind.VIDEO: "video",
    FieldKind.AUDIO: "sound",
    FieldKind.MODEL_3D: "model_3d",
    FieldKind.FILE: "file",
}
#: Parts of class names: these load from elsewhere than the folder of inputs, or no files that people give.
_RATIOS = ("aspect_ratio", "ratio")
_MODEL = re.compile(r"(ckpt|unet|lora|vae|model|control_net)_name(?:_?\d+)?|lora_?\d+(?:_name)?")
_STRENGTHS = ("strength_model", "strength_clip")


def traced_fields(prompt: Prompt, info: ObjectInfo | None) -> list[AutoField]:
    """Return the fields in the order of the form: texts, files, sizes, numbers, seeds. An input may be there twice."""
    tracer, titles = Tracer(prompt, info), Titles(prompt, info)
    found = tracer.trace()
    return [
        *_texts(prompt, titles, found, "prompt", _("Prompt"), _MOST_TEXTS),
        *_texts(prompt, titles, found, "avoid", _("Avoid"), 1),
        *_media(prompt, titles, tracer.order, info),
        *_switches(titles, tracer.order),
        *_sizes(prompt, tracer.order, found),
        *_numbers(prompt, found),
        *_models(tracer.order),
    ]


def file_kind(node: Node, name: str, info: ObjectInfo | None) -> FieldKind | None:
    """Return the kind of file that an input takes; None if it is not a file."""
    accepted = info.input(node.class_type, name) if info is not None else None
    if accepted is not None and accepted.upload:
        return FieldKind(accepted.upload)
    if accepted is not None and accepted.type != "COMBO":
        return None
    elsewhere = accepted is None and any(each in node.class_type.lower() for each in _ELSEWHERE)
    return None if elsewhere else loader_kind(node, name)


def _texts(prompt: Prompt, titles: Titles, found: Found, name: str, title: str, at_most: int) -> list[AutoField]:
    groups = found.positive if name == "prompt" else found.negative
    made = []
    for number, group in enumerate(groups):
        own = titles.own(prompt[group[0].node_id])
        usual = {"prompt", "positive", "negative"} & set(own.lower().split()) and len(own.split()) < 3
        rare = number >= at_most or (number > 0 and group[0] in found.behind)
        made.append(
            AutoField(name, tuple(group), FieldKind.TEXT, title if len(groups) == 1 and usual else own or title, rare)
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


def _sizes(prompt: Prompt, order: Sequence[Node], found: Found) -> list[AutoField]:
    """A size in words and, under More, in numbers; a choice of the node's own goes before both."""
    made = []
    if found.size is not None:
        wide, high = found.size
        has_ratio = any(last_part(name) in _RATIOS for node in order for name in node.inputs)
        values = (prompt[each.node_id].inputs.get(each.input) for each in found.size)
        sets = () if found.is_scaled or has_ratio else shapes(*values)
        rare = found.is_scaled or bool(sets)
        if sets:
            made.append(AutoField("size", found.size, FieldKind.CHOICE, _("Size"), sets=sets))
        made += [
            AutoField("width", (wide,), FieldKind.INTEGER, _("Width"), rare),
            AutoField("height", (high,), FieldKind.INTEGER, _("Height"), rare),
        ]
    for node in order:
        for name, value in node.inputs.items():
            if last_part(name) in _RATIOS and isinstance(value, str):
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
    words = {"lora": _("LoRA"), "vae": _("VAE")}
    made = []
    for node in order:
        for name, value in node.inputs.items():
            if not isinstance(value, str) or (found := _MODEL.fullmatch(name)) is None:
                continue
            kind = found[1] or "lora"
            title = words.get(kind, _("Model"))
            made.append(AutoField(kind, (Target(node.id, name),), FieldKind.CHOICE, title, True))
        strengths = [name for name in _STRENGTHS if isinstance(node.inputs.get(name), int | float)]
        if "lora" in node.class_type.lower() and strengths:
            targets = tuple(Target(node.id, name) for name in strengths)
            made.append(AutoField("lora_strength", targets, FieldKind.NUMBER, _("LoRA strength"), True))
    return made


def _alike(prompt: Prompt, targets: Sequence[Target]) -> list[tuple[Target, ...]]:
    """Group targets of the same value: one field sets them all."""
    groups: dict[object, list[Target]] = {}
    for target in targets:
        groups.setdefault(prompt[target.node_id].inputs.get(target.input), []).append(target)
    return [tuple(group) for group in groups.values()]
