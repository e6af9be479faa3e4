"""Many servers and many runs on a virtual clock: the real schedule and the line's rule of turns, beside two others.

.venv/bin/python -m benchmarks.fleet --servers 200 --runs 100000 --load 0.6
"""

from __future__ import annotations

import argparse
import bisect
import heapq
import itertools
import random
import statistics
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.runs.queue import WINDOW
from comfy.schedule import Estimates, Job, ServerState, choose

MODELS = [frozenset({f"model-{number}.safetensors"}) for number in range(6)]
KINDS = [(f"kind-{number}", 6.0 + 3.0 * number, MODELS[number % len(MODELS)]) for number in range(10)]
SPEEDS = (1.0, 1.0, 2.0, 0.5)
SWITCH = 15.0  # seconds to load other models
BURST = 20  # runs that a busy person asks for at once
JITTER = 0.2


@dataclass(frozen=True)
class Asked:
    """A run: who asked for it and when, and how long it takes on a server of speed 1."""

    seq: int
    person: str
    at: float
    kind: str
    seconds: float
    models: frozenset[str]


@dataclass
class Machine:
    """A server as it is: what it can load, and until when it is busy."""

    name: str
    speed: float
    models: frozenset[frozenset[str]]
    loaded: frozenset[str] = frozenset()
    until: float = 0.0
    busy: bool = False
    worked: float = 0.0
    switched: float = 0.0
    switches: int = 0

    def begin(self, run: Asked, now: float) -> tuple[float, bool]:
        """Start a job. Returns its end, and True if models had to be loaded."""
        switch = not run.models <= self.loaded
        work = run.seconds / self.speed
        self.loaded, self.busy, self.until = run.models, True, now + work + switch * SWITCH
        self.worked, self.switched, self.switches = (
            self.worked + work,
            self.switched + switch * SWITCH,
            self.switches + switch,
        )
        return self.until, switch


class Policy(Protocol):
    name: str

    def join(self, run: Asked) -> None: ...

    def next(self, now: float) -> tuple[Asked, Machine] | None: ...

    def ended(self, run: Asked, machine: Machine, seconds: float, *, switched: bool) -> None: ...


class Darkroom:
    """The real schedule, and the rule of turns as `bot.core.runs.queue` has it in SQL."""

    name = "darkroom"

    def __init__(self, machines: list[Machine], caps: ConcurrencyLimits) -> None:
        self.machines, self.caps = machines, caps
        self.estimates = Estimates()
        self.turn = 0
        self.queue: list[tuple[int, int, int]] = []
        self.runs: dict[int, Asked] = {}
        self.put_off: Counter[int] = Counter()
        self.own: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self.with_servers: Counter[str] = Counter()
        self.expected: dict[str, float] = {}
        self.able = {
            models: frozenset(machine.name for machine in machines if models in machine.models) for models in MODELS
        }
        self.by_name = {machine.name: machine for machine in machines}

    def join(self, run: Asked) -> None:
        own = self.own[run.person]
        turn = max(self.turn, max(own.values(), default=0)) + 1
        bisect.insort(self.queue, (turn, len(own), run.seq))
        own[run.seq], self.runs[run.seq] = turn, run

    def next(self, now: float) -> tuple[Asked, Machine] | None:
        jobs = [
            Job(str(run.seq), run.kind, run.models, self.able[run.models], self.put_off[run.seq])
            for run in itertools.islice(self.heads(), WINDOW)
        ]
        server_states = [
            ServerState(
                machine.name,
                machine.loaded,
                max(0.0, self.expected.get(machine.name, 0.0) - now) if machine.busy else 0.0,
                not machine.busy,
            )
            for machine in self.machines
        ]
        choice = choose(jobs, server_states, self.estimates)
        if choice is None:
            return None
        self.put_off.update(map(int, choice.passed))
        server_state = next(server_state for server_state in server_states if server_state.name == choice.server)
        self.expected[choice.server] = now + self.estimates.total(server_state, choice.job)
        return self.take(int(choice.job.id)), self.by_name[choice.server]

    def heads(self) -> Iterator[Asked]:
        for _turn, _depth, seq in self.queue:
            run = self.runs[seq]
            if self.with_servers[run.person] < self.caps.running:
                yield run

    def take(self, seq: int) -> Asked:
        run = self.runs.pop(seq)
        turn = self.own[run.person].pop(seq)
        first = bisect.bisect_left(self.queue, (turn, 0, 0))
        del self.queue[next(place for place in range(first, len(self.queue)) if self.queue[place][2] == seq)]
        self.turn = max(self.turn, turn)
        self.with_servers[run.person] += 1
        del self.put_off[seq]
        return run

    def ended(self, run: Asked, machine: Machine, seconds: float, *, switched: bool) -> None:
        self.with_servers[run.person] -= 1
        self.estimates.learn(machine.name, run.kind, seconds, switched=switched)


class FirstCome:
    """One line; a free server takes the oldest run that it can run."""

    name = "first come, first served"

    def __init__(self, machines: list[Machine], _caps: ConcurrencyLimits) -> None:
        self.machines = machines
        self.lines: dict[frozenset[str], deque[Asked]] = {models: deque() for models in MODELS}

    def join(self, run: Asked) -> None:
        self.lines[run.models].append(run)

    def next(self, now: float) -> tuple[Asked, Machine] | None:
        waiting = {line[0].seq: models for models, line in self.lines.items() if line}
        for _seq, models in sorted(waiting.items(), key=lambda each: each[0]):
            machine = next((each for each in self.machines if not each.busy and models in each.models), None)
            if machine is not None:
                return self.lines[models].popleft(), machine
        return None

    def ended(self, run: Asked, machine: Machine, seconds: float, *, switched: bool) -> None:
        return


class LeastQueue:
    """A line for each server; a run joins the shortest one at once."""

    name = "least queue"

    def __init__(self, machines: list[Machine], _caps: ConcurrencyLimits) -> None:
        self.machines = machines
        self.lines: dict[str, deque[Asked]] = {machine.name: deque() for machine in machines}

    def join(self, run: Asked) -> None:
        able = [machine for machine in self.machines if run.models in machine.models]
        best = min(able, key=lambda each: len(self.lines[each.name]) + each.busy)
        self.lines[best.name].append(run)

    def next(self, now: float) -> tuple[Asked, Machine] | None:
        for machine in self.machines:
            if not machine.busy and self.lines[machine.name]:
                return self.lines[machine.name].popleft(), machine
        return None

    def ended(self, run: Asked, machine: Machine, seconds: float, *, switched: bool) -> None:
        return


@dataclass
class Outcome:
    """The result of a day under one policy."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    decisions: list[float] = field(default_factory=list)
    end: float = 0.0


def fleet(count: int) -> list[Machine]:
    """Servers of three speeds; each third one has room for two models less."""
    return [
        Machine(f"gpu{number:03}", SPEEDS[number % len(SPEEDS)], frozenset(MODELS[:4] if number % 3 == 2 else MODELS))
        for number in range(count)
    ]


def day(runs: int, servers: int, load: float, seed: int) -> list[Asked]:
    """One person in ten asks for many at once, the others for one at a time. `load` leaves switching out."""
    chance = random.Random(seed)
    people = [f"p{number}" for number in range(servers * 10)]
    mean = statistics.fmean(seconds for _kind, seconds, _models in KINDS)
    rate = load * sum(machine.speed for machine in fleet(servers)) / mean
    asked, now = list[Asked](), 0.0
    while len(asked) < runs:
        person = chance.choice(people)
        count = BURST if int(person[1:]) % 10 == 0 else 1
        kind, seconds, models = chance.choice(KINDS)
        for _ in range(min(count, runs - len(asked))):
            took = seconds * chance.uniform(1 - JITTER, 1 + JITTER)
            asked.append(Asked(len(asked), person, now, kind, took, models))
        now += chance.expovariate(rate) * count
    return asked


def live(policy: Policy, machines: list[Machine], asked: list[Asked]) -> Outcome:
    """Go through the day, from one event to the next."""
    outcome, now, coming = Outcome(), 0.0, 0
    ends: list[tuple[float, int, Asked, Machine, float, bool]] = []
    while coming < len(asked) or ends:
        if ends and (coming == len(asked) or ends[0][0] <= asked[coming].at):
            now, _seq, run, machine, begun, switched = heapq.heappop(ends)
            machine.busy = False
            policy.ended(run, machine, now - begun, switched=switched)
        else:
            now = asked[coming].at
            policy.join(asked[coming])
            coming += 1
        while any(not machine.busy for machine in machines):
            begun = time.perf_counter()
            taken = policy.next(now)
            outcome.decisions.append(time.perf_counter() - begun)
            if taken is None:
                break
            run, machine = taken
            end, switched = machine.begin(run, now)
            heapq.heappush(ends, (end, run.seq, run, machine, now, switched))
            outcome.waits["busy" if int(run.person[1:]) % 10 == 0 else "others"].append(now - run.at)
    outcome.end = now
    return outcome


def report(name: str, outcome: Outcome, machines: list[Machine]) -> str:
    total = outcome.end * len(machines)
    cells = [
        name,
        f"{sum(each.worked for each in machines) / total:.0%}",
        f"{sum(each.switched for each in machines) / total:.0%}",
        f"{sum(each.switches for each in machines)}",
        *(_waits(outcome.waits[kind]) for kind in ("others", "busy")),
        f"{outcome.end / 3600:.1f}",
        f"{statistics.fmean(outcome.decisions) * 1e6:.0f}",
        f"{sorted(outcome.decisions)[int(len(outcome.decisions) * 0.99)] * 1e3:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _waits(waits: list[float]) -> str:
    ordered = sorted(waits)
    return " / ".join(f"{ordered[int((len(ordered) - 1) * part)]:.0f}" for part in (0.5, 0.95, 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--load", type=float, default=0.6, help="of what the servers could do if they never switched")
    parser.add_argument("--running", type=int, default=2, help="runs of one person with servers at a time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asked = day(options.runs, options.servers, options.load, options.seed)
    print(
        f"{options.servers} servers, {options.runs} runs, load {options.load:g}, {options.running} a person at a time\n"
    )
    print(
        "| policy | at work | loading models | switches | people with one run wait s: p50 / p95 / most"
        " | those with twenty | hours | a decision us | p99 ms |"
    )
    print("| --- " * 9 + "|")
    policies: list[type[Darkroom | FirstCome | LeastQueue]] = [Darkroom, FirstCome, LeastQueue]
    for make in policies:
        machines = fleet(options.servers)
        policy = make(machines, ConcurrencyLimits(running=options.running))
        print(report(policy.name, live(policy, machines, asked), machines), flush=True)


if __name__ == "__main__":
    main()
