"""The work of each node of a prompt, as far as the prompt says what decides how long it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link
from comfy.scheduling.schedule import is_model

_COUNTS = ("batch_size", "length", "frames", "num_frames", "video_frames", "amount")  # pictures that are made at once
_LONGEST = 120  # characters of a class_type in a key


@dataclass(frozen=True)
class NodeWork:
    """Nodes with the same `key` are of one class and use the same models. With the same `signature` all else is alike
    too, but for texts, seeds and files. `size` tells how much there is to do: pixels times pictures times steps.
    `loads` has the models that the node itself opens, and `uses` those that it works with.
    """

    key: str
    signature: str
    size: float
    loads: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()

    @property
    def class_type(self) -> str:
        return class_of(self.key)


@dataclass(frozen=True)
class _Behind:
    """A node with all that it needs: its models, pixels and pictures, and the steps of its plan of noise."""

    work: NodeWork
    models: frozenset[str]
    area: float
    count: float
    planned: float


def class_of(key: str) -> str:
    """Return the class of the nodes with a key."""
    return key.rpartition("|")[0]


def works_of(prompt: Prompt, info: ObjectInfo | None = None) -> dict[str, NodeWork]:
    """Return the work of each node, by its id. `info` has the server's nodes."""
    found: dict[str, _Behind] = {}
    for node in _in_order(prompt):
        found[node.id] = _behind(node, [found[source] for source in _sources(node) if source in found], info)
    return {node_id: each.work for node_id, each in found.items()}


def _in_order(prompt: Prompt) -> Iterator[Node]:
    """Yield each node after those that it needs."""
    done, stack = set[str](), [(node.id, False) for node in prompt]
    entered = set[str]()
    while stack:
        node_id, is_ready = stack.pop()
        if node_id in done:
            continue
        if is_ready:
            done.add(node_id)
            yield prompt[node_id]
        elif node_id not in entered:
            entered.add(node_id)
            stack.append((node_id, True))
            stack += [(source, False) for source in _sources(prompt[node_id]) if source in prompt]


def _sources(node: Node) -> Iterator[str]:
    return (value[0] for value in node.inputs.values() if is_link(value))


def _behind(node: Node, before: list[_Behind], info: ObjectInfo | None) -> _Behind:
    own = {name: value for name, value in node.inputs.items() if not is_link(value)}
    loads = frozenset(value for value in own.values() if is_model(value))
    uses = frozenset[str]().union(*(each.models for each in before))
    area = max([_number(own, "width") * _number(own, "height"), *(each.area for each in before)])
    count = max([prod(_number(own, name) for name in _COUNTS), *(each.count for each in before)])
    planned = max([1.0, *(each.planned for each in before)])
    steps = _steps(own, planned)
    declared = info.node(node.class_type) if info is not None else None
    plans = declared is not None and "SIGMAS" in declared.outputs
    digest = _digest([*sorted(loads | uses)])
    alike = [node.class_type, *_settings(node, own, info), *(each.work.signature for each in before)]
    key = f"{node.class_type[:_LONGEST]}|{digest}"
    work = NodeWork(key, _digest(alike), area * count * (1.0 if plans else steps), loads, uses)
    return _Behind(work, loads | uses, area, count, steps if plans else 1.0)


def _steps(own: Mapping[str, Any], planned: float) -> float:
    """Return the steps that a node goes through: its own, or those of the plan of noise that it is given."""
    steps = _number(own, "steps", planned)
    if "start_at_step" in own and "end_at_step" in own:
        return max(1.0, min(steps, _number(own, "end_at_step")) - _number(own, "start_at_step", 0.0))
    return steps


def _settings(node: Node, own: Mapping[str, Any], info: ObjectInfo | None) -> Iterator[str]:
    """Yield the settings that may decide how long a node takes."""
    for name, value in sorted(own.items()):
        if isinstance(value, int | float):
            if "seed" not in name:
                yield f"{name} {value}"
        elif isinstance(value, str) and not is_model(value):
            known = info.input(node.class_type, name) if info is not None else None
            if known is not None and known.type == "COMBO" and not known.upload:
                yield f"{name} {value}"


def _number(own: Mapping[str, Any], name: str, default: float = 1.0) -> float:
    value = own.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    return default


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:12]
