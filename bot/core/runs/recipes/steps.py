"""The steps of a recipe: each is a run that waits for the result of another. The transaction that ends that one puts it
into the line.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from bot.core.model import StoredFile
from bot.core.run import Outcome, RunRecord, State
from bot.core.runs import statements, usage
from bot.core.runs.rows import read_run
from bot.core.storage.schema import line, runs, uses
from bot.core.workflows.field_kinds import kind_of_file
from bot.i18n import _


def fitting(outcome: Outcome | None, step: RunRecord) -> list[StoredFile]:
    """Return the results that a step can go on with."""
    kind = step.step.kind if step.step is not None else ""
    files = outcome.files if outcome is not None else ()
    return [file for file in files if kind_of_file(file.filename, None) == kind]


def release(connection: Connection, run: RunRecord, now: float) -> None:
    """Put the steps after a run into the line, each with its result of that run. What waits for a choice stays."""
    (row,) = statements.RUN.rows(connection, {"of_run": run.id})
    outcome = read_run(row).outcome
    for step in _after(later(connection, run), run.id):
        files, place = fitting(outcome, step), step.step
        if place is None or (place.take is None and len(files) > 1):
            continue
        if (number := place.take or 0) < len(files):
            begin(connection, step, files[number], row)
        elif number:
            _withdraw(connection, step)
        else:
            sentence = _("The step before brought no result that this one can take.")
            gone = {"state": State.FAILED, "sentence": sentence, "ended_at": now}
            _end(connection, [step.id, *_all_after(later(connection, run), step.id)], gone)


def begin(connection: Connection, step: RunRecord, file: StoredFile, before: Any) -> bool:
    """Put a step into the line with a result of the run `before`, given as its row. It takes the turn that the line has
    come to, so a recipe waits once. False if it does not wait for a result any longer.
    """
    into = step.step.into if step.step is not None else ""
    inputs = {**step.inputs, into: StoredFile(file.key, file.filename, step.step.kind if step.step is not None else "")}
    values = {
        "state": State.WAITING,
        "inputs": msgspec.to_builtins(inputs),
        "turn": select(line.c.turn).scalar_subquery(),
        "review": max(int(step.review), before.review),
        "review_in": step.review_in or before.review_in,
        "review_asked_at": before.review_asked_at,
    }
    mine = update(runs).where(runs.c.id == step.id, runs.c.state == State.LATER).values(values)
    if not connection.execute(mine).rowcount:
        return False
    statements.note_uses(connection, step.id, [file.key])
    return True


def end_after(connection: Connection, run: RunRecord, state: State, now: float, by: str | None = None) -> None:
    """End the steps after a run that brought no result."""
    sentence = _("It was not started, because a step before it brought no result.") if state is State.FAILED else None
    gone = {"state": state, "sentence": sentence, "ended_at": now, "cancelled_by": by}
    _end(connection, _all_after(later(connection, run), run.id), gone)


def later(connection: Connection, run: RunRecord) -> list[RunRecord]:
    """Return the steps of a run's recipe that have not come to their turn."""
    mine = select(runs).where(runs.c.group_id == run.group_id, runs.c.state == State.LATER).order_by(runs.c.cell)
    return list(map(read_run, connection.execute(mine)))


def _after(steps: Sequence[RunRecord], run_id: str) -> list[RunRecord]:
    return [each for each in steps if each.step is not None and each.step.after == run_id]


def _all_after(steps: Sequence[RunRecord], run_id: str) -> list[str]:
    return [id_ for each in _after(steps, run_id) for id_ in (each.id, *_all_after(steps, each.id))]


def _end(connection: Connection, run_ids: Collection[str], gone: dict[str, Any]) -> None:
    if run_ids:
        connection.execute(update(runs).where(runs.c.id.in_(run_ids), runs.c.state == State.LATER).values(gone))
        usage.give_back(connection, run_ids)


def _withdraw(connection: Connection, step: RunRecord) -> None:
    """Take back a step for a result that did not come, and what was reserved for it."""
    run_ids = [step.id, *_all_after(later(connection, step), step.id)]
    usage.give_back(connection, run_ids)
    connection.execute(delete(uses).where(uses.c.run_id.in_(run_ids)))
    connection.execute(delete(runs).where(runs.c.id.in_(run_ids)))
    mine = runs.c.group_id == step.group_id
    count = select(func.count()).where(mine).scalar_subquery()
    connection.execute(update(runs).where(mine).values(cells=count))
