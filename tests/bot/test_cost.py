"""What a run costs the databases: its statements and commits, by phase, against a budget."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from bot.core.model import Done
from tests.bot.harness import house
from tests.bot.platforms.web.pages import Visitor, page, png

_RUNS = 5

#: What one run may cost: statements and commits. The durable engine has no part in a run that nothing interrupts.
BUDGET = {
    "asked": (4, 1),
    "line": (4, 0),
    "claimed": (2, 1),
    "executed": (3, 2),
    "collected": (3, 1),
    "delivered": (2, 1),
}

#: How the statements of each phase begin, or what stands in them.
PHASES = {
    "asked": r"SELECT editions|SELECT count\(\*\).*max\(runs\.turn\)|INSERT INTO runs|INSERT INTO charges",
    "line": r"SELECT runs\.person, runs\.workflow|WITH RECURSIVE .*caps|SELECT runs\.id, runs\.workflow, runs\.k"
    r"|SELECT anon_1\.count",
    "claimed": r"UPDATE runs SET state=\?, server=|UPDATE line",
    "executed": r"UPDATE runs SET handed_over|UPDATE runs SET state=\?, executed_at|UPDATE charges",
    "collected": r'SELECT uses\."key"|INSERT INTO uses|UPDATE runs SET outputs',
    "delivered": r"SELECT runs\.seq.*WHERE runs\.id = \?|UPDATE runs SET state=\?, sentence",
}


@dataclass
class _Counts:
    statements: Counter[str] = field(default_factory=Counter)
    commits: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    changes: set[str] = field(default_factory=set)  # those of no phase


@contextmanager
def _counted() -> Iterator[_Counts]:
    counts, last = _Counts(), defaultdict[int, str](str)

    def executed(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        words = " ".join(statement.split())
        phase = next((phase for phase, pattern in PHASES.items() if re.match(pattern, words)), "")
        counts.statements[phase] += 1
        counts.words.append(words)
        last[id(connection.connection.dbapi_connection)] = phase
        if not phase and not words.startswith(("SELECT", "PRAGMA", "WITH RECURSIVE")):
            counts.changes.add(words)

    def committed(connection: Connection) -> None:
        counts.commits[last[id(connection.connection.dbapi_connection)]] += 1

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(Engine, "commit", committed)


async def test_a_run_keeps_within_its_budget_of_statements_and_commits(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.ended((await home.ask(color="1"))[0])  # what only the first has to do
        with _counted() as counts:
            for number in range(_RUNS):
                _run_id, message = await home.ask(color=str(number + 2))
                await home.platform.until(lambda: isinstance(message.last, Done))  # noqa: B023
    assert counts.changes == set()
    spent = {phase: (counts.statements[phase] // _RUNS, counts.commits[phase] // _RUNS) for phase in BUDGET}
    over = {phase: cost for phase, cost in spent.items() if cost[0] > BUDGET[phase][0] or cost[1] > BUDGET[phase][1]}
    assert over == {}, spent
    assert min(statements for statements, _commits in spent.values()) >= 1  # each phase is still counted


@pytest.mark.long
async def test_a_result_that_nothing_sends_is_on_record_together_with_its_end(tmp_path: Path) -> None:
    async with page(tmp_path) as site, Visitor(site.url) as ann:
        with _counted() as counts:
            _status, asked = await ann.ask("negative", photo=png())
            run = await ann.until(asked["id"], "done")
    assert len(run["files"]) == 1
    changes = [words for words in counts.words if words.startswith("UPDATE runs") and "outputs=?" in words]
    assert len(changes) == 1
    assert "ended_at=?" in changes[0]
