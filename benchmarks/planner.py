"""The distance to a planner that knows the future: when each run will come, and how long it will take on which server.

.venv/bin/python -m benchmarks.planner --servers 20 --runs 300 --load 0.9

The planner begins with the better of what Darkroom did and of a list in the order of requests, and tries hundreds of
thousands of moves of a run to another place (simulated annealing), for the least mean time from request to result. It
keeps no turns between people. Nothing can be faster than the floor: each run alone on the fastest server, with its
models loaded.

The planner that does not know the future makes a new plan for the waiting runs whenever something changes. It knows how
long a run of each kind usually takes. It searches in the same way, and keeps no turns either. Where it is slower than
the other planner, that shows what it costs not to know the future.

For the mean of all runs alike, whoever lets short runs go first is the fastest, which turns between people forbid. So
the mean is told too where each run counts by its length, which makes the order of runs indifferent: what is left is on
which server each runs, how often models are loaded, and how long servers have nothing to do.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Sequence

from benchmarks.fleet import (
    BURST,
    KINDS,
    MODELS,
    SWITCH,
    Asked,
    Darkroom,
    FirstCome,
    LeastQueue,
    Machine,
    crowd,
    day,
    fleet,
    live,
)
from bot.core.policy.concurrency import ConcurrencyLimits
from comfy.scheduling.schedule import Estimates

Plan = list[list[int]]  # the runs of each server, in order
_WARM, _COLD = 20.0, 0.2  # seconds by which the sum of all times may grow in a move, at the beginning and at the end


class Planner:
    """Plans `asked`, given how many seconds each takes on a server of speed 1, from what the servers are doing now."""

    def __init__(
        self, asked: Sequence[Asked], machines: Sequence[Machine], seconds: Sequence[float], seed: int, *, weighed: bool
    ) -> None:
        self.asked, self.machines, self.chance = asked, machines, random.Random(seed)
        self.at = [run.at for run in asked]
        self.model = [MODELS.index(run.models) for run in asked]
        self.work = [[each / machine.speed for each in seconds] for machine in machines]
        self.weight = _weights(seconds) if weighed else [1.0] * len(asked)
        self.able = [[place for place, machine in enumerate(machines) if run.models in machine.models] for run in asked]
        self.until, self.loaded = [0.0] * len(machines), [-1] * len(machines)

    def cost(self, server: int, order: Sequence[int]) -> float:
        """The sum of the times from request to result of one server's runs."""
        now, loaded, total = self.until[server], self.loaded[server], 0.0
        at, model, work, weight = self.at, self.model, self.work[server], self.weight
        for run in order:
            now = max(now, at[run]) + work[run]
            if model[run] != loaded:
                now, loaded = now + SWITCH, model[run]
            total += (now - at[run]) * weight[run]
        return total

    def mean(self, plan: Plan) -> float:
        return sum(map(self.cost, range(len(plan)), plan)) / len(self.asked)

    def listed(self) -> Plan:
        """Each run in the order of requests goes where it ends first."""
        plan, until, loaded = (
            [list[int]() for _ in self.machines],
            [0.0] * len(self.machines),
            [-1] * len(self.machines),
        )

        def end(run: int, place: int) -> float:
            switch = SWITCH if loaded[place] != self.model[run] else 0.0
            return max(until[place], self.at[run]) + switch + self.work[place][run]

        for run in range(len(self.asked)):
            best = min(self.able[run], key=lambda place: end(run, place))
            until[best] = end(run, best)
            loaded[best] = self.model[run]
            plan[best].append(run)
        return plan

    def add(self, plan: Plan, run: int) -> None:
        """Put a run where the sum of all times grows least."""

        def growth(place: int, spot: int) -> float:
            order = plan[place]
            return self.cost(place, [*order[:spot], run, *order[spot:]]) - self.cost(place, order)

        spots = [(place, spot) for place in self.able[run] for spot in range(len(plan[place]) + 1)]
        place, spot = min(spots, key=lambda each: growth(*each))
        plan[place].insert(spot, run)

    def improve(self, plan: Plan, tries: int) -> float:
        """Move runs about. Leaves the best plan that was seen, and returns its sum of all times."""
        chance, where = self.chance, {run: place for place, order in enumerate(plan) for run in order}
        planned = list(where)
        costs = [self.cost(place, order) for place, order in enumerate(plan)]
        total, best, kept = sum(costs), sum(costs), list(plan)
        for number in range(tries if planned else 0):
            heat = _WARM * (_COLD / _WARM) ** (number / tries)
            run = chance.choice(planned)
            place, target = where[run], chance.choice(self.able[run])
            old = plan[place]
            without = [each for each in old if each != run]
            base = without if target == place else plan[target]
            near = sum(self.at[each] <= self.at[run] for each in base)
            spot = min(max(near + chance.randint(-3, 3), 0), len(base))
            new = [*base[:spot], run, *base[spot:]]
            after = {place: without, target: new}
            changed = {each: self.cost(each, order) for each, order in after.items()}
            growth = sum(changed.values()) - sum(costs[each] for each in changed)
            if growth <= 0 or chance.random() < math.exp(-growth / heat):
                for each, order in after.items():
                    plan[each], costs[each] = order, changed[each]
                where[run], total = target, total + growth
                if total < best:
                    best, kept = total, list(plan)
        plan[:] = kept
        return best


class Replanner:
    """A policy with a plan for the waiting runs, and a new one whenever something changes."""

    name = "planner that does not know the future"

    def __init__(self, asked: Sequence[Asked], machines: Sequence[Machine], tries: int, *, weighed: bool) -> None:
        usual = {kind: seconds for kind, seconds, _models in KINDS}
        self.asked, self.machines, self.tries = asked, machines, tries
        self.planner = Planner(asked, machines, [usual[run.kind] for run in asked], 0, weighed=weighed)
        self.plan: Plan = [[] for _ in machines]
        self.has_changed = False

    def join(self, run: Asked) -> None:
        self.planner.add(self.plan, run.seq)
        self.has_changed = True

    def next(self, now: float) -> tuple[Asked, Machine] | None:
        planner = self.planner
        if self.has_changed:
            planner.until = [max(now, until) for until in planner.until]
            planner.improve(self.plan, self.tries)
            self.has_changed = False
        for place, machine in enumerate(self.machines):
            if not machine.busy and self.plan[place]:
                run = self.plan[place].pop(0)
                switch = 0.0 if planner.model[run] == planner.loaded[place] else SWITCH
                planner.until[place] = now + switch + planner.work[place][run]
                planner.loaded[place] = planner.model[run]
                return self.asked[run], machine
        return None

    def ended(self, run: Asked, machine: Machine, now: float) -> None:
        self.planner.until[self.machines.index(machine)] = now
        self.has_changed = True


def _weights(seconds: Sequence[float]) -> list[float]:
    mean = statistics.fmean(seconds)
    return [each / mean for each in seconds]


def case(servers: int, runs: int, load: float, seed: int, tries: int) -> dict[str, tuple[float, float]]:
    """The mean seconds from request to result, of all runs alike and by their length, by who decides."""
    asked, plans = day(runs, servers, load, seed), dict[str, Plan]()
    limits = ConcurrencyLimits(running=BURST)  # they are the operator's, and would be no fault of the schedule
    for make in (Darkroom, FirstCome, LeastQueue):
        machines = fleet(servers)
        policy = make(machines, limits)
        if isinstance(policy, Darkroom):
            policy.load._schedule.estimates = taught(servers, load, seed + 1000, limits)
        order = live(policy, machines, asked).order
        plans[policy.name] = [order[machine.name] for machine in machines]
    means = dict[str, tuple[float, float]]()
    took = [run.seconds for run in asked]
    alike, weighed = (Planner(asked, fleet(servers), took, seed, weighed=each) for each in (False, True))
    plans["list in the order of requests, times known"] = alike.listed()
    for name, plan in plans.items():
        means[name] = alike.mean(plan), weighed.mean(plan)
    means[Replanner.name] = (
        alike.mean(_replanned(asked, servers, tries, weighed=False)),
        weighed.mean(_replanned(asked, servers, tries, weighed=True)),
    )
    best = [min(plans.values(), key=planner.mean) for planner in (alike, weighed)]
    planned = [
        each.improve(list(map(list, plan)), tries) / runs for each, plan in zip((alike, weighed), best, strict=True)
    ]
    means["planner that knows the future"] = planned[0], planned[1]
    least = [min(alike.work[place][run] for place in alike.able[run]) for run in range(runs)]
    means["floor"] = statistics.fmean(least), statistics.fmean(map(float.__mul__, least, weighed.weight))
    return means


def _replanned(asked: list[Asked], servers: int, tries: int, *, weighed: bool) -> Plan:
    machines = fleet(servers)
    policy = Replanner(asked, machines, tries // len(asked), weighed=weighed)
    order = live(policy, machines, asked).order
    return [order[machine.name] for machine in machines]


def drained(servers: int, runs: int, seed: int) -> dict[str, float]:
    """When the last of many runs has ended that all wait from the beginning, in seconds, by who decides."""
    asked, limits, ends = crowd(runs, seed), ConcurrencyLimits(running=BURST), dict[str, float]()
    for make in (Darkroom, FirstCome, LeastQueue):
        machines = fleet(servers)
        policy = make(machines, limits)
        if isinstance(policy, Darkroom):
            policy.load._schedule.estimates = taught(servers, 0.9, seed + 1000, limits)
        ends[policy.name] = live(policy, machines, asked).end
    speed = sum(machine.speed for machine in fleet(servers))
    ends["bound: each server loads once, and is then at work"] = SWITCH + sum(run.seconds for run in asked) / speed
    return ends


def taught(servers: int, load: float, seed: int, limits: ConcurrencyLimits) -> Estimates:
    """The estimates of a day before."""
    policy = Darkroom(fleet(servers), limits)
    live(policy, list(policy.by_name.values()), day(2000, servers, load, seed))
    estimates: Estimates = policy.load.estimates
    return estimates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--load", type=float, default=0.9)
    parser.add_argument("--tries", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    cases = [case(options.servers, options.runs, options.load, seed, options.tries) for seed in range(options.seeds)]
    print(f"{options.servers} servers, {options.runs} runs, load {options.load:g}, {options.seeds} days\n")
    print("| who decides | mean s from request to result, each day | beyond the planner | by length | beyond |")
    print("| --- " * 5 + "|")
    for name in cases[0]:
        cells = [name]
        for which in (0, 1):
            times = [(each[name][which], each["planner that knows the future"][which]) for each in cases]
            cells.append(" / ".join(f"{ours:.1f}" for ours, _planned in times))
            cells.append(f"{statistics.fmean(ours / planned - 1 for ours, planned in times):+.1%}")
        print("| " + " | ".join(cells) + " |")
    lines = [drained(options.servers, 5 * options.runs, seed) for seed in range(options.seeds)]
    bound = list(lines[0])[-1]
    print(f"\n{5 * options.runs} runs wait from the beginning\n")
    print("| who decides | all have ended after s | beyond the bound |")
    print("| --- " * 3 + "|")
    for name in lines[0]:
        beyond = statistics.fmean(each[name] / each[bound] - 1 for each in lines)
        print(f"| {name} | {' / '.join(f'{each[name]:.0f}' for each in lines)} | {beyond:+.1%} |")


if __name__ == "__main__":
    main()
