"""The statements of every run, built once: to build one takes SQLAlchemy longer than SQLite needs to execute it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    FromClause,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    update,
)

from bot.core.run import UNFINISHED, QueuedRun, State
from bot.core.storage.bells import CHANNEL
from bot.core.storage.engines.prepared import PreparedStatement
from bot.core.storage.schema import charges, line, runs, uses

_GUESS = 10.0  # seconds reserved for a run of a workflow without earlier runs
_SAMPLE = 20  # earlier runs that the estimate uses

_SEEN = [runs.c[name] for name in ("attempt", "caps", "person", "priority")]  # that a run is taken by, as it was seen
_TICKETS = 8  # workers that may choose at once
_CHOOSING: Any = literal_column(str(0x63686F6F))  # the first half of the locks that are their tickets

_THIS = runs.c.id == bindparam("of_run")
#: The condition that a run is one of `of_runs`.
THESE = runs.c.id.in_(bindparam("of_runs", expanding=True))
_OWN = runs.c.person.in_(bindparam("of_people", expanding=True))  # all accounts of a person


def in_states(states: Iterable[State], table: FromClause = runs) -> Any:
    """The condition that a run is in one of these states, which stand in the statement itself."""
    return or_(*(table.c.state == literal_column(f"'{state.value}'") for state in states))


def on_platforms(platforms: Collection[str]) -> Any:
    """The runs whose messages stand on these platforms."""
    return or_(false(), *(runs.c.person.startswith(f"{platform}:", autoescape=True) for platform in platforms))


def _busy(table: FromClause = runs) -> Any:
    """The condition that a server has a run, or has it ahead: the index `runs_busy` lists these."""
    return and_(in_states([State.WAITING, State.RUNNING], table), table.c.server.is_not(None))


#: A run: `of_run`.
RUN = PreparedStatement(select(runs).where(_THIS))
#: The latest runs of a person, newest first: `of_people`, `count`.
LAST = select(runs).where(_OWN).order_by(runs.c.seq.desc()).limit(bindparam("count"))
#: The same runs: only their ids, their states, and when they ended.
LAST_ENDS = LAST.with_only_columns(runs.c.id, runs.c.state, runs.c.ended_at)
#: Which of some runs wait: `of_runs`.
WAIT = PreparedStatement(select(runs.c.id).where(THESE, in_states([State.WAITING])))
#: How many runs of a person wait, the last turn of theirs, and the turn of the line: `of_people`.
PLACE = PreparedStatement(
    select(func.count(), func.coalesce(func.max(runs.c.turn), 0), select(line.c.turn).scalar_subquery()).where(
        _OWN, in_states([State.WAITING])
    )
)
JOIN = PreparedStatement(runs.insert())
#: The condition that a run waits at a server, which will begin it by itself.
AHEAD = and_(in_states([State.WAITING]), runs.c.server.is_not(None))
#: Whose runs are on servers, of which workflow, and for which limits they count. Those that are ahead count too: their
#: servers begin them without asking.
BUSY = PreparedStatement(
    select(runs.c.person, runs.c.workflow, func.coalesce(charges.c.spots, ""))
    .select_from(runs.outerjoin(charges, charges.c.run_id == runs.c.id))
    .where(_busy())
)
_waits = in_states([State.WAITING])
_first = select(func.min(runs.c.caps).label("caps")).where(_waits, runs.c.caps > "").cte(recursive=True)
_next = select(func.min(runs.c.caps)).where(_waits, runs.c.caps > _first.c.caps).scalar_subquery()
_each = _first.union_all(select(_next).where(_first.c.caps.is_not(None)))
#: The limits on runs at a time that hold for runs which wait: from one to the next, since all others may have the same.
CAPS = PreparedStatement(select(_each.c.caps).where(_each.c.caps.is_not(None)))


def free(table: FromClause = runs) -> tuple[Any, ...]:
    """The condition that a run waits, and no worker has it: the index `runs_next` has these in order of their turns."""
    return in_states([State.WAITING], table), table.c.opened == literal_column("1"), table.c.server.is_(None)


FREE = free()
TURNS = (runs.c.priority.desc(), runs.c.turn, runs.c.depth, runs.c.seq)
_some = select(literal_column("1").label("one")).where(*FREE).limit(literal_column(str(_TICKETS))).subquery()
_found = select(func.count().label("count")).select_from(_some).subquery()


def _tickets(take: Any) -> Any:
    numbers: list[Any] = [literal_column(str(number)) for number in range(_TICKETS)]
    free = (and_(_found.c.count > number, take(_CHOOSING, number)) for number in numbers)
    return select(_found.c.count, or_(*free).label("is_free"))


#: How many runs a worker may take, up to a few, and whether fewer workers are just choosing one.
LOOK = _tickets(func.pg_try_advisory_xact_lock_shared)
COUNT = PreparedStatement(select(_found.c.count))  #: the same, without workers
#: How many runs have not ended, by state.
COUNTS = select(runs.c.state, func.count()).where(in_states(UNFINISHED)).group_by(runs.c.state)
#: The same, and be one of those until the end of the transaction.
TICKET = _tickets(func.pg_try_advisory_xact_lock)
_others = runs.alias()
_of_theirs = _others.c.person.in_(bindparam("of_people", expanding=True))
_running = select(func.count()).select_from(_others).where(_of_theirs, _busy(_others))
#: Give a run to a worker if it still waits as it was seen and its person has fewer runs than they may: `of_run`,
#: `of_attempt`, `of_caps`, `of_people`, `of_most`, and the new values of `TAKEN`.
TAKEN = ("state", "server", "worker", "started_at")
_take = (
    update(runs)
    .where(_THIS, *FREE, runs.c.attempt == bindparam("of_attempt"), runs.c.caps == bindparam("of_caps"))
    .where(or_(runs.c.priority != literal_column("0"), _running.scalar_subquery() < bindparam("of_most")))
    .values({name: bindparam(f"new_{name}") for name in TAKEN})
)
TAKE = PreparedStatement(_take.returning(*runs.c))
_next_one = runs.alias()
_is_last = ~exists().where(*free(_next_one), _next_one.c.id != bindparam("of_run"))
_tell = func.pg_notify(literal_column(f"'{CHANNEL}'"), bindparam("news"))
#: The same on PostgreSQL, which tells other workers `news` where it was the last that waited.
TAKE_AND_TELL = PreparedStatement(_take.returning(*runs.c, case((_is_last, _tell)).label("told")))
#: The line has come to a turn: `now_at`. Where another process says so at the moment, its word is enough: nobody waits.
_behind = select(line.c.id).where(line.c.turn < bindparam("now_at")).with_for_update(skip_locked=True)
TURN = PreparedStatement(update(line).where(line.c.id.in_(_behind)).values(turn=bindparam("now_at")))
#: The files that a run uses: `of_run`.
USES = PreparedStatement(select(uses.c.key).where(uses.c.run_id == bindparam("of_run")))
USE = PreparedStatement(uses.insert())


@cache
def heads(platforms: frozenset[str] | None, count: int) -> PreparedStatement:
    """The first runs of the line that come from these platforms, or from all, without those of people who have `most`
    runs on servers; those before `first` are left out.
    """
    others = runs.alias()
    full = (
        select(others.c.person).where(_busy(others)).group_by(others.c.person).having(func.count() >= bindparam("most"))
    )
    allowed = or_(runs.c.priority != literal_column("0"), runs.c.person.not_in(full))
    ours = () if platforms is None else (on_platforms(platforms),)
    line = select(*(runs.c[each.name] for each in fields(QueuedRun)), *_SEEN).where(*FREE, *ours, allowed)
    return PreparedStatement(line.order_by(*TURNS).limit(literal_column(str(count))).offset(bindparam("first")))


@cache
def step(states: tuple[State, ...], names: tuple[str, ...]) -> PreparedStatement:
    """Change these columns of a run's attempt while it is in one of these states: see `step_values`."""
    where = (_THIS, runs.c.attempt == bindparam("of_attempt"), in_states(states))
    new = {name: bindparam(f"new_{name}", type_=runs.c[name].type) for name in names}
    return PreparedStatement(update(runs).where(*where).values(new))


@cache
def begin(names: tuple[str, ...]) -> PreparedStatement:
    """A server has begun a run that was ahead: `of_run`, `of_attempt`, `of_worker`, and the new values."""
    where = (runs.c.attempt == bindparam("of_attempt"), runs.c.worker == bindparam("of_worker"))
    new = {name: bindparam(f"new_{name}", type_=runs.c[name].type) for name in names}
    return PreparedStatement(
        update(runs).where(_THIS, *where, in_states([State.WAITING])).values(new).returning(*runs.c)
    )


def note_uses(connection: Connection, run_id: str, keys: Sequence[str]) -> None:
    """Record that a run uses files, in the caller's transaction."""
    if not keys:
        return
    fresh = set(keys) - {row.key for row in USES.rows(connection, {"of_run": run_id})}
    if len(fresh) == 1:
        USE.change(connection, {"key": fresh.pop(), "run_id": run_id})
    elif fresh:
        connection.execute(USE.statement, [{"key": key, "run_id": run_id} for key in sorted(fresh)])


def step_values(run_id: str, attempt: int, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"of_run": run_id, "of_attempt": attempt, **{f"new_{name}": value for name, value in values.items()}}


def put_off(run_ids: Collection[str]) -> Any:
    """Count that runs were put off, but for those that another process is just changing: two that wait for runs of each
    other would fail.
    """
    free = select(runs.c.id).where(runs.c.id.in_(run_ids)).with_for_update(skip_locked=True)
    return update(runs).where(runs.c.id.in_(free)).values(put_off=runs.c.put_off + 1)


def was_posted() -> Any:
    """The condition for the charges of runs that were posted to be paid for."""
    return select(runs.c.id).where(runs.c.id == charges.c.run_id, runs.c.posted_at.is_not(None)).exists()


def reserved(workflow: Any) -> Any:
    """The seconds to reserve for a workflow, from its earlier runs."""
    mine = (charges.c.workflow == workflow, charges.c.settled_at.is_not(None))
    last = select(charges.c.seconds).where(*mine).order_by(charges.c.at.desc()).limit(_SAMPLE).subquery()
    return func.coalesce(select(func.avg(last.c.seconds)).scalar_subquery(), _GUESS)


#: Charge a run: its columns but for the seconds, and `for_workflow`.
CHARGE = PreparedStatement(
    charges.insert().values(
        {
            **{
                column.name: bindparam(column.name)
                for column in charges.c
                if column.name not in ("seconds", "settled_at")
            },
            "seconds": reserved(bindparam("for_workflow")),
        }
    )
)
#: The real seconds of a run, once: `of_run`, `took`, `now`.
SETTLE = PreparedStatement(
    update(charges)
    .where(charges.c.run_id == bindparam("of_run"), charges.c.settled_at.is_(None))
    .values(
        seconds=bindparam("took"),
        settled_at=bindparam("now"),
        credits=case((was_posted(), charges.c.credits), else_=0.0),
    )
)
