"""The price of a prompt, as the definitions of its nodes declare it, in credits of comfy.org.

A node of a partner declares a JSONata expression that gives its price for one run (`PriceBadge`). `questions` says what
to work out for a prompt, `evaluate` works it out, and `total` adds it up. Expressions come from servers, so
`evaluate` belongs into a process of its own.
"""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from comfy.object_info import InputInfo, NodeInfo, ObjectInfo, PriceBadge
from comfy.prompt import Node, Prompt, is_link

CREDITS = 211  #: for a dollar: ComfyUI itself shows prices so
_PATIENCE = 0.1  # seconds of processor time for one expression
_WHOLE = re.compile(r"\s*(/\s*run)?\s*", re.IGNORECASE)  # other suffixes say "/second" or "per 1K tokens"

#: An expression, and what it asks about.
Question: TypeAlias = "tuple[str, dict[str, Any]]"
#: The lowest and the highest price in dollars; None if there is no number for a whole run.
Answer: TypeAlias = "tuple[float, float] | None"


@dataclass(frozen=True)
class Price:
    """A price in credits: at least `low`, at most `high`. One that is not `declared` by nodes is an estimate."""

    low: float
    high: float
    declared: bool = field(default=True, compare=False)


class _UnknownError(Exception):
    """A value is known only when the prompt runs."""


def paid_nodes(prompt: Prompt, info: ObjectInfo) -> list[Node]:
    """Return the nodes of a prompt that cost money."""
    return [node for node in prompt if info.is_paid(node.class_type)]


def questions(prompt: Prompt, info: ObjectInfo) -> list[Question] | None:
    """Return what to work out for the price of a prompt; None if a price cannot be known before it runs."""
    asked = []
    for node in paid_nodes(prompt, info):
        declared = info.node(node.class_type)
        if declared is None or declared.badge is None or _runs_often(prompt, info, node, declared):
            return None
        try:
            asked.append((declared.badge.expression, _context(prompt, node, declared, declared.badge)))
        except _UnknownError:
            return None
    return asked


def evaluate(asked: Sequence[Question]) -> list[Answer]:
    """Work out prices. An expression that takes longer than 0.1 seconds of processor time ends the process."""
    from jsonata import Jsonata  # type: ignore[import-untyped]  # only a process that works out prices loads it
    from jsonata.jexception import JException  # type: ignore[import-untyped]

    faults = (JException, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, re.error)
    answers: list[Answer] = []
    for expression, context in asked:
        with _bounded():
            try:
                answers.append(_dollars(Jsonata(expression).evaluate(context)))
            except faults:
                answers.append(None)
    return answers


def total(answers: Sequence[Answer]) -> Price | None:
    """Add prices up; None if one of them is not known."""
    known = [answer for answer in answers if answer is not None]
    if len(known) < len(answers):
        return None
    return Price(sum(low for low, _ in known) * CREDITS, sum(high for _, high in known) * CREDITS)


@contextmanager
def _bounded() -> Iterator[None]:
    """Have the system end this process if the work takes too long: not even a pattern can hold that up."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _dollars(answer: object) -> Answer:
    """Read what an expression gave."""
    if not isinstance(answer, Mapping):
        return None
    shape = answer.get("format")
    suffix = shape.get("suffix") if isinstance(shape, Mapping) else None
    if suffix is not None and not _WHOLE.fullmatch(str(suffix)):
        return None
    match answer.get("type"):
        case "usd":
            found = [answer.get("usd")]
        case "range_usd":
            found = [answer.get("min_usd"), answer.get("max_usd")]
        case "list_usd" if isinstance(answer.get("usd"), list):
            found = list(answer["usd"])
        case "text" if str(answer.get("text")).strip().lower() == "free":
            found = [0]
        case _:
            return None
    numbers = [float(each) for each in found if isinstance(each, int | float) and not isinstance(each, bool)]
    good = numbers and len(numbers) == len(found) and all(math.isfinite(each) and each >= 0 for each in numbers)
    return (min(numbers), max(numbers)) if good else None


def _context(prompt: Prompt, node: Node, declared: NodeInfo, badge: PriceBadge) -> dict[str, Any]:
    """Return what an expression asks about, as the editor gives it. Raises `_UnknownError`."""
    widgets = {name: _widget(prompt, node, declared.inputs.get(name), name, kind) for name, kind in badge.widgets}
    linked = {name for name, value in node.inputs.items() if is_link(value)}
    groups = {group: sum(name.startswith(f"{group}.") for name in linked) for group in badge.groups}
    return {
        "widgets": widgets,
        "inputs": {name: {"connected": name in linked} for name in badge.inputs},
        "inputGroups": groups,
    }


def _widget(prompt: Prompt, node: Node, accepted: InputInfo | None, name: str, kind: str) -> Any:
    """Return a value as the editor gives it to expressions: texts are trimmed and in small letters."""
    value = node.inputs.get(name)
    if (
        value is None and accepted is not None and "." not in name
    ):  # of a choice's own inputs only those chosen are there
        value = accepted.default
    for _hop in prompt:
        value = _behind(prompt, value) if is_link(value) else value
    if is_link(value):
        raise _UnknownError
    match kind, value:
        case "INT" | "FLOAT", bool() | None:
            return None
        case "INT" | "FLOAT", int() | float():
            return value
        case "INT" | "FLOAT", _:
            return _number(value)
        case "BOOLEAN", _:
            return value if isinstance(value, bool) else None
        case "COMBO", int() | float():
            return value
        case _:
            return "" if value is None else str(value).strip().lower()


def _behind(prompt: Prompt, link: Any) -> Any:
    """Return the value that a link carries if it is written in the prompt. Raises `_UnknownError` if it is not."""
    if link[0] not in prompt:
        raise _UnknownError
    source = prompt[link[0]]
    if not source.class_type.startswith("Primitive") or "value" not in source.inputs:
        raise _UnknownError
    return source.inputs["value"]


def _number(value: Any) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _runs_often(prompt: Prompt, info: ObjectInfo, node: Node, declared: NodeInfo) -> bool:
    """True if a node may run several times, because a list comes in."""
    if declared.takes_lists:
        return False
    todo, seen = [value for value in node.inputs.values() if is_link(value)], set[str]()
    while todo:
        source_id, slot = todo.pop()
        source = info.node(prompt[source_id].class_type) if source_id in prompt else None
        if source is None or (slot < len(source.lists) and source.lists[slot]):
            return True
        if not source.takes_lists and source_id not in seen:
            seen.add(source_id)
            todo += [value for value in prompt[source_id].inputs.values() if is_link(value)]
    return False
