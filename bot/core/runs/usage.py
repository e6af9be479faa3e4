"""Count runs for limits, in sliding windows. The check is in the transaction that accepts a run, so two requests, in
any processes, cannot both take the last place.

A run is charged when it is accepted. Its seconds are reserved then, as many as similar runs took, and it is accepted
only if they fit. The real seconds replace them when its server is done. A run that takes longer than was reserved
exceeds the limit by the difference, and later runs wait for it. A run that fails, or is cancelled before it starts,
gives its charge back.

The credits of a run that costs money are reserved too, as many as it may cost at most. What it really cost is never
told, so they stay charged once it was posted to a server, even if it then fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, literal_column, not_, or_, select, update

from bot.core.errors import TooMany
from bot.core.policy.quota import QuotaStatus, fitting_words
from bot.core.policy.rules import Budget, Measure, Rule
from bot.core.policy.scope import RequestContext, scope_key
from bot.core.runs import statements
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.named_locks import take_turns
from bot.core.storage.schema import charges, runs

MANY_RUNS = "many runs"  #: the lock of those who change several at once: in two orders, each would wait for the other
HOUR, DAY = 3600.0, 86_400.0
_ONE: Any = literal_column("1.0")


def quota_statuses(
    connection: Connection,
    people: Collection[str],
    workflow: str,
    limits: Sequence[Rule],
    now: float,
    cost: float = 0.0,
    count: int = 1,
) -> list[QuotaStatus]:
    """Return the quotas of a person, given by all accounts that count, as "platform:id", for so many more runs of a
    workflow. Each costs so many credits.
    """
    needs = 0.0
    if any(rule.name == Measure.SECONDS for rule in limits):
        needs = connection.execute(select(statements.reserved(workflow))).scalar_one()
    wanted = {Measure.SECONDS: needs, Measure.CREDITS: cost}
    return [_standing(connection, rule, people, wanted.get(Measure(rule.name), 1.0), count, now) for rule in limits]


def check(
    connection: Connection,
    people: Collection[str],
    workflow: str,
    limits: Sequence[Rule],
    now: float,
    cost: float = 0.0,
    count: int = 1,
    room: int | None = None,
) -> None:
    """Raise `TooMany` if a limit is reached, or has no room for so many runs. It says which limit, how many fit, and
    when to try again. `room` is the number of runs that fit otherwise.
    """
    statuses = quota_statuses(connection, people, workflow, limits, now, cost, count)
    reached = next((each for each in statuses if each.is_reached and not each.is_kept_in_line), None)
    if reached is not None:
        fits = min([count if room is None else room, *(each.fits for each in statuses)])
        raise TooMany(" ".join(part for part in (reached.refusal, fitting_words(count, fits)) if part))


def check_pauses(connection: Connection, people: Collection[str], limits: Iterable[Rule], now: float) -> None:
    """Raise `TooMany` if a pause that the later steps of a recipe need is not over. It counts a request once."""
    pauses = [rule for rule in limits if rule.name == Measure.COOLDOWN]
    check(connection, people, "", pauses, now)


def check_step(
    connection: Connection, people: Collection[str], workflow: str, limits: Iterable[Rule], now: float, cost: float
) -> None:
    """Raise `TooMany` if a limit has no room for a later step of a recipe, beside the steps before it. It will wait
    when no other step of its recipe does.
    """
    own = [rule for rule in limits if rule.name not in (Measure.COOLDOWN, Measure.WAITING)]
    check(connection, people, workflow, own, now, cost)


def by_owner(limits: Iterable[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Divide limits into those that a person has alone, and those that many people share."""
    own, shared = list[Rule](), list[Rule]()
    for rule in limits:
        (shared if isinstance(rule.body, Budget) else own).append(rule)
    return own, shared


def locks(shared: Iterable[Rule]) -> set[str]:
    """Return the locks of those who may take the last place of a limit that many people share."""
    return {f"requests in {scope_key(rule.scope.community, rule.scope.place)} {rule.scope.workflow}" for rule in shared}


def charge(connection: Connection, run_id: str, context: RequestContext, now: float, cost: float = 0.0) -> None:
    """Charge an accepted run."""
    values = {
        "run_id": run_id,
        "person": context.person,
        "workflow": context.workflow,
        "community": context.community,
        "spots": "".join(f"|{scope_key(*each)}" for each in context.scope_keys if each[0]) + "|",
        "at": now,
        "credits": cost,
    }
    statements.CHARGE.change(connection, {**values, "for_workflow": context.workflow})


def settle(connection: Connection, run_id: str, now: float, took: float) -> None:
    """Replace a run's reserved seconds with the real ones, once. Credits of a run that was not posted go back."""
    statements.SETTLE.change(connection, {"of_run": run_id, "took": took, "now": now})


def give_back(connection: Connection, run_ids: Collection[str]) -> None:
    """Give back the charges of runs without a result. A run that was posted to be paid for has cost what it costs, so
    it counts, but for its seconds.
    """
    mine = charges.c.run_id.in_(run_ids)
    connection.execute(delete(charges).where(mine, not_(statements.was_posted())))
    connection.execute(update(charges).where(mine).values(seconds=0, settled_at=charges.c.at))


async def sweep(connection: AsyncConnection, now: float) -> None:
    """Delete charges that no limit counts."""
    unfinished = select(runs.c.id).where(runs.c.ended_at.is_(None))
    left = func.coalesce(charges.c.settled_at, charges.c.at)
    old = (charges.c.at < now - DAY, left < now - DAY, charges.c.run_id.not_in(unfinished))
    await connection.execute(delete(charges).where(*old))


async def move_community(connection: AsyncConnection, old: str, new: str) -> None:
    """Move the runs of a community, and what they count, to its new id, as "platform:id"."""
    await connection.run_sync(take_turns, (MANY_RUNS,))
    for table in (runs, charges):
        await connection.execute(update(table).where(table.c.community == old).values(community=new))
    # A group is a place of itself.
    await connection.execute(update(runs).where(runs.c.community == new, runs.c.place == old).values(place=new))
    for end in "|/":
        scopes = func.replace(charges.c.spots, f"|{old}{end}", f"|{new}{end}")
        counted = update(charges).where(charges.c.spots.contains(f"|{old}{end}", autoescape=True))
        await connection.execute(counted.values(spots=scopes))


def _standing(
    connection: Connection, rule: Rule, people: Collection[str], needs: float, count: int, now: float
) -> QuotaStatus:
    match Measure(rule.name):
        case Measure.HOUR:
            return _in_window(connection, QuotaStatus(rule, 0, asked=count), people, charges.c.at, _ONE, HOUR, now)
        case Measure.DAY:
            return _in_window(connection, QuotaStatus(rule, 0, asked=count), people, charges.c.at, _ONE, DAY, now)
        case Measure.SECONDS:
            least = min(needs, rule.most)  # a limit admits those who used none of it
            asked = QuotaStatus(rule, 0, least, asked=count)
            return _in_window(connection, asked, people, charges.c.settled_at, charges.c.seconds, DAY, now)
        case Measure.CREDITS:
            asked = QuotaStatus(rule, 0, needs, asked=count)
            return _in_window(connection, asked, people, charges.c.settled_at, charges.c.credits, DAY, now)
        case Measure.COOLDOWN:
            question = select(func.max(charges.c.at)).where(*_counted(rule, people))
            last = connection.execute(question).scalar_one()
            wait = 0.0 if last is None else max(0.0, last + rule.most - now)
            return QuotaStatus(rule, float(wait > 0), free_in=wait or None)
        case Measure.WAITING:
            return QuotaStatus(rule, _in_states(connection, rule, people, ("waiting", "held")), asked=count)
        case Measure.RUNNING:
            return QuotaStatus(rule, _in_states(connection, rule, people, ("running",)))
        case Measure.COUNT:  # the form holds it
            return QuotaStatus(rule, 0)


def _in_window(
    connection: Connection,
    asked: QuotaStatus,
    people: Collection[str],
    leaves: Any,
    amount: Any,
    window: float,
    now: float,
) -> QuotaStatus:
    """Return the use in the window that ends now, and the time when one more run fits. Charges without a time in
    `leaves` are inside the window.
    """
    inside = (*_counted(asked.rule, people), or_(leaves.is_(None), leaves > now - window))
    used = float(connection.execute(select(func.coalesce(func.sum(amount), 0)).where(*inside)).scalar_one())
    standing = replace(asked, used=used)
    if not standing.is_reached:
        return standing
    gone = func.sum(amount).over(order_by=leaves).label("gone")
    leaving = select(leaves.label("at"), gone).where(*inside, leaves.is_not(None)).subquery()
    enough = leaving.c.gone >= used + standing.wanted - standing.room - 1e-6
    first = connection.execute(select(func.min(leaving.c.at)).where(enough)).scalar_one()
    return standing if first is None or not standing.room else replace(standing, free_in=first + window - now)


def _in_states(connection: Connection, rule: Rule, people: Collection[str], states: Sequence[str]) -> int:
    whose: list[Any] = [runs.c.person.in_(people)]
    if isinstance(rule.body, Budget):
        whose = [runs.c.community == rule.scope.community] if rule.scope.community else []
    joined = runs.join(charges, charges.c.run_id == runs.c.id)
    where = (runs.c.state.in_(states), *whose, *_counted(rule, people))
    question = select(func.count()).select_from(joined).where(*where)
    return int(connection.execute(question).scalar_one())


def _counted(rule: Rule, people: Collection[str]) -> list[Any]:
    """Return the conditions for the charges that a limit counts: one person's, or all for a budget."""
    scope, where = rule.scope, list[Any]()
    if not isinstance(rule.body, Budget):
        where.append(charges.c.person.in_(people))
    elif scope.community:
        where.append(charges.c.community == scope.community)  # this one has an index; the next does not
    if scope.community:
        where.append(charges.c.spots.contains(f"|{scope_key(scope.community, scope.place)}|", autoescape=True))
    if scope.workflow:
        where.append(charges.c.workflow == scope.workflow)
    return where
