"""Recipes: workflows one after the other, which people ask for as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from comfy.prompt import Prompt, is_link

if TYPE_CHECKING:
    from bot.core.workflows.form import Value
    from bot.core.workflows.workflow import Declared, Target, Workflow

MOST_RUNS = 10  #: of one request


class Take(StrEnum):
    """The results of a step with which the next one goes on."""

    FIRST = "first"
    ALL = "all"  #: each in a run of its own
    ASK = "ask"  #: the one that its person chooses


@dataclass(frozen=True)
class Step:
    """A step of a recipe. `asked` are the fields that people fill in: each name in the recipe's form, and in the
    workflow's own. A result of the step before goes `into` a field, which takes files of this `kind`; where all are
    taken, it is done `most` times at most.
    """

    workflow: Workflow
    asked: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, Value], ...] = ()
    into: str = ""
    kind: str = ""
    take: Take = Take.FIRST
    most: int = 1

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of this step, of those of the recipe's form."""
        return {**dict(self.values), **{own: values[name] for name, own in self.asked if name in values}}

    def named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the recipe's form, of those of this step."""
        return {name: values[own] for name, own in self.asked if own in values}


def in_one(steps: Iterable[Step]) -> tuple[Prompt, list[Declared]]:
    """Return one graph of all steps, which is never sent: forms and prices are read from it, and the fields that people
    fill in.
    """
    nodes: dict[str, Any] = {}
    declared: list[Declared] = []
    for number, step in enumerate(steps, 1):
        for node_id, node in step.workflow.prompt.to_json().items():
            inputs = {name: _moved(number, value) for name, value in node["inputs"].items()}
            nodes[f"{number}.{node_id}"] = {**node, "inputs": inputs}
        own = {each.name: each for each in step.workflow.declared}
        for name, field in step.asked:
            found = own[field]
            title = found.title if name == field or not found.title else f"{step.workflow.title}: {found.title}"
            targets = tuple(_target(number, each) for each in found.targets)
            declared.append(replace(found, name=name, title=title, targets=targets))
    return Prompt(nodes), declared


def _moved(number: int, value: Any) -> Any:
    return [f"{number}.{value[0]}", *value[1:]] if is_link(value) else value


def _target(number: int, target: Target) -> Target:
    return replace(target, node_id=f"{number}.{target.node_id}")
