"""Workflows at which servers stop. A node that takes all of ComfyUI down looks like a server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.background import TaskHealth
from bot.core.run import RunRecord
from bot.i18n import _

_MANY = 2  # times without a run that went well: once may be chance
_FORGOTTEN = 86_400.0  # seconds after the last time


@dataclass(frozen=True)
class _Crashes:
    count: int
    at: float


class CrashingWorkflows:
    """Tells the operator of a workflow at which servers stop answering again and again, until a run of it goes well."""

    def __init__(self, tasks: TaskHealth, clock: Callable[[], float] = time.monotonic) -> None:
        self._tasks, self._clock = tasks, clock
        self._crashes: dict[str, _Crashes] = {}

    def note(self, server: str, run: RunRecord, went_well: bool | None, node: str | None) -> None:
        """Note how an attempt ended, and at which node its server stopped answering: None if it did not, and empty if
        the node is not known.
        """
        self._forget(run.workflow if went_well else None)
        if node is None:
            return
        earlier = self._crashes.get(run.workflow, _Crashes(0, 0.0))
        found = self._crashes[run.workflow] = _Crashes(earlier.count + 1, self._clock())
        if found.count >= _MANY:
            words = _(
                "{count} times a server stopped answering while it ran this, the last time {server}: look at its log"
            )
            if node:
                words = _(
                    "{count} times a server stopped answering at “{node}”, the last time {server}: look at its log"
                )
            self._tasks.remark(_topic(run.workflow), words.format(count=found.count, node=node, server=server))

    def _forget(self, mended: str | None) -> None:
        old = self._clock() - _FORGOTTEN
        for workflow in [name for name, each in self._crashes.items() if name == mended or each.at < old]:
            del self._crashes[workflow]
            self._tasks.settle(_topic(workflow))


def _topic(workflow: str) -> str:
    return _("workflow {name}").format(name=workflow)
