"""Summarize the runs of a group for its message. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.model import (
    Cell,
    Delivering,
    Done,
    GroupSummary,
    Held,
    Paused,
    Queued,
    Running,
    RunSummary,
    Status,
)
from bot.core.run import RunRecord, State


def summarize(runs: Sequence[RunRecord], brief: RunSummary, said: Mapping[str, Status]) -> GroupSummary:
    """Return the summary of the runs of a group, of which `brief` is that of any. `said` has what was said last of
    those that are under way, by their ids.
    """
    first = runs[0]
    common = {
        name: value
        for name, value in first.said.items()
        if all(name in run.said and run.said[name] == value for run in runs)
    }
    cells = tuple(_cell(run, said.get(run.id)) for run in runs)
    return GroupSummary(first.group_id or "", replace(brief, values=common), cells, first.cells)


def _cell(run: RunRecord, said: Status | None) -> Cell:
    shown = run.shown if run.state is State.DONE else None
    status = _status(run, said)
    if shown is None:
        return Cell(run.id, run.cell + 1, status, run.label)
    return Cell(run.id, run.cell + 1, status, run.label, shown.files, shown.texts, shown.warnings)


def _status(run: RunRecord, said: Status | None) -> Status:
    """The status from the record; as long as it has not ended, from what was said last, if that is of the same kind."""
    match run.state:
        case State.DONE:
            return Done()
        case State.HELD:
            return Held()
        case State.DELIVERING:
            return Delivering()
        case State.RUNNING:
            return said if isinstance(said, Running) else Running()
        case State.WAITING:
            return said if isinstance(said, Queued | Paused) else Queued(reason=run.reason)
        case _:
            return run.end or Done()
