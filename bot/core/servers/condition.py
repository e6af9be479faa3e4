"""The conditions of a worker's servers: more than whether they answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import StrEnum

from comfy.fleet import Fleet

_USUAL_START = 120.0  # seconds; the estimate for a machine whose start was never measured
_DRAIN, SLEEP, STUCK = "drain", "sleep", "stuck"  #: why a server is not used


class Condition(StrEnum):
    """The state of a server, as others see it. Other processes know these words."""

    UP = "up"
    AWAY = "away"  #: it does not answer, and should
    RESTING = "resting"  #: it has failed too many runs
    DRAINING = "draining"  #: its operator wants it to get no runs
    STUCK = "stuck"  #: it does not stop a prompt that it was told to stop
    ASLEEP = "asleep"  #: its machine is stopped, and is started for the next run
    WAKING = "waking"  #: its machine is being started


class ServerConditions:
    """The conditions of the servers of one fleet. Those in `sleepers` have a machine that can be started."""

    def __init__(self, fleet: Fleet, sleepers: Iterable[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._fleet, self._clock = fleet, clock
        self._sleepers = frozenset(sleepers)
        self._waking: dict[str, float] = {}  # since when
        self._late = frozenset[str]()
        self._starts: dict[str, float] = {}  # the seconds that a start takes

    def of(self, name: str) -> Condition:
        fleet = self._fleet
        if fleet.is_held(name, _DRAIN):
            return Condition.DRAINING
        if name in self._waking:
            return Condition.WAKING
        if fleet.is_held(name, STUCK) and name in fleet.reachable:
            return Condition.STUCK
        if fleet.is_held(name, SLEEP):
            return Condition.ASLEEP
        if name in fleet.up:
            return Condition.UP
        if fleet.is_resting(name) and name in fleet.reachable:
            return Condition.RESTING
        return Condition.ASLEEP if name in self._sleepers and name not in self._late else Condition.AWAY

    def wakes_in(self, name: str) -> float | None:
        """Return the seconds until a server that is asleep or waking can begin a run; None for any other."""
        takes = self._starts.get(name, _USUAL_START)
        match self.of(name):
            case Condition.ASLEEP:
                return takes
            case Condition.WAKING:
                passed = self._clock() - self._waking[name]
                return takes - passed if passed < takes else passed / 2
            case _:
                return None

    def drain(self, name: str, *, wanted: bool) -> None:
        """Give a server no runs, or give it runs again."""
        if wanted:
            self._fleet.hold(name, _DRAIN)
        elif self._fleet.is_held(name, _DRAIN):
            self._fleet.release(name, _DRAIN)

    def sends_to_sleep(self, name: str) -> None:
        """Note that a machine is about to be stopped: its server gets no runs from now on."""
        self._fleet.hold(name, SLEEP)

    def wakes(self, name: str) -> None:
        """Note that a machine is being started."""
        self._waking[name] = self._clock()

    def woke(self, name: str) -> float:
        """Note that a machine has started. Returns the seconds that it took."""
        took = self._clock() - self._waking.pop(name)
        self.learn(name, took)
        self.is_awake(name)
        return took

    def is_awake(self, name: str) -> None:
        """Use a server that answers, whoever has started its machine."""
        self._waking.pop(name, None)
        self._late -= {name}
        if self._fleet.is_held(name, SLEEP):
            self._fleet.release(name, SLEEP)

    def did_not_wake(self, name: str) -> None:
        """Note that a machine did not start in time: its server is away now."""
        self._waking.pop(name, None)
        self._late |= {name}

    def learn(self, name: str, seconds: float) -> None:
        """Note how long a start takes."""
        self._starts[name] = seconds
