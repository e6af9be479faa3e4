"""A reported result reaches the reviewers of its place, who take it away or leave it; the reporter is never named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import DeliveryFailed, NotAllowed, TooMany, UserError
from bot.core.model import Failed, Result, RunSummary
from bot.core.retry import Pauses
from bot.core.run import RunRecord, State
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, House, RecordingPlatform, house, renamed, until

GONE = "A moderator has removed this result."


class Asking(RecordingPlatform):
    """A platform that asks reviewers, and whose network loses the first question."""

    def __init__(self) -> None:
        super().__init__()
        self.lost, self.asked = 1, list[tuple[str, int, str]]()

    async def ask_about_report(self, brief: RunSummary, result: Result, channel: str) -> None:
        if self.lost:
            self.lost -= 1
            raise DeliveryFailed("The network is away.")
        self.asked.append((brief.run_id, len(result.files), channel))
        await self.note()


async def _made(home: House) -> RunRecord:
    run_id, _message = await home.ask(PLAIN)
    (run,) = await home.ended(run_id)
    return run


@pytest.mark.long
async def test_reviewers_are_asked_once_and_not_told_by_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.moderation.reports._PAUSES", Pauses(0.0, 0.0))
    monkeypatch.setattr("bot.core.moderation.reports._EVERY", 0.01)
    platform = Asking()
    async with house(tmp_path, platform) as home:
        moderation, reports = home.services.moderation, home.services.moderation.reports
        await moderation.review(MOD, HERE, on=False, channel="42")
        run = await _made(home)
        with pytest.raises(UserError, match="your own result"):
            await reports.report(ANN, HERE, run)
        shown_a_moment_ago = replace(run, state=State.DELIVERING)
        assert "Moderators will look" in await reports.report(BEN, HERE, shown_a_moment_ago)
        assert "already" in await reports.report(BEN, HERE, run)
        await platform.until(lambda: bool(platform.asked))
        cai = renamed(BEN, 7)
        await reports.report(cai, HERE, run)
        assert [(each.id, count) for each, count in await reports.open(MOD, HERE)] == [(run.id, 2)]

        async def is_noted() -> bool:
            return "report" in [entry.act for entry in await moderation.log(MOD, HERE)]

        await until(is_noted)
        log = repr(await moderation.log(MOD, HERE))
        assert not any(each in log for each in (BEN.name, BEN.key, cai.key))
        with pytest.raises(NotAllowed):
            await reports.take_away(BEN, HERE, run.id)
        assert await reports.leave(MOD, HERE, run.id)
        assert not await reports.take_away(MOD, HERE, run.id)
        assert "left it" in await reports.report(renamed(BEN, 8), HERE, run)
        assert await reports.open(MOD, HERE) == []
        found = await home.services.runs.get(run.id)
        assert found is not None
        assert found.state is State.DONE
    assert platform.asked == [(run.id, 1, "42")]


@pytest.mark.long
async def test_a_result_that_is_taken_away_is_gone_from_its_message_and_from_the_disk(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        reports = home.services.moderation.reports
        run = await _made(home)
        await reports.report(BEN, HERE, run)
        assert await reports.take_away(MOD, HERE, run.id)
        (message,) = home.platform.messages.values()
        await home.platform.until(lambda: message.last == Failed(GONE))
        found = await home.services.runs.get(run.id)
        assert found is not None
        assert (found.state, found.sentence, found.shown.files) == (State.FAILED, GONE, ())
        assert not list((tmp_path / "media").rglob("*.png"))
        with pytest.raises(UserError, match="no result"):
            await reports.report(renamed(BEN, 7), HERE, found)


@pytest.mark.long
async def test_files_of_a_run_that_could_not_be_delivered_are_reported_and_taken_away(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        reports = home.services.moderation.reports
        home.platform.refuses = True
        run = await _made(home)
        assert (run.state, len(run.shown.files)) == (State.FAILED, 1)
        home.platform.refuses = False
        assert "Moderators will look" in await reports.report(BEN, HERE, run)
        assert [each.id for each, _count in await reports.open(MOD, HERE)] == [run.id]
        assert await reports.take_away(MOD, HERE, run.id)
        assert (await home.run(run.id)).shown.files == ()
        assert await reports.open(MOD, HERE) == []
        assert not list((tmp_path / "media").rglob("*.png"))


@pytest.mark.long
async def test_one_person_cannot_flood_reviewers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.moderation.reports._A_DAY", 2)
    async with house(tmp_path) as home:
        reports, made = home.services.moderation.reports, [await _made(home) for _ in range(3)]
        for run in made[:2]:
            await reports.report(BEN, HERE, run)
        with pytest.raises(TooMany, match="2 results a day"):
            await reports.report(BEN, HERE, made[2])
        assert len(await reports.open(MOD, HERE)) == 2
        await home.services.runs.forget(BEN)
        assert await reports.open(MOD, HERE) == []
