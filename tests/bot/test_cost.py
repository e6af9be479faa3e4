"""What a run costs the databases: its statements and commits, by phase, against a budget."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.core.model import Done
from tests.bot.harness import house
from tests.bot.platforms.web.pages import Visitor, page, png
from tests.bot.sql_trace import Told, sql_trace

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
    "claimed": r"UPDATE runs SET state='\w+', server=|UPDATE line",
    "executed": r"UPDATE runs SET handed_over|UPDATE runs SET state='\w+', executed_at|UPDATE charges",
    "collected": r'SELECT uses\."key"|INSERT INTO uses|UPDATE runs SET outputs',
    "delivered": r"SELECT runs\.seq.*WHERE runs\.id = '|UPDATE runs SET state='\w+', sentence",
}


@dataclass
class _Counts:
    statements: Counter[str] = field(default_factory=Counter)
    commits: Counter[str] = field(default_factory=Counter)
    changes: set[str] = field(default_factory=set)  # those of no phase


def _counted(told: Iterable[Told]) -> _Counts:
    counts, last = _Counts(), defaultdict[int, str](str)
    for each in told:
        if each.words == "COMMIT":
            counts.commits[last[each.connection]] += 1
        elif not each.words.startswith(("BEGIN", "ROLLBACK")):
            phase = next((phase for phase, pattern in PHASES.items() if re.match(pattern, each.words)), "")
            counts.statements[phase] += 1
            last[each.connection] = phase
            if not phase and not each.words.startswith(("SELECT", "PRAGMA", "WITH RECURSIVE")):
                counts.changes.add(each.words)
    return counts


async def test_a_run_keeps_within_its_budget_of_statements_and_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.servers.kept_times._EVERY", 86_400.0)  # it may be due meanwhile, whatever runs
    with sql_trace() as trace:
        async with house(tmp_path) as home:
            await home.ended((await home.ask(color="1"))[0])  # what only the first has to do
            trace.on = True
            for number in range(_RUNS):
                _run_id, message = await home.ask(color=str(number + 2))
                await home.platform.until(lambda: isinstance(message.last, Done))  # noqa: B023
            trace.on = False
    counts = _counted(trace.told)
    assert counts.changes == set()
    spent = {phase: (counts.statements[phase] // _RUNS, counts.commits[phase] // _RUNS) for phase in BUDGET}
    over = {phase: cost for phase, cost in spent.items() if cost[0] > BUDGET[phase][0] or cost[1] > BUDGET[phase][1]}
    assert over == {}, spent
    assert min(statements for statements, _commits in spent.values()) >= 1  # each phase is still counted


@pytest.mark.long
async def test_a_result_that_nothing_sends_is_on_record_together_with_its_end(tmp_path: Path) -> None:
    with sql_trace() as trace:
        async with page(tmp_path) as site, Visitor(site.url) as ann:
            trace.on = True
            _status, asked = await ann.ask("negative", photo=png())
            run = await ann.until(asked["id"], "done")
            trace.on = False
    assert len(run["files"]) == 1
    changes = [told.words for told in trace.told if told.words.startswith("UPDATE runs") and "outputs=" in told.words]
    assert len(changes) == 1
    assert "ended_at=" in changes[0]


async def test_a_page_is_told_of_a_run_by_what_was_just_written(tmp_path: Path) -> None:
    with sql_trace() as trace:
        async with page(tmp_path) as site, Visitor(site.url) as ann, ann.listening() as events:
            await anext(events)
            trace.on = True
            _status, asked = await ann.ask("negative", photo=png())
            seen = list[str]()
            async for _name, data in events:
                seen += [data["state"]] if data.get("id") == asked["id"] else []
                if seen[-1:] == ["done"]:
                    break
            trace.on = False
    assert seen[0] == "waiting"
    writers = {each.connection for each in trace.told if each.words == "BEGIN IMMEDIATE"}
    read = [each.connection for each in trace.told if re.match(r"SELECT runs\.seq.*WHERE runs\.id = '", each.words)]
    assert len(read) == 2
    assert set(read) <= writers
