"""The phases of a prompt as its server reports them: in its queue, executed, and each node."""

from __future__ import annotations

import time

from bot.core.traces.spans import Fact, Span, is_recording, record
from comfy.messages import events
from comfy.prompt import Prompt


class PromptPhases:
    """Records phases from the events of one prompt, within the span with this key. Use it in `async with`."""

    def __init__(self, run: str, within: str, prompt: Prompt) -> None:
        self._run, self._within, self._prompt = run, within, prompt
        self._is_on = is_recording()
        self._since = time.time_ns()
        self._began: int | None = None
        self._node: tuple[str, int] | None = None
        self._cached = 0

    async def __aenter__(self) -> PromptPhases:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        """The prompt has ended, or is not followed any longer."""
        if not self._is_on:
            return
        fault = kind.__name__ if kind else ""
        now = time.time_ns()
        self._end_node(now, fault)
        if self._began is None:
            self._record("queued", self._since, now, fault)
        else:
            self._record("executing", self._began, now, fault, cached=self._cached)

    def note(self, event: events.Event) -> None:
        """Take an event."""
        if not self._is_on or isinstance(event, events.PromptQueued):
            return
        now = time.time_ns()
        if self._began is None:
            self._began = now
            self._record("queued", self._since, now)
        match event:
            case events.ExecutionCached(nodes=nodes):
                self._cached = len(nodes)
            case events.Executing(node=node, display_node=display):
                self._begin(display or node, now)
            case events.StepProgress(node=str(node)):
                self._begin(node, now)
            case events.ProgressState(nodes=states):
                for state in states:
                    if state.state == "running":
                        self._begin(state.display_node, now)

    def _begin(self, node: str | None, now: int) -> None:
        """The server runs one node after another: the one before has ended."""
        if self._node is not None and self._node[0] == node:
            return
        self._end_node(now)
        self._node = (node, now) if node is not None else None

    def _end_node(self, now: int, fault: str = "") -> None:
        if self._node is not None:
            node, begun = self._node
            kind = self._prompt[node].class_type if node in self._prompt else ""
            self._record("node", begun, now, fault, node=node, kind=kind)
            self._node = None

    def _record(self, name: str, begun: int, ended: int, fault: str = "", **facts: Fact) -> None:
        key = f"{self._within} executing" if name == "executing" else ""
        within = f"{self._within} executing" if name == "node" else self._within
        record(Span(self._run, name, begun, ended, key, within, facts, fault))
