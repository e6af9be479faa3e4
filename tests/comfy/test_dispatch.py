"""The schedule that keeps servers in order decides as the plain rule does, whatever has happened."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from comfy.scheduling.dispatch import Schedule
from comfy.scheduling.schedule import Job, ServerState
from tests.comfy import plain_schedule as plain

NAMES = [f"gpu{number}" for number in range(6)]
MODELS = st.sampled_from(["", "red.ckpt", "blue.ckpt", "red.ckpt blue.ckpt"]).map(lambda text: frozenset(text.split()))
SECONDS = st.integers(0, 64).map(lambda number: number / 4)  # few, so that servers are often even
JOBS = st.lists(
    st.builds(  # few sets of servers and of models, so that many jobs are alike
        Job,
        st.just(""),
        st.sampled_from(["poster", "photo", "film"]),
        MODELS,
        st.sampled_from([frozenset(NAMES), frozenset(NAMES[:4]), frozenset(NAMES[3:]), frozenset()]),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=20,
)


class Fleet(RuleBasedStateMachine):
    """Servers come, go, work and rest, and jobs of each kind are measured."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule, self.now = Schedule(server_states=map(ServerState, NAMES)), 0.0

    @rule(name=st.sampled_from(NAMES), loaded=MODELS, seconds=SECONDS, takes=st.sampled_from(["none", "free", "room"]))
    def put(self, name: str, loaded: frozenset[str], seconds: float, takes: str) -> None:
        self.schedule.put(ServerState(name, loaded, self.now + seconds, takes == "free", takes == "room"))

    @rule(name=st.sampled_from(NAMES))
    def drop(self, name: str) -> None:
        self.schedule.drop(name)

    @rule(
        name=st.sampled_from(NAMES), kind=st.sampled_from(["poster", "photo"]), seconds=SECONDS, switched=st.booleans()
    )
    def learn(self, name: str, kind: str, seconds: float, switched: bool) -> None:
        self.schedule.learn(name, kind, seconds, switched=switched)

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.schedule.advance(self.now)

    @rule(jobs=JOBS, more=st.booleans())
    def choose(self, jobs: list[Job], more: bool) -> None:
        waiting = [job._replace(id=str(number)) for number, job in enumerate(jobs)]
        waiting.sort(key=lambda job: not job.is_overdue)
        states, estimates = self.schedule.states.values(), self.schedule.estimates
        chosen = self.schedule.choose(waiting, self.now, more=more)
        if self.schedule.takes_more:
            weight = self.schedule.weight
            assert chosen == plain.choose(waiting, states, estimates, weight, self.now, more=more)
        else:
            assert chosen is None
        assigned = plain.assign(waiting, states, estimates, self.schedule.weight, self.now)
        assert list(self.schedule.assign(waiting, self.now)) == list(assigned)

    @rule(jobs=JOBS.filter(bool), name=st.sampled_from(NAMES), loaded=MODELS, seconds=SECONDS)
    def move(self, jobs: list[Job], name: str, loaded: frozenset[str], seconds: float) -> None:
        """A job that is taken back for an idle server is given to that one, if it waits alone."""
        states, estimates = self.schedule.states, self.schedule.estimates
        there = ServerState(name, loaded, self.now + seconds, free=False)
        weight = self.schedule.weight
        expected = plain.ends_sooner(jobs[0], there, states.values(), estimates, weight, self.now)
        assert self.schedule.ends_sooner(jobs[0], there, self.now) == expected


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
