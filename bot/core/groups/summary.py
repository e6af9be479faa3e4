"""Summarize the runs of a group for its message. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    StoredFile,
)
from bot.core.run import RunRecord, State
from bot.core.runs.recipes.steps import fitting


def summarize(runs: Sequence[RunRecord], briefs: Sequence[RunSummary], said: Mapping[str, Status]) -> GroupSummary:
    """Return the summary of the runs of a group, given the summary of each. `said` has what was said last of those that
    are under way, by their ids.
    """
    first, brief = runs[0], briefs[0]
    common = {
        name: value
        for name, value in first.said.items()
        if first.step is not None or all(name in run.said and run.said[name] == value for run in runs)
    }
    choice = next(waiting_for_choice(runs), None)
    cells = tuple(
        replace(_cell(run, said.get(run.id)), varies=own.varies, masks=own.masks)
        for run, own in zip(runs, briefs, strict=True)
    )
    return GroupSummary(
        first.group_id or "",
        replace(brief, values=common, title=brief.whole or brief.title),
        cells,
        first.cells,
        choices=len(choice[1]) if choice is not None else 0,
        resumable=failed_step(runs) is not None,
    )


def waiting_for_choice(runs: Sequence[RunRecord]) -> Iterator[tuple[RunRecord, list[StoredFile]]]:
    """Yield the steps of a recipe that wait until their person chooses a result, with the results."""
    done = {run.id: run for run in runs if run.state is State.DONE}
    for run in runs:
        if run.state is State.LATER and run.step is not None and run.step.after in done:
            yield run, fitting(done[run.step.after].outcome, run)


def failed_step(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the first step of a recipe that failed with what it needs to be tried again."""
    failed = (run for run in runs if run.step is not None and run.state is State.FAILED)
    return next((run for run in failed if run.step is not None and set(run.inputs) >= {run.step.into} - {""}), None)


def _cell(run: RunRecord, said: Status | None) -> Cell:
    shown = run.shown if run.state is State.DONE else None
    status = _status(run, said)
    if shown is None:
        return Cell(run.id, run.cell + 1, status, run.label, is_later=run.state is State.LATER)
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
        case State.LATER:
            return Queued()
        case State.WAITING:
            return said if isinstance(said, Queued | Paused) else Queued(reason=run.reason)
        case _:
            return run.end or Done()
