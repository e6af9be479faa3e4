"""Values of primitive nodes: the editor writes them into the widgets that they are linked to, as if they were typed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from comfy.saved.definitions import InputSpec
from comfy.saved.document import PRIMITIVE
from comfy.saved.node import BuiltGraph, BuiltNode, set_value
from comfy.saved.widgets import Widget

_LARGEST = 2.0**64  # a number beyond it is no seed, nor anything else


def push_primitives(graph: BuiltGraph) -> None:
    """Give the value of each primitive to the widgets that it is linked to, even where it is muted."""
    for node in list(graph.nodes.values()):
        values = node.saved.values
        if node.type == PRIMITIVE and isinstance(values, list) and values:
            _push(graph, node, values[0], values[1] if len(values) > 1 else "")


def _push(graph: BuiltGraph, primitive: BuiltNode, value: Any, control: Any) -> None:
    fed: list[tuple[BuiltNode, Widget]] = []
    for link in graph.links.values():
        if link.origin != primitive.id:
            continue
        target = graph.nodes.get(link.target)
        slot = target.slot_of_link(link.id) if target is not None else None
        widget = target.widget(slot.name) if target is not None and slot is not None else None
        if target is None or widget is None:
            if not fed:
                return  # the first one decides what kind of value it is
            continue
        fed.append((target, widget))
    typed = _typed(value, [widget.spec for _node, widget in fed if widget.spec is not None])
    for target, widget in fed:
        set_value(target, widget, typed)
        widget.control = control if isinstance(control, str) else ""


def _typed(value: Any, specs: Sequence[InputSpec]) -> Any:
    """Bring a value into the bounds and the steps of a number, as the editor does with what is typed."""
    numeric = [spec for spec in specs if spec.kind in ("INT", "FLOAT")]
    if not numeric or specs[0] is not numeric[0]:
        return value
    if not isinstance(value, int | float) or not -math.inf <= value <= math.inf:
        return None
    least = max(_number(spec.options.get("min"), -math.inf) for spec in numeric)
    most = min(_number(spec.options.get("max"), math.inf) for spec in numeric)
    number = max(least, min(most, value))
    if not -_LARGEST <= number <= _LARGEST:
        return None
    step = _number(numeric[0].options.get("step"), 1 if numeric[0].kind == "INT" else 0.5)
    if numeric[0].kind == "INT":
        return _on_grid(number, int(step) or 1, least)
    digits = _digits(step)
    unit = _number(numeric[0].options.get("round"), 10.0**-digits) or 10.0**-digits
    return round(_rounded(number / unit) * unit, digits)


def _on_grid(number: float, step: int, least: float) -> int:
    if isinstance(number, int) and step == 1:
        return number
    shift = int(least) % step if math.isfinite(least) else 0
    return _rounded((number - shift) / step) * step + shift


def _rounded(number: float) -> int:
    """Round half up, as the editor's language does."""
    return math.floor(number + 0.5)


def _digits(step: float) -> int:
    text = f"{step:.10f}".rstrip("0")
    return len(text.partition(".")[2])


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default
