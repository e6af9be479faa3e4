from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.execution.progress import ProgressTracker
from bot.core.model import Delivering, Queued, Running
from comfy.messages import events
from comfy.messages.previews import Preview
from comfy.prompt import Prompt

PROMPT = Prompt(
    {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "Load photo"}},
        "2": {"class_type": "KSampler", "inputs": {"steps": 8, "image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}, "_meta": {"title": "Save"}},
    }
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def running(progress: ProgressTracker, event: events.Event) -> Running:
    status = progress.fold(event)
    assert isinstance(status, Running)
    return status


def test_a_run_from_its_place_in_line_to_the_end() -> None:
    clock = Clock()
    progress = ProgressTracker(PROMPT, clock)
    assert progress.fold(events.PromptQueued("p", 3, 1)) == Queued(3, running=1)
    assert running(progress, events.ExecutionStart("p")) == Running()
    assert running(progress, events.Executing("p", "1")).node == "Load photo"
    clock.now = 1.0
    sampling = running(progress, events.Executing("p", "2"))
    assert (sampling.node, sampling.step) == ("KSampler", None)
    clock.now = 5.0
    half = running(progress, events.StepProgress("p", "2", 4, 8))
    assert (half.step, half.steps) == (4, 8)
    assert half.fraction == 5 / 11
    assert half.eta == 5.0 / (5 / 11) * (6 / 11)
    assert running(progress, events.Executing("p", "3")).fraction == 9 / 11
    assert running(progress, events.Executing("p", None)).fraction == 10 / 11
    assert progress.fold(events.ExecutionSuccess("p")) == Delivering()


def test_cached_nodes_count_as_done_but_promise_no_speed() -> None:
    progress = ProgressTracker(PROMPT, lambda: 1.0)
    status = running(progress, events.ExecutionCached("p", ("1", "2")))
    assert status.fraction == 9 / 11
    assert status.eta is None


def test_progress_is_not_counted_from_previews() -> None:
    progress = ProgressTracker(PROMPT, lambda: 1.0)
    half = running(progress, events.StepProgress("p", "2", 4, 8))
    for _number in range(21):  # dpm_adaptive sends as many for four steps
        status = running(progress, Preview("p", "2", "image/jpeg", b"x"))
    assert (status.fraction, status.step, status.steps) == (half.fraction, 4, 8)


def test_a_preview_stays_until_the_next() -> None:
    progress = ProgressTracker(PROMPT, lambda: 0.0)
    assert running(progress, Preview("p", "2", "image/jpeg", b"x")).preview == b"x"
    assert running(progress, events.StepProgress("p", "2", 1, 8)).preview == b"x"


def test_progress_state_alone_is_enough() -> None:
    progress = ProgressTracker(PROMPT, lambda: 0.0)
    nodes = (events.NodeProgress("1", "1", "finished", 1, 1), events.NodeProgress("2", "2", "running", 2, 8))
    status = running(progress, events.ProgressState("p", nodes))
    assert (status.node, status.step, status.fraction) == ("KSampler", 2, 3 / 11)


def test_nodes_that_were_expanded_show_as_the_one_they_came_from() -> None:
    progress = ProgressTracker(PROMPT, lambda: 0.0)
    assert running(progress, events.Executing("p", "2.0.0.1", "2")).node == "KSampler"
    assert running(progress, events.Executing("p", "unknown")).node is None


def test_lines_of_text_change_nothing() -> None:
    assert ProgressTracker(PROMPT, lambda: 0.0).fold(events.ProgressText("1", "hello")) is None


_node = st.sampled_from(["1", "2", "3", "9"])
_number = st.floats(-5, 100)
_event = st.one_of(
    st.builds(events.Executing, st.just("p"), _node),
    st.builds(events.StepProgress, st.just("p"), _node, _number, _number),
    st.builds(events.Executed, st.just("p"), _node),
    st.builds(events.ExecutionCached, st.just("p"), st.tuples(_node)),
)


@given(st.lists(_event, max_size=30))
def test_the_fraction_never_falls_and_never_reaches_one(stream: list[events.Event]) -> None:
    progress, last = ProgressTracker(PROMPT, lambda: 0.0), 0.0
    for event in stream:
        fraction = running(progress, event).fraction
        assert last <= fraction < 1
        last = fraction
