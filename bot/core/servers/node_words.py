"""Say what a node does in words that members understand, by its class and by what it makes."""

from __future__ import annotations

import re

from bot.i18n import _
from comfy.object_info import NodeInfo, ObjectInfo
from comfy.prompt import Node
from comfy.scheduling.schedule import is_model

_OPENS = re.compile(r"Load(?!ed)")
_READS = re.compile(r"TextEncode|PromptEncode|EncodePrompt")
_PAINTS = re.compile(r"Sampler(?!Select)")
_ENLARGES = re.compile(r"Upscal")
_ENCODES = re.compile(r"(VAE|Latent|Vision)\w*Encode")
_DEVELOPS = re.compile(r"VAE\w*Decode|Decode\w*VAE")


def node_words(node: Node, info: ObjectInfo | None = None) -> str:
    """Say what a node does. A title that the workflow's author wrote is theirs."""
    declared = info.node(node.class_type) if info is not None else None
    return node.title if _has_own_title(node, declared) else _by_class(node, declared)


def loading_words() -> str:
    """Say that a model is being loaded."""
    return _("Loading the model")


def is_painting(node: Node, info: ObjectInfo | None = None) -> bool:
    """True for a node that makes a picture step by step, and is not titled by the workflow's author."""
    declared = info.node(node.class_type) if info is not None else None
    return bool(_PAINTS.search(node.class_type)) and not _has_own_title(node, declared)


def _has_own_title(node: Node, declared: NodeInfo | None) -> bool:
    """True if the author wrote the title: it is not a part of the class's name, and for a model not a single word,
    which is the name of a field.
    """
    title, named = _plain(node.title), declared.display_name if declared is not None else ""
    if title in _plain(node.class_type) or title == _plain(named):
        return False
    return " " in node.title.strip() or not any(map(is_model, node.inputs.values()))


def _plain(title: str) -> str:
    return "".join(letter for letter in title.lower() if letter.isalnum())


def _by_class(node: Node, declared: NodeInfo | None) -> str:
    name, makes = node.class_type, frozenset(declared.outputs) if declared is not None else frozenset[str]()
    if any(map(is_model, node.inputs.values())):
        return loading_words()
    if _READS.search(name):
        return _("Reading your words")
    if _PAINTS.search(name):
        return _("Painting")
    if _ENLARGES.search(name):
        return _("Making the picture larger")
    if _OPENS.search(name):
        return _("Opening your file")
    if _ENCODES.search(name):
        return _("Looking at your picture")
    if _DEVELOPS.search(name):
        return _("Developing the sound") if "AUDIO" in makes or "Audio" in name else _("Developing the picture")
    if declared is not None and declared.output_node:
        return _("Saving the result")
    return _by_result(makes)


def _by_result(makes: frozenset[str]) -> str:
    if "VIDEO" in makes:
        return _("Working on the video")
    if makes & {"IMAGE", "LATENT", "MASK"}:
        return _("Working on the picture")
    if "AUDIO" in makes:
        return _("Working on the sound")
    if makes & {"MODEL", "CLIP", "VAE"}:
        return _("Preparing the model")
    if "CONDITIONING" in makes:
        return _("Reading your words")
    if "STRING" in makes:
        return _("Working on the text")
    return _("Working")
