"""The journal of a visitor's runs."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

from bot.core.run import RunRecord, State
from bot.platforms.web.live.event_log import EventLog
from tests.bot.core.runs.test_stored_forms import RECORD


def test_a_run_is_news_once_and_again_when_it_has_changed() -> None:
    journal, run = EventLog(), replace(RECORD, state=State.RUNNING, ended_at=None)
    done = replace(run, state=State.DONE, ended_at=1.0)
    assert [journal.know(each) for each in (run, run, done, done)] == [True, False, True, False]
    assert list(journal.unfinished) == []
    journal.forget(done.id)
    assert journal.know(done)


def test_the_records_of_ended_runs_are_not_kept() -> None:
    """A page is open for long, and hears of many."""
    journal, kept = EventLog(), list[ref[RunRecord]]()
    for number in range(1500):
        run = replace(RECORD, id=str(number), state=State.RUNNING, ended_at=None)
        done = replace(run, state=State.DONE, ended_at=1.0)
        kept += ref(run), ref(done)
        journal.know(run)
        journal.know(done)
    del run, done
    assert not [each for each in kept if each() is not None]
    assert not journal.know(replace(RECORD, id="1499", state=State.DONE, ended_at=1.0))
    assert journal.know(replace(RECORD, id="1", state=State.DONE, ended_at=1.0))
