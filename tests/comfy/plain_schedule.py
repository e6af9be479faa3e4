"""The rule of the schedule, told as plainly as possible: it looks at all jobs and all servers each time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from comfy.scheduling.dispatch import Choice
from comfy.scheduling.schedule import Estimates, Job, ServerState


def choose(
    jobs: Sequence[Job],
    states: Iterable[ServerState],
    estimates: Estimates,
    weight: Callable[[Job], float],
    now: float,
    *,
    more: bool = False,
) -> Choice | None:
    state = {each.name: each for each in states}
    while True:
        found = list(assign(jobs, state.values(), estimates, weight, now))
        for job, server, _start in found:
            if state[server].free:
                return _chosen(jobs, job, state[server])
        if more and (choice := _from_behind(jobs, state.values(), estimates, weight, now)) is not None:
            return choice
        ahead = next(((job, server) for job, server, _start in found if state[server].room), None)
        if ahead is None:
            return None
        choice = _chosen(jobs, ahead[0], state[ahead[1]])
        if choice.job.patient:
            return choice._replace(ahead=True)
        state[ahead[1]] = state[ahead[1]]._replace(room=False)


def assign(
    jobs: Iterable[Job], states: Iterable[ServerState], estimates: Estimates, weight: Callable[[Job], float], now: float
) -> Iterator[tuple[Job, str, float]]:
    state, jobs = {each.name: each for each in states}, list(jobs)
    most = max(map(weight, jobs), default=1.0)
    for job in jobs:
        able = [each for each in state.values() if each.name in job.servers]
        if able:
            ends = {each.name: _ends(each, job, estimates, weight, now) for each in able}
            best = min(able, key=lambda each: (ends[each.name], not each.free, each.name))
            yield job, best.name, max(now, best.until)
            seconds, switching = estimates.parts(best.name, best.loaded, job)
            end = max(now, best.until) + (seconds + most * switching)
            state[best.name] = ServerState(best.name, job.models or best.loaded, end, free=False)


def ends_sooner(
    job: Job,
    there: ServerState,
    states: Iterable[ServerState],
    estimates: Estimates,
    weight: Callable[[Job], float],
    now: float,
) -> str | None:
    idle = [each for each in states if each.name in job.servers and each.free and each.until <= now]
    if not idle:
        return None
    best = min(idle, key=lambda each: (_ends(each, job, estimates, weight, now), each.name))

    def sooner(counts: Callable[[Job], float], by: float) -> bool:
        return _ends(best, job, estimates, counts, now) + by < _ends(there, job, estimates, counts, now)

    return best.name if sooner(weight, 0.0) and sooner(lambda _job: 1.0, 0.5) else None


def _ends(state: ServerState, job: Job, estimates: Estimates, weight: Callable[[Job], float], now: float) -> float:
    return max(now, state.until) + estimates.total(state.name, state.loaded, job, weight(job))


def _chosen(jobs: Sequence[Job], job: Job, state: ServerState) -> Choice:
    if job.is_overdue or not job.switches(state.loaded):
        return Choice(job, state.name)
    behind = [each for each in itertools.dropwhile(lambda each: each is not job, jobs) if state.name in each.servers]
    for number, mate in enumerate(behind):
        if mate.models and mate.models <= state.loaded:
            return Choice(mate, state.name, tuple(each.id for each in behind[:number]))
    return Choice(job, state.name)


def _from_behind(
    jobs: Sequence[Job], states: Iterable[ServerState], estimates: Estimates, weight: Callable[[Job], float], now: float
) -> Choice | None:
    found = []
    for job in reversed(jobs):
        free = [each for each in states if each.free and each.name in job.servers]
        if free:
            best = min(free, key=lambda each: (each.until > now, _ends(each, job, estimates, weight, now), each.name))
            found.append((job.switches(best.loaded), Choice(job, best.name)))
    return min(found, key=lambda each: each[0])[1] if found else None
