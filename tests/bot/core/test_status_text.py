"""Times read as people say them: short in status lines, in words in sentences."""

from __future__ import annotations

import pytest

from bot.core.model import Person, Place, Result, RunSummary
from bot.core.status_text import caption, duration, seconds, times

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@pytest.mark.parametrize(
    ("count", "short", "words"),
    [
        (0.2, "1 s", "1 second"),
        (40, "40 s", "40 seconds"),
        (99, "99 s", "99 seconds"),
        (4 * MINUTE, "4 min", "4 minutes"),
        (59.6 * MINUTE, "1 h", "1 hour"),
        (HOUR + 5 * MINUTE, "1 h 5 min", "1 hour 5 minutes"),
        (2 * HOUR, "2 h", "2 hours"),
        (DAY, "24 h", "1 day"),
        (DAY + HOUR, "25 h", "25 hours"),
        (2 * DAY, "2 days", "2 days"),
        (3 * DAY + HOUR, "3 days", "3 days"),
        (56 * 365 * DAY, "20440 days", "20440 days"),
    ],
)
def test_a_time_reads_as_people_say_it(count: float, short: str, words: str) -> None:
    assert seconds(count) == short
    assert duration(count) == words


def test_a_result_that_the_server_knew_already_looks_like_any_other() -> None:
    summary = RunSummary("id", "plain", "Plain", Person("test", "1", "Ann"), Place("test", "1"))
    known = Result("id", "plain", {}, nothing_new=True, waited=3.0, took=1.0)
    assert times(known) == "took 1 s · waited 3 s"
    assert caption(known, summary) == "Plain for Ann\ntook 1 s · waited 3 s"
