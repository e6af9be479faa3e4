"""The control room: servers of workers in other processes, the line and runs of all people, and who may come in."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.care.hooks import CommandHook
from bot.core.care.machine import Machine
from bot.core.control.views import NowView, RunQuestion, SeenServer
from bot.core.errors import NotAllowed, UserError
from bot.core.model import Person, Place
from bot.core.policy.permissions import OPERATOR
from bot.core.run import State
from bot.core.servers.condition import Condition
from bot.server_settings import NamedServer
from bot.settings import Role, Secret
from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.harness import ANN, BEN, HERE, Gates, House, RecordingPlatform, failing, house, running, until

PAGE = Place("web", "")


async def now(home: House, question: RunQuestion | None = None) -> NowView:
    return await home.services.control.now(OPERATOR, PAGE, question or RunQuestion())


async def servers(home: House) -> dict[str, SeenServer]:
    seen = (await now(home)).servers
    assert seen is not None
    return {each.view.name: each for each in seen}


@pytest.mark.long
async def test_servers_of_two_other_workers_one_of_them_gone_and_one_asleep(tmp_path: Path, postgres: str) -> None:
    """Each says how it is; what is not known is not there."""
    database, gates = Secret(new_postgres(postgres)), Gates()
    machine = Machine(CommandHook(("true",)), CommandHook(("true",)), idle_after=0.0)
    async with AsyncExitStack() as stack:
        busy = await stack.enter_async_context(EmbeddedServer(nodes=gates.nodes()))
        stack.callback(gates.open)
        idle = await stack.enter_async_context(EmbeddedServer())
        one = await stack.enter_async_context(
            house(tmp_path, None, [], Role(worker=None), database=database, operators=("test:1",))
        )
        here = Role(chat=False, worker="near")
        named = [NamedServer("busy", busy.url), NamedServer("sleeper", idle.url, machine=machine)]
        await stack.enter_async_context(house(tmp_path, RecordingPlatform(), named, here, database=database))
        async with house(tmp_path, RecordingPlatform(), None, Role(chat=False, worker="far"), database=database):

            async def is_asleep() -> bool:
                seen = await servers(one)
                report = seen["sleeper"].view.report if "sleeper" in seen else None
                return (
                    report is not None
                    and report.condition is Condition.ASLEEP
                    and [(name, each.view.answers) for name, each in sorted(seen.items())]
                    == [("busy", True), ("one", True), ("sleeper", True)]
                )

            await until(is_asleep)
            seen = await servers(one)
            asleep = seen["sleeper"].view.report
            assert asleep is not None
            assert (asleep.version, asleep.ram, asleep.latency) == ("", None, None)
            assert seen["sleeper"].words.startswith("asleep; it is started for the next run")
        await one.offered("gated")
        run_id, _shown = await one.ask("gated", gate="shut")

        async def is_there() -> bool:
            seen = await servers(one)
            report = seen["busy"].view.report
            return (
                (await one.run(run_id)).state is State.RUNNING
                and not seen["one"].view.answers
                and report is not None
                and report.latency is not None
            )

        await until(is_there)
        seen = await servers(one)
        gone, there = seen["one"], seen["busy"]
        assert (gone.view.answers, gone.words) == (False, "its worker does not answer")
        assert gone.view.seen_at is not None
        assert [(run.id, title) for run, title in zip(there.view.runs, there.titles, strict=True)] == [
            (run_id, "Gated")
        ]
        room = one.services.control
        assert await room.drain(OPERATOR, PAGE, "busy", wanted=True) == "busy: draining; it gets no further runs."
        assert await room.interrupt(ANN, PAGE, "busy") == "Cancelled 1 run at busy."
        gates.open()

        async def is_cancelled() -> bool:
            return (await one.run(run_id)).cancelled_by == "test:1:Ann"

        await until(is_cancelled)
        with pytest.raises(UserError, match="The worker of one does not answer"):
            await room.free(OPERATOR, PAGE, "one")
        acts = [entry.act for entry in await one.services.moderation.log(OPERATOR, PAGE)]
        assert acts == ["server interrupt", "server drain"]


async def test_the_line_is_reordered_and_runs_are_found_and_cancelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gates = Gates()
    caplog.set_level(logging.INFO, "darkroom")
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated", gate="shut")
        await home.platform.until(running(shown))
        ahead, _shown = await home.ask("gated", BEN, gate="second")

        async def is_ahead() -> bool:
            return (await home.run(ahead)).is_ahead

        await until(is_ahead)
        third, _shown = await home.ask("gated", BEN, gate="third")
        last, _shown = await home.ask("plain", ANN)
        private, _shown = await home.ask("plain", ANN)
        room = home.services.control

        async def line() -> list[tuple[str, bool]]:
            seen = (await now(home)).line
            assert seen is not None
            return [(turn.seen.run.id, turn.may_move) for turn in seen.first]

        before = await line()
        assert before[0] == (ahead, False)
        assert {run for run, _may in before[1:]} == {third, last, private}
        moved = before[-1][0]
        assert "is the first in line" in await room.put_first(OPERATOR, PAGE, moved)
        assert [run for run, _may in await line()][:2] == [ahead, moved]
        with pytest.raises(UserError, match="does not wait"):
            await room.put_first(OPERATOR, PAGE, first)
        assert "Cancelled Gated" in await room.cancel(OPERATOR, PAGE, third)
        assert (await home.run(third)).state is State.CANCELLED
        with pytest.raises(UserError, match="has ended"):
            await room.cancel(OPERATOR, PAGE, third)
        log = await home.services.moderation.log(OPERATOR, HERE)
        assert [entry.act for entry in log] == ["run cancel", "run first"]

        async def found(question: RunQuestion) -> list[str]:
            seen = (await now(home, question)).runs
            assert seen is not None
            return [each.run.id for each in seen.runs]

        assert await found(RunQuestion(State.CANCELLED)) == [third]
        assert set(await found(RunQuestion(person="ben"))) == {ahead}
        assert set(await found(RunQuestion(workflow="plain"))) == {last, private}
        assert await found(RunQuestion(fault="no such words")) == []
        view = await now(home)
        assert view.counts is not None
        assert view.counts[State.RUNNING] == 1
        assert view.disk.free is not None
        told = {event.name: dict(event.fields) for event in view.events}
        assert told["run_started"]["run"] in (first, ahead)
        assert "shut" not in str(view.events)  # nothing that people wrote
        gates.open()
        await home.ended(first, ahead, last, private)


@pytest.mark.long
async def test_what_failed_is_found_by_its_error_and_stands_at_its_server(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(nodes=failing())]) as home:
        run_id, _shown = await home.ask("gated", gate="some")
        [run] = await home.ended(run_id)
        assert run.state is State.FAILED
        seen = (await servers(home))["one"]
        assert seen.last_failed is not None
        assert seen.last_failed.id == run_id
        found = (await now(home, RunQuestion(State.FAILED, fault="NO SUCH GATE"))).runs
        assert found is not None
        assert [each.run.id for each in found.runs] == [run_id]
        assert "no such gate" in found.runs[0].fault


@pytest.mark.long
async def test_others_than_operators_are_refused_and_the_audit_says_so(tmp_path: Path) -> None:
    moderator = replace(ANN, moderator=True, owner=True)
    async with house(tmp_path) as home:
        run_id, _shown = await home.ask()
        await home.ended(run_id)
        room = home.services.control
        for person in (moderator, Person("web", "eve")):
            with pytest.raises(NotAllowed):
                await room.now(person, PAGE, RunQuestion())
            for work in (
                room.interrupt(person, PAGE, "one"),
                room.free(person, PAGE, "one"),
                room.drain(person, PAGE, "one", wanted=True),
                room.put_first(person, PAGE, run_id),
                room.cancel(person, PAGE, run_id),
            ):
                with pytest.raises(NotAllowed):
                    await work
        log = await home.services.moderation.log(OPERATOR, PAGE)
        assert [entry.act for entry in log] == ["refused"] * 12
        assert not (await servers(home))["one"].view.drained
