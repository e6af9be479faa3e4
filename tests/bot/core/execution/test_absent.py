"""Runs of a platform that a process does not have wait for one that has it, and hold up no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import DeliveryFailed, NotNow
from bot.core.model import Address, Done, Person, Result, RunSummary, Status
from bot.core.port import Limits, Reply
from bot.core.run import State
from bot.core.runs.replies import GuardedReply
from bot.server_settings import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, Gates, RecordingPlatform, WatchedServer, house, running, until

CARL = Person("other", "7", "Carl")


@pytest.mark.parametrize("starts", [1, 2])
@pytest.mark.long
async def test_a_run_whose_platform_is_gone_waits_and_others_go_on(tmp_path: Path, starts: int) -> None:
    gates, platform = Gates(), RecordingPlatform()
    async with EmbeddedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as home:
            run_id, shown = await home.ask("gated")
            second, _message = await home.ask("gated")
            await platform.until(running(shown))
        gates.open()
        for _start in range(starts):
            async with house(tmp_path, RecordingPlatform("other"), [server]) as home:
                (other,) = await home.ended((await home.ask(person=CARL))[0])
                assert other.state is State.DONE
        assert not shown.results
        async with house(tmp_path, platform, [server]) as home:
            runs = await home.ended(run_id, second)
        assert [run.state for run in runs] == [State.DONE, State.DONE]
        assert [len(message.results) for message in platform.messages.values()] == [1, 1]
        assert shown.last == Done()


@pytest.mark.long
async def test_what_was_left_is_delivered_by_a_worker_that_has_none_of_its_servers(tmp_path: Path) -> None:
    gates, platform = Gates(), RecordingPlatform()
    async with WatchedServer(nodes=gates.nodes()) as server, WatchedServer() as spare:
        async with house(tmp_path, platform, [server]) as home:
            run_id, shown = await home.ask("gated")
            await platform.until(running(shown))
        gates.open()
        async with house(tmp_path, RecordingPlatform("other"), [server]) as home:

            async def is_left() -> bool:
                run = await home.run(run_id)
                return (run.state, run.worker) == (State.DELIVERING, None)

            await until(is_left)
        async with house(tmp_path, platform, [NamedServer("spare", spare.url)]) as home:
            (run,) = await home.ended(run_id)
        assert (run.state, run.attempt, len(shown.results)) == (State.DONE, 2, 1)
        assert not shown.reasons()
        assert not spare.prompts


class _Broken:
    """A chat that refuses everything in its own words."""

    def __init__(self, refusal: Exception) -> None:
        self.refusal, self.limits = refusal, Limits(1, 1, 1, 0.0)

    async def show(self, status: Status) -> None:
        raise self.refusal

    async def deliver(self, result: Result) -> None:
        raise self.refusal


async def _is_gone() -> None:
    raise AssertionError("the message is there")


@pytest.mark.parametrize("refusal", [RuntimeError("TOPIC_CLOSED"), KeyError("x"), OSError("away"), TimeoutError()])
async def test_no_refusal_leaves_the_port_in_other_words(refusal: Exception) -> None:
    reply = GuardedReply(_Broken(refusal), _is_gone)
    with pytest.raises(DeliveryFailed) as shown:
        await reply.show(Done())
    assert shown.value.__cause__ is refusal
    with pytest.raises(DeliveryFailed):
        await reply.deliver(Result("r", "w", {}))


async def test_no_room_stays_no_room() -> None:
    with pytest.raises(NotNow):
        await GuardedReply(_Broken(NotNow("", 3.0)), _is_gone).show(Done())


class _Refusing(RecordingPlatform):
    """A platform on which every status is refused in words that no one lists."""

    def reply(self, address: Address, brief: RunSummary) -> Reply:  # type: ignore[override]
        super().reply(address, brief)
        return _Broken(RuntimeError("TOPIC_CLOSED"))


@pytest.mark.long
async def test_a_refusal_in_unknown_words_does_not_stop_a_cancel(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, _Refusing(), [EmbeddedServer(nodes=gates.nodes())]) as home:
        run_id, _shown = await home.ask("gated")

        async def is_running() -> bool:
            return (await home.run(run_id)).state is State.RUNNING

        await until(is_running)
        assert await home.services.runs.cancel(run_id, ANN)
        (run,) = await home.ended(run_id)
        assert run.state is State.CANCELLED
        gates.open()
