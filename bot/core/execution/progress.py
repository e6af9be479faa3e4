"""Folds the events of a prompt into a `Status`: no input or output, and no clock but the one that it is given."""

from __future__ import annotations

from collections.abc import Callable

from bot.core.model import Delivering, Queued, Running, Status
from comfy.messages import events
from comfy.messages.previews import Preview
from comfy.prompt import Node, Prompt

_EARLIEST_ETA = 0.05  # of the whole: before that, an estimate would be a guess


class ProgressTracker:
    """The progress of one prompt. A node weighs as much as it has steps, so that samplers weigh most."""

    def __init__(self, prompt: Prompt, clock: Callable[[], float]) -> None:
        self._titles = {node.id: node.title for node in prompt}
        self._weights = {node.id: _weight(node) for node in prompt}
        self._clock = clock
        self._done: set[str] = set()
        self._parts: dict[str, tuple[float, float]] = {}
        self._current: str | None = None
        self._fraction = 0.0
        self._preview: bytes | None = None
        self._begun: float | None = None
        self._base = 0.0

    def fold(self, event: events.Event) -> Status | None:
        """Take an event; the status after it, or None where a person would see no difference."""
        match event:
            case events.PromptQueued(position=position, running=running):
                return Queued(position, running=running)
            case events.ExecutionSuccess():
                return Delivering()
            case events.ExecutionCached(nodes=nodes):
                self._done.update(nodes)
                self._base = self._measure()  # what was known before took no time, and says nothing of the rest
            case events.ProgressState(nodes=states):
                for state in states:
                    self._take_state(state)
            case events.Executing(node=node, display_node=display):
                self._begin(display or node)
            case events.StepProgress(node=str(node), value=value, max=most):
                self._part(node, value, most)
            case events.Executed(node=node):
                self._done.add(node)
            case Preview(data=data):
                self._preview = data
            case events.ExecutionStart():
                pass
            case _:
                return None
        return self._running()

    def _begin(self, node: str | None) -> None:
        """The server runs one node after another: the one before has ended."""
        if self._current is not None and self._current != node:
            self._done.add(self._current)
        self._current = node

    def _take_state(self, state: events.NodeProgress) -> None:
        node = state.display_node
        if state.state == "finished" and state.node_id in self._titles:
            self._done.add(state.node_id)
        elif state.state == "running":
            self._part(node, state.value, state.max)

    def _part(self, node: str, value: float, most: float) -> None:
        self._current = node
        self._parts[node] = (max(0.0, min(value, most)), most)

    def _measure(self) -> float:
        """The weight that is done, of one more than there is: the whole is only there when the picture is."""
        done = sum(weight * self._share(node) for node, weight in self._weights.items())
        return done / (sum(self._weights.values()) + 1)

    def _share(self, node: str) -> float:
        if node in self._done:
            return 1.0
        value, most = self._parts.get(node, (0.0, 0.0))
        return value / most if most > 0 else 0.0

    def _running(self) -> Running:
        if self._begun is None:
            self._begun = self._clock()
        self._fraction = max(self._fraction, self._measure())
        node = self._titles.get(self._current) if self._current is not None else None
        value, most = self._parts.get(self._current or "", (0.0, 0.0))
        step, steps = (int(value), int(most)) if most > 1 else (None, None)
        return Running(node, step, steps, self._fraction, self._eta(self._begun), self._preview)

    def _eta(self, begun: float) -> float | None:
        moved, elapsed = self._fraction - self._base, self._clock() - begun
        if moved < _EARLIEST_ETA or elapsed <= 0:
            return None
        return elapsed / moved * (1 - self._fraction)


def _weight(node: Node) -> float:
    steps = node.inputs.get("steps")
    return float(steps) if isinstance(steps, int) and not isinstance(steps, bool) and steps > 1 else 1.0
