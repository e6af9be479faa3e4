"""Give the runs of a lost worker to the other workers. Each such run gets another attempt, so the lost one is void."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import time
from typing import Any

from sqlalchemy import Text, cast, func, or_, select, update

from bot.core.run import UNFINISHED, RunRecord, State
from bot.core.runs import usage
from bot.core.runs.queue import MOST_ATTEMPTS
from bot.core.runs.repository import note_end, taken
from bot.core.runs.rows import read_run
from bot.core.servers.lease import sign_of_life
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.schema import runs
from bot.i18n import _

_TOPICS = (Topic.LINE, Topic.OUTCOMES)
_FREED = {"server": None, "worker": None, "started_at": None, "executed_at": None}


async def release_worker(database: Database, worker: str) -> int:
    """Let all runs of a worker go on elsewhere, because the operator says that it is lost. Returns their number."""
    async with database.change(*_TOPICS, locks=(usage.MANY_RUNS, sign_of_life(worker))) as connection:
        lost = await _active(connection, worker)
        for run in lost:
            await _change(connection, run, _again(run))
    return len(lost)


async def take_over(
    database: Database, worker: str, is_lost: Callable[[AsyncConnection], Awaitable[bool]], clock: Any = time
) -> list[RunRecord]:
    """Let the runs of a worker go on elsewhere if it is still lost. A run that was cancelled, or has no attempts left,
    ends instead. Returns the runs as they are then.
    """
    async with database.change(*_TOPICS, locks=(usage.MANY_RUNS, sign_of_life(worker))) as connection:
        if not await is_lost(connection):
            return []
        changed = [await _move_on(connection, run, clock()) for run in await _active(connection, worker)]
    for run in changed:
        if run.ended_at is not None:
            cause = None if run.state is State.CANCELLED else "its workers stopped answering"
            note_end(replace(run, server=None), run.state, cause)
    return changed


async def go_on_elsewhere(database: Database, moment: float, worker: str | None) -> int:
    """Let the runs of a backup go on, although others may have gone on with them after the moment when it was made.
    `worker` has all that are at a server; None leaves them to the workers that had them. Returns the number of runs.

    The message of a group is that of all its runs, so all are marked. Each that has not ended gets another attempt,
    which looks for the prompt of the last one at its server. It costs none of the tries. One that costs money counts as
    posted, so that it is not posted again.
    """
    unfinished, made = runs.c.state.in_(UNFINISHED), func.coalesce(cast(runs.c.outputs, Text), "null") != "null"
    again = {"attempt": runs.c.attempt + 1, "spared": runs.c.spared + 1}
    costs = cast(runs.c.price, Text) != "null"
    groups = select(runs.c.group_id).where(runs.c.group_id.is_not(None), or_(unfinished, runs.c.group_open == 1))
    async with database.change(locks=(usage.MANY_RUNS,)) as connection:
        found = await connection.execute(update(runs).where(unfinished).values(restored=1))
        await connection.execute(update(runs).where(runs.c.group_id.in_(groups)).values(restored=1))
        await connection.execute(update(runs).where(unfinished, ~made).values(again))
        posted = update(runs).where(unfinished, ~made, costs, runs.c.posted_at.is_(None))
        await connection.execute(posted.values(posted_at=moment))
        if worker is not None:
            await connection.execute(update(runs).where(unfinished, runs.c.worker.is_not(None)).values(worker=worker))
    return int(found.rowcount)


async def _move_on(connection: AsyncConnection, run: RunRecord, now: float) -> RunRecord:
    if run.cancelled_by:
        await connection.run_sync(usage.settle, run.id, now, now - (run.started_at or now))
        return await _change(connection, run, {"state": State.CANCELLED, "ended_at": now})
    if run.outcome is None and not run.is_ahead and run.tries >= MOST_ATTEMPTS:
        await connection.run_sync(usage.give_back, [run.id])
        sentence = _("The programs that worked on this stopped answering, {count} times. Please tell the operator.")
        ended = {"state": State.FAILED, "sentence": sentence.format(count=run.tries), "ended_at": now}
        return await _change(connection, run, ended)
    reason = _("The program that worked on this stopped answering. Your request waits for another one.")
    return await _change(connection, run, {**_again(run), "reason": reason})


def _again(run: RunRecord) -> dict[str, Any]:
    """Have a run executed again; one that has its outcome is only delivered, which any worker can do."""
    if run.outcome is not None:
        return {"state": State.DELIVERING, "worker": None}
    return {"state": State.WAITING, "spared": run.spared + run.is_ahead, **_FREED}


async def _active(connection: AsyncConnection, worker: str) -> list[RunRecord]:
    question = select(runs).where(runs.c.worker == worker, taken()).order_by(runs.c.seq).with_for_update()
    return [read_run(row) for row in await connection.execute(question)]


async def _change(connection: AsyncConnection, run: RunRecord, values: dict[str, Any]) -> RunRecord:
    """Change a run, and void the attempt that its worker may believe to have."""
    change = update(runs).where(runs.c.id == run.id).values(attempt=run.attempt + 1, **values)
    return read_run((await connection.execute(change.returning(*runs.c))).one())
