from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.execution.progress import ProgressTracker
from bot.core.model import Delivering, Queued, Running
from bot.core.status_text import running as in_words
from comfy.messages import events
from comfy.messages.previews import Preview
from comfy.models.loras import Lora, with_loras
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.scheduling.node_times import NodeTimes, ServerTimes

PROMPT = Prompt(
    {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "Your photo"}},
        "2": {"class_type": "KSampler", "inputs": {"steps": 8, "image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}, "_meta": {"title": "Save"}},
    }
)


BLANK = {"class_type": "EmptyImage", "inputs": {"width": 8}}
REST = {"class_type": "Rest", "inputs": {"image": ["1", 0]}}
SAVE = {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def running(progress: ProgressTracker, event: events.Event) -> Running:
    status = progress.fold(event)
    assert callable(status)
    return status()


def test_a_first_run_from_its_place_in_line_to_the_end() -> None:
    clock = Clock()
    progress = ProgressTracker(PROMPT, clock)
    assert progress.fold(events.PromptQueued("p", 3, 1)) == Queued(3, running=1)
    assert running(progress, events.ExecutionStart("p")) == Running()
    assert running(progress, events.Executing("p", "1")).node == "Your photo"
    clock.now = 1.0
    sampling = running(progress, events.Executing("p", "2"))
    assert (sampling.node, sampling.step, sampling.eta) == ("Painting", None, None)  # no step, so nothing is known yet
    clock.now = 5.0
    half = running(progress, events.StepProgress("p", "2", 4, 8))
    assert (half.step, half.steps, half.eta) == (4, 8, 5.0)  # four steps in four seconds, and the last node
    assert half.fraction == pytest.approx(5 / 10.1)
    assert in_words(half) == "Painting, step 4 of 8 · about 5 s left"
    assert running(progress, events.Executing("p", "3")).fraction == pytest.approx(9 / 10.1)
    assert running(progress, events.Executing("p", None)).fraction == 0.99
    assert progress.fold(events.ExecutionSuccess("p")) == Delivering()


def test_a_quick_node_promises_nothing_of_those_that_nothing_is_known_of() -> None:
    """What was told too early is not corrected later: the time left never rises."""
    clock, prompt = Clock(), Prompt({"1": BLANK, "2": REST, "3": SAVE})
    progress = ProgressTracker(prompt, clock)
    running(progress, events.Executing("p", "1"))
    clock.now = 0.005
    assert running(progress, events.Executing("p", "2")).eta is None
    clock.now = 3.005
    third = running(progress, events.StepProgress("p", "2", 3, 12))
    assert third.eta == pytest.approx(9 + 12)  # of the last node nothing is known


def test_cached_nodes_count_for_nothing_and_promise_no_speed() -> None:
    progress = ProgressTracker(PROMPT, lambda: 1.0)
    status = running(progress, events.ExecutionCached("p", ("1", "2")))
    assert (status.fraction, status.eta) == (0.0, None)


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
    assert (status.node, status.step) == ("Painting", 2)
    assert status.fraction == pytest.approx(3 / 10.1)


def test_nodes_that_were_expanded_show_as_the_one_they_came_from() -> None:
    progress = ProgressTracker(PROMPT, lambda: 0.0)
    assert running(progress, events.Executing("p", "2.0.0.1", "2")).node == "Painting"
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


@given(st.lists(st.tuples(_event, st.floats(0, 100)), max_size=30))
@pytest.mark.long
def test_the_fraction_never_falls_and_never_reaches_one_and_the_time_left_never_rises(
    stream: list[tuple[events.Event, float]],
) -> None:
    clock = Clock()
    progress, last, least = ProgressTracker(PROMPT, clock), 0.0, float("inf")
    for event, pause in stream:
        clock.now += pause
        status = running(progress, event)
        assert last <= status.fraction < 1
        assert status.eta is None or status.eta <= least
        last, least = status.fraction, least if status.eta is None else status.eta


MODEL = Prompt(
    {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "big.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a cat"}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
        "4": {
            "class_type": "KSampler",
            "inputs": {"model": ["1", 0], "positive": ["2", 0], "latent_image": ["3", 0], "steps": 20, "seed": 1},
        },
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0]}},
    }
)
INFO = ObjectInfo(
    {
        "CheckpointLoaderSimple": {"display_name": "Load Checkpoint", "output": ["MODEL", "CLIP", "VAE"]},
        "SaveImage": {"display_name": "Save Image", "output": [], "output_node": True},
        "EmptyLatentImage": {"display_name": "Empty Latent Image", "output": ["LATENT"]},
    }
)


class _Server:
    """A server that takes `loading` seconds for a model that it does not have, and `step` for a step at 512 x 512."""

    def __init__(self, times: ServerTimes, loading: float = 12.0, step: float = 1.0) -> None:
        self.times, self.loading, self.step = times, loading, step

    def run(self, prompt: Prompt = MODEL, *, cold: bool) -> list[tuple[float, Running]]:
        """Run it; each status with the moment, as a part of the whole."""
        clock, said = Clock(), list[tuple[float, Running]]()
        progress = ProgressTracker(prompt, clock, INFO, self.times)

        def tell(event: events.Event, after: float = 0.0) -> None:
            clock.now += after
            if callable(status := progress.fold(event)):
                said.append((clock.now, status()))

        tell(events.ExecutionStart("p"))
        tell(events.ExecutionCached("p", () if cold else ("1",)))
        took = {"1": self.loading, "2": 0.5, "3": 0.01, "5": 2.0, "6": 0.3}
        size = prompt["3"].inputs["width"] * prompt["3"].inputs["height"] / 512**2
        for node in ("1", "2", "3", "4", "5", "6"):
            if node == "1" and not cold:
                continue
            tell(events.Executing("p", node))
            if node == "4":
                clock.now += 4.0 if cold else 0.0  # it moves the model to the graphics card
                steps = prompt["4"].inputs["steps"]
                for number in range(1, steps + 1):
                    tell(events.StepProgress("p", "4", number, steps), self.step * size)
            else:
                for _tick in range(10):
                    clock.now += took[node] / 10
                    said.append((clock.now, progress.now()))
        assert progress.fold(events.ExecutionSuccess("p")) == Delivering()
        return [(at / clock.now, replace(status, eta=_error(status.eta, at, clock.now))) for at, status in said]


def _error(eta: float | None, at: float, end: float) -> float | None:
    """Return the part by which an estimate was wrong."""
    return None if eta is None else abs(eta - (end - at)) / (end - at) if at < end else 0.0


def _at_half_time(said: list[tuple[float, Running]]) -> Running:
    return min(said, key=lambda each: abs(each[0] - 0.5))[1]


def test_what_runs_took_before_tells_how_long_the_next_one_takes() -> None:
    server = _Server(NodeTimes().at("s"))
    first = server.run(cold=True)
    assert not any(status.sure for _part, status in first)
    assert next(status.node for _part, status in first if status.node) == "Loading the model"
    assert {status.node for _part, status in first} == {
        None,
        "Loading the model",
        "Reading your words",
        "Working on the picture",
        "Painting",
        "Developing the picture",
        "Saving the result",
    }
    second = server.run(cold=True)
    beginning = next(status for _part, status in second if status.node == "Loading the model")
    assert (beginning.eta or 0.0) < 0.05  # its loading is foreseen
    assert not _at_half_time(server.run(cold=False)).sure
    server.run(cold=False)
    for cold in (True, False, True, False):
        half = _at_half_time(server.run(cold=cold))
        assert half.sure
        assert half.eta is not None
        assert half.eta < 0.05


def test_a_first_run_with_another_lora_is_foreseen_from_those_with_other_ones() -> None:
    server = _Server(NodeTimes().at("s"))
    for _number in range(3):
        server.run(with_loras(MODEL, [Lora("one.safetensors")]), cold=False)
    new = server.run(with_loras(MODEL, [Lora("two.safetensors", 0.5)]), cold=False)
    told = [status for part, status in new if status.node == "Painting" and part < 0.5]
    assert told
    assert all(status.eta is not None and status.eta < 0.15 and not status.sure for status in told)


def test_nodes_without_steps_promise_nothing_of_those_with_steps() -> None:
    first = _Server(NodeTimes().at("s"), loading=0.1, step=5.0).run(cold=True)
    assert {status.eta for _part, status in first if status.node == "Reading your words"} == {None}
    assert _at_half_time(first).eta is not None


def test_other_sizes_are_worked_out_from_those_that_were_measured() -> None:
    server = _Server(NodeTimes().at("s"))
    for _number in range(3):
        server.run(cold=False)
    large = MODEL.with_input("3", "width", 1024).with_input("4", "steps", 30).with_input("4", "seed", 2)
    half = _at_half_time(server.run(large, cold=False))
    assert half.eta is not None
    assert half.eta < 0.15
    assert not half.sure
    assert "about" in in_words(replace(half, eta=9.0))


def test_a_server_that_is_slower_than_before_says_so_by_half_time_and_the_time_left_does_not_rise() -> None:
    server = _Server(NodeTimes().at("s"))
    for _number in range(3):
        server.run(cold=False)
    server.step = 1.5
    said = server.run(cold=False)
    half = _at_half_time(said)
    assert half.eta is None or half.eta < 0.15
    assert "left" in in_words(replace(said[-8][1], eta=2.0))


def test_what_an_author_called_a_node_stays() -> None:
    titled = Prompt({**MODEL.to_json(), "4": {**MODEL.to_json()["4"], "_meta": {"title": "Making your cat"}}})
    progress = ProgressTracker(titled, Clock(), INFO)
    assert running(progress, events.Executing("p", "4")).node == "Making your cat"
    named = Prompt({**MODEL.to_json(), "1": {**MODEL.to_json()["1"], "_meta": {"title": "Load checkpoint"}}})
    progress = ProgressTracker(named, Clock(), INFO)
    assert running(progress, events.Executing("p", "1")).node == "Loading the model"


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.2, 3.0), st.floats(1.0, 60.0)), min_size=1, max_size=6))
@pytest.mark.long
def test_the_time_left_never_rises_whatever_a_server_does(courses: list[tuple[bool, float, float]]) -> None:
    times = NodeTimes().at("s")
    for cold, step, loading in courses:
        server, least = _Server(times, loading, step), float("inf")
        for _part, status in server.run(cold=cold):
            assert status.fraction < 1
        clock, progress = Clock(), None
        progress = ProgressTracker(MODEL, clock, INFO, times)
        progress.fold(events.ExecutionCached("p", ("1",)))
        progress.fold(events.Executing("p", "4"))
        for number in range(1, 21):
            clock.now += step * (1 + number % 3)
            status = running(progress, events.StepProgress("p", "4", number, 20))
            assert status.eta is None or status.eta <= least
            least = least if status.eta is None else status.eta
