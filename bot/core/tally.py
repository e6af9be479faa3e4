"""The tally: what each person's runs count for limits, in windows that slide; asked in the transaction that takes a run
in, so that no two requests, from whichever processes, can have the same last one.

A charge is made when a run is taken in, with the seconds that such runs have taken; they become its own when its
server has done its part. A run that fails, or is cancelled before it starts, gives its charge back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import TooMany
from bot.core.rules import Limit, Measure, Rule
from bot.core.schema import charges, runs
from bot.core.telling import seconds
from bot.words import _, ngettext

HOUR, DAY = 3600.0, 86_400.0
_GUESS = 10.0  # seconds that a run is thought to take while nothing is known of its workflow
_SAMPLE = 20  # runs that the guess is made from otherwise


@dataclass(frozen=True)
class Charge:
    """What one run counts: `state` is empty once the run is deleted."""

    at: float
    seconds: float
    workflow: str
    spots: str
    state: str = ""


@dataclass(frozen=True)
class Standing:
    """How a person stands with a limit: what is used of it, and in how many seconds there is more; None where that
    hangs on runs that wait.
    """

    rule: Rule
    used: float
    free_in: float | None = 0.0

    @property
    def most(self) -> int:
        return self.rule.body.most if isinstance(self.rule.body, Limit) else 0

    @property
    def left(self) -> float:
        return max(0.0, self.most - self.used)

    @property
    def is_reached(self) -> bool:
        return self.used > 0 if self.rule.name == Measure.COOLDOWN else self.used >= self.most

    def __str__(self) -> str:
        """The limit, what is left of it, and when there is more."""
        if self.rule.name == Measure.COOLDOWN:
            parts = [limit_words(self.rule)]
        else:
            left = f"{self.left:.0f}" if self.rule.name != Measure.SECONDS or not self.left else seconds(self.left)
            parts = [limit_words(self.rule), _("{left} left").format(left=left)]
        if self.is_reached and self.free_in:
            parts.append(_("more in {time}").format(time=seconds(self.free_in)))
        return ", ".join(parts)


def standings(limits: Iterable[Rule], charged: Sequence[Charge], now: float) -> list[Standing]:
    """How one person stands with each limit, by what their runs have been charged. Pure."""
    return [_standing(rule, [each for each in charged if _counts(rule, each)], now) for rule in limits]


async def check(connection: AsyncConnection, person: str, limits: Sequence[Rule], now: float) -> None:
    """Raises `TooMany`, which says which limit is reached and when it is over."""
    if not limits:
        return
    for standing in standings(limits, await charged(connection, person, now), now):
        if standing.is_reached and standing.rule.name != Measure.RUNNING:  # that one is for the line to keep
            raise TooMany(refusal(standing))


async def charged(connection: AsyncConnection, person: str, now: float) -> list[Charge]:
    """What a person's runs have been charged within a day, the oldest first; all that have not ended besides."""
    joined = charges.outerjoin(runs, runs.c.id == charges.c.run_id)
    columns = (charges.c.at, charges.c.seconds, charges.c.workflow, charges.c.spots, func.coalesce(runs.c.state, ""))
    recent = (charges.c.at > now - DAY) | runs.c.state.in_(("waiting", "held", "running"))
    question = select(*columns).select_from(joined).where(charges.c.person == person, recent).order_by(charges.c.at)
    return [Charge(*row) for row in await connection.execute(question)]


async def charge(
    connection: AsyncConnection, run_id: str, person: str, workflow: str, spots: Iterable[tuple[str, str]], now: float
) -> None:
    """Count a run that is taken in."""
    last = select(charges.c.seconds).where(charges.c.workflow == workflow).order_by(charges.c.at.desc()).limit(_SAMPLE)
    known = (await connection.execute(select(func.avg(last.subquery().c.seconds)))).scalar_one()
    values = {
        "run_id": run_id,
        "person": person,
        "workflow": workflow,
        "spots": "".join(f"|{spot(*each)}" for each in spots if each[0]) + "|",
        "at": now,
        "seconds": _GUESS if known is None else known,
    }
    await connection.execute(charges.insert().values(values))


async def settle(connection: AsyncConnection, run_id: str, took: float | None) -> None:
    """Charge a run what it took; give the charge back where it has brought nothing."""
    mine = charges.c.run_id == run_id
    if took is None:
        await connection.execute(delete(charges).where(mine))
    else:
        await connection.execute(update(charges).where(mine).values(seconds=took))


async def sweep(connection: AsyncConnection, now: float) -> None:
    """Forget what no limit counts any more."""
    unfinished = select(runs.c.id).where(runs.c.ended_at.is_(None))
    old = (charges.c.at < now - DAY, charges.c.run_id.not_in(unfinished))
    await connection.execute(delete(charges).where(*old))


def spot(community: str, place: str) -> str:
    """A place in one word."""
    return f"{community}/{place}" if place else community


def refusal(standing: Standing) -> str:
    """What to tell somebody who has reached a limit."""
    words = _("There is a limit here: {limit}.").format(limit=limit_words(standing.rule))
    if standing.rule.name == Measure.WAITING:
        return words + " " + _("Try again when one of yours has started.")
    if standing.rule.name != Measure.COOLDOWN:
        words += " " + _("You have used all of it.")
    return words + " " + _("You can ask again in {time}.").format(time=seconds(standing.free_in or 1))


def limit_words(rule: Rule) -> str:
    """A limit in words: “5 runs of “poster” an hour, in #general”."""
    most = rule.body.most if isinstance(rule.body, Limit) else 0
    runs_of = _named(rule, most)
    match Measure(rule.name):
        case Measure.HOUR:
            words = _("{runs} an hour {scope}")
        case Measure.DAY:
            words = _("{runs} a day {scope}")
        case Measure.SECONDS:
            words = _("{time} of a server a day {scope}")
        case Measure.WAITING:
            words = _("{runs} in line at a time {scope}")
        case Measure.RUNNING:
            words = _("{runs} at work at a time {scope}")
        case Measure.COOLDOWN:
            words = _("{time} between two runs {scope}")
    return words.format(runs=runs_of, time=seconds(most), scope=rule.scope)


def _named(rule: Rule, most: int) -> str:
    if rule.scope.workflow:
        words = ngettext("{count} run of “{workflow}”", "{count} runs of “{workflow}”", most)
        return words.format(count=most, workflow=rule.scope.workflow)
    return ngettext("{count} run", "{count} runs", most).format(count=most)


def _counts(rule: Rule, charge: Charge) -> bool:
    scope = rule.scope
    here = not scope.community or f"|{spot(scope.community, scope.place)}|" in charge.spots
    return here and scope.workflow in ("", charge.workflow)


def _standing(rule: Rule, charged: Sequence[Charge], now: float) -> Standing:
    most = rule.body.most if isinstance(rule.body, Limit) else 0
    match Measure(rule.name):
        case Measure.HOUR:
            return _in_window(rule, [(each.at, 1.0) for each in charged], most, HOUR, now)
        case Measure.DAY:
            return _in_window(rule, [(each.at, 1.0) for each in charged], most, DAY, now)
        case Measure.SECONDS:
            return _in_window(rule, [(each.at, each.seconds) for each in charged], most, DAY, now)
        case Measure.COOLDOWN:
            last = max((each.at for each in charged), default=-float("inf"))
            return Standing(rule, float(last + most > now), max(0.0, last + most - now))
        case Measure.WAITING:
            return Standing(rule, sum(each.state in ("waiting", "held") for each in charged), None)
        case Measure.RUNNING:
            return Standing(rule, sum(each.state == "running" for each in charged), None)


def _in_window(rule: Rule, counted: Sequence[tuple[float, float]], most: int, window: float, now: float) -> Standing:
    """What was used in a window that ends now, and when enough of it has left the window for one more."""
    inside = [(at, amount) for at, amount in counted if at > now - window]
    used = left = sum(amount for _at, amount in inside)
    for at, amount in inside:
        if left < most:
            break
        left -= amount
        if left < most:
            return Standing(rule, used, at + window - now)
    return Standing(rule, used)
