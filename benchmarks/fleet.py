"""Many servers and many runs on a virtual clock: the real schedule and the line's rule of turns, beside two others.

.venv/bin/python -m benchmarks.fleet --servers 200 --runs 100000 --load 0.6
"""

from __future__ import annotations

import argparse
import bisect
import gc
import heapq
import random
import statistics
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.runs.queue import WINDOW
from bot.core.servers.load import ServerLoad
from comfy.scheduling.schedule import Job

MODELS = [frozenset({f"model-{number}.safetensors"}) for number in range(6)]
KINDS = [(f"kind-{number}", 6.0 + 3.0 * number, MODELS[number % len(MODELS)]) for number in range(10)]
SPEEDS = (1.0, 1.0, 2.0, 0.5)
SWITCH = 15.0  # seconds to load other models
BURST = 20  # runs that a busy person asks for at once
JITTER = 0.2


class Asked(NamedTuple):
    """A run: who asked for it and when, and how long it takes on a server of speed 1."""

    seq: int
    person: str
    at: float
    kind: str
    seconds: float
    models: frozenset[str]
    started_at: float | None = None
    attempt: int = 1
    is_ahead: bool = False

    @property
    def id(self) -> str:
        return str(self.seq)

    def begun(self, now: float) -> Asked:
        return Asked(self.seq, self.person, self.at, self.kind, self.seconds, self.models, now)


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

    def ended(self, run: Asked, machine: Machine, now: float) -> None: ...


class Line:
    """The line's rule of turns, as `bot.core.runs.queue` has it in SQL: the first is at the end."""

    def __init__(self, caps: ConcurrencyLimits) -> None:
        self.caps, self.turn = caps, 0
        self.runs: dict[int, Asked] = {}
        self.ready: list[tuple[int, int, int]] = []  # of people who may have another run on a server
        self.own: defaultdict[str, dict[int, tuple[int, int, int]]] = defaultdict(dict)
        self.with_servers: Counter[str] = Counter()

    def join(self, run: Asked) -> None:
        own = self.own[run.person]
        turn = max(self.turn, max((-place[0] for place in own.values()), default=0)) + 1
        own[run.seq], self.runs[run.seq] = (-turn, -len(own), -run.seq), run
        if self.with_servers[run.person] < self.caps.running:
            bisect.insort(self.ready, own[run.seq])

    def heads(self) -> list[int]:
        return [-place[2] for place in self.ready[: -WINDOW - 1 : -1]]

    def take(self, seq: int) -> Asked:
        run = self.runs.pop(seq)
        place = self.own[run.person].pop(seq)
        self._leave(place)
        self.turn = max(self.turn, -place[0])
        self.with_servers[run.person] += 1
        if self.with_servers[run.person] == self.caps.running:
            for other in self.own[run.person].values():
                self._leave(other)
        return run

    def ended(self, run: Asked) -> None:
        if self.with_servers[run.person] == self.caps.running:
            for place in self.own[run.person].values():
                bisect.insort(self.ready, place)
        self.with_servers[run.person] -= 1

    def _leave(self, place: tuple[int, int, int]) -> None:
        del self.ready[bisect.bisect_left(self.ready, place)]


class Darkroom:
    """The real schedule and the real load of servers, and the line's rule of turns. No run is ahead here."""

    name = "darkroom"

    def __init__(self, machines: list[Machine], caps: ConcurrencyLimits) -> None:
        self.line, self.now = Line(caps), 0.0
        self.load: Any = ServerLoad(lambda: self.now)
        self.servers, self.alone = {machine.name: 1 for machine in machines}, frozenset(each.name for each in machines)
        self.jobs: dict[int, Job] = {}
        self.overdue = set[int]()
        every = {models: frozenset(each.name for each in machines if models in each.models) for models in MODELS}
        same = {servers: servers for servers in every.values()}  # as `JobFactory` has it
        self.able = {models: same[servers] for models, servers in every.items()}
        self.by_name = {machine.name: machine for machine in machines}

    def join(self, run: Asked) -> None:
        self.line.join(run)
        self.jobs[run.seq] = Job(str(run.seq), run.kind, run.models, self.able[run.models])

    def next(self, now: float) -> tuple[Asked, Machine] | None:
        self.now = now
        self.load.offer(self.servers, self.alone)
        heads = self.line.heads()
        if not self.overdue.isdisjoint(heads):
            heads = [seq for seq in heads if seq in self.overdue] + [seq for seq in heads if seq not in self.overdue]
        choice = self.load.choose(list(map(self.jobs.__getitem__, heads)), more=len(heads) >= WINDOW)
        if choice is None:
            return None
        for passed in map(int, choice.passed):
            job = self.jobs[passed] = self.jobs[passed]._replace(put_off=self.jobs[passed].put_off + 1)
            if job.is_overdue:
                self.overdue.add(passed)
        run = self.line.take(int(choice.job.id))
        del self.jobs[run.seq]
        self.overdue.discard(run.seq)
        self.load.enter(choice.server, run.begun(now))
        return run, self.by_name[choice.server]

    def ended(self, run: Asked, machine: Machine, now: float) -> None:
        self.now = now
        self.line.ended(run)
        self.load.leave(machine.name, run, learn=True)


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

    def ended(self, run: Asked, machine: Machine, now: float) -> None:
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

    def ended(self, run: Asked, machine: Machine, now: float) -> None:
        return


@dataclass
class Outcome:
    """The result of a day under one policy."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: list[float] = field(default_factory=list)  # from the request to the end of its run
    order: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # the runs of each server
    decisions: list[float] = field(default_factory=list)
    upkeep: float = 0.0  # processor, of what is done beside decisions
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


def live(policy: Policy, machines: list[Machine], asked: list[Asked], most: int | None = None) -> Outcome:
    """Go through the day, from one event to the next, or until so many runs have begun."""
    outcome, now, coming, most = Outcome(), 0.0, 0, len(asked) if most is None else most
    ends: list[tuple[float, int, Asked, Machine]] = []
    free = len(machines)
    while coming < len(asked) or ends:
        begun = time.process_time()
        if ends and (coming == len(asked) or ends[0][0] <= asked[coming].at):
            now, _seq, run, machine = heapq.heappop(ends)
            machine.busy = False
            policy.ended(run, machine, now)
            free += 1
        else:
            now = asked[coming].at
            policy.join(asked[coming])
            coming += 1
            if coming < len(asked) and asked[coming].at == now:
                continue  # they come together
        outcome.upkeep += time.process_time() - begun
        while free:
            begun = time.process_time()
            taken = policy.next(now)
            outcome.decisions.append(time.process_time() - begun)
            if taken is None:
                break
            run, machine = taken
            free -= 1
            end, _switched = machine.begin(run, now)
            heapq.heappush(ends, (end, run.seq, run, machine))
            outcome.waits["busy" if int(run.person[1:]) % 10 == 0 else "others"].append(now - run.at)
            outcome.answers.append(end - run.at)
            outcome.order[machine.name].append(run.seq)
            if len(outcome.answers) == most:
                coming, ends = len(asked), []
                break
    outcome.end = max(each.until for each in machines)
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
        f"{(sum(outcome.decisions) + outcome.upkeep) / len(outcome.decisions) * 1e6:.0f}",
        " / ".join(
            f"{sorted(outcome.decisions)[int((len(outcome.decisions) - 1) * part)] * 1e3:.1f}"
            for part in (0.99, 0.999, 1.0)
        ),
    ]
    return "| " + " | ".join(cells) + " |"


def _waits(waits: list[float]) -> str:
    ordered = sorted(waits) or [0.0]
    return " / ".join(f"{ordered[int((len(ordered) - 1) * part)]:.0f}" for part in (0.5, 0.95, 1.0))


def crowd(runs: int, seed: int) -> list[Asked]:
    """All wait from the beginning, twenty of each person."""
    chance, asked = random.Random(seed), list[Asked]()
    for number in range(runs):
        kind, seconds, models = chance.choice(KINDS)
        took = seconds * chance.uniform(1 - JITTER, 1 + JITTER)
        asked.append(Asked(number, f"p{number // BURST}", 0.0, kind, took, models))
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--load", type=float, default=0.6, help="of what the servers could do if they never switched")
    parser.add_argument("--waiting", type=int, default=0, help="so many wait from the beginning, and no others come")
    parser.add_argument("--running", type=int, default=2, help="runs of one person with servers at a time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.waiting:
        asked = crowd(options.waiting, options.seed)
        print(f"{options.servers} servers, {options.waiting} wait, the first {options.runs} begin\n")
    else:
        asked = day(options.runs, options.servers, options.load, options.seed)
        print(
            f"{options.servers} servers, {options.runs} runs, load {options.load:g}, {options.running} a person at a"
            " time\n"
        )
    print(
        "| policy | at work | loading models | switches | people with one run wait s: p50 / p95 / most"
        " | those with twenty | hours | a decision us, upkeep included | p99 / p99.9 / most ms, without |"
    )
    print("| --- " * 9 + "|")
    policies: list[type[Darkroom | FirstCome | LeastQueue]] = [Darkroom, FirstCome, LeastQueue]
    for make in policies:
        machines = fleet(options.servers)
        policy = make(machines, ConcurrencyLimits(running=options.running))
        gc.collect()
        gc.freeze()  # as a process does after its start
        print(report(policy.name, live(policy, machines, asked, options.runs), machines), flush=True)


if __name__ == "__main__":
    main()
