"""Give each node of a saved workflow an id of its own, as the editor does when it opens the file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from comfy.saved.document import Document, SavedGraph

_LONGEST = 15  # digits of a number; a longer one is a text like any other


def renumber(document: Document) -> None:
    """Ids of subgraphs' nodes that are taken already become the next free numbers. The root keeps its own."""
    if not document.definitions:
        return
    taken = {node.id for node in document.root.nodes}
    highest = max([document.last_id, *map(number_of, taken)])
    for definition in document.definitions.values():
        changed: dict[str, str] = {}
        for node in definition.nodes:
            if node.id in taken:
                highest = next(number for number in itertools.count(highest + 1) if str(number) not in taken)
                changed[node.id] = node.id = str(highest)
            else:
                highest = max(highest, number_of(node.id))
            taken.add(node.id)
        if changed:
            _relink(definition, changed)
            for graph in (document.root, *document.definitions.values()):
                _rename_promoted(graph, definition.id, changed)


def number_of(node_id: str) -> int:
    """Return the number that an id is; 0 for another text."""
    is_number = node_id.isdecimal() and node_id.isascii() and len(node_id) <= _LONGEST
    return int(node_id) if is_number else 0


def _relink(definition: SavedGraph, changed: dict[str, str]) -> None:
    for link in definition.links.values():
        link.origin = changed.get(link.origin, link.origin)
        link.target = changed.get(link.target, link.target)


def _rename_promoted(graph: SavedGraph, definition: str, changed: dict[str, str]) -> None:
    """The instances of a definition name its nodes where they promote widgets."""
    for node in graph.nodes:
        promoted = node.properties.get("proxyWidgets")
        if node.type == definition and isinstance(promoted, list):
            node.properties = {**node.properties, "proxyWidgets": list(_renamed(promoted, changed))}


def _renamed(promoted: list[object], changed: dict[str, str]) -> Iterator[object]:
    for entry in promoted:
        if isinstance(entry, list) and entry:
            yield [changed.get(str(entry[0]), entry[0]), *entry[1:]]
        else:
            yield entry
