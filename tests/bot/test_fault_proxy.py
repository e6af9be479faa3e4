"""Runs through a proxy that answers, delays, cuts, doubles and garbles by a plan: each ends once, and truly."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from bot.core.model import Delivering, Done, Failed
from bot.core.run import RunRecord, State
from bot.server_settings import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, House, Message, house, picture, renamed
from tests.comfy.faulty import FRAME, Fault, FaultProxy, Kind, seeded, single

PEOPLE = 8
#: What is asked besides: whether the server is there, and what people saved there.
_OTHERWISE = {"GET /queue", "GET /system_stats", "GET /users", "GET /userdata"}
_PATIENT = {"gone_after": 5.0, "waiting_per_person": 1000, "running_per_person": 8}
BAD_ANSWERS = [
    Fault(Kind.STATUS, 500),
    Fault(Kind.STATUS, 502, reaches=True),
    Fault(Kind.STATUS, 429, retry_after="0"),
    Fault(Kind.PAGE, reaches=True),
    Fault(Kind.CUT),
    Fault(Kind.CUT, reaches=True),
    Fault(Kind.GARBLE),
    Fault(Kind.DOUBLE),
]


@pytest.mark.parametrize("fault", BAD_ANSWERS, ids=lambda fault: f"{fault.kind} {fault.status or ''}".strip())
@pytest.mark.long
async def test_one_bad_answer_to_any_request_costs_no_run(tmp_path: Path, fault: Fault) -> None:
    async with EmbeddedServer() as engine, FaultProxy(engine.url) as proxy:
        async with house(tmp_path, servers=[NamedServer("one", proxy.url)], **_PATIENT) as home:
            for number, route in enumerate(("POST /upload/image", "POST /prompt", "GET /history", "GET /view")):
                photo = picture(tmp_path / "given", f"{number}.png", (64, 48 + number))
                proxy.follow(single(route, fault))
                run_id, shown = await home.ask("negative", photo=photo)
                (run,) = await home.ended(run_id)
                assert (run.state, run.attempt, len(shown.results)) == (State.DONE, 1, 1), route
                assert len(proxy.faults) == number + 1, route
        assert set(proxy.posted.values()) == {1}
        assert len(proxy.posted) == 4


async def test_a_good_run_costs_no_more_requests_than_it_needs(tmp_path: Path) -> None:
    async with EmbeddedServer() as engine, FaultProxy(engine.url) as proxy:
        heard = {**_PATIENT, "look_every": 3600.0}  # a server is asked when nothing is heard of it for so long
        async with house(tmp_path, servers=[NamedServer("one", proxy.url)], **heard) as home:
            proxy.calls.clear()
            await home.ended((await home.ask("negative", photo=picture(tmp_path / "given")))[0])
        asked = {call: count for call, count in proxy.calls.items() if call not in _OTHERWISE}
        assert asked == {
            "GET /ws": 1, "POST /upload/image": 1, "POST /prompt": 1, "GET /history": 1, "GET /view": 1
        }  # fmt: skip


@pytest.mark.long
async def test_runs_under_a_slice_of_all_faults_end_once_and_truly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await under_faults(tmp_path, caplog, seed=1, runs=25)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 7))
async def test_five_hundred_runs_under_all_faults_end_once_and_truly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    await under_faults(tmp_path, caplog, seed=seed, runs=100)


async def under_faults(folder: Path, caplog: pytest.LogCaptureFixture, *, seed: int, runs: int) -> None:
    caplog.set_level(logging.INFO)
    async with EmbeddedServer() as engine, FaultProxy(engine.url) as proxy:
        async with house(folder, servers=[NamedServer("one", proxy.url, at_once=4)], **_PATIENT) as home:
            proxy.follow(seeded(seed))
            asked = [await _ask(home, folder, number) for number in range(runs)]
            ended = await home.ended(*(run_id for run_id, _ in asked))
        trouble = "\n".join(f"seed {seed}: {met}" for met in proxy.faults)
        for number, (run, (_, shown)) in enumerate(zip(ended, asked, strict=True)):
            _ended_once(run, shown, number, trouble)
        assert sum(run.state is State.FAILED for run in ended) <= proxy.met(Kind.REDIRECT), trouble
        assert set(proxy.posted.values()) == {1}, trouble  # the server loses nothing, so nothing is posted twice
        assert len(proxy.posted) <= runs, trouble
        assert {met.fault.kind for met in proxy.faults} >= {*Kind} - {Kind.REDIRECT}
        assert any(met.route == FRAME for met in proxy.faults)
    assert _complaints(caplog.records) == [], trouble


async def _ask(home: House, folder: Path, number: int) -> tuple[str, Message]:
    """Every fifth has a photo to send, of a size of its own, so that each is sent."""
    person = renamed(ANN, number % PEOPLE)
    if number % 5 == 0:
        photo = picture(folder / "given", f"{number}.png", (64, 16 + number))
        return await home.ask("negative", person, photo=photo)
    return await home.ask("plain", person, color=number)


def _ended_once(run: RunRecord, shown: Message, number: int, trouble: str) -> None:
    failed = [status for status in shown.statuses if isinstance(status, Failed)]
    if run.state is State.FAILED:
        assert (shown.last, shown.results, len(failed)) == (failed[0], [], 1), trouble
        return
    assert (run.state, run.attempt, failed, len(shown.results)) == (State.DONE, 1, [], 1), (shown.statuses, trouble)
    assert isinstance(shown.last, Done | Delivering), trouble
    ((data,),) = [delivered.files for delivered in shown.results]
    with Image.open(io.BytesIO(data)) as made:
        if number % 5 == 0:
            assert made.size == (64, 16 + number)
        else:
            assert made.convert("RGB").getpixel((0, 0)) == (0, 0, number) if number < 256 else (0, 1, number - 256)


def _complaints(records: Sequence[logging.LogRecord]) -> list[str]:
    return [record.getMessage() for record in records if record.exc_info or record.levelno >= logging.ERROR]
