"""Statistics: what they count, and that the picture can be drawn of any of them."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image

from bot.core.errors import NotAllowed
from bot.core.model import Person, Place
from bot.core.moderation.chart import draw
from bot.core.moderation.statistics import summarize
from bot.core.policy.audit import Entry
from bot.core.run import RunTiming
from tests.bot.harness import ANN, HERE, MOD, house

ELSEWHERE = Place("test", "other", "#other", "another")
MONDAY = datetime(2026, 3, 2, 15, 30, tzinfo=UTC).timestamp()


def ran(
    workflow: str, ago: float = 0.0, waited: float = 10.0, state: str = "done", person: str = "test:1"
) -> RunTiming:
    at = MONDAY - ago
    return RunTiming(workflow, person, state, at, at + waited, at + waited + 4)


def refusal(words: str) -> Entry:
    return Entry(1, MONDAY, Person("test", "1"), Place("test", "here"), "refused", words)


def test_what_is_counted() -> None:
    runs = [ran("poster"), ran("poster", 86_400), ran("dream", waited=700, state="failed", person="test:2")]
    runs += [ran(f"rare{number}") for number in range(6)]
    refused = [
        refusal("poster: It is full. Later."),
        refusal("dream: It is full. Soon."),
        refusal("deny: Only moderators."),
    ]
    told = summarize("Club", runs, refused, MONDAY, 3)
    assert told.days == (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2))
    assert told.by_day["poster"] == (0, 1, 1)
    assert sum(told.by_day["others"]) == 3
    assert (told.hours[0][15], told.hours[6][15]) == (8, 1)
    assert dict(told.waits) == {"under 5 s": 0, "5 to 30 s": 8, "30 s to 2 min": 0, "2 to 10 min": 0, "longer": 1}
    assert told.refusals == (("It is full", 2), ("Only moderators", 1))
    assert (told.total, told.people, told.done, told.seconds, told.waited) == (9, 2, 8, 36.0, 10.0)


@pytest.mark.parametrize(
    ("name", "shown"), [("Клуб · مرحبا", "Клуб · مرحبا"), ("夜 Club 🎨 写真", "Club"), ("写真", ""), ("\U000effff", "")]
)
@pytest.mark.long
def test_a_name_in_a_script_that_no_font_has_is_shown_as_far_as_one_has(
    monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    monkeypatch.setattr("bot.core.moderation.chart._others", lambda _size: ())
    pictures = [draw(summarize(each, [ran("poster")], [], MONDAY, 3)) for each in (name, shown)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("days", [1, 7, 90])
@pytest.mark.parametrize("count", [0, 1, 40])
@pytest.mark.long
def test_a_picture_of_much_and_of_nothing(days: int, count: int) -> None:
    runs = [ran("workflow-with-a-long-name-" + str(number % 7), number * 3600) for number in range(count)]
    told = summarize("A very long name of a community " * 3, runs, [refusal("x: " + "y" * 300)] * count, MONDAY, days)
    with Image.open(io.BytesIO(draw(told))) as image:
        assert (image.format, image.size) == ("PNG", (1400, 1080))
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 20


@pytest.mark.long
async def test_a_moderator_sees_those_of_their_community(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.ended((await home.ask())[0], (await home.ask(place=ELSEWHERE))[0])
        records = home.services.runs._records
        assert len(await records.lately("test:guild", 0.0)) == 1
        with Image.open(io.BytesIO(await home.services.moderation.stats(MOD, HERE, 7, "The guild"))) as image:
            assert image.size == (1400, 1080)
        with pytest.raises(NotAllowed):
            await home.services.moderation.stats(ANN, HERE)
