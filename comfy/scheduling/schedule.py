"""Jobs and servers as the schedule sees them, and estimates of how long each job takes where. `dispatch` decides."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from statistics import median_low
from typing import NamedTuple, Protocol

from comfy.prompt import Prompt

MOST_PUT_OFF = 3  #: the number of later jobs that may go before a job because their models are loaded
_GUESS = 5.0  # seconds; the estimate for an unknown job
_RELUCTANCE = 3.0  # jobs; the estimated cost of loading other models before it was measured
_STEP = 0.1  # an average that others use follows its values in steps of a tenth
_REMEMBERED = 9  # measurements of each kind on each server; their median is used, because some are outliers
_MODEL_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx")


class Job(NamedTuple):
    """A waiting job. Jobs of one `kind` take about the same time; `servers` are those that can run it. One that is not
    `patient` goes to a free server only.
    """

    id: str
    kind: str
    models: frozenset[str]
    servers: frozenset[str]
    put_off: int = 0
    patient: bool = True

    @property
    def is_overdue(self) -> bool:
        """True if no other job may go before it any longer."""
        return self.put_off >= MOST_PUT_OFF

    def switches(self, loaded: frozenset[str]) -> bool:
        """True if a server with these models would have to load others."""
        return bool(self.models) and not self.models <= loaded


class Work(Protocol):
    """The part of a job, or of a run, that decides how long it takes."""

    @property
    def kind(self) -> str: ...

    @property
    def models(self) -> frozenset[str]: ...


class ServerState(NamedTuple):
    """A server: its loaded models, the moment at which its jobs are done, if it is `free` to begin a job at once, and
    if it has `room` for one that waits there.
    """

    name: str
    loaded: frozenset[str] = frozenset()
    until: float = 0.0
    free: bool = True
    room: bool = False


@dataclass
class _Average:
    """The average of one value each, which moves in steps, so that what was worked out with it holds for long."""

    value: float | None = None
    steps: int = 0
    _values: dict[str, float] = field(default_factory=dict)
    _sum: float = 0.0

    def put(self, name: str, value: float) -> None:
        self._sum += value - self._values.get(name, 0.0)
        self._values[name] = value
        average = self._sum / len(self._values)
        if self.value is None or abs(average - self.value) > _STEP * self.value:
            self.value, self.steps = average, self.steps + 1


@dataclass
class _Measured:
    """The times on one server, by kind."""

    recent: dict[tuple[str, bool], deque[float]] = field(default_factory=dict)  # True: had models loaded
    warm: dict[str, float] = field(default_factory=dict)
    cold: dict[str, float] = field(default_factory=dict)
    loading: dict[str, float] = field(default_factory=dict)
    switch: float | None = None


@dataclass
class Estimates:
    """Estimates of the time for each kind of job on each server, and for loading other models. It learns from every
    job.
    """

    _at: defaultdict[str, _Measured] = field(default_factory=lambda: defaultdict(_Measured))
    _usual: defaultdict[str, _Average] = field(
        default_factory=lambda: defaultdict(_Average)
    )  # of a kind, on all servers
    _usual_switch: _Average = field(default_factory=_Average)
    _usual_job: _Average = field(default_factory=_Average)

    def learn(self, server: str, kind: str, seconds: float, *, switched: bool) -> None:
        """Add a measurement. A job that had to load models tells the cost of loading, once its own time is known."""
        at = self._at[server]
        recent = at.recent.setdefault((kind, switched), deque(maxlen=_REMEMBERED))
        recent.append(seconds)
        known, median = at.cold if switched else at.warm, median_low(recent)
        if known.get(kind) == median:
            return
        known[kind] = median
        if not switched:
            self._usual[kind].put(server, at.warm[kind])
            self._usual_job.put(kind, self._usual[kind].value or 0.0)
        if kind in at.cold and kind in at.warm:
            at.loading[kind] = max(0.0, at.cold[kind] - at.warm[kind])
            at.switch = sum(at.loading.values()) / len(at.loading)
            self._usual_switch.put(server, at.switch)

    def edition(self, kind: str) -> tuple[int, int, int]:
        """Say which estimates hold for a kind of job on servers that have not measured it: others when this changes."""
        usual, switch = self._usual.get(kind), self._usual_switch
        by_job = self._usual_job.steps if switch.value is None else 0
        return usual.steps if usual is not None else 0, switch.steps, by_job

    def seconds(self, server: str, kind: str) -> float:
        """Estimate the time of a job of this kind; on an unknown server, as long as elsewhere."""
        at, usual = self._at.get(server), self._usual.get(kind)
        known = at.warm.get(kind) if at is not None else None
        if known is None and usual is not None:
            known = usual.value
        if known is not None:
            return known
        cold = at.cold.get(kind) if at is not None else None
        return _GUESS if cold is None else cold / (1 + _RELUCTANCE)

    def switching(self, server: str) -> float:
        """Estimate the time to load other models; if it was never measured, as long as some jobs."""
        at = self._at.get(server)
        if at is not None and at.switch is not None:
            return at.switch
        if self._usual_switch.value is not None:
            return self._usual_switch.value
        return (_GUESS if self._usual_job.value is None else self._usual_job.value) * _RELUCTANCE

    def total(self, server: str, loaded: frozenset[str], job: Work, weight: float = 1.0) -> float:
        """Estimate the time of a job on a server with these models, and without other jobs. The time to load other
        models counts `weight` times, and the time of the job itself is divided by it.
        """
        seconds, switching = self.parts(server, loaded, job)
        return seconds / weight + weight * switching

    def parts(self, server: str, loaded: frozenset[str], job: Work) -> tuple[float, float]:
        """Estimate the seconds of a job itself on a server with these models, and those to load other models first."""
        at, models = self._at.get(server), job.models
        seconds = at.warm.get(job.kind) if at is not None else None
        if seconds is None:
            seconds = self.seconds(server, job.kind)
        if not models or models <= loaded:
            return seconds, 0.0
        return seconds, self.switching(server) if at is None or at.switch is None else at.switch


def models_of(prompt: Prompt) -> frozenset[str]:
    """Return the models in a prompt."""
    return frozenset(value for node in prompt for value in node.inputs.values() if is_model(value))


def is_model(value: object) -> bool:
    """True if an input's value is the file name of a model."""
    return isinstance(value, str) and value.lower().endswith(_MODEL_FILES)
