"""A claim reads the runs that are next, and those on servers, by indexes: it costs the same however many wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from bot.core.policy.concurrency import ConcurrencyLimits
from bot.core.run import State
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from tests.bot.core.runs.test_queue import first, join


@pytest.mark.long
async def test_a_claim_reads_no_run_that_is_not_next_and_sorts_none(tmp_path: Path) -> None:
    questions = list[tuple[str, object]]()

    def note(_connection: Connection, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            questions.append((statement, parameters))

    async with Database.in_folder(tmp_path) as database:
        queue, records = RunQueue(database, ConcurrencyLimits()), RunRepository(database)
        await join(queue, "ann", "ben")
        event.listen(Engine, "before_cursor_execute", note)
        try:
            claimed = await queue.claim("me", first, ["test"])
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert claimed is not None
        await records.end(claimed, State.DONE)
        plans = []
        async with database.read() as connection:
            for statement, parameters in questions:
                explained = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
                plans.append([row.detail for row in explained])
    steps = [step for plan in plans for step in plan]
    assert {"runs_next", "runs_busy", "runs_by_caps"} <= {word for step in steps for word in step.split()}
    assert not [step for step in steps if "ORDER BY" in step or ("SCAN runs" in step and "USING" not in step)], steps
