"""The titles of the fields of an automatic form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from bot.core.workflows.form import MEDIA, FieldKind
from bot.core.workflows.workflow import Target
from bot.i18n import _
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt

_WORDS = {
    **dict.fromkeys(("text", "prompt", "positive", "positive_prompt", "user_prompt", "caption"), _("Prompt")),
    **dict.fromkeys(("negative", "negative_prompt"), _("Avoid")),
    **dict.fromkeys(("image", "input_image"), _("Picture")),
    **dict.fromkeys(("seed", "noise_seed", "rand_seed"), _("Seed")),
    **dict.fromkeys(("aspect_ratio", "size", "ratio"), _("Size")),
    **dict.fromkeys(("ckpt_name", "unet_name", "model_name", "model"), _("Model")),
    **dict.fromkeys(("lora_name", "lora"), _("LoRA")),
    **dict.fromkeys(("vae_name", "vae"), _("VAE")),
    **dict.fromkeys(("clip_name", "text_encoder"), _("Text encoder")),
    **dict.fromkeys(("denoise", "strength", "strength_model"), _("Strength")),
    **dict.fromkeys(("seconds", "duration"), _("Seconds")),
    **dict.fromkeys(("fps", "frame_rate"), _("Frames per second")),
    **dict.fromkeys(("cfg", "guidance"), _("Guidance")),
    "mask": _("Mask"),
    "video": _("Video"),
    "audio": _("Sound"),
    "length": _("Length"),
    "width": _("Width"),
    "height": _("Height"),
    "steps": _("Steps"),
    "sampler_name": _("Sampler"),
    "batch_size": _("How many"),
    "boolean": _("Switch"),
}
#: Names of inputs that say nothing: what they lead to has a better one.
_EMPTY = frozenset({"value", "string", "number", "int", "float", "file", "input", "a", "b", "string_a", "string_b"})
_KINDS = {
    FieldKind.TEXT: _("Text"),
    FieldKind.INTEGER: _("Number"),
    FieldKind.NUMBER: _("Number"),
    FieldKind.CHOICE: _("Choice"),
    FieldKind.TOGGLE: _("Switch"),
    FieldKind.IMAGE: _("Picture"),
    FieldKind.VIDEO: _("Video"),
    FieldKind.AUDIO: _("Sound"),
    FieldKind.COLOR: _("Colour"),
    FieldKind.MODEL_3D: _("3D file"),
    FieldKind.FILE: _("File"),
}
#: Titles that the editor gives, without a server's definitions: parts of them, and whole ones.
_TYPICAL_PARTS = (
    *("cliptextencode", "loadimage", "ksampler", "(prompt)", "positiveprompt", "negativeprompt", "primitive"),
    *("emptylatent", "loadvideo", "loadaudio", "randomnoise", "checkpoint", "(multiline)"),
)
_TYPICAL = frozenset(
    {
        *("int", "float", "string", "boolean", "prompt", "positive", "negative", "text", "textmultiline"),
        *("textstring", "textreplace", "advanced", "multiline", "optional"),
    }
)


class Titles:
    """Finds the titles for the fields of a prompt."""

    def __init__(self, prompt: Prompt, info: ObjectInfo | None) -> None:
        self._prompt, self._info = prompt, info

    def own(self, node: Node) -> str:
        """The title that a node's author gave it; empty where it is only its type's."""
        known = self._info.node(node.class_type) if self._info is not None else None
        types = {_plain(node.class_type), _plain(known.display_name if known is not None else "")}
        title = node.title.strip()
        before, _bracket, within = title.removesuffix(")").partition(" (")
        if within and _plain(before) in types | _TYPICAL:
            title = within.strip()
        plain = _plain(title)
        is_typical = plain in types | _TYPICAL or any(each in plain for each in _TYPICAL_PARTS)
        if node.class_type.startswith(("Load", "VHS_Load")) and plain.startswith("load"):
            title = title[4:].strip()
        return "" if is_typical else title

    def word(self, target: Target, kind: FieldKind) -> str:
        """The plain word for what an input is. A node that only holds a value is named by what it leads to."""
        name = target.input.rpartition(".")[2]
        if kind in MEDIA:
            return self.file(target.node_id, kind)
        if name.lower() in _EMPTY:
            name = self._consumer(target.node_id)
        return word_for(name) if name and name.lower() not in _EMPTY else _KINDS[kind]

    def file(self, node_id: str, kind: FieldKind) -> str:
        """The plain word for the file that a loader takes."""
        return _("Mask") if self.is_mask(node_id) else _KINDS[kind]

    def is_mask(self, node_id: str) -> bool:
        """True if a loader's mask is used and its picture is not."""
        node = self._prompt[node_id]
        if node.class_type != "LoadImage":
            return node.class_type == "LoadImageMask"
        return {slot for slot, _consumer, _name in self._leads.get(node_id, ())} == {1}

    @cached_property
    def _leads(self) -> Mapping[str, Sequence[tuple[Any, str, str]]]:
        """The links from each node: their outputs, and the nodes and inputs to which they lead."""
        found: dict[str, list[tuple[Any, str, str]]] = {}
        for each in self._prompt:
            for name, value in each.inputs.items():
                if isinstance(value, list) and len(value) == 2:
                    found.setdefault(str(value[0]), []).append((value[1], each.id, name))
        return found

    def _consumer(self, node_id: str) -> str:
        """The name of the first input that a node leads to."""
        for _step in range(5):
            found = next(iter(self._leads.get(node_id, ())), None)
            if found is None:
                return ""
            node_id, name = found[1], found[2].rpartition(".")[2]
            if name.lower() not in _EMPTY and not name.lower().startswith(("on_", "source")):
                return name
        return ""


def word_for(name: str) -> str:
    """The plain word for the name of an input, or for the label that an author gave it."""
    name = name.rpartition(".")[2].strip()
    known = _WORDS.get(name.lower().replace(" ", "_"))
    if known is not None:
        return known
    spaced = " ".join(name.replace("_", " ").split())
    return spaced[:1].upper() + spaced[1:]


def _plain(text: str) -> str:
    return "".join(text.lower().split())
