"""The desk, from a request to the delivered picture: what it takes, refuses, repeats, cancels and deletes."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from bot.core.chat import Address, Cancelled, Delivering, Done, Failed, Person, Queued, RunRequest, Stored
from bot.core.errors import BadValue, CannotRun, NotAllowed, TooMany, UnknownWorkflow, UserError
from bot.core.run import State
from comfy.embedded import EmbeddedServer
from tests.bot.houses import ANN, BEN, HERE, MOD, PLAIN, Gates, failing, house, picture, running


async def test_from_a_request_to_the_delivered_bytes(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, message = await home.ask("negative", photo=picture(tmp_path / "given"))
        (run,) = await home.ended(run_id)
        await home.platform.until(lambda: message.last == Done())
        assert message.kinds()[-2:] == [Delivering, Done]
        (delivered,) = message.results
        (file,) = delivered.result.files
        assert (file.filename, file.kind) == ("My-cat-negative.png", "image")
        with Image.open(io.BytesIO(delivered.files[0])) as image:
            assert image.size == (64, 48)
            assert "prompt" not in image.info
        assert delivered.result.took is not None
        assert delivered.result.waited is not None
        assert (run.state, run.server, run.attempt) == (State.DONE, "one", 1)
        assert message.brief is not None
        assert (message.brief.title, message.brief.inputs) == ("Negative", {"photo": "My cat.png"})


async def test_what_waits_is_told_its_place_and_when_it_should_start(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated", gate="first")
        await home.platform.until(running(shown))
        ids, messages = zip(*[await home.ask("gated", person=BEN) for _ in range(2)], strict=True)
        await home.platform.until(lambda: all(message.statuses for message in messages))
        for place, message in enumerate(messages, 1):
            assert isinstance(message.last, Queued)
            assert message.last.position == place
            assert message.last.eta is not None
        gates.open("first")
        await home.platform.until(lambda: isinstance(messages[1].last, Queued) and messages[1].last.position == 1)
        gates.open()
        await home.ended(first, *ids)


async def test_again_uses_the_same_files_and_values_and_another_seed(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, message = await home.ask("poster", photo=picture(tmp_path / "given"), colors="4")
        await home.ended(run_id)
        request = await home.desk.again(run_id, BEN, HERE, {"contrast": "1.5"})
        assert isinstance(request.values["photo"], Stored)
        assert (request.values["colors"], request.values["contrast"]) == (4, "1.5")
        second, shown = await home.ask("poster", BEN, **request.values)
        (run,) = await home.ended(second)
        assert (run.state, run.person.id, run.values["colors"], run.values["contrast"]) == (State.DONE, BEN.id, 4, 1.5)
        assert len(shown.results) == len(message.results) == 1
        with pytest.raises(UserError, match="has been deleted"):
            await home.desk.again("nothing", ANN, HERE, {})


async def test_cancelling_what_waits_and_what_runs(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(pace=60)]) as home:
        first, shown = await home.ask()
        await home.platform.until(running(shown))
        second, waiting = await home.ask(person=BEN)
        with pytest.raises(NotAllowed):
            await home.desk.cancel(second, ANN)
        assert await home.desk.cancel(second, BEN)
        assert waiting.last == Cancelled(BEN)
        async with asyncio.timeout(5):  # benchmarks/runs.py measures it
            assert await home.desk.cancel(first, MOD)
            await home.platform.until(lambda: shown.last == Cancelled(Person("test", "3", "Mo")))
        states = [run.state for run in await home.ended(first, second)]
        assert states == [State.CANCELLED] * 2
        assert not await home.desk.cancel(first, ANN)
        assert not await home.desk.cancel("nothing", ANN)


async def test_whoever_cancels_hears_of_it_although_a_node_does_not_listen(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        run_id, shown = await home.ask("gated", gate="shut")
        await home.platform.until(running(shown))
        assert await home.desk.cancel(run_id, ANN)
        await home.platform.until(lambda: shown.last == Cancelled(ANN))
        assert gates.passed == []
        gates.open()
        (run,) = await home.ended(run_id)
        assert run.state is State.CANCELLED
        assert shown.last == Cancelled(ANN)
        assert not shown.results


async def test_deleting_and_forgetting(tmp_path: Path) -> None:
    photo = picture(tmp_path / "given")
    async with house(tmp_path, servers=[EmbeddedServer(pace=0.1)]) as home:
        first, shown = await home.ask("negative", photo=photo)
        await home.platform.until(running(shown))
        with pytest.raises(UserError, match="cancel it first"):
            await home.desk.delete(first, ANN)
        (run,) = await home.ended(first)
        assert run.outcome is not None
        keys = [file.key for file in (*run.outcome.files, *run.inputs.values())]
        with pytest.raises(NotAllowed):
            await home.desk.delete(first, BEN)
        second, _ = await home.ask("negative", BEN, photo=photo)
        await home.ended(second)
        await home.desk.delete(first, ANN)
        await home.desk.delete(first, ANN)
        assert await home.desk.records.get(first) is None
        assert [await home.desk.media.has(key) for key in keys] == [True, True]  # Ben's are the same
        assert await home.desk.forget(BEN) == 1
        assert [await home.desk.media.has(key) for key in keys] == [False, False]


async def test_what_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path, waiting_per_person=1, servers=[EmbeddedServer(pace=60)], running_per_person=1) as home:
        with pytest.raises(UnknownWorkflow, match="There is no workflow"):
            await home.ask("nonsense")
        with pytest.raises(BadValue, match="color"):
            await home.ask(color="red")
        with pytest.raises(CannotRun, match="cannot run on this server"):
            await home.ask("imagine", text="a cat")
        first, shown = await home.ask()
        await home.platform.until(running(shown))
        second, _ = await home.ask()
        with pytest.raises(TooMany, match="1 run waiting"):
            await home.ask()
        assert not [run for run in await home.desk.records.last_of(ANN) if run.id not in (first, second)]
        for each in (second, first):
            await home.desk.cancel(each, ANN)
        await home.ended(first, second)
        desk = home.desk
    with pytest.raises(UserError, match="being restarted"):
        await desk.take(RunRequest(PLAIN, {}, ANN, HERE), Address("test", "chat", "late"))


async def test_a_run_that_runs_nowhere_is_refused_with_what_is_missing_where(tmp_path: Path) -> None:
    servers = [EmbeddedServer(), EmbeddedServer(nodes=Gates().nodes())]
    async with house(tmp_path, servers=servers) as home:
        with pytest.raises(CannotRun) as caught:
            await home.ask("paint")
        assert "cannot run on any of the servers" in str(caught.value)
        assert "one lacks the nodes Paint" in str(caught.value)
        assert "two lacks the nodes Paint" in str(caught.value)
        offers = {offer.workflow.name: offer.lacks for offer in await home.desk.offers(ANN, HERE)}
        assert offers["plain"] is None
        assert "Paint" in (offers["paint"] or "")
        assert offers["gated"] is None


async def test_a_run_whose_server_fails_it_says_which_node(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(nodes=failing())]) as home:
        run_id, message = await home.ask("gated", gate="x")
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.FAILED, 1)  # what failed once would fail again
        assert message.last == Failed(run.sentence or "")
        assert "no such gate: x" in (run.sentence or "")
