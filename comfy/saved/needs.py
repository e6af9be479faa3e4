"""Read what a saved workflow says of its nodes and models: the packs of nodes, and where models can be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.saved.document import mapping, sequence

_CORE = "comfy-core"  # ComfyUI's own nodes


@dataclass(frozen=True)
class ModelLink:
    """A model that a workflow names: the folder for it, and the address where it can be had."""

    name: str
    folder: str = ""
    url: str = ""


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
        pack = _text(properties.get("cnr_id")) or _text(properties.get("aux_id"))
        if pack and pack != _CORE and (kind := _text(kind)):
            packs.setdefault(kind, pack)
        for each in sequence(properties.get("models")):
            if name := _text(mapping(each).get("name")):
                url = _text(each.get("url"))
                link = url if url.startswith(("https://", "http://")) else ""
                models.setdefault(name, ModelLink(name, _text(each.get("directory")), link))
    return FileNeeds(packs, models, frozenset(class_types))


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
