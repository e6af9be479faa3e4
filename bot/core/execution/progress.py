"""Folds the events of a prompt into a `Status`: no input or output, and no clock but the one that it is given.

The bar and the time left come from how long its nodes took on this server before. Where that is not known, a node
weighs as much as it has steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.model import Delivering, Queued, Running
from bot.core.servers.node_words import is_painting, loading_words, node_words
from comfy.messages import events
from comfy.messages.previews import Preview
from comfy.object_info import ObjectInfo
from comfy.prompt import Node, Prompt
from comfy.scheduling.node_times import Expected, ServerTimes
from comfy.scheduling.node_work import works_of

_EARLIEST = 0.05  # of the whole: before that, an estimate without earlier runs would be a guess
_TRUST = 0.25  # of the whole: what was measured before counts as much as so much of this run
_DOUBT = 0.1  # of the whole may be nodes that were measured less often, in an estimate to rely on
_OFTEN = 2  # measurements of the same work
_SLOWEST, _QUICKEST = 4.0, 0.25  # times as long as before: more is not believed
_RISE = 1.1  # times what was told: an estimate that is more than that, and than a second, is left out
_LATE = 1.5  # times as long as expected, and
_GRACE = 2.0  # seconds


@dataclass
class _Steps:
    """The steps of a node: the first one that was heard of, and the last, each with its moment."""

    value: float
    most: float
    at: float
    first: float
    first_at: float

    @property
    def share(self) -> float:
        return self.value / self.most

    @property
    def pace(self) -> float | None:
        """The seconds of a step."""
        return (self.at - self.first_at) / (self.value - self.first) if self.value > self.first else None

    @property
    def before(self) -> float | None:
        """The moment at which the first step began."""
        return self.first_at - self.first * self.pace if self.pace is not None else None


class ProgressTracker:
    """The progress of one prompt."""

    def __init__(
        self,
        prompt: Prompt,
        clock: Callable[[], float],
        info: ObjectInfo | None = None,
        times: ServerTimes | None = None,
        *,
        previews: bool = True,
    ) -> None:
        """`info` and `times` are those of the server: its nodes, and how long each took before. Without `previews` they
        are passed over.
        """
        self._prompt, self._clock, self._info = prompt, clock, info
        self._times = times if times is not None else ServerTimes()
        self._works = works_of(prompt, info)
        self._has_steps = any(_weight(prompt[node_id]) > 1 for node_id in self._works)
        self._plans: dict[str, Expected] | None = None
        self._cold: frozenset[str] = frozenset()
        self._done: set[str] = set()
        self._cached: set[str] = set()
        self._heard_begin = False
        self._taken: dict[str, float] = {}
        self._lead: dict[str, float] = {}
        self._steps: dict[str, _Steps] = {}
        self._current: str | None = None
        self._since = 0.0
        self._fraction = 0.0
        self._least: float | None = None  # of the estimates that were told
        self._has_previews = previews
        self._preview: bytes | None = None
        self._begun: float | None = None

    def fold(self, event: events.Event) -> Queued | Delivering | Callable[[], Running] | None:
        """Take an event. Returns the status after it, while it runs a function that tells it, or None where a person
        would see no difference.
        """
        match event:
            case events.PromptQueued(position=position, running=running):
                return Queued(position, running=running)
            case events.ExecutionSuccess():
                self._begin(None)
                self._learn()
                return Delivering()
            case events.ExecutionCached(nodes=nodes):
                self._heard_begin, self._plans = True, None
                self._cached.update(nodes)
                self._done.update(nodes)
            case events.ProgressState(nodes=states):
                for state in states:
                    self._take_state(state)
            case events.Executing(node=node, display_node=display):
                self._begin(display or node)
            case events.StepProgress(node=str(node), value=value, max=most):
                self._step(node, value, most)
            case events.Executed(node=node):
                self._done.add(node)
            case Preview(data=data) if self._has_previews:
                self._preview = data
            case events.ExecutionStart():
                pass
            case _:
                return None
        if self._begun is None:
            self._begun = self._clock()
        return self.now

    def now(self) -> Running:
        """The status at this moment."""
        at = self._clock()
        if self._begun is None:
            self._begun = at
        left, sure = self._left(at)
        elapsed = at - self._begun
        share = self._done_share() if left is None or not sure else elapsed / (elapsed + left) if elapsed > 0 else 0.0
        self._fraction = max(self._fraction, min(share, 0.99))
        steps = self._steps.get(self._current or "")
        step, most = (int(steps.value), int(steps.most)) if steps is not None else (None, None)
        return Running(self._words(), step, most, self._fraction, self._told(left), self._preview, sure=sure)

    def _words(self) -> str | None:
        if self._current is None or self._current not in self._prompt:
            return None
        node = self._prompt[self._current]
        if self._is_cold(node.id) and node.id not in self._steps and is_painting(node, self._info):
            return loading_words()
        return node_words(node, self._info)

    def _begin(self, node: str | None) -> None:
        """The server runs one node after another: the one before has ended."""
        at = self._clock()
        if self._current is not None and self._current != node:
            self._done.add(self._current)
            self._taken[self._current] = self._taken.get(self._current, 0.0) + at - self._since
            self._lead.setdefault(self._current, self._lead_now())
        if self._current != node:
            self._since = at
        self._current = node

    def _take_state(self, state: events.NodeProgress) -> None:
        if state.state == "finished" and state.node_id in self._works:
            self._done.add(state.node_id)
        elif state.state == "running":
            self._step(state.display_node, state.value, state.max)

    def _step(self, node: str, value: float, most: float) -> None:
        if self._current != node:
            self._begin(node)
        if most <= 1:
            return
        at, value = self._clock(), max(0.0, min(value, most))
        last = self._steps.get(node)
        if last is None or value < last.value or most != last.most:
            self._steps[node] = _Steps(value, most, at, value, at)
        elif value > last.value:
            first = (value, at) if last.value <= 0 else (last.first, last.first_at)  # the model is loaded by then
            self._steps[node] = _Steps(value, most, at, *first)

    def _lead_now(self) -> float:
        """Return the seconds before the first step of the node that runs."""
        steps = self._steps.get(self._current or "")
        return max(0.0, steps.before - self._since) if steps is not None and steps.before is not None else 0.0

    def _is_cold(self, node_id: str) -> bool:
        """True if models were loaded just before for a node to use."""
        self._planned()
        return bool(self._works[node_id].uses & self._cold)

    def _planned(self) -> dict[str, Expected]:
        """Return what each node that was not cached is expected to take: `alike` is -1 where that is a guess."""
        if self._plans is None:
            works = {node_id: work for node_id, work in self._works.items() if node_id not in self._cached}
            self._cold = frozenset[str]().union(*(work.loads for work in works.values()))
            known = {
                node_id: found
                for node_id, work in works.items()
                if (found := self._times.expected(work, cold=bool(work.uses & self._cold))) is not None
            }
            weights = {node_id: _weight(self._prompt[node_id]) for node_id in works}
            measured = sum(weights[node_id] for node_id in known)
            unit = sum(each.seconds for each in known.values()) / measured if measured else 1.0
            self._plans = {
                node_id: known.get(node_id) or Expected(weights[node_id] * unit, 0.0, -1) for node_id in works
            }
        return self._plans

    def _share(self, node_id: str) -> float:
        if node_id in self._done:
            return 1.0
        steps = self._steps.get(node_id)
        return steps.share if steps is not None else 0.0

    def _done_share(self) -> float:
        """The part of the work that is done, of a little more than there is: the whole is there with the picture."""
        plans = self._planned()
        done = sum(plan.seconds * self._share(node_id) for node_id, plan in plans.items())
        total = sum(plan.seconds for plan in plans.values())
        return done / (total * 1.01) if total else 0.0

    def _left(self, at: float) -> tuple[float | None, bool]:
        """Estimate the seconds left; and whether that can be relied on."""
        plans = self._planned()
        total = sum(plan.seconds for plan in plans.values())
        open_plans = {node_id: plan for node_id, plan in plans.items() if node_id not in self._done}
        known = sum(plan.seconds for plan in plans.values() if plan.alike >= 0) >= (1 - _DOUBT) * total
        sure = sum(plan.seconds for plan in open_plans.values() if plan.alike < _OFTEN) <= _DOUBT * total
        pace = self._pace(at, total, known=known)
        if pace is None:
            return None, False
        current = open_plans.pop(self._current or "", None)
        left = sum(plan.seconds for plan in open_plans.values()) * pace
        if current is not None:
            rest = self._rest_of(current, pace, at, known=known)
            if rest is None:
                return None, False
            left += rest
        return left, sure and known

    def _pace(self, at: float, total: float, *, known: bool) -> float | None:
        """Return how much longer nodes take than planned; None if that cannot be said yet. How long a model takes to be
        loaded says nothing of it.
        """
        planned = actual = 0.0
        for node_id, plan in self._planned().items():
            share, is_current, is_done = self._share(node_id), node_id == self._current, node_id in self._done
            if not (is_done or (is_current and share)) or (known and self._works[node_id].loads):
                continue
            if not known and (node_id not in self._steps or (self._has_steps and _weight(self._prompt[node_id]) <= 1)):
                continue  # how long it takes to read some words says nothing of a step, nor of any other node
            taken = self._taken.get(node_id, 0.0)
            if is_current:
                taken += (at if is_done else self._steps[node_id].at) - self._since
            if known:
                taken -= self._lead_now() if is_current else self._lead.get(node_id, 0.0)
            planned, actual = planned + (plan.seconds - plan.lead) * share, actual + taken
        if not known:
            return actual / planned if planned >= _EARLIEST * total and actual > 0 else None
        trust = _TRUST * total
        pace = (actual + trust) / (planned + trust) if total else 1.0
        return max(_QUICKEST, min(pace, _SLOWEST))

    def _rest_of(self, plan: Expected, pace: float, at: float, *, known: bool) -> float | None:
        """Estimate what is left of the node that runs; None if it is late."""
        steps = self._steps.get(self._current or "")
        if steps is None:
            left, passed = plan.lead + (plan.seconds - plan.lead) * pace, at - self._since
        else:
            left, passed = (plan.seconds - plan.lead) * pace * (1 - steps.share), at - steps.at
            if steps.pace is not None:
                weight = min(1.0, 2 * steps.share) if known else 1.0
                left = weight * steps.pace * (steps.most - steps.value) + (1 - weight) * left
        return None if passed > _LATE * left + _GRACE else max(0.0, left - passed)

    def _told(self, left: float | None) -> float | None:
        """Return the estimate to tell, which never rises: it waits where it is a little more than what was told, and
        is left out where it is much more.
        """
        if left is None or (self._least is not None and left > max(_RISE * self._least, self._least + 1)):
            return None
        self._least = left if self._least is None else min(self._least, left)
        return self._least

    def _learn(self) -> None:
        """Tell how long each node took. Where the beginning was not heard, the first one is not known."""
        if not self._heard_begin:
            return
        self._times.learn(
            (self._works[node_id], self._is_cold(node_id), seconds, self._lead.get(node_id, 0.0))
            for node_id, seconds in self._taken.items()
            if node_id in self._works
        )


def _weight(node: Node) -> float:
    steps = node.inputs.get("steps")
    return float(steps) if isinstance(steps, int) and not isinstance(steps, bool) and steps > 1 else 1.0
