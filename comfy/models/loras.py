"""Put LoRAs into a prompt: right behind each loader of a model, before all that uses it. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

LOADER, MODEL_LOADER = "LoraLoader", "LoraLoaderModelOnly"
TAG = re.compile(r"<lora:([^<>:]{1,200})((?::[^<>:]{0,20}){0,2})>", re.IGNORECASE)
#: Loaders of models, known without asking a server: the outputs with the model, and with its text encoder.
_KNOWN: Mapping[str, tuple[int, int | None]] = {
    "CheckpointLoader": (0, 1),
    "CheckpointLoaderSimple": (0, 1),
    "unCLIPCheckpointLoader": (0, 1),
    "ImageOnlyCheckpointLoader": (0, None),
    "UNETLoader": (0, None),
}


@dataclass(frozen=True)
class Lora:
    """A file with its strengths for the model and for the text encoder."""

    file: str
    strength: float = 1.0
    text_strength: float | None = None


def read_tags(text: str) -> Iterator[tuple[str, str]]:
    """Yield the LoRAs that are written in a text as `<lora:name:0.8>`: each name, and what is behind it."""
    for tag in TAG.finditer(text):
        yield tag[1].strip(), tag[2]


def read_loras(text: str) -> list[Lora]:
    """Read what `write_loras` wrote."""
    return [Lora(name, *(float(each) for each in rest.split(":")[1:])) for name, rest in read_tags(text)]


def write_loras(loras: Iterable[Lora]) -> str:
    """Return LoRAs as they are written in words."""
    return " ".join(
        ":".join(
            (f"<lora:{each.file}", *(f"{one:g}" for one in (each.strength, each.text_strength) if one is not None))
        )
        + ">"
        for each in loras
    )


def takes_loras(prompt: Prompt, info: ObjectInfo | None) -> bool:
    """True if a prompt loads a model that LoRAs can change."""
    return any(True for _each in _sources(prompt, info))


def lora_files(info: ObjectInfo) -> tuple[str, ...]:
    """Return the LoRAs that servers with these definitions have."""
    for class_type in (LOADER, MODEL_LOADER):
        accepted = info.input(class_type, "lora_name")
        if accepted is not None and accepted.choices:
            return tuple(map(str, accepted.choices))
    return ()


def with_loras(prompt: Prompt, loras: Sequence[Lora], info: ObjectInfo | None = None) -> Prompt:
    """Return a prompt with these LoRAs behind each of its loaders, in this order, before those that it has."""
    graph = dict(prompt.to_json())
    for source in list(_sources(prompt, info)) if loras else ():
        _insert(graph, source, loras)
    return Prompt(graph)


def _insert(graph: dict[str, Any], source: tuple[str, int, int | None], loras: Sequence[Lora]) -> None:
    node_id, slot, text_slot = source
    model, text = [node_id, slot], [node_id, text_slot]
    made: dict[str, Any] = {}
    for number, lora in enumerate(loras, 1):
        name = _free(f"{node_id}-lora-{number}", {*graph, *made})
        inputs = {"model": model, "lora_name": lora.file, "strength_model": lora.strength}
        if text_slot is not None:
            strength = lora.strength if lora.text_strength is None else lora.text_strength
            inputs |= {"clip": text, "strength_clip": strength}
        class_type = MODEL_LOADER if text_slot is None else LOADER
        made[name] = {"class_type": class_type, "inputs": inputs, "_meta": {"title": f"LoRA {lora.file}"}}
        model, text = [name, 0], [name, 1]
    moved = {(node_id, slot): model, **({(node_id, text_slot): text} if text_slot is not None else {})}
    for each, node in graph.items():
        if any(_is_from(value, moved) for value in node["inputs"].values()):
            changed = {key: moved[tuple(value)] for key, value in node["inputs"].items() if _is_from(value, moved)}
            graph[each] = {**node, "inputs": {**node["inputs"], **changed}}
    graph.update(made)


def _is_from(value: object, outputs: Iterable[tuple[str, int | None]]) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and tuple(value) in outputs


def _sources(prompt: Prompt, info: ObjectInfo | None) -> Iterator[tuple[str, int, int | None]]:
    """Return the loaders of models whose output is used: each with its outputs."""
    used = {(value[0], value[1]) for node in prompt for value in node.inputs.values() if is_link(value)}
    for node in prompt:
        slots = _outputs(node, info)
        if slots is not None and (node.id, slots[0]) in used:
            yield node.id, *slots


def _outputs(node: Node, info: ObjectInfo | None) -> tuple[int, int | None] | None:
    """Return the outputs of a loader; None for another node: a loader has a model, and is given none."""
    if node.class_type in _KNOWN:
        return _KNOWN[node.class_type]
    declared = info.node(node.class_type) if info is not None else None
    if declared is None or "MODEL" not in declared.outputs:
        return None
    if any(is_link(value) for value in node.inputs.values()):
        return None
    clip = declared.outputs.index("CLIP") if "CLIP" in declared.outputs else None
    return declared.outputs.index("MODEL"), clip


def _free(name: str, taken: Iterable[str]) -> str:
    while name in taken:
        name += "-"
    return name
