"""Questions about the nodes of a prompt: which come first, which draw, and which only hold a value."""

from __future__ import annotations

import re
from typing import Any

from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt, is_link

_PLACE = re.compile(r"\{[^{}]+\}|\{\{[^{}]+\}\}|%[^%]+%|<[^<>]+>|\$\{?[\w.]+\}?")


def is_literal(value: Any, kinds: tuple[type, ...]) -> bool:
    """True for a value of these kinds, or for a mark in its place that another program would replace."""
    if isinstance(value, str) and bool not in kinds:
        return is_mark(value)
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def is_mark(value: object) -> bool:
    """True for a mark such as "{{seed}}" that another program would replace."""
    return isinstance(value, str) and _PLACE.fullmatch(value.strip()) is not None


def in_order(prompt: Prompt, info: ObjectInfo | None) -> list[Node]:
    """The nodes that lead to a result, each after those that it needs."""
    consumed = {str(value[0]) for node in prompt for value in node.inputs.values() if is_link(value)}
    ends = [node for node in prompt if _is_end(node, info) or node.id not in consumed]
    named = [node for node in ends if _is_end(node, info)]
    ordered: dict[str, Node] = {}
    for end in named or ends:
        stack: list[tuple[Node, bool]] = [(end, False)]
        entered: set[str] = set()
        while stack:
            node, done = stack.pop()
            if done:
                ordered[node.id] = node
                continue
            if node.id in ordered or node.id in entered:
                continue
            entered.add(node.id)
            stack.append((node, True))
            links = [str(value[0]) for value in node.inputs.values() if is_link(value)]
            stack += [(prompt[each], False) for each in reversed(links) if each in prompt]
    return list(ordered.values())


def _is_end(node: Node, info: ObjectInfo | None) -> bool:
    known = info.node(node.class_type) if info is not None else None
    if known is not None:
        return known.output_node
    return node.class_type.startswith(("Save", "Preview")) or "Save" in node.class_type


def is_sampler(node: Node) -> bool:
    inputs = node.inputs
    if is_link(inputs.get("guider")):
        return True
    draws = any(name in inputs for name in ("sampler_name", "seed", "noise_seed", "sampler", "steps"))
    fed = is_link(inputs.get("positive")) or (is_link(inputs.get("pipe")) and "steps" in inputs)
    return draws and (fed or ("positive" in inputs and "steps" in inputs))


def has_size(node: Node) -> bool:
    return "width" in node.inputs and "height" in node.inputs


def is_text_node(node: Node) -> bool:
    lowered = node.class_type.lower()
    return any(word in lowered for word in ("text", "string", "prompt"))


def makes_no_text(node: Node) -> bool:
    return "system" in node.title.lower() or node.class_type.startswith(("Save", "Preview"))


def last_part(name: str) -> str:
    """The name of an input without that of the choice before it."""
    return name.rpartition(".")[2]
