"""The services, from a request to the delivered picture: what it takes, refuses, repeats, cancels and deletes."""

from __future__ import annotations

import ast
import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import platforms
from bot.core.background import TaskHealth
from bot.core.errors import (
    BadPicture,
    BadValue,
    CannotRun,
    DeliveryFailed,
    NotAllowed,
    TooMany,
    UnknownWorkflow,
    UserError,
)
from bot.core.model import (
    Address,
    Cancelled,
    Delivering,
    Done,
    Failed,
    Person,
    Place,
    Queued,
    RunRequest,
    StoredFile,
    UploadedFile,
)
from bot.core.platform import Services
from bot.core.policy.audit import Audit
from bot.core.policy.rule_store import By, Change, RuleStore
from bot.core.policy.rules import Access, Rule
from bot.core.policy.scope import Scope, community_of
from bot.core.run import RunRecord, State
from bot.core.status_text import asked, describe
from bot.core.storage.database import Database
from bot.server_settings import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.core.media.test_films import make_film
from tests.bot.harness import (
    ANN,
    BEN,
    HERE,
    MOD,
    PLAIN,
    Gates,
    RecordingPlatform,
    failing,
    house,
    picture,
    renamed,
    running,
)
from tests.patience import PATIENCE
from tests.ports import free_port


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


@pytest.mark.long
async def test_what_had_to_be_changed_of_a_picture_is_told_with_the_run(tmp_path: Path) -> None:
    given = picture(tmp_path / "given")
    data = bytearray(given.path.read_bytes())
    data[-13] ^= 4  # of the sum of the pixels
    given.path.write_bytes(data)
    async with house(tmp_path) as home:
        run_id, message = await home.ask("negative", photo=given)
        (run,) = await home.ended(run_id)
        assert message.brief is not None
        assert asked(message.brief).endswith("My cat.png is damaged: a part of it may be missing or look wrong.")
        assert run.brief().notes == message.brief.notes


@pytest.mark.long
async def test_a_video_for_a_picture_gives_its_last_picture(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", 0.5, (96, 64))
    async with house(tmp_path) as home:
        run_id, message = await home.ask("negative", photo=UploadedFile(film, "My film.mp4"))
        await home.ended(run_id)
        await home.platform.until(lambda: message.last == Done())
        assert message.brief is not None
        assert message.brief.notes == ("My film.mp4 is a video: its last picture is taken.",)
        with Image.open(io.BytesIO(message.results[0].files[0])) as made:
            red, green, blue = made.convert("RGB").getpixel((48, 32))  # type: ignore[misc]
        assert red < 60 < 200 < min(green, blue)  # it was red


@pytest.mark.long
async def test_without_pyav_a_video_for_a_picture_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(tmp_path / "film.mp4", 0.5, (96, 64))
    monkeypatch.setattr("bot.core.media.films.making.is_installed", lambda: False)
    async with house(tmp_path) as home:
        with pytest.raises(BadPicture, match=r"film.mp4 is a video, and this takes a picture\. .*pip install"):
            await home.ask("negative", photo=UploadedFile(film, "film.mp4"))


@pytest.mark.long
async def test_what_waits_is_told_its_place_and_when_it_should_start(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated", gate="first")
        await home.platform.until(running(shown))
        ids, messages = zip(*[await home.ask("gated", person=BEN) for _ in range(2)], strict=True)

        def told() -> list[tuple[int | None, bool]]:
            lasts = [message.last for message in messages]
            return [(last.position, last.eta is not None) for last in lasts if isinstance(last, Queued)]

        await home.platform.until(lambda: told() == [(1, True), (2, True)])
        gates.open("first")
        await home.platform.until(lambda: isinstance(messages[1].last, Queued) and messages[1].last.position == 1)
        gates.open()
        await home.ended(first, *ids)


@pytest.mark.long
async def test_the_runs_before_one_are_counted_with_what_runs(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        first, shown = await home.ask("gated", renamed(ANN, 0), gate="one")
        await home.platform.until(running(shown))
        others = [await home.ask("gated", renamed(ANN, number), gate="one") for number in (1, 2, 3)]
        last = others[-1][1]
        line = "In line, 3 runs before this one"
        await home.platform.until(lambda: last.last is not None and line in describe(last.last))
        gates.open()
        await home.ended(first, *(run_id for run_id, _ in others))


async def test_where_no_server_is_there_a_run_says_so_and_starts_once_one_is_back(tmp_path: Path) -> None:
    port = free_port()
    server = NamedServer("one", f"http://127.0.0.1:{port}")
    async with house(tmp_path, servers=[server]) as home:
        run_id, shown = await home.ask("plain")
        words = "No server can be reached. This starts as soon as one is back."
        await home.platform.until(lambda: shown.last is not None and words in describe(shown.last))
        async with EmbeddedServer(port=port):
            (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.DONE, 1)


async def test_where_servers_are_away_or_get_no_runs_a_run_says_so(tmp_path: Path) -> None:
    gone = NamedServer("gone", f"http://127.0.0.1:{free_port()}")
    async with EmbeddedServer() as engine, house(tmp_path, servers=[engine, gone], operators=(ANN.key,)) as home:
        await home.services.control.drain(ANN, HERE, "one", wanted=True)
        run_id, shown = await home.ask("plain")
        words = "No server takes runs at the moment. This starts as soon as one does."
        await home.platform.until(lambda: shown.last is not None and words in describe(shown.last))
        await home.services.control.drain(ANN, HERE, "one", wanted=False)
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.DONE, 1)


async def test_what_another_process_decides_holds_for_the_next_request(tmp_path: Path) -> None:
    async with house(tmp_path) as home, Database.in_folder(tmp_path) as other:
        async with RuleStore(other, Audit(other), TaskHealth()) as book:
            denial = Rule(Scope(community_of(HERE), workflow="plain"), Access(allow=False))
            for change in (Change.put(denial), Change(denial.slot, None)) * 2:
                await book.change(community_of(HERE), By(MOD, HERE, "deny", "It is denied."), [change])
                if change.rule is None:
                    (run,) = await home.ended((await home.ask("plain"))[0])
                    assert run.state is State.DONE
                else:
                    with pytest.raises(NotAllowed):
                        await home.ask("plain")
        assert len(await home.services.runs.last_of(ANN)) == 2


async def test_rules_that_are_read_while_a_request_is_checked_hold_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as home, Database.in_folder(tmp_path) as other:
        runs = home.services.runs
        maker, mine, planned = runs._maker, runs._enforcer.book, runs._maker.plan
        async with RuleStore(other, Audit(other), TaskHealth()) as book:
            denial = Rule(Scope(community_of(HERE), workflow="plain"), Access(allow=False))
            by = By(MOD, HERE, "deny", "It is denied.")

            async def read_meanwhile(*given: Any) -> Any:
                await mine.refresh()
                return await planned(*given)

            await book.change(community_of(HERE), by, [Change.put(denial)])
            monkeypatch.setattr(maker, "plan", read_meanwhile)
            with pytest.raises(NotAllowed):
                await home.ask("plain")

            async def refused(*_given: Any) -> Any:
                monkeypatch.setattr(maker, "plan", planned)
                await book.change(community_of(HERE), by, [Change(denial.slot, None)])
                await mine.refresh()
                raise NotAllowed("by what held before")

            await book.change(community_of(HERE), by, [Change(denial.slot, None)])
            await mine.refresh()
            monkeypatch.setattr(maker, "plan", refused)
            (run,) = await home.ended((await home.ask("plain"))[0])
            assert run.state is State.DONE
            other_place = Rule(Scope("test:elsewhere", workflow="plain"), Access(allow=False))
            monkeypatch.setattr(maker, "plan", read_meanwhile)
            await book.change("test:elsewhere", by, [Change.put(other_place)])
            (run,) = await home.ended((await home.ask("plain", color=1))[0])
            assert run.state is State.DONE


@pytest.mark.long
async def test_again_uses_the_same_files_and_values_and_another_seed(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, message = await home.ask("poster", photo=picture(tmp_path / "given"), colors="4")
        await home.ended(run_id)
        request = await home.services.runs.again(run_id, ANN, HERE, {"contrast": "1.5"})
        assert isinstance(request.values["photo"], StoredFile)
        assert (request.values["colors"], request.values["contrast"]) == (4, "1.5")
        second, shown = await home.ask("poster", BEN, **request.values)
        (run,) = await home.ended(second)
        assert (run.state, run.person.id, run.values["colors"], run.values["contrast"]) == (State.DONE, BEN.id, 4, 1.5)
        assert len(shown.results) == len(message.results) == 1
        with pytest.raises(UserError, match="has been deleted"):
            await home.services.runs.again("nothing", ANN, HERE, {})


@pytest.mark.long
async def test_files_that_were_given_are_for_their_person_and_for_moderators_of_the_community(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, _message = await home.ask("poster", photo=picture(tmp_path / "given"), colors="4")
        (run,) = await home.ended(run_id)
        moderator, club = replace(BEN, moderator=True), replace(HERE, id="club", community="club")
        assert list(home.services.runs.inputs_for(run, ANN, HERE)) == ["photo"]
        assert not home.services.runs.inputs_for(run, moderator, club)  # of another community than the run's
        assert list(home.services.runs.inputs_for(replace(run, place=club), moderator, club)) == ["photo"]
        assert not home.services.runs.inputs_for(run, BEN, HERE)
        assert (
            "photo" in (await home.services.runs.again(run_id, BEN, HERE, {})).values
        )  # who sees a result may repeat it
        with pytest.raises(NotAllowed, match="are private"):
            await home.services.runs.again(run_id, BEN, club, {})
        assert (await home.services.runs.changed(run_id, BEN, club)).values["colors"] == 4
        assert "photo" not in (await home.services.runs.changed(run_id, BEN, club)).values


async def test_results_are_for_their_person_and_for_those_who_see_the_message(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, _message = await home.ask("poster", photo=picture(tmp_path / "given"))
        (run,) = await home.ended(run_id)
        assert (
            home.services.runs.files_for(run, ANN, present=False)
            == home.services.runs.files_for(run, BEN, present=True)
            != ()
        )
        assert home.services.runs.files_for(run, BEN, present=False) == ()
        for state in (State.HELD, State.DELIVERING, State.FAILED, State.CANCELLED):
            held = replace(run, state=state, review=True)
            assert home.services.runs.files_for(held, ANN, present=True) == held.shown.texts == (), state
        assert home.services.runs.files_for(replace(run, state=State.FAILED), ANN, present=True)


@pytest.mark.long
def test_platforms_ask_the_core_for_the_files_of_a_run() -> None:
    for path in Path(platforms.__file__).parent.rglob("*.py"):
        read = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert "outcome" not in read, path


async def test_cancelling_what_waits_and_what_runs(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(pace=60)]) as home:
        first, shown = await home.ask()
        await home.platform.until(running(shown))
        second, waiting = await home.ask(person=BEN)
        with pytest.raises(NotAllowed):
            await home.services.runs.cancel(second, ANN)
        assert await home.services.runs.cancel(second, BEN)
        await home.platform.until(lambda: waiting.last == Cancelled(BEN))
        async with asyncio.timeout(PATIENCE):
            assert await home.services.runs.cancel(first, MOD)
            await home.platform.until(lambda: shown.last == Cancelled(Person("test", "3", "Mo")))
        states = [run.state for run in await home.ended(first, second)]
        assert states == [State.CANCELLED] * 2
        assert not await home.services.runs.cancel(first, ANN)
        assert not await home.services.runs.cancel("nothing", ANN)


@pytest.mark.long
async def test_whoever_cancels_hears_of_it_although_a_node_does_not_listen(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        run_id, shown = await home.ask("gated", gate="shut")
        await home.platform.until(running(shown))
        assert await home.services.runs.cancel(run_id, ANN)
        await home.platform.until(lambda: shown.last == Cancelled(ANN))
        assert gates.passed == []
        gates.open()
        (run,) = await home.ended(run_id)
        assert run.state is State.CANCELLED
        assert shown.last == Cancelled(ANN)
        assert not shown.results


@pytest.mark.long
async def test_deleting_and_forgetting(tmp_path: Path) -> None:
    photo, gates = picture(tmp_path / "given"), Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        at_work, shown = await home.ask("gated", gate="x")
        await home.platform.until(running(shown))
        with pytest.raises(UserError, match="Cancel it first"):
            await home.services.runs.delete(at_work, ANN)
        gates.open()
        first, _shown = await home.ask("negative", photo=photo)
        _, run = await home.ended(at_work, first)
        assert run.outcome is not None
        keys = [file.key for file in (*run.outcome.files, *run.inputs.values())]
        with pytest.raises(NotAllowed):
            await home.services.runs.delete(first, BEN)
        second, _ = await home.ask("negative", BEN, photo=photo)
        await home.ended(second)
        await home.services.runs.delete(first, ANN)
        await home.services.runs.delete(first, ANN)
        assert await home.services.runs.get(first) is None
        assert [await home.services.files._media.has(key) for key in keys] == [True, True]  # Ben's are the same
        assert await home.services.runs.forget(BEN) == 1
        assert [await home.services.files._media.has(key) for key in keys] == [False, False]


class Impatient(RecordingPlatform):
    """Deletes each run as soon as its message shows the result."""

    def __init__(self) -> None:
        super().__init__()
        self.services: Services | None = None
        self.deleting: list[asyncio.Task[None]] = []

    async def note(self) -> None:
        await super().note()
        for message in self.messages.values():
            if message.results and not self.deleting and message.brief is not None and self.services is not None:
                self.deleting.append(asyncio.create_task(self.services.runs.delete(message.brief.run_id, ANN)))


@pytest.mark.long
async def test_who_deletes_the_moment_the_result_is_shown_need_not_wait(tmp_path: Path) -> None:
    platform = Impatient()
    async with house(tmp_path, platform) as home:
        platform.services = home.services
        run_id, message = await home.ask()
        await platform.until(lambda: bool(platform.deleting))
        await asyncio.gather(*platform.deleting)
        assert await home.services.runs.get(run_id) is None
        assert len(message.results) == 1


class Posted:
    """A message that a test posts when it likes; see `bot.core.port.MessageOpening`."""

    def __init__(self, name: str, fault: DeliveryFailed | None = None) -> None:
        self.draft, self._address = Address("test", "chat", ""), Address("test", "chat", name)
        self._fault = fault
        self.asked, self.ready = asyncio.Event(), asyncio.Event()
        self.run_id = ""

    async def post(self, run_id: str, cells: int = 1) -> Address:
        self.run_id = run_id
        self.asked.set()
        await self.ready.wait()
        if self._fault is not None:
            raise self._fault
        return self._address


@pytest.mark.long
async def test_a_run_is_on_disk_before_its_message_is_posted_and_begins_after_it(tmp_path: Path) -> None:
    posted = Posted("late")
    async with house(tmp_path) as home:
        taking = asyncio.create_task(home.services.runs.submit(RunRequest(PLAIN, {}, ANN, HERE), posted))
        await posted.asked.wait()
        others, _ = await home.ask()
        await home.ended(others)
        assert (await home.run(posted.run_id)).state is State.WAITING
        await home.services.runs.reopen("test", 2e9, lambda run: posted.post(run.id))  # it is not left to somebody else
        posted.ready.set()
        (run,) = await home.ended(await taking)
        assert (run.state, run.address.message) == (State.DONE, "late")
        assert len(home.platform.messages["late"].results) == 1


async def test_half_a_character_in_a_name_is_a_question_mark(tmp_path: Path) -> None:
    """Chats can send it: it is valid JSON."""
    person, place = Person("test", "zoe", "Zoë \ud83d"), Place("test", "cafe", "\udca9 Café", "cafe")
    async with house(tmp_path) as home:
        run_id, _shown = await home.ask(person=person, place=place)
        (run,) = await home.ended(run_id)
    assert (run.state, run.person.name, run.place.name) == (State.DONE, "Zoë ?", "? Café")


@pytest.mark.long
async def test_a_run_whose_message_cannot_be_posted_is_as_if_not_asked_for(tmp_path: Path) -> None:
    posted = Posted("never", DeliveryFailed("I may not write here."))
    posted.ready.set()
    request = RunRequest("negative", {"photo": picture(tmp_path / "given")}, ANN, HERE)
    async with house(tmp_path) as home:
        with pytest.raises(DeliveryFailed, match="may not write"):
            await home.services.runs.submit(request, posted)
        assert await home.services.runs.last_of(ANN) == []
        assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


@pytest.mark.long
async def test_a_run_that_is_cancelled_before_its_message_is_posted_says_so_there(tmp_path: Path) -> None:
    posted = Posted("late")
    async with house(tmp_path) as home:
        taking = asyncio.create_task(home.services.runs.submit(RunRequest(PLAIN, {}, ANN, HERE), posted))
        await posted.asked.wait()
        assert await home.services.runs.cancel(posted.run_id, ANN)
        posted.ready.set()
        await taking
        assert home.platform.messages["late"].statuses == [Cancelled(ANN)]
        assert list(home.platform.messages) == ["late"]


@pytest.mark.long
async def test_a_message_that_an_earlier_process_did_not_post_is_posted(tmp_path: Path) -> None:
    posted = Posted("never")
    async with house(tmp_path) as home:
        taking = asyncio.create_task(home.services.runs.submit(RunRequest(PLAIN, {}, ANN, HERE), posted))
        await posted.asked.wait()
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)

    async def post(run: RunRecord) -> Address:
        return Address("test", "chat", f"for {run.id}")

    async with house(tmp_path) as home:
        await home.services.runs.reopen("other", 2e9, post)
        await home.services.runs.reopen("test", 1.0, post)
        assert not (await home.run(posted.run_id)).opened
        await home.services.runs.reopen("test", 2e9, post)
        (run,) = await home.ended(posted.run_id)
        assert (run.state, run.address.message) == (State.DONE, f"for {run.id}")
        assert len(home.platform.messages[run.address.message].results) == 1


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
        with pytest.raises(TooMany, match="1 waiting run"):
            await home.ask()
        assert not [run for run in await home.services.runs.last_of(ANN) if run.id not in (first, second)]
        for each in (second, first):
            await home.services.runs.cancel(each, ANN)
        await home.ended(first, second)
        services = home.services
    with pytest.raises(UserError, match="bot is restarting"):
        await services.runs.submit(RunRequest(PLAIN, {}, ANN, HERE), Address("test", "chat", "late"))


@pytest.mark.long
async def test_a_run_that_runs_nowhere_is_refused_with_what_is_missing_where(tmp_path: Path) -> None:
    servers = [EmbeddedServer(), EmbeddedServer(nodes=Gates().nodes())]
    async with house(tmp_path, servers=servers) as home:
        with pytest.raises(CannotRun) as caught:
            await home.ask("paint")
        assert "cannot run on any server" in str(caught.value)
        assert "one lacks the nodes Paint" in str(caught.value)
        assert "two lacks the nodes Paint" in str(caught.value)
        workflows = home.services.workflows
        with pytest.raises(CannotRun, match="one lacks the nodes Paint"):
            await workflows.check_able("paint")
        assert "paint" not in [offer.workflow.name for offer in await workflows.offers(ANN, HERE)]
        offers = {offer.workflow.name: offer.lacks for offer in await workflows.offers(MOD, HERE)}
        assert offers["plain"] is None
        assert "Paint" in (offers["paint"] or "")
        assert offers["gated"] is None


@pytest.mark.long
async def test_a_run_whose_server_fails_it_says_which_node(tmp_path: Path) -> None:
    async with house(tmp_path, servers=[EmbeddedServer(nodes=failing())]) as home:
        run_id, message = await home.ask("gated", gate="x")
        (run,) = await home.ended(run_id)
        assert (run.state, run.attempt) == (State.FAILED, 1)  # what failed once would fail again
        assert message.last == Failed(run.sentence or "")
        assert "no such gate: x" in (run.sentence or "")
