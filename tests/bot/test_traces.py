"""The traces that a receiver of OpenTelemetry gets: one a run, over processes and crashes, without people's words."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from bot.app import App
from bot.core.background import TaskHealth
from bot.core.extras import EXTRAS
from bot.core.traces import spans
from bot.settings import Role, Secret, Settings
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.harness import ANN, BEN, Gates, WatchedServer, failing, house, picture, running, until
from tests.bot.receiver import Receiver, receiving
from tests.bot.test_survival import stage

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")

WORDS = "a purple giraffe"


def tree(receiver: Receiver, run: str) -> dict[str, str]:
    """Return the names of a run's spans, each with that of the span around it."""
    names = {each.id: each.name for each in receiver.of(run)}
    return {each.name: names.get(each.parent, each.parent) for each in receiver.of(run)}


@pytest.mark.long
async def test_a_run_is_one_trace_with_its_steps_and_the_phases_of_its_server(tmp_path: Path) -> None:
    async with receiving() as receiver, house(tmp_path, otlp_url=Secret(receiver.url)) as home:
        spans.note_arrival()
        run, _shown = await home.ask("negative", photo=picture(tmp_path / "given", f"{WORDS}.png"))
        plain, _shown = await home.ask("plain", color="7")
        await home.ended(run, plain)
        await receiver.until(lambda: "attempt" in tree(receiver, run) and "attempt" in tree(receiver, plain))
        assert tree(receiver, run) == {
            "request": "",
            "run": "request",
            "line": "run",
            "attempt": "run",
            "submit": "attempt",
            "upload": "attempt",
            "follow": "attempt",
            "queued": "follow",
            "executing": "follow",
            "node": "executing",
            "collect": "attempt",
            "deliver": "attempt",
        }
        assert "upload" not in tree(receiver, plain)
        (whole,) = receiver.named(run, "run")
        assert whole.facts == {
            "darkroom.run": run,
            "darkroom.workflow": "negative",
            "darkroom.state": "done",
            "darkroom.attempts": 1,
            "darkroom.server": "one",
        }
        kinds = [each.facts["darkroom.kind"] for each in receiver.named(run, "node")]
        assert kinds[0] == "LoadImage"
        assert kinds[-1] == "SaveImage"
        (request,), (deliver,) = receiver.named(run, "request"), receiver.named(run, "deliver")
        assert request.begun <= whole.begun <= request.ended <= deliver.ended
        assert request.facts["darkroom.platform"] == "test"
        assert not [each.name for each in receiver.spans if each.failed]
        for word in (WORDS, ANN.name, "Here", "guild"):
            assert word.encode() not in receiver.body


@pytest.mark.long
async def test_a_run_that_fails_says_in_which_node_and_one_that_is_cancelled_in_line_has_no_attempt(
    tmp_path: Path,
) -> None:
    servers = [EmbeddedServer(nodes=failing())]
    async with receiving() as receiver, house(tmp_path, None, servers, otlp_url=Secret(receiver.url)) as home:
        run, _shown = await home.ask("gated", gate=WORDS)
        await home.ended(run)
        await receiver.until(lambda: "attempt" in tree(receiver, run))
        assert [each.name for each in receiver.of(run) if each.failed] == ["follow", "executing", "node"]
        assert receiver.named(run, "node")[-1].facts["darkroom.kind"] == "Gate"
        assert tree(receiver, run)["tell"] == "attempt"
        assert WORDS.encode() not in receiver.body

    gates = Gates()
    server = WatchedServer(nodes=gates.nodes())
    async with receiving() as receiver, house(tmp_path, None, [server], otlp_url=Secret(receiver.url)) as home:
        first, shown = await home.ask("gated", gate="first")
        await home.platform.until(running(shown))
        ahead, _shown = await home.ask("gated", ANN, gate="second")

        async def is_sent_ahead() -> bool:
            return server.calls["POST /prompt"] == 2

        await until(is_sent_ahead)
        last, _shown = await home.ask("gated", BEN, gate="second")
        assert await home.services.runs.cancel(last, BEN)
        await receiver.until(lambda: "run" in tree(receiver, last))
        assert tree(receiver, last) == {"request": "", "run": "request"}
        assert receiver.named(last, "run")[0].facts["darkroom.state"] == "cancelled"
        gates.open()
        await home.ended(first, ahead)


@pytest.mark.long
async def test_a_trace_goes_on_in_other_processes_after_a_crash_too(tmp_path: Path, postgres: str) -> None:
    gates = Gates()
    async with (
        receiving() as receiver,
        stage(tmp_path, new_postgres(postgres), servers=1, nodes=gates.nodes(), otlp=receiver.url) as here,
    ):
        here.ask(1, workflow="gated", values={"gate": "slow"})
        worker, chat = await here.start("far"), await here.start("chat")
        server = here.servers["s0"]

        async def executes() -> bool:
            return server._jobs.running is not None and bool(receiver.spans)

        await until(executes)
        await worker.kill()
        await here.start("far")
        gates.open()
        await here.until_done(1)
        (run,) = await here.runs()
        await receiver.until(lambda: {"request", "run", "attempt"} <= tree(receiver, run.id).keys())
        found = tree(receiver, run.id)
        assert (found["run"], found["attempt"], found["follow"]) == ("request", "run", "attempt")
        assert {(each.name, each.process) for each in receiver.of(run.id)} >= {("request", "chat"), ("attempt", "far")}
        assert [each.facts["darkroom.resumed"] for each in receiver.named(run.id, "attempt")] == [True]
        assert len({each.trace for each in receiver.spans}) == 1
        await chat.end()


@pytest.mark.long
async def test_a_receiver_that_takes_nothing_is_told_and_runs_go_on(tmp_path: Path) -> None:
    async with receiving() as receiver, house(tmp_path, otlp_url=Secret(receiver.url)) as home:
        receiver.status = 400
        remarks = home.services.health.tasks

        async def is_told() -> bool:
            return "traces" in remarks.remarks

        run, _shown = await home.ask()
        await home.ended(run)
        await until(is_told)
        receiver.status = 200
        again, _shown = await home.ask()
        await home.ended(again)

        async def is_over() -> bool:
            return "traces" not in remarks.remarks

        await until(is_over)
    assert not spans.is_recording()


@pytest.mark.long
async def test_a_receiver_that_does_not_answer_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be asked again with the next spans, if its first answer were waited for."""
    from bot.core.traces.otlp import OtlpRecorder

    monkeypatch.setattr("bot.core.traces.otlp._FAREWELL", 0.1)
    run, count = str(uuid4()), 2000

    async def process(url: str) -> None:
        async with OtlpRecorder(url, "chat", TaskHealth()) as recorder:
            for _number in range(count):
                recorder.record(spans.Span(run, "wait", 1, 2))

    async with receiving() as receiver:
        receiver.answers.clear()
        await asyncio.to_thread(lambda: asyncio.run(process(receiver.url)))
        assert receiver.asked <= 1
        receiver.answers.set()
        await receiver.until(lambda: len(receiver.of(run)) == count)


async def test_an_installation_without_the_extra_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "otel", "no_such_module")
    monkeypatch.setenv("DARKROOM_OTLP_URL", "http://127.0.0.1:4318")
    monkeypatch.setenv("DARKROOM_DATA_DIR", str(tmp_path))
    app = App()
    app.settings = Settings.read(env_file=None)
    (fault,) = (await app.examine(Role())).faults
    assert fault.endswith("type pip install 'darkroom[otel]'")
