"""The assignment of jobs to servers, simulated on a virtual clock."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import chain
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.prompt import Prompt
from comfy.scheduling.dispatch import Choice, Schedule
from comfy.scheduling.schedule import MOST_PUT_OFF, Estimates, Job, ServerState, models_of


class House:
    """Servers with their true speeds, working through a line; first come, first served where `fcfs`."""

    def __init__(
        self,
        speeds: dict[str, float],
        switch: float = 0.0,
        *,
        fcfs: bool = False,
        seed: int = 0,
        jitter: float = 0.5,
        bad_moments: float = 0.0,
    ) -> None:
        self.speeds, self.switch, self.fcfs = speeds, switch, fcfs
        self.schedule, self.random = Schedule(server_states=map(ServerState, speeds)), Random(seed)
        self.jitter, self.bad_moments = jitter, bad_moments
        self.loaded: dict[str, frozenset[str]] = dict.fromkeys(speeds, frozenset())
        self.until: dict[str, float] = dict.fromkeys(speeds, 0.0)
        self.done: dict[str, list[str]] = {name: [] for name in speeds}
        self.switches, self.most_put_off = 0, 0

    def work(self, jobs: list[Job]) -> float:
        """Do them all; when the last one ends."""
        now, ends, waiting = 0.0, list[tuple[float, str]](), list(jobs)
        while waiting or ends:
            while (choice := self.pick(waiting, now)) is not None:
                waiting = [
                    job._replace(put_off=job.put_off + (job.id in choice.passed))
                    for job in waiting
                    if job.id != choice.job.id
                ]
                self.most_put_off = max(self.most_put_off, *(job.put_off for job in waiting), 0)
                heapq.heappush(ends, (self.begin(choice, now), choice.server))
            if not ends:
                assert not waiting
                break
            now, _ = heapq.heappop(ends)
        return now

    def pick(self, waiting: list[Job], now: float) -> Choice | None:
        if self.fcfs:
            free = [name for name, until in self.until.items() if until <= now]
            return Choice(waiting[0], free[0]) if free and waiting else None
        for name in self.schedule.advance(now):
            self.schedule.put(ServerState(name, self.loaded[name]))
        return self.schedule.choose(ordered(waiting[:64]), now)

    def begin(self, choice: Choice, now: float) -> float:
        job, name = choice.job, choice.server
        switched = bool(job.models) and not job.models <= self.loaded[name]
        self.switches += switched
        seconds = self.speeds[name] * self.random.uniform(1 - self.jitter, 1 + self.jitter) + self.switch * switched
        seconds *= 5 if self.random.random() < self.bad_moments else 1
        self.schedule.learn(name, job.kind, seconds, switched=switched)
        self.loaded[name] = job.models or self.loaded[name]
        self.until[name] = now + seconds
        self.schedule.put(ServerState(name, self.loaded[name], now + seconds, free=False))
        self.done[name].append(job.id)
        return self.until[name]


def choose(waiting: list[Job], server_states: list[ServerState], estimates: Estimates) -> Choice | None:
    return Schedule(estimates, server_states).choose(ordered(waiting), 0.0)


def ordered(waiting: list[Job]) -> list[Job]:
    return sorted(waiting, key=lambda job: not job.is_overdue)


def jobs(count: int, *models: str, servers: str = "abcd") -> list[Job]:
    chosen = [frozenset({models[number % len(models)]}) if models else frozenset() for number in range(count)]
    return [
        Job(str(number), "-".join(chosen[number]) or "x", chosen[number], frozenset(servers)) for number in range(count)
    ]


@pytest.mark.parametrize("count", [10, 40, 101])
def test_of_four_servers_the_fast_one_does_twice_the_work_and_all_is_done_soon(count: int) -> None:
    house = House({"a": 1.0, "b": 2.0, "c": 2.0, "d": 2.0}, jitter=0.0)
    for name in house.speeds:
        house.schedule.learn(name, "x", house.speeds[name], switched=False)
    took = house.work(jobs(count))
    best = next(
        end for end in (half / 2 for half in range(1, 999)) if sum(end // each for each in (1, 2, 2, 2)) >= count
    )
    assert took <= best * 1.1
    assert len(house.done["a"]) == pytest.approx(2 * len(house.done["b"]), abs=3)


@pytest.mark.parametrize("bad_moments", [0.0, 0.05])
@pytest.mark.long
def test_two_models_on_two_servers_are_seldom_switched(bad_moments: float) -> None:
    waiting = jobs(60, "red.safetensors", "blue.safetensors", servers="ab")
    switches = {True: 0, False: 0}
    for seed in range(50):
        for fcfs in switches:
            house = House({"a": 1.0, "b": 1.0}, 5.0, fcfs=fcfs, seed=seed, bad_moments=bad_moments)
            house.work(waiting)
            switches[fcfs] += house.switches
            assert house.most_put_off <= MOST_PUT_OFF
    assert switches[False] <= 0.15 * switches[True]


def test_on_one_server_runs_of_one_model_are_drawn_together_but_none_is_put_off_for_long() -> None:
    house = House({"a": 1.0}, 5.0)
    house.work(jobs(60, "red.safetensors", "blue.safetensors", servers="a"))
    assert house.most_put_off == MOST_PUT_OFF
    assert house.switches <= 0.2 * 60


def test_a_job_goes_only_where_it_can_run_and_waits_for_the_fast_server() -> None:
    estimates = Estimates()
    estimates.learn("a", "x", 1.0, switched=False)
    estimates.learn("b", "x", 10.0, switched=False)
    job = Job("1", "x", frozenset(), frozenset("ab"))
    busy, free = ServerState("a", until=0.5, free=False), ServerState("b")
    assert choose([job], [busy, free], estimates) is None
    assert choose([job._replace(servers=frozenset("b"))], [busy, free], estimates) is not None
    assert choose([job._replace(servers=frozenset("z"))], [busy, free], estimates) is None


def test_what_was_put_off_long_enough_is_next_on_the_server_where_it_is_done_soonest() -> None:
    estimates = Estimates()
    estimates.learn("a", "x", 1.0, switched=False)
    estimates.learn("a", "x", 6.0, switched=True)
    red, blue = frozenset({"red.ckpt"}), frozenset({"blue.ckpt"})
    overdue = Job("1", "x", blue, frozenset("ab"), MOST_PUT_OFF)
    waiting = [Job(str(number), "x", red, frozenset("ab")) for number in (2, 3)] + [overdue]
    free, soon, late = ServerState("a", red), ServerState("b", blue, 2.0, False), ServerState("b", blue, 12.0, False)
    assert choose(waiting, [free, late], estimates) == Choice(overdue, "a")
    assert choose(waiting, [free, soon], estimates) == Choice(waiting[0], "a")
    assert choose(waiting, [free._replace(until=1.0, free=False), soon._replace(free=True)], estimates) == Choice(
        overdue, "b"
    )


def test_a_free_server_takes_its_job_before_another_one_waits_behind_a_busy_one() -> None:
    estimates = Estimates()
    estimates.learn("a", "x", 1.0, switched=False)
    estimates.learn("b", "x", 3.0, switched=False)
    busy, free = ServerState("a", until=0.5, free=False, room=True), ServerState("b")
    waiting = jobs(4, servers="ab")
    assert choose(waiting, [busy, free], estimates) == Choice(waiting[1], "b")  # its own time counts half: four wait
    assert choose(waiting[:1], [busy, free], estimates) == Choice(waiting[0], "a", ahead=True)
    assert choose(waiting, [busy, free._replace(free=False)], estimates) == Choice(waiting[0], "a", ahead=True)
    assert choose(waiting, [busy._replace(room=False), free._replace(free=False)], estimates) is None


def test_a_job_that_may_not_be_ahead_waits_for_a_free_server_and_so_does_its_server() -> None:
    waiting, estimates = jobs(3, servers="ab"), Estimates()
    paid = waiting[0]._replace(patient=False)
    near, far = ServerState("a", until=1.0, free=False, room=True), ServerState("b", until=99.0, free=False, room=True)
    assert choose([paid, *waiting[1:]], [near, far], estimates) is None
    assert choose([paid, waiting[1]._replace(servers=frozenset("b"))], [near, far], estimates) == Choice(
        waiting[1]._replace(servers=frozenset("b")), "b", ahead=True
    )
    assert choose([paid], [near, far._replace(free=True, room=False)], estimates) is None
    assert choose([paid], [near._replace(free=True)], estimates) == Choice(paid, "a")


def test_no_server_waits_for_the_first_of_a_line_that_is_longer_than_what_was_looked_at() -> None:
    schedule = Schedule()
    schedule.learn("a", "x", 1.0, switched=False)
    schedule.learn("b", "x", 9.0, switched=False)
    schedule.put(ServerState("a", until=0.5, free=False))
    schedule.put(ServerState("b"))
    waiting = jobs(4, servers="ab")
    assert schedule.choose(waiting, 0.0) is None
    assert schedule.choose(waiting, 0.0, more=True) == Choice(waiting[-1], "b")


def test_loading_models_counts_for_more_the_more_jobs_wait_but_keeps_no_server_idle_for_a_long_line() -> None:
    red, blue = frozenset({"red.ckpt"}), frozenset({"blue.ckpt"})
    schedule = Schedule(server_states=[ServerState("a", red, 9.0, free=False), ServerState("b", blue)])
    schedule.learn("a", "x", 1.0, switched=False)
    schedule.learn("a", "x", 6.0, switched=True)
    waiting = [Job(str(number), "x", red, frozenset("ab")) for number in range(40)]
    assert schedule.choose(waiting[:1], 0.0) == Choice(waiting[0], "b")
    choice = schedule.choose(waiting, 0.0)
    assert schedule.weight(waiting[0]) == 4.0
    assert choice == Choice(waiting[11], "b")  # 9 + 11 seconds before it at the one, 4 * 5 at the other, which is free
    assert schedule.choose(waiting[:1], 0.0) == Choice(waiting[0], "b")


def _weights(schedule: Schedule, of: Job, lines: Iterable[list[Job]]) -> list[float]:
    """Say what loading counts for a job, one line after another."""
    weights = []
    for waiting in lines:
        schedule.choose(waiting, 0.0)
        weights.append(schedule.weight(of))
    return weights


def test_what_loading_counts_changes_in_steps_and_not_at_every_job() -> None:
    names = [f"gpu{number:02}" for number in range(20)]
    schedule = Schedule(server_states=map(ServerState, names))
    every = [Job(str(number), "x", frozenset(), frozenset(names)) for number in range(1000)]
    counts = [1, 11, 12, 6, 5, 12, 29, 37, 38, 26, 25, 5, 0, 1000, 1]
    weights = _weights(schedule, every[0], [every[:count] for count in counts])
    assert weights == [1, 1, 2, 2, 1, 2, 2, 2, 4, 4, 2, 1, 1, 4, 1]


def test_a_line_for_other_servers_counts_as_far_as_it_is_for_the_same() -> None:
    def waiting(count: int, servers: str) -> list[Job]:
        return [Job(f"{servers}{number}", "x", frozenset(), frozenset(servers)) for number in range(count)]

    (job,) = waiting(1, "ab")
    schedule = Schedule(server_states=map(ServerState, "abcd"))
    lines = [[job, *waiting(40, "c")], [job, *waiting(40, "bc")], [job, *waiting(2, "bcd")]]
    assert _weights(schedule, job, lines) == [1, 4, 2]
    ahead = Schedule(server_states=map(ServerState, "abcd"))
    ahead.choose(waiting(40, "bc"), 0.0)  # the job itself does not wait now
    assert ahead.weight(job) == 4


@pytest.mark.parametrize("seconds", [21.0, 60.0, 100.0])
def test_a_job_that_was_taken_back_for_an_idle_server_does_not_go_back(seconds: float) -> None:
    """Each time costs it an attempt."""
    red, estimates = frozenset({"red.ckpt"}), Estimates()
    estimates.learn("busy", "x", 10.0, switched=False)
    estimates.learn("idle", "x", 10.0, switched=False)
    estimates.learn("idle", "x", 30.0, switched=True)
    busy = ServerState("busy", red, seconds, free=False, room=True)
    schedule = Schedule(estimates, [busy, ServerState("idle")])
    job, *others = [Job(str(number), "x", red, frozenset({"busy", "idle"})) for number in range(3)]
    foreign = [other._replace(servers=frozenset({"busy"}), models=frozenset({"blue.ckpt"})) for other in others]
    schedule.choose([job, *foreign], 0.0)
    moved = schedule.ends_sooner(job, busy, 0.0)
    chosen = schedule.choose([job, *foreign], 0.0)
    assert (moved == "idle") is (seconds > 40)
    assert moved is None or chosen == Choice(job, "idle")


def test_an_order_of_servers_that_was_not_asked_for_in_a_long_time_has_all_changes() -> None:
    (job,) = jobs(1, servers="ab")
    schedule = Schedule(server_states=[ServerState("a"), ServerState("b", until=9.0, free=False)])
    assert schedule.choose([job], 0.0) == Choice(job, "a")
    schedule.put(ServerState("a", until=9.0, free=False))
    schedule.put(ServerState("b"))
    for _ in range(2000):
        schedule.put(ServerState("c"))
    assert schedule.choose([job], 0.0) == Choice(job, "b")


def test_a_job_that_waits_is_moved_only_where_it_ends_well_before() -> None:
    estimates = Estimates()
    for server in "abc":
        estimates.learn(server, "x", 2.0, switched=False)
    (job,) = jobs(1, servers="ab")
    idle, busy, foreign = ServerState("b"), ServerState("a", until=9.0, free=False), ServerState("c")
    assert Schedule(estimates, [busy, idle, foreign]).ends_sooner(job, busy, 0.0) == "b"
    assert Schedule(estimates, [busy, idle, foreign]).ends_sooner(job, busy._replace(until=0.4), 0.0) is None
    assert Schedule(estimates, [busy, foreign]).ends_sooner(job, busy, 0.0) is None
    assert Schedule(estimates, [idle._replace(free=False)]).ends_sooner(job, busy, 0.0) is None


def test_when_each_waiting_job_would_start() -> None:
    estimates = Estimates()
    estimates.learn("a", "x", 2.0, switched=False)
    schedule = Schedule(estimates, [ServerState("a", until=1.0, free=False)])
    assert [start for _, _, start in schedule.assign(jobs(3, servers="a"), 0.0)] == [1.0, 3.0, 5.0]


def test_loading_is_learnt_apart_from_the_work() -> None:
    estimates = Estimates()
    job, none = Job("1", "x", frozenset({"m.ckpt"}), frozenset("a")), frozenset[str]()
    estimates.learn("a", "x", 2.0, switched=False)
    assert estimates.total("a", none, job) == 8.0  # what loading takes is not known yet
    estimates.learn("a", "x", 12.0, switched=True)
    assert estimates.total("a", none, job) == 12.0
    assert estimates.total("a", job.models, job) == 2.0
    assert estimates.seconds("b", "x") == 2.0


def test_the_models_of_a_prompt() -> None:
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "Dream.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat.", "clip": ["1", 1]}},
    }
    assert models_of(Prompt(graph)) == {"Dream.safetensors"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "r.ckpt", "b.ckpt"]), st.sets(st.sampled_from("abc"), min_size=1)), max_size=40
    ),
    st.floats(0, 9),
)
@pytest.mark.long
def test_every_job_is_done_once_whatever_waits(given_jobs: list[tuple[str, set[str]]], switch: float) -> None:
    waiting = [
        Job(str(number), model or "x", frozenset({model} - {""}), frozenset(servers))
        for number, (model, servers) in enumerate(given_jobs)
    ]
    house = House({"a": 1.0, "b": 2.5, "c": 0.3}, switch)
    house.work(waiting)
    assert sorted(chain(*house.done.values()), key=int) == [job.id for job in waiting]
    assert house.most_put_off <= MOST_PUT_OFF
    for name, done in house.done.items():
        assert all(name in waiting[int(job)].servers for job in done)
