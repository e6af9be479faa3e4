"""Answers about workflows that follow from what servers declare: their forms, and what servers lack.

Menus need them at each keystroke, so they are kept. They are worked out in threads, so that nothing else waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from bot.core.workflows.form import Form
from bot.core.workflows.verdict_text import where_to_get, why_not
from bot.core.workflows.workflow import Workflow
from comfy.models.loras import lora_files, takes_loras
from comfy.object_info import ObjectInfo

_KEPT = 10_000  # workflows for which answers are kept
_T = TypeVar("_T")


class _Answers(Generic[_T]):
    """One answer for each workflow; of workflows that are gone, nothing is kept beyond the last thousands."""

    def __init__(self, work: Callable[[Workflow], _T]) -> None:
        self._work = work
        self._kept: dict[int, tuple[Workflow, _T]] = {}

    def at_hand(self, workflow: Workflow) -> tuple[Workflow, _T] | None:
        """Return a workflow with its answer, if that was worked out."""
        found = self._kept.get(id(workflow))
        return found if found is not None and found[0] is workflow else None

    async def get(self, workflow: Workflow) -> _T:
        found = self.at_hand(workflow)
        if found is None:
            found = workflow, await asyncio.to_thread(self._work, workflow)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[id(workflow)] = found
        return found[1]


class ServerAnswers:
    """The answers for servers that are known now, by name. Those from `before` hold for workflows whose nodes are
    declared as they were.
    """

    def __init__(self, known: Mapping[str, ObjectInfo], before: ServerAnswers | None = None) -> None:
        self._known = dict(known)
        self._union: ObjectInfo | None = None
        self._loras: tuple[str, ...] = ()
        self.forms = _Answers(self._form)
        self.lacks = _Answers(self._lacks)
        self.where_to_get = _Answers(self._where_to_get)
        self._before = before
        if before is not None:
            before._before = None  # noqa: SLF001

    def holds_for(self, known: Mapping[str, ObjectInfo]) -> bool:
        return self._known.keys() == known.keys() and all(self._known[name] is info for name, info in known.items())

    def share(self) -> None:
        """Let the servers share what they declare alike with each other, and with what was known before, and join them.
        Call it in a thread, before anything is asked.
        """
        before = self._before._known if self._before is not None else {}  # noqa: SLF001
        ObjectInfo.share((*before.values(), *self._known.values()))
        if self._known:
            self._union = ObjectInfo.union(self._known.values())
            self._loras = lora_files(self._union)

    def draw(self, workflow: Workflow) -> dict[str, Any]:
        """Return new values for the numbers that the editor changes after each run, and that no field asks for."""
        return workflow.draw(self._union) if workflow.drawn else {}

    def loras(self, workflow: Workflow) -> tuple[str, ...]:
        """Return the LoRAs that a run of a workflow can use; none if it loads no model."""
        return self._loras if self._loras and takes_loras(workflow.prompt, self._union) else ()

    def _form(self, workflow: Workflow) -> Form:
        before = self._before
        found = before.forms.at_hand(workflow) if before is not None and self._is_as(before, workflow) else None
        return found[1] if found is not None else workflow.form(self._union)

    def _lacks(self, workflow: Workflow) -> str | None:
        if workflow.steps:  # any server takes any step
            return next((lacks for step in workflow.steps if (lacks := self._lacks(step.workflow))), None)
        before = self._before
        found = before.lacks.at_hand(workflow) if before is not None and self._is_as(before, workflow) else None
        return found[1] if found is not None else why_not(workflow, self._known)

    def _where_to_get(self, workflow: Workflow) -> tuple[str, ...]:
        return tuple(where_to_get(workflow, self._known))

    def _is_as(self, before: ServerAnswers, workflow: Workflow) -> bool:
        """True if all servers declare the nodes of a workflow as they did before."""
        nodes = workflow.prompt.class_types
        nodes |= workflow.source.needs.class_types if workflow.source is not None else set()
        return self._known.keys() == before._known.keys() and all(
            info.declares_as(before._known[name], nodes) for name, info in self._known.items()
        )
