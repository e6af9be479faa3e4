"""Statistics of a community: runs, busy hours, waiting times and refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from bot.core.run import RunTiming, State
from bot.i18n import _

if TYPE_CHECKING:
    from bot.core.policy.audit import Entry

_MOST = 5  # workflows, and rules, that have a color or a line of their own
_WAITS = (5.0, 30.0, 120.0, 600.0)  # seconds


@dataclass(frozen=True)
class Statistics:
    """`by_day` counts runs by workflow, most common first; `hours` counts runs by weekday (Monday first) and hour, in
    UTC; `waits` counts runs by waiting time; `refusals` counts refusals by rule.
    """

    name: str
    days: tuple[date, ...]
    by_day: dict[str, tuple[int, ...]]
    hours: tuple[tuple[int, ...], ...]
    waits: tuple[tuple[str, int], ...]
    refusals: tuple[tuple[str, int], ...]
    total: int = 0
    people: int = 0
    done: int = 0
    seconds: float = 0.0
    waited: float | None = None


def summarize(name: str, runs: Sequence[RunTiming], refused: Iterable[Entry], now: float, count: int) -> Statistics:
    """Summarize the runs of the last `count` days."""
    last = _day(now)
    days = tuple(last - timedelta(days=back) for back in range(count - 1, -1, -1))
    waited = sorted(run.waited for run in runs if run.waited is not None)
    return Statistics(
        name,
        days,
        _by_day(runs, days),
        _hours(runs),
        _waits(waited),
        _refusals(refused),
        total=len(runs),
        people=len({run.person for run in runs}),
        done=sum(run.state == State.DONE for run in runs),
        seconds=sum(run.took for run in runs),
        waited=waited[len(waited) // 2] if waited else None,
    )


def _by_day(runs: Sequence[RunTiming], days: Sequence[date]) -> dict[str, tuple[int, ...]]:
    """Count the most common workflows by name, and all others together."""
    commonest = [name for name, _count in Counter(run.workflow for run in runs).most_common(_MOST)]
    counted = Counter((run.workflow if run.workflow in commonest else _("others"), _day(run.asked_at)) for run in runs)
    names = dict.fromkeys((*commonest, *(name for name, _day in counted)))
    return {name: tuple(counted[name, day] for day in days) for name in names}


def _hours(runs: Iterable[RunTiming]) -> tuple[tuple[int, ...], ...]:
    moments = [datetime.fromtimestamp(run.asked_at, UTC) for run in runs]
    counted = Counter((moment.weekday(), moment.hour) for moment in moments)
    return tuple(tuple(counted[day, hour] for hour in range(24)) for day in range(7))


def _waits(waited: Sequence[float]) -> tuple[tuple[str, int], ...]:
    names = (_("under 5 s"), _("5 to 30 s"), _("30 s to 2 min"), _("2 to 10 min"), _("longer"))
    counted = Counter(sum(seconds >= bound for bound in _WAITS) for seconds in waited)
    return tuple((name, counted[number]) for number, name in enumerate(names))


def _refusals(refused: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    """Count refusals by the first sentence of the reason, without the workflow."""
    reasons = (entry.words.partition(": ")[2].partition(". ")[0] for entry in refused)
    return tuple(Counter(reason.rstrip(".") for reason in reasons).most_common(_MOST))


def _day(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).date()
