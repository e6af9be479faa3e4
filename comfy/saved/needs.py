"""Read what a saved workflow says of its nodes and models: the packs of nodes, and where models can be had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from comfy.saved.document import mapping, sequence

_CORE = "comfy-core"  # ComfyUI's own nodes
_NOTES = frozenset({"Note", "MarkdownNote"})
_LONGEST_NOTE, _MOST_NOTED = 20_000, 200_000  # characters
#: A model in a note, mostly with a link, and its size: “[name.safetensors](https://…) (1.29 GB)”.
_NOTED = re.compile(
    r"(?<![\w.+-])([\w.+-]{1,200}\.(?:safetensors|sft|ckpt|pth?|bin|gguf|onnx))"
    r"(?:\s?\(renamed\))?(?:\s?\]\(\s?(https?://[^\s()]{1,500})\s?\))?[^\w\n]{1,40}(\d{1,4}(?:\.\d{1,3})?)\s?([GM])i?B\b"
)


@dataclass(frozen=True)
class ModelLink:
    """A model that a workflow names: the folder for it, the address where it can be had, its size in words, and its
    checksum.
    """

    name: str
    folder: str = ""
    url: str = ""
    size: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class NodeLink:
    """A node and its pack: an id of ComfyUI's registry, or OWNER/NAME of a repository; empty if it is not known."""

    node: str
    pack: str = ""

    @property
    def url(self) -> str:
        """The page of the pack; empty if there is none."""
        if re.fullmatch(r"[\w.-]+/[\w.-]+", self.pack):
            return f"https://github.com/{self.pack}"
        return f"https://registry.comfy.org/nodes/{self.pack}" if re.fullmatch(r"[\w.-]+", self.pack) else ""


@dataclass(frozen=True)
class FileNeeds:
    """The class_types of all nodes; and the packs of nodes by class_type and the models by name, as far as a file names
    them.
    """

    packs: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, ModelLink] = field(default_factory=dict)
    class_types: frozenset[str] = frozenset()


def read_needs(data: Mapping[str, Any]) -> FileNeeds:
    """Read the needs of a saved workflow; nothing in it is trusted to be what it should be."""
    packs: dict[str, str] = {}
    models: dict[str, ModelLink] = {}
    class_types = set[str]()
    for node in _nodes(data):
        kind = node.get("type")
        if isinstance(kind, str):
            class_types.add(kind)
        properties = mapping(node.get("properties"))
        if not properties:
            continue
        named = properties.get("cnr_id")
        pack = _CORE if named == _CORE else _text(named) or _text(properties.get("aux_id"))
        if pack and pack != _CORE and (kind := _text(kind)):
            packs.setdefault(kind, pack)
        for each in sequence(properties.get("models")):
            if name := _text(mapping(each).get("name")):
                url = _text(each.get("url"))
                link = url if url.startswith(("https://", "http://")) else ""
                told = ModelLink(name, _text(each.get("directory")), link, _size(each.get("size")), _sha256(each))
                models.setdefault(name, told)
    return FileNeeds(packs, models, frozenset(class_types))


def with_notes(needs: FileNeeds, data: Mapping[str, Any]) -> FileNeeds:
    """Add what a workflow's notes say of models: most files have the sizes there, and some the addresses too."""
    models, left = dict(needs.models), _MOST_NOTED
    for node in _nodes(data):
        values = node.get("widgets_values") if node.get("type") in _NOTES else None
        for text in values if isinstance(values, list) else ():
            if isinstance(text, str) and left > 0:
                left -= len(text)
                for name, url, size, unit in _NOTED.findall(text[:_LONGEST_NOTE]):
                    known = models.get(name, ModelLink(name))
                    models[name] = replace(known, url=known.url or url, size=known.size or f"{size} {unit}B")
    return replace(needs, models=models)


def _size(raw: Any) -> str:
    """Return a size in words: some programs write one beside a model, in bytes."""
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 < raw < 1e15:
        return f"{raw / 1e9:.2f} GB" if raw >= 1e9 else f"{max(raw / 1e6, 1):.0f} MB"
    return _text(raw)[:20]


def _sha256(raw: Mapping[str, Any]) -> str:
    """Return a checksum, if it is one of these: other programs write other kinds."""
    is_other = _text(raw.get("hash_type")).lower().replace("-", "") not in ("", "sha256")
    found = _text(raw.get("hash")).lower()
    return found if not is_other and re.fullmatch(r"[0-9a-f]{64}", found) else ""


def _nodes(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Walk the nodes of all graphs: those of subgraphs and groups too."""
    left: list[Any] = [data]
    while left:
        graph = mapping(left.pop())
        yield from (each for each in sequence(graph.get("nodes")) if isinstance(each, dict))
        left += sequence(mapping(graph.get("definitions")).get("subgraphs"))
        left += mapping(mapping(graph.get("extra")).get("groupNodes")).values()


def _text(raw: Any) -> str:
    return raw.strip()[:500] if isinstance(raw, str) else ""
