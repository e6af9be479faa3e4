"""Decide which server takes which job next. Pure functions, without a clock and without input or output.

The jobs are in queue order. Each is assigned to the server that would finish it first, given the server's other jobs
and the models that it would have to load. A free server takes the first job assigned to it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median_low

from comfy.prompt import Prompt

MOST_PUT_OFF = 3  #: the number of later jobs that may go before a job because their models are loaded
_GUESS = 5.0  # seconds; the estimate for an unknown job
_RELUCTANCE = 3.0  # jobs; the estimated cost of loading other models before it was measured
_WORTH_A_MOVE = 0.5  # seconds that a job must end sooner for it to be taken to another server
_REMEMBERED = 9  # measurements of each kind on each server; their median is used, because some are outliers
_MODEL_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx")


@dataclass(frozen=True)
class Job:
    """A waiting job. Jobs of one `kind` take about the same time; `servers` are those that can run it."""

    id: str
    kind: str
    models: frozenset[str]
    servers: frozenset[str]
    put_off: int = 0


@dataclass(frozen=True)
class ServerState:
    """A server: its loaded models, the seconds until its jobs are done, if it is `free` to begin a job at once, and
    if it has `room` for one that waits there.
    """

    name: str
    loaded: frozenset[str] = frozenset()
    busy_for: float = 0.0
    free: bool = True
    room: bool = False


@dataclass(frozen=True)
class Choice:
    """A job for a server. `passed` are the ids of the jobs that are put off for it. If it is `ahead`, the server begins
    it after what it is doing now.
    """

    job: Job
    server: str
    passed: tuple[str, ...] = ()
    ahead: bool = False


@dataclass
class Estimates:
    """Estimates of the time for each kind of job on each server, and for loading other models. It learns from every
    job.
    """

    _measured: dict[tuple[str, str, bool], deque[float]] = field(default_factory=dict)  # True: had models loaded
    _warm: dict[tuple[str, str], float] = field(default_factory=dict)
    _cold: dict[tuple[str, str], float] = field(default_factory=dict)
    _switch: dict[str, float] = field(default_factory=dict)
    _usual: dict[str, float] = field(default_factory=dict)  # by kind, on the servers with measurements
    _usual_switch: float | None = None

    def learn(self, server: str, kind: str, seconds: float, *, switched: bool) -> None:
        """Add a measurement. A job that had to load models tells the cost of loading, once its own time is known."""
        recent = self._measured.setdefault((server, kind, switched), deque(maxlen=_REMEMBERED))
        recent.append(seconds)
        took = self._cold if switched else self._warm
        took[server, kind] = median_low(recent)
        if not switched:
            self._usual[kind] = fmean(took for (_, each), took in self._warm.items() if each == kind)
        self._learn_switching(server)

    def _learn_switching(self, server: str) -> None:
        known = [kind for at, kind in self._cold if at == server and (at, kind) in self._warm]
        if known:
            costs = [max(0.0, self._cold[server, kind] - self._warm[server, kind]) for kind in known]
            self._switch[server] = fmean(costs)
            self._usual_switch = fmean(self._switch.values())

    def seconds(self, server: str, kind: str) -> float:
        """Estimate the time of a job of this kind; on an unknown server, as long as elsewhere."""
        known = self._warm.get((server, kind))
        if known is not None:
            return known
        if kind in self._usual:
            return self._usual[kind]
        cold = self._cold.get((server, kind))
        return _GUESS if cold is None else cold / (1 + _RELUCTANCE)

    def switching(self, server: str, kind: str) -> float:
        """Estimate the time to load other models; if it was never measured, as long as some jobs."""
        if server in self._switch:
            return self._switch[server]
        if self._usual_switch is not None:
            return self._usual_switch
        return self.seconds(server, kind) * _RELUCTANCE

    def total(self, server_state: ServerState, job: Job) -> float:
        """Estimate the time of a job on a server without other jobs."""
        seconds = self.seconds(server_state.name, job.kind)
        return seconds + self.switching(server_state.name, job.kind) if _switches(server_state.loaded, job) else seconds


def choose(jobs: Sequence[Job], server_states: Iterable[ServerState], estimates: Estimates) -> Choice | None:
    """Choose the next job for a free server, or else for one with room; None if every job should wait, or cannot run
    there.
    """
    state = {server_state.name: server_state for server_state in server_states}
    ordered = sorted(jobs, key=lambda job: not _overdue(job))
    ahead: tuple[Job, str] | None = None
    for job, server, _ in assign(ordered, state, estimates):
        if state[server].free:
            return _chosen(ordered, job, state[server])
        if ahead is None and state[server].room:
            ahead = job, server
    return replace(_chosen(ordered, ahead[0], state[ahead[1]]), ahead=True) if ahead is not None else None


def _chosen(jobs: Sequence[Job], job: Job, server_state: ServerState) -> Choice:
    return Choice(job, server_state.name) if _overdue(job) else _together(jobs, job, server_state)


def ends_sooner(job: Job, ends_in: float, server_states: Iterable[ServerState], estimates: Estimates) -> str | None:
    """Return the idle server that ends a job well before the server where it waits, which needs `ends_in` seconds."""
    idle = [each for each in server_states if each.name in job.servers and each.free and each.busy_for <= 0]
    took = {each.name: estimates.total(each, job) for each in idle}
    best = min(took, key=lambda name: (took[name], name), default=None)
    return best if best is not None and took[best] + _WORTH_A_MOVE < ends_in else None


def assign(
    jobs: Iterable[Job], server_states: Mapping[str, ServerState], estimates: Estimates
) -> Iterator[tuple[Job, str, float]]:
    """Assign each job, in order, to the server that would finish it first. Yields the job, the server, and the seconds
    until it starts. Jobs that no server can run are left out.
    """
    state = dict(server_states)
    alike: dict[tuple[str, frozenset[str], frozenset[str]], tuple[Job, dict[str, float]]] = {}
    for job in jobs:
        key = (job.kind, job.models, job.servers)
        if key not in alike:
            alike[key] = job, {name: estimates.total(state[name], job) for name in job.servers if name in state}
        took = alike[key][1]
        if took:
            name = _soonest(took, state)
            server_state = state[name]
            yield job, name, server_state.busy_for
            loaded = job.models or server_state.loaded
            state[name] = ServerState(name, loaded, server_state.busy_for + took[name], free=False)
            if loaded != server_state.loaded:
                for other, known in alike.values():
                    if name in known:
                        known[name] = estimates.total(state[name], other)


def _soonest(took: Mapping[str, float], state: Mapping[str, ServerState]) -> str:
    """Return the server that would finish first; of several, a free one."""
    end = min(state[name].busy_for + seconds for name, seconds in took.items())
    first = [name for name, seconds in took.items() if state[name].busy_for + seconds <= end]
    return min(first, key=lambda name: (not state[name].free, name))


def models_of(prompt: Prompt) -> frozenset[str]:
    """Return the models in a prompt."""
    return frozenset(value for node in prompt for value in node.inputs.values() if is_model(value))


def is_model(value: object) -> bool:
    """True if an input's value is the file name of a model."""
    return isinstance(value, str) and value.lower().endswith(_MODEL_FILES)


def _overdue(job: Job) -> bool:
    return job.put_off >= MOST_PUT_OFF


def _together(jobs: Sequence[Job], job: Job, server_state: ServerState) -> Choice:
    """Choose a later job with loaded models, instead of loading other models for this one, if there is one.

    Jobs for other servers are not put off by that, because they finish earlier there.
    """
    if not _switches(server_state.loaded, job):
        return Choice(job, server_state.name)
    behind = [
        each for each in itertools.dropwhile(lambda each: each is not job, jobs) if server_state.name in each.servers
    ]
    for number, mate in enumerate(behind):
        if mate.models and mate.models <= server_state.loaded:
            return Choice(mate, server_state.name, tuple(each.id for each in behind[:number]))
    return Choice(job, server_state.name)


def _switches(loaded: frozenset[str], job: Job) -> bool:
    return bool(job.models) and not job.models <= loaded
