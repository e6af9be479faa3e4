"""The queue of waiting runs, with fair turns between people, for all processes that share the database.

Each run gets a turn number when it joins: one more than the person's last waiting run, and at least the current turn.
So people take turns, however many runs each has. A new person gets the current turn, and no run waits for ever. If two
runs have the same turn, the person with fewer runs before it goes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import time
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, and_, func, literal_column, not_, or_, select, update

from bot.core.errors import TooMany
from bot.core.model import Address, Person, Place, StoredFile
from bot.core.people.accounts import NO_LINKS, KnownAccounts
from bot.core.policy import concurrency
from bot.core.policy.concurrency import BusyRun, ConcurrencyLimits
from bot.core.policy.evaluate import NO_POLICY, EffectivePolicy
from bot.core.policy.quota import QuotaStatus, fitting_words
from bot.core.policy.rules import Rule
from bot.core.policy.scope import RequestContext, asked_in
from bot.core.run import QueuedRun, RecipePlace, RunRecord, State, Wording
from bot.core.runs import statements, usage
from bot.core.runs.repository import taken
from bot.core.runs.rows import STORED, Stored, read_queued, read_run, read_stored
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.prepared import PreparedStatement
from bot.core.storage.named_locks import take_turns
from bot.core.storage.schema import runs
from bot.core.together import AskedTogether
from bot.i18n import ngettext
from comfy.prices import Price

WINDOW = 64  #: waiting runs to choose the next run from
_FARTHEST = 16 * WINDOW  # if the first runs are all for the servers of other workers
MOST_ATTEMPTS = 4  #: attempts for each run, on any suitable server
_PART = 100  # waiting runs that are read at once
_MOST_KNOWN = 1000  # waiting runs that need not be read again as long as they do not change
_PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, *[0.0] * 20)  # seconds in which other workers choose
MOST_SPARED = 20  #: attempts that do not count, because no server began


@dataclass(frozen=True)
class NewRun:
    """A checked request with stored inputs; one of a `group`, if several were asked for at once. `held`: a moderator
    must approve it first. `opened`: its message has been posted at the address. A run that costs money has a `price`,
    and one of other words than were written a `wording`.
    """

    id: str
    workflow: str
    values: dict[str, Any]
    inputs: dict[str, StoredFile]
    stem: str
    person: Person
    place: Place
    address: Address
    kind: str
    models: frozenset[str]
    priority: int = 0
    version: str = ""
    policy: EffectivePolicy = NO_POLICY
    held: bool = False
    opened: bool = True
    price: Price | None = None
    group: GroupPlace | None = None
    wording: Wording | None = None
    step: RecipePlace | None = None
    private: bool = False

    @property
    def is_later(self) -> bool:
        """True for a step that waits for the result of another run."""
        return self.step is not None and bool(self.step.after)


@dataclass(frozen=True)
class GroupPlace:
    """The place of a run in a group: it is run `cell`, counted from 0, of so many. `label` says what differs. With
    `drawn`, one message has to be drawn for all of them.
    """

    id: str
    cell: int
    cells: int
    label: str = ""
    drawn: bool = False


@dataclass(frozen=True)
class Assignment:
    """A run's id, its server, and the ids of the runs that are put off for it. `ahead`: the server is still at work on
    another run, and begins this one by itself.
    """

    run_id: str
    server: str
    passed: tuple[str, ...] = ()
    ahead: bool = False


#: Chooses among the first runs of the queue; None if none of them can start now.
Picker = Callable[[Sequence[QueuedRun]], Assignment | None]
_Also = TypeVar("_Also")
_Ask = Callable[[Callable[[Connection], list[Row[Any]]]], Awaitable[list[Row[Any]]]]


class RunQueue:
    """The waiting runs, and their order."""

    def __init__(
        self,
        database: Database,
        most: ConcurrencyLimits,
        clock: Callable[[], float] = time,
        accounts: KnownAccounts = NO_LINKS,
    ) -> None:
        self._database, self._caps, self._clock, self._accounts = database, most, clock, accounts
        self._known: Stored = {}
        self._queued = AskedTogether(self._which_are_queued)
        #: True if no run waited when this process last looked for one.
        self.was_empty = False

    @property
    def most(self) -> ConcurrencyLimits:
        """The number of a person's runs that may run at a time, and that may wait."""
        return self._caps

    async def enqueue(self, run: NewRun, *others: NewRun, also: Callable[[Connection], Any] | None = None) -> None:
        """Add a run, with the others of its group, or none of them, and write what is `also` to be written. When this
        returns, they are on disk. Raises `TooMany`.
        """
        own, shared = usage.by_owner(run.policy.limits)

        def join(connection: Connection) -> None:
            self._join((run, *others), own, shared, connection)
            if also is not None:
                also(connection)

        await self._database.write(join, *_joined(run), locks=(f"requests of {self._accounts.whole(run.person.key)}",))

    def _join(
        self, every: Sequence[NewRun], own: Sequence[Rule], shared: Sequence[Rule], connection: Connection
    ) -> None:
        run, people = every[0], self._accounts.counted(every[0].person.key)
        later = [each for each in every if each.is_later]
        count = len(every) - len(later)
        before, last, turn = statements.PLACE.row(connection, {"of_people": list(people)})
        room = self._caps.waiting - before if run.priority == 0 else count
        asked_at, cost = self._clock(), sum(_cost(each) for each in every if not each.is_later) / count
        if room < count:
            statuses = self._statuses(connection, run, (*own, *shared), cost, count)
            fits = min([room, *(each.fits for each in statuses)])
            raise TooMany(_too_many(self._caps.waiting, before, count, fits))
        usage.check(connection, people, run.workflow, own, asked_at, cost, count, room)
        for number, each in enumerate(every):
            columns = _columns(each, max(turn, last) + 1 + number, before + number, asked_at)
            statements.JOIN.change(connection, columns)
            statements.note_uses(connection, each.id, [file.key for file in each.inputs.values()])
        limits = {rule.slot: rule for each in later for rule in each.policy.limits}
        take_turns(connection, usage.locks([*shared, *usage.by_owner(limits.values())[1]]))  # last: many wait for these
        usage.check(connection, people, run.workflow, shared, asked_at, cost, count, room)
        usage.check_pauses(connection, people, limits.values(), asked_at)
        for each in every:
            if each.is_later:
                usage.check_step(connection, people, each.workflow, each.policy.limits, asked_at, _cost(each))
            context = RequestContext.of(each.person, each.place, each.workflow)
            usage.charge(connection, each.id, context, asked_at, _cost(each))

    def _statuses(
        self, connection: Connection, run: NewRun, limits: Sequence[Rule], cost: float, count: int
    ) -> list[QuotaStatus]:
        people = self._accounts.counted(run.person.key)
        return usage.quota_statuses(connection, people, run.workflow, limits, self._clock(), cost, count)

    async def open(self, run_id: str, address: Address, group: str | None = None) -> bool:
        """Record where the message of a run, or of its group, is, so that workers may take what it is of; False if
        nothing of that waits.
        """
        where = (runs.c.id == run_id if group is None else runs.c.group_id == group, runs.c.opened == 0)
        change = update(runs).where(*where).values(chat=address.chat, message=address.message, opened=1)
        async with self._database.change(Topic.LINE) as connection:
            rows = (await connection.execute(change.returning(runs.c.ended_at))).all()
        return any(row.ended_at is None for row in rows)

    async def check_limits(self, person: str, workflow: str, limits: Sequence[Rule], count: int = 1) -> None:
        """Raise `TooMany` if a request of a person, given as "platform:id", for so many runs would be refused now."""
        if limits:
            people = self._accounts.counted(person)
            check = partial(usage.check, people=people, workflow=workflow, limits=limits, now=self._clock())
            await self._database.ask(partial(check, count=count))

    async def quota_statuses(self, person: str, workflow: str, limits: Sequence[Rule]) -> list[QuotaStatus]:
        """Return the quotas of a person, given as "platform:id", for one more run of a workflow."""
        now, people = self._clock(), self._accounts.counted(person)
        return await self._database.ask(
            lambda connection: usage.quota_statuses(connection, people, workflow, limits, now)
        )

    async def claim(self, worker: str, pick: Picker, platforms: Collection[str] | None = None) -> RunRecord | None:
        """Let the picker choose among the runs of these platforms, or of all, and give the run to this worker alone. A
        run that is ahead still waits, until `RunRepository.begin`.
        """
        self.was_empty = False  # while it looks, what changes is news
        if not self._database.is_shared:
            return await self._claim_alone(worker, pick, platforms)
        for pause in _PAUSES:
            count, is_free = await self._look()
            if not count:
                self.was_empty = True
                return None
            if is_free or not pause:
                async with self._choosing(anyway=not pause) as ask:
                    if ask is not None:
                        found = await _picked(lambda first: ask(partial(self._heads, platforms, first)), pick)
                        run = await self._take(*found, worker) if found is not None else None
                        if run is not None or found is None:
                            return run
                        continue
            await asyncio.sleep(pause)
        return None

    async def _claim_alone(self, worker: str, pick: Picker, platforms: Collection[str] | None) -> RunRecord | None:
        """Claim a run where no other process takes any: one question tells which may be next, and whether any waits."""

        async def heads(first: int) -> list[Row[Any]]:
            rows, self.was_empty = await self._database.ask(partial(self._heads_alone, platforms, first))
            return rows

        for _again in _PAUSES:
            found = await _picked(heads, pick)
            run = await self._take(*found, worker) if found is not None else None
            if run is not None or found is None:
                return run
        return None

    async def _look(self) -> tuple[int, bool]:
        """Count the runs that a worker may take, up to a few; and whether fewer workers are just choosing one."""
        count, is_free = await self._database.ask(lambda connection: connection.execute(statements.LOOK).one())
        return count, bool(is_free)

    @asynccontextmanager
    async def _choosing(self, *, anyway: bool) -> AsyncIterator[_Ask | None]:
        """A way to ask what there is to choose from; None if as many other workers as there are runs are choosing, who
        would all choose the same.
        """
        async with self._database.read(begun=True) as connection:
            is_ours = (await connection.execute(statements.TICKET)).one().is_free
            yield connection.run_sync if is_ours or anyway else None

    async def _take(self, picked: Assignment, seen: Row[Any], worker: str) -> RunRecord | None:
        """Give a run to a worker; None if it is no longer as it was seen, or its person now has as many as they may."""
        state, started_at = (State.WAITING, None) if picked.ahead else (State.RUNNING, self._clock())
        start = dict(zip(statements.TAKEN, (state, picked.server, worker, started_at), strict=True))
        people = self._accounts.counted(seen.person)
        as_seen = {"attempt": seen.attempt, "caps": seen.caps, "people": list(people), "most": self._caps.running}
        given = {"of_run": seen.id, **{f"of_{name}": value for name, value in as_seen.items()}}
        given |= {f"new_{name}": value for name, value in start.items()}
        statement = statements.TAKE
        if self._database.is_shared:
            given["news"] = self._database.bells.in_words([Topic.EMPTY])
            statement = statements.TAKE_AND_TELL
        locks = (f"runs of {min(people)}", *concurrency.locks(seen.caps)) if seen.priority == 0 else ()
        take = partial(_taken, statement=statement, picked=picked, seen=seen, given=given, people=people)
        return await self._database.write(take, locks=locks)

    async def requeue(self, run: RunRecord, reason: str, avoid: str | None) -> bool:
        """Let a run wait again after an attempt, which costs nothing if the run was still ahead. False if it has no
        attempts left, or was cancelled.
        """
        spared = run.spared + (run.is_ahead and run.spared < MOST_SPARED)
        if run.attempt - spared >= MOST_ATTEMPTS:
            return False
        avoided = sorted(run.avoid | {avoid} if avoid else run.avoid)
        again = {"state": State.WAITING, "attempt": run.attempt + 1, "reason": reason, "avoid": avoided}
        again["spared"] = spared
        ours = (runs.c.id == run.id, runs.c.attempt == run.attempt, taken())
        freed = {"server": None, "worker": None, "started_at": None, "executed_at": None}
        change = update(runs).where(*ours, runs.c.cancelled_by.is_(None)).values(again | freed)
        async with self._database.change(Topic.LINE) as connection:
            return (await connection.execute(change)).rowcount > 0

    async def update_policy(self, run: RunRecord, policy: EffectivePolicy) -> None:
        """Replace the policy of a waiting run: the limits on runs at a time, and the handling of its results. If it is
        ahead, it is taken back, so that its turn comes under these limits.
        """
        waits = (runs.c.id == run.id, runs.c.state.in_((State.WAITING, State.LATER)))
        async with self._database.change(Topic.LINE, Topic.CANCELS) as connection:
            await connection.execute(update(runs).where(*waits).values(_lasting(policy)))
            await connection.execute(update(runs).where(*waits, runs.c.server.is_not(None)).values(_BACK))

    async def waiting(self) -> list[RunRecord]:
        """Return all waiting runs that have a message, in queue order: those that are ahead first. Of many, a part is
        read at a time, between which other tasks go on.
        """
        return (await self.waiting_and(lambda _connection: None))[0]

    async def waiting_and(self, also: Callable[[Connection], _Also]) -> tuple[list[RunRecord], _Also]:
        """Return what `waiting` returns, and what is `also` read. It is one visit to the database for both, in which
        another process may change something in between.
        """

        def look(connection: Connection) -> tuple[Stored, _Also]:
            return read_stored(_FIRST_WAITING.rows(connection), known), also(connection)

        known = self._known
        stored, beside = await self._database.ask(look)
        found = dict(stored)
        if len(found) >= _PART:
            ids = await self._database.ask(lambda connection: [row.id for row in _WAITING_IDS.rows(connection)])
            found = {}
            for first in range(0, len(ids), _PART):
                found |= await self._read(ids[first : first + _PART])
        self._known = dict(islice(found.items(), _MOST_KNOWN))
        return list(found.values()), beside

    async def next_up(self) -> list[RunRecord]:
        """Return the first runs of the queue that a worker may take now, in queue order."""
        rows = await self._database.ask(partial(self._heads, None, 0))
        return list((await self._read([row.id for row in rows])).values()) if rows else []

    async def _read(self, run_ids: Sequence[str]) -> Stored:
        """Return those of these runs that wait."""
        known, given = self._known, {"of_runs": run_ids}
        return await self._database.ask(lambda connection: read_stored(_THESE_WAITING.rows(connection, given), known))

    async def is_queued(self, run_id: str) -> bool:
        """True if a run still waits."""
        return await self._queued.has(run_id)

    async def _which_are_queued(self, run_ids: Collection[str]) -> Collection[str]:
        asked = {"of_runs": list(run_ids)}
        return await self._database.ask(lambda connection: {row.id for row in statements.WAIT.rows(connection, asked)})

    async def position(self, run_id: str) -> int | None:
        """Return a run's place in the queue, counted from 1; None if it does not wait."""
        mine = select(runs).where(runs.c.id == run_id, runs.c.state == State.WAITING)
        async with self._database.read() as connection:
            own = (await connection.execute(mine)).one_or_none()
            if own is None:
                return None
            if own.server is not None:
                return 1
            before = or_(
                runs.c.server.is_not(None),
                runs.c.priority > own.priority,
                and_(runs.c.priority == own.priority, runs.c.turn < own.turn),
                and_(runs.c.priority == own.priority, runs.c.turn == own.turn, runs.c.depth < own.depth),
                and_(
                    runs.c.priority == own.priority,
                    runs.c.turn == own.turn,
                    runs.c.depth == own.depth,
                    runs.c.seq < own.seq,
                ),
            )
            question = select(func.count()).where(runs.c.state == State.WAITING, before)
            return int((await connection.execute(question)).scalar_one()) + 1

    async def sweep(self) -> None:
        """Delete charges that no limit counts."""
        async with self._database.change() as connection:
            await usage.sweep(connection, self._clock())

    def _heads_alone(
        self, platforms: Collection[str] | None, first: int, connection: Connection
    ) -> tuple[list[Row[Any]], bool]:
        """Return the first runs, or those further back, and whether none waits at all."""
        is_empty = not first and statements.COUNT.row(connection)[0] == 0
        return [] if is_empty else self._heads(platforms, first, connection), is_empty

    def _heads(self, platforms: Collection[str] | None, first: int, connection: Connection) -> list[Row[Any]]:
        """Return the first runs of the queue, or those further back."""
        window = statements.heads(None if platforms is None else frozenset(platforms), WINDOW)
        given = {"most": self._caps.running, "first": first}
        capped = self._capped(connection)
        if not capped:
            return window.rows(connection, given)
        free = or_(runs.c.priority != 0, not_(or_(*capped)))
        return list(connection.execute(window.statement.where(free), given))

    def _capped(self, connection: Connection) -> list[Any]:
        """Return the conditions for runs that must wait for others of their person, place or workflow."""
        texts = [row.caps for row in statements.CAPS.rows(connection)]
        linked = self._accounts.linked
        if not texts and not linked:
            return []
        by_person: dict[str, list[BusyRun]] = {}
        for row in statements.BUSY.rows(connection):
            by_person.setdefault(self._accounts.whole(row.person), []).append(BusyRun(*row))
        everybody = [run for own in by_person.values() for run in own]
        capped: list[Any] = [runs.c.caps.in_(concurrency.full_for_all(texts, everybody))]
        for person, own in by_person.items():
            theirs = runs.c.person.in_(self._accounts.counted(person))
            if person in linked and len(own) >= self._caps.running:
                capped.append(theirs)
            capped.append(and_(theirs, runs.c.caps.in_(concurrency.full_for_person(texts, own))))
        return capped


async def _picked(
    heads: Callable[[int], Awaitable[list[Row[Any]]]], pick: Picker
) -> tuple[Assignment, Row[Any]] | None:
    """Pick a run from the head of the queue, or from further back if these servers can run nothing there. Returns what
    the choice was made by, too.
    """
    for first in range(0, _FARTHEST, WINDOW):
        rows = await heads(first)
        picked = pick([read_queued(row) for row in rows]) if rows else None
        if picked is not None:
            return picked, next(row for row in rows if row.id == picked.run_id)
        if len(rows) < WINDOW:
            return None
    return None


def _taken(
    connection: Connection,
    statement: PreparedStatement,
    picked: Assignment,
    seen: Row[Any],
    given: Mapping[str, Any],
    people: Collection[str],
) -> RunRecord | None:
    if seen.priority == 0 and seen.caps and _is_full(connection, seen, people):
        return None
    row = statement.row(connection, given)
    if row is None:
        return None
    statements.TURN.change(connection, {"now_at": row.turn})
    if picked.passed:
        connection.execute(statements.put_off(picked.passed))
    return read_run(row)


def _is_full(connection: Connection, seen: Row[Any], people: Collection[str]) -> bool:
    busy = [BusyRun(*each) for each in statements.BUSY.rows(connection)]
    own = [run for run in busy if run.person in people]
    return bool(concurrency.full_for_all([seen.caps], busy) or concurrency.full_for_person([seen.caps], own))


_BACK = {"server": None, "worker": None, "attempt": runs.c.attempt + 1, "spared": runs.c.spared + 1}
_ORDER = (runs.c.server.is_(None), *statements.TURNS)


_WAITING = select(*STORED).where(statements.in_states([State.WAITING]), runs.c.opened == 1).order_by(*_ORDER)
_FIRST_WAITING = PreparedStatement(_WAITING.limit(literal_column(str(_PART))))
_THESE_WAITING = PreparedStatement(_WAITING.where(statements.THESE))
_WAITING_IDS = PreparedStatement(_WAITING.with_only_columns(runs.c.id))


def _cost(run: NewRun) -> float:
    """Return what a run may cost at most, in credits."""
    return run.price.high if run.price is not None else 0.0


def _joined(run: NewRun) -> list[Topic]:
    """Return what is news with a run: it is held, or in the line, or will be once its message is there."""
    return [Topic.HELD] if run.held else [Topic.LINE] if run.opened else []


def _too_many(most: int, waiting: int, asked: int, fits: int) -> str:
    if fitting := fitting_words(asked, fits):
        words = ngettext(
            "You have {count} waiting run, and may have {most}.",
            "You have {count} waiting runs, and may have {most}.",
            waiting,
        )
        return f"{words.format(count=waiting, most=most)} {fitting}"
    words = ngettext(
        "You already have {count} waiting run, and cannot add another. Try again when it has started.",
        "You already have {count} waiting runs, and cannot add another. Try again when one of them has started.",
        waiting,
    )
    return words.format(count=waiting)


def _lasting(policy: EffectivePolicy) -> dict[str, Any]:
    """Return the parts of a policy that apply after a run is accepted: limits on runs at a time, and display and
    review.
    """
    return {
        "review": int(policy.review.on),
        "review_in": policy.review.channel,
        "manner": msgspec.to_builtins(policy.display),
        "caps": concurrency.written(policy.limits),
    }


def _columns(run: NewRun, turn: int, depth: int, now: float) -> dict[str, Any]:
    return {
        "id": run.id,
        "workflow": run.workflow,
        "version": run.version,
        "given": run.values,
        "inputs": msgspec.to_builtins(run.inputs),
        "stem": run.stem,
        "person": run.person.key,
        "person_name": run.person.name,
        "place": run.place.key,
        "place_name": run.place.name,
        "community": asked_in(run.place),
        "chat": run.address.chat,
        "message": run.address.message,
        "kind": run.kind,
        "models": sorted(run.models),
        "priority": run.priority,
        "turn": turn,
        "depth": depth,
        "put_off": 0,
        "state": State.LATER if run.is_later else State.HELD if run.held else State.WAITING,
        "attempt": 1,
        "reason": "",
        "avoid": [],
        "asked_at": now,
        **_lasting(run.policy),
        "roles": sorted(run.person.roles),
        "administrator": int(run.person.moderator),
        "parents": list(run.place.parents),
        "opened": int(run.opened),
        "private": int(run.private),
        "price": msgspec.to_builtins(run.price),
        "wording": msgspec.to_builtins(run.wording),
        "step": msgspec.to_builtins(run.step),
        **_group(run.group),
    }


def _group(place: GroupPlace | None) -> dict[str, Any]:
    if place is None:
        return {"group_id": None, "cell": 0, "cells": 1, "label": "", "group_open": 0}
    return {
        "group_id": place.id,
        "cell": place.cell,
        "cells": place.cells,
        "label": place.label,
        "group_open": int(place.drawn),
    }
