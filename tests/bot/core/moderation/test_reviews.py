"""Moderators are asked until a question is on record as sent, and the end of a held run is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import DeliveryFailed
from bot.core.model import Failed, Held, Result, RunSummary
from bot.core.policy.permissions import RuleTarget
from bot.core.policy.rules import WordList
from bot.core.retry import Pauses
from tests.bot.harness import ANN, HERE, MOD, House, RecordingPlatform, house, picture, until


class Asking(RecordingPlatform):
    """A platform that asks moderators, and whose network loses the first questions."""

    def __init__(self, lost: int = 0) -> None:
        super().__init__()
        self.lost, self.asked = lost, list[str]()

    async def ask(self, brief: RunSummary, result: Result | None, channel: str) -> None:
        if self.lost:
            self.lost -= 1
            raise DeliveryFailed("The network is away.")
        self.asked.append(brief.run_id)


async def _held(home: House, folder: Path) -> str:
    await home.services.moderation.words(MOD, HERE, "unsure", WordList(words=("moon",), hold=True))
    run_id, message = await home.ask("polaroid", ANN, photo=picture(folder / "given"), caption="the moon")
    assert message.last == Held()
    return run_id


@pytest.mark.long
async def test_a_question_that_was_lost_is_asked_again_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.moderation.reviews._PAUSES", Pauses(0.0, 0.0))
    monkeypatch.setattr("bot.core.moderation.reviews._EVERY", 0.01)
    platform = Asking(lost=2)
    async with house(tmp_path, platform) as home:
        run_id = await _held(home, tmp_path)

        async def is_on_record() -> bool:
            return not await home.services.runs._records.is_unasked(run_id)

        await until(is_on_record)
    async with house(tmp_path, platform):  # a question that was sent is not sent again after a restart
        assert platform.asked == [run_id]


@pytest.mark.long
async def test_a_list_that_asks_no_one_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        moderation, hold = home.services.moderation, WordList(words=("moon",), hold=True)
        assert "/moderate review" in await moderation.words(MOD, HERE, "unsure", hold)
        await moderation.review(MOD, HERE, on=False, channel="42", aim=RuleTarget())
        assert "/moderate review" not in await moderation.words(MOD, HERE, "unsure", hold)


@pytest.mark.long
async def test_the_person_hears_of_a_held_run_that_expires(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    async with house(tmp_path, platform) as home:
        await _held(home, tmp_path)
        (message,) = platform.messages.values()
    async with house(tmp_path, platform, retention_days=0.0):
        await platform.until(lambda: isinstance(message.last, Failed))
    assert message.last == Failed("No moderator looked at this in time. Please send the request again.")
