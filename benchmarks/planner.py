"""The distance to a planner that knows the future: when each run will come, and how long it will take on which server.

.venv/bin/python -m benchmarks.planner --servers 20 --runs 300 --load 0.9

The planner begins with the better of what Darkroom did and of a list in the order of requests, and tries hundreds of
thousands of moves of a run to another place (simulated annealing), for the least mean time from request to result. It
keeps no turns between people. Nothing can be faster than the floor: each run alone on the fastest server, with its
models loaded.

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
    def __init__(self, asked: Sequence[Asked], machines: Sequence[Machine], seed: int, *, weighed: bool) -> None:
        self.asked, self.machines, self.chance = asked, machines, random.Random(seed)
        self.at = [run.at for run in asked]
        self.model = [MODELS.index(run.models) for run in asked]
        self.work = [[run.seconds / machine.speed for run in asked] for machine in machines]
        self.weight = _weights(asked) if weighed else [1.0] * len(asked)
        self.able = [[place for place, machine in enumerate(machines) if run.models in machine.models] for run in asked]

    def cost(self, server: int, order: Sequence[int]) -> float:
        """The sum of the times from request to result of one server's runs."""
        now, loaded, total = 0.0, -1, 0.0
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

    def improve(self, plan: Plan, tries: int) -> float:
        """Move runs about, and return the sum of all times of the best plan that was seen."""
        chance, where = self.chance, {run: place for place, order in enumerate(plan) for run in order}
        costs = [self.cost(place, order) for place, order in enumerate(plan)]
        total = best = sum(costs)
        for number in range(tries):
            heat = _WARM * (_COLD / _WARM) ** (number / tries)
            run = chance.randrange(len(self.asked))
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
                best = min(best, total)
        return best


def _weights(asked: Sequence[Asked]) -> list[float]:
    mean = statistics.fmean(run.seconds for run in asked)
    return [run.seconds / mean for run in asked]


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
    alike, weighed = (Planner(asked, fleet(servers), seed, weighed=each) for each in (False, True))
    plans["list in the order of requests, times known"] = alike.listed()
    for name, plan in plans.items():
        means[name] = alike.mean(plan), weighed.mean(plan)
    best = [min(plans.values(), key=planner.mean) for planner in (alike, weighed)]
    planned = [
        each.improve(list(map(list, plan)), tries) / runs for each, plan in zip((alike, weighed), best, strict=True)
    ]
    means["planner that knows the future"] = planned[0], planned[1]
    least = [min(alike.work[place][run] for place in alike.able[run]) for run in range(runs)]
    means["floor"] = statistics.fmean(least), statistics.fmean(map(float.__mul__, least, weighed.weight))
    return means


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
    parser.add_argument("--seeds", type=int, default=3)
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
