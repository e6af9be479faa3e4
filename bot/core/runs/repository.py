"""Read runs from the database, and change them after they leave the queue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import time
from typing import Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, literal_column, or_, select, update

from bot.core import events_log
from bot.core.model import Address, Person
from bot.core.pings.outbox import PingOutbox
from bot.core.run import ACTIVE, ENDED, UNFINISHED, HandedOver, Outcome, RunRecord, RunTiming, State
from bot.core.runs import statements, usage
from bot.core.runs.gallery.marks import FavouriteStore, forget_marks
from bot.core.runs.history.reports import ReportStore, forget_reports
from bot.core.runs.history.search import forget_words
from bot.core.runs.recipes import steps
from bot.core.runs.rows import read_run
from bot.core.storage.bells import Bells, Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.engines.prepared import PreparedStatement
from bot.core.storage.schema import runs, thumbnails, uses
from bot.core.traces import spans

_FILES = "files that no run uses"  # the lock of those who look for them: each would find that the other's run uses one
_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".apng", ".avif", ".mp4", ".webm", ".mov")
_NOWHERE = {"server": None, "worker": None}
_LATELY = 500  # runs by which estimates are made


@dataclass(frozen=True)
class SeenRuns:
    """The runs that workers have; those that finished lately and were not known, earliest first; and when each of those
    that finished lately ended, known or not.
    """

    active: Sequence[RunRecord]
    done: Sequence[RunRecord]
    ended: Mapping[str, float]


class RunListener(Protocol):
    """A listener to the runs of a platform."""

    def wants(self, person: str) -> bool:
        """True if the runs of a person, given by their id on the platform, are to be shown."""

    def show(self, run: RunRecord) -> None:
        """Show a run as it was written just now."""


class Announcement:
    """Tells a listener of runs as this process has just written them, so that they need not be read again."""

    def __init__(self, listener: RunListener | None, run_ids: Sequence[str]) -> None:
        self._listener, self._run_ids = listener, run_ids
        self._written: list[RunRecord] = []

    def read(self, connection: Connection) -> None:
        """Read the runs, at the end of the transaction that changes them."""
        if self._listener is not None:
            self._written = _these(connection, self._run_ids)

    def tell(self) -> None:
        """Tell of them, after the transaction."""
        if self._listener is not None:
            for run in self._written:
                self._listener.show(run)


class RunRepository:
    """Every change checks the run's attempt, so a worker that lost a run cannot change it."""

    def __init__(self, database: Database, clock: Callable[[], float] = time, ping_after: int | None = None) -> None:
        self._database, self._clock = database, clock
        self.reports = ReportStore(database, clock)
        self.favourites = FavouriteStore(database, clock)
        #: Those who are to be told of the ends of runs.
        self.pings = PingOutbox(database, clock, ping_after)
        self._listeners: dict[str, RunListener] = {}

    @property
    def bells(self) -> Bells:
        """The bells that changes of runs ring."""
        return self._database.bells

    def when_written(self, platform: str, listener: RunListener) -> None:
        """Have a listener told of the runs of a platform that this process writes: each as it has joined the line, and
        as its attempt has come to its end.
        """
        self._listeners[platform] = listener

    def announcement(self, person: Person, *run_ids: str) -> Announcement:
        """Return what tells of these runs of a person."""
        listener = self._listeners.get(person.platform)
        return Announcement(listener if listener is not None and listener.wants(person.id) else None, run_ids)

    async def get(self, run_id: str) -> RunRecord | None:
        return await self._database.ask(partial(_found, run_id=run_id))

    async def probe(self) -> None:
        """Begin and end a transaction. Raises `StorageFailed` where nothing can be written."""
        await self._database.write(lambda connection: connection.execute(select(1)))  # a statement begins it

    async def at(self, address: Address) -> RunRecord | None:
        """Return the latest run of a message."""
        where = (runs.c.chat == address.chat, runs.c.message == address.message)
        own = runs.c.person.startswith(f"{address.platform}:", autoescape=True)
        rows = await self._select(*where, own, order=runs.c.seq.desc(), limit=1)
        return rows[0] if rows else None

    async def group(self, group_id: str) -> list[RunRecord]:
        """Return the runs of a group that have not been deleted, in order."""
        return await self._select(runs.c.group_id == group_id, order=runs.c.cell)

    async def open_groups(self, platforms: Collection[str], *, ended: bool = True) -> list[str]:
        """Return the groups of these platforms the message of which does not say yet how all of it ended; `ended`: only
        those that have.
        """
        mine = (runs.c.group_open == 1, runs.c.opened == 1, statements.on_platforms(platforms))
        question = select(runs.c.group_id).where(*mine).group_by(runs.c.group_id)
        if ended:
            question = question.having(func.sum(case((statements.in_states(UNFINISHED), 1), else_=0)) == 0)
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def close_group(self, group_id: str) -> None:
        """Record that the message of a group says how all of it ended."""
        mine = runs.c.group_id == group_id

        def close(connection: Connection) -> None:
            if connection.execute(update(runs).where(mine, runs.c.group_open == 1).values(group_open=0)).rowcount:
                ended = [read_run(row) for row in connection.execute(select(runs).where(mine).order_by(runs.c.cell))]
                made = [run for run in ended if run.state is not State.CANCELLED]
                if made:  # of these one that has a result, if any has
                    self.pings.note(connection, min(made, key=lambda run: run.state is not State.DONE))

        await self._database.write(close)
        self.pings.wake()

    async def unopened(self, platform: str, before: float) -> list[RunRecord]:
        """Return the runs from before a moment whose message was never posted."""
        own = runs.c.person.startswith(f"{platform}:", autoescape=True)
        waits = (runs.c.state.in_((State.WAITING, State.HELD)), runs.c.opened == 0, runs.c.asked_at < before)
        return await self._select(*waits, own, order=runs.c.seq)

    async def last_of(self, person: Person, count: int = 10, others: Collection[str] = ()) -> list[RunRecord]:
        """Return a person's latest runs, newest first; also those of their other accounts, given as "platform:id"."""
        return await self._records(statements.LAST, {"of_people": [person.key, *others], "count": count})

    async def developed_of(
        self, people: Collection[str], count: int, ends: Mapping[str, tuple[State, float]]
    ) -> list[RunRecord]:
        """Return the latest runs of a person, given by their accounts as "platform:id", newest first; none that
        ended as `ends` says.
        """

        def ask(connection: Connection) -> list[RunRecord]:
            given = {"of_people": list(people), "count": count}
            latest = [
                row.id for row in connection.execute(statements.LAST_ENDS, given) if ends.get(row.id) != tuple(row)[1:]
            ]
            return _these(connection, latest)

        return await self._database.ask(ask)

    async def unfinished_in(self, community: str, count: int = 50) -> list[RunRecord]:
        """Return the running and waiting runs of a community, given as "platform:id", oldest first."""
        return await self._select(
            runs.c.community == community, runs.c.state.in_(UNFINISHED), order=runs.c.seq, limit=count
        )

    async def unfinished_shown_in(self, platform: str, chat: str) -> list[RunRecord]:
        """Return the running and waiting runs whose message is in a chat, oldest first."""
        own = runs.c.person.startswith(f"{platform}:", autoescape=True)
        return await self._select(runs.c.chat == chat, runs.c.state.in_(UNFINISHED), own, order=runs.c.seq)

    async def unfinished_of(self, *accounts: str) -> list[RunRecord]:
        """Return the waiting, running and held runs of a person, given by their accounts, as "platform:id"."""
        return await self._select(runs.c.person.in_(accounts), runs.c.state.in_(UNFINISHED), order=runs.c.seq)

    async def active_at(self, worker: str) -> list[RunRecord]:
        """Return the runs of a worker, also those that are ahead."""
        return await self._select(runs.c.worker == worker, taken(), order=runs.c.seq)

    async def active(self) -> list[RunRecord]:
        """Return the runs of all workers, also those that are ahead."""
        return await self._database.ask(lambda connection: list(map(read_run, _ACTIVE.rows(connection))))

    async def measured(self, worker: str) -> list[RunRecord]:
        """Return the latest runs that a worker has finished, earliest first. Estimates use them."""
        done = (runs.c.state == State.DONE, runs.c.worker == worker)
        return (await self._select(*done, order=runs.c.ended_at.desc(), limit=_LATELY))[::-1]

    async def seen_since(self, since: float, known: Collection[str]) -> SeenRuns:
        """Return what workers have now, and of the latest runs that finished after a moment those not `known` by their
        ids.
        """
        return await self._database.ask(partial(seen_since, since=since, known=known))

    async def lately(self, community: str, since: float) -> list[RunTiming]:
        """Return the requests of a community, given as "platform:id", since a moment, with the data that statistics
        need.
        """
        columns = (runs.c.workflow, runs.c.person, runs.c.state, runs.c.asked_at, runs.c.started_at, runs.c.executed_at)
        question = select(*columns).where(runs.c.community == community, runs.c.asked_at >= since)
        async with self._database.read(begun=True) as connection:
            return await connection.each(question, lambda row: RunTiming(*row))

    async def communities(self) -> dict[str, str]:
        """Return the communities with requests, as "platform:id", each with the name of its latest place."""
        latest = select(func.max(runs.c.seq)).group_by(runs.c.community)
        question = select(runs.c.community, runs.c.place_name).where(runs.c.seq.in_(latest))
        async with self._database.read() as connection:
            return dict(map(tuple, await connection.execute(question)))

    async def used_in(self, community: str, since: float) -> dict[str, int]:
        """Count the requests of a community, given as "platform:id", since a moment, by workflow."""
        question = select(runs.c.workflow, func.count()).where(runs.c.community == community, runs.c.asked_at >= since)
        async with self._database.read() as connection:
            return dict(map(tuple, await connection.execute(question.group_by(runs.c.workflow))))

    async def versions_used(self) -> set[str]:
        """Return the versions of workflows that runs use."""
        async with self._database.read() as connection:
            return set((await connection.execute(select(runs.c.version).distinct())).scalars())

    async def counts(self) -> dict[State, int]:
        """Count the runs that have not ended, by state."""
        found = await self._database.ask(lambda connection: connection.execute(statements.COUNTS).all())
        return {State(state): count for state, count in found}

    async def hand_over(self, run: RunRecord, handed_over: HandedOver) -> bool:
        """Record that the server of a run has taken its prompt. Returns True if the attempt still owned the run."""
        return await self._step(run, (State.RUNNING,), handed_over=msgspec.to_builtins(handed_over))

    async def begin(self, run: RunRecord, handed_over: HandedOver | None = None) -> RunRecord | None:
        """Record that the server has begun a run that was ahead, and was handed over. None if it waits there no longer.
        `handed_over` is None if that is on record elsewhere.
        """
        values: dict[str, Any] = {"state": State.RUNNING, "started_at": self._clock()}
        if handed_over is not None:
            values["handed_over"] = msgspec.to_builtins(handed_over)
        change = statements.begin(tuple(values))
        given = {"of_worker": run.worker, **statements.step_values(run.id, run.attempt, values)}

        def begin(connection: Connection) -> RunRecord | None:
            row = change.row(connection, given)
            return read_run(row) if row is not None else None

        return await self._database.write(begin)

    async def still_with(self, worker: str, run_ids: Collection[str]) -> set[str]:
        """Return those of the runs that this worker has, waiting or running, and that nobody has cancelled."""
        mine = (runs.c.id.in_(run_ids), runs.c.worker == worker, taken(), runs.c.cancelled_by.is_(None))
        question = select(runs.c.id).where(*mine)
        return await self._database.ask(lambda connection: set(connection.execute(question).scalars()))

    async def first_priority(self) -> int:
        """Return the highest priority in the queue, without the runs that are ahead."""
        waits = (runs.c.state == State.WAITING, runs.c.opened == 1, runs.c.server.is_(None))
        question = select(func.max(runs.c.priority)).where(*waits)
        return await self._database.ask(lambda connection: connection.execute(question).scalar_one()) or 0

    async def executed(self, run: RunRecord, handed_over: HandedOver | None = None) -> RunRecord | None:
        """Record that the server has finished its part. None if the attempt did not own the run any longer.
        `handed_over` is None if what is on record says all of it.
        """
        now = self._clock()
        charge = partial(usage.settle, run_id=run.id, now=now, took=now - (run.started_at or now))
        values: dict[str, Any] = {"state": State.DELIVERING, "executed_at": now}
        if handed_over is not None:
            values["handed_over"] = msgspec.to_builtins(handed_over)
        stepped = await self._step(run, (State.RUNNING,), charge, (Topic.ROOM,), **values)
        return replace(run, state=State.DELIVERING, executed_at=now) if stepped else None

    async def post(self, run: RunRecord, *, posted: bool = True) -> bool:
        """Record that a run that costs money is about to be posted to its server, or that the server says that it never
        began. Returns True if the attempt still owned the run.
        """
        return await self._step(run, (State.RUNNING,), posted_at=self._clock() if posted else None)

    async def save_outputs(self, run: RunRecord, outcome: Outcome) -> bool:
        """Record the outputs, so that any worker can deliver them. Returns True if the run had not ended."""
        outputs = msgspec.to_builtins(outcome)

        def save(connection: Connection) -> bool:
            _note_uses(connection, run, outcome)  # else they outlive an ended run
            return _stepped(connection, run, ACTIVE, outputs=outputs)

        return await self._database.write(save, locks=(_files_of(run),))

    async def end(
        self,
        run: RunRecord,
        state: State,
        sentence: str | None = None,
        cause: str | None = None,
        outcome: Outcome | None = None,
    ) -> bool:
        """End a run. Returns True if it had not ended before. The sentence is for the person, and the cause for the
        log. An `outcome` that is not on record yet is recorded with the end.
        """
        now = self._clock()
        charge: Callable[[Connection], Any] | None = None  # what is done was settled when its server had done it
        if state is State.CANCELLED:
            charge = partial(usage.settle, run_id=run.id, now=now, took=now - (run.started_at or now))
        if state is State.FAILED or (state is State.CANCELLED and run.started_at is None):
            charge = partial(usage.give_back, run_ids=[run.id])
        charge = charge if state is State.CANCELLED else self._and_ping(run, charge)
        charge = self._and_later(run, state, charge)
        room = () if state is State.DONE else (Topic.ROOM,)  # which one was delivered says nothing of the line
        topics, locks = (*room, *_of_group(run)), () if outcome is None else (_files_of(run),)
        values: dict[str, Any] = {"state": state, "sentence": sentence, "ended_at": now}
        news = self.announcement(run.person, run.id)
        if outcome is not None:
            values["outputs"] = msgspec.to_builtins(outcome)
            charge = _and_uses(run, outcome, charge)
        ended = await self._step(run, UNFINISHED, _and_news(news, charge), topics, locks, **values)
        news.tell()
        return _told(ended, replace(run, ended_at=now), state, cause)

    async def refuse(self, run: RunRecord, sentence: str) -> bool:
        """End a waiting run, or a later step, before it starts. Returns True if it still waited."""
        back, now = partial(usage.give_back, run_ids=[run.id]), self._clock()
        charge = self._and_later(run, State.FAILED, self._and_ping(run, back))
        ended: dict[str, Any] = {"state": State.FAILED, "sentence": sentence, "ended_at": now, **_NOWHERE}
        topics = (Topic.ROOM, Topic.CANCELS, *_of_group(run))
        stepped = await self._step(run, (State.WAITING, State.LATER), charge, topics, **ended)
        return _told(stepped, replace(run, ended_at=now), State.FAILED, "a rule refuses it now")

    async def hold_result(self, run: RunRecord) -> bool:
        """Hold a finished run for a moderator, and take it from its worker."""
        values: dict[str, Any] = {"state": State.HELD, "worker": None, "review_asked_at": None}
        onward = self._and_later(run, State.HELD, None)
        topics = (Topic.HELD, *_of_group(run))
        return await self._step(run, (State.DELIVERING,), onward, topics, **values)

    async def leave(self, run: RunRecord) -> bool:
        """Leave a run that has its outcome to a worker that has its platform, as another attempt."""
        values: dict[str, Any] = {"state": State.DELIVERING, "worker": None, "attempt": run.attempt + 1}
        return await self._step(run, (State.DELIVERING,), None, (Topic.OUTCOMES,), **values)

    async def hold_request(self, run: RunRecord) -> bool:
        """Hold a waiting run for a moderator, unless one has approved it. Returns True if it is held."""
        where = (runs.c.id == run.id, runs.c.attempt == run.attempt, runs.c.state == State.WAITING)
        change = update(runs).where(*where, runs.c.review_asked_at.is_(None)).values(state=State.HELD, **_NOWHERE)
        async with self._database.change(Topic.ROOM, Topic.CANCELS, Topic.HELD) as connection:
            return (await connection.execute(change)).rowcount > 0

    async def approve(self, run_id: str) -> RunRecord | None:
        """Let a held run continue: a request joins the queue, and a result goes to the worker that delivers it. None if
        it was not held.
        """
        held = (runs.c.id == run_id, runs.c.state == State.HELD)
        async with self._database.change(Topic.LINE, Topic.OUTCOMES) as connection:
            row = (await connection.execute(select(runs).where(*held).with_for_update())).one_or_none()
            if row is None:
                return None
            let_in = {"state": State.WAITING, "review_asked_at": row.review_asked_at or self._clock()}
            onward = {"state": State.DELIVERING, "review": 0} if row.outputs else let_in
            await connection.execute(update(runs).where(*held).values(attempt=runs.c.attempt + 1, **onward))
        return await self.get(run_id)

    async def discard(self, run: RunRecord, sentence: str) -> list[str] | None:
        """End a held run without showing its result. Returns the keys of files to delete; None if it was not held."""
        charge = self._and_ping(run, partial(usage.give_back, run_ids=[run.id]))
        return await self._discard(run, sentence, State.HELD, charge)

    async def take_back(self, run: RunRecord, sentence: str) -> list[str] | None:
        """End a run that has a result without it, which people have seen. Returns the keys of files to delete; None if
        it had none.
        """
        if run.state is State.FAILED:
            return await self._discard(run, sentence, State.FAILED, None) if run.outcome is not None else None
        return await self._discard(run, sentence, State.DONE, None)

    async def _discard(
        self, run: RunRecord, sentence: str, state: State, also: Callable[[Connection], Any] | None
    ) -> list[str] | None:
        gone: dict[str, Any] = {"state": State.FAILED, "sentence": sentence, "ended_at": self._clock(), "outputs": None}
        if not await self._step(run, (state,), self._and_later(run, State.FAILED, also), _of_group(run), **gone):
            return None
        cause = "a moderator refused it" if state is State.HELD else "a moderator removed its result"
        _told(True, replace(run, ended_at=gone["ended_at"]), State.FAILED, cause)
        inputs = {file.key for file in run.inputs.values()}
        mine = (uses.c.run_id == run.id, uses.c.key.not_in(inputs))  # its results, and their small pictures
        async with self._database.change(locks=(_FILES,)) as connection:
            return await _unused_without(connection, *mine)

    async def held_in(self, community: str, count: int = 50) -> list[RunRecord]:
        """Return the runs that wait for the moderators of a community, given as "platform:id", oldest first."""
        return await self._select(
            runs.c.community == community, runs.c.state == State.HELD, order=runs.c.seq, limit=count
        )

    async def claim_to_deliver(self, worker: str, platforms: Collection[str]) -> RunRecord | None:
        """Take a run of these platforms that has its outcome and no worker, to deliver it; None where there is none."""
        unclaimed = (runs.c.state == State.DELIVERING, runs.c.worker.is_(None), statements.on_platforms(platforms))
        free = select(runs.c.id).where(*unclaimed).limit(1)
        async with self._database.read() as connection:
            run_id = (await connection.execute(free)).scalar_one_or_none()
        if run_id is None:
            return None
        mine = (runs.c.id == run_id, runs.c.state == State.DELIVERING, runs.c.worker.is_(None))
        async with self._database.change() as connection:
            taken = (await connection.execute(update(runs).where(*mine).values(worker=worker))).rowcount
        return await self.get(run_id) if taken else None

    async def to_ask(self, platforms: Collection[str]) -> list[RunRecord]:
        """Return the held runs of these platforms whose moderators were not asked yet, oldest first."""
        held = (runs.c.state == State.HELD, runs.c.review_asked_at.is_(None), statements.on_platforms(platforms))
        return await self._select(*held, order=runs.c.seq)

    async def is_unasked(self, run_id: str) -> bool:
        """True if a run is held and its moderators were not asked yet."""
        held = (runs.c.id == run_id, runs.c.state == State.HELD, runs.c.review_asked_at.is_(None))
        return bool(await self._select(*held))

    async def mark_asked(self, run_id: str) -> None:
        """Record that the moderators of a held run were asked."""
        held = (runs.c.id == run_id, runs.c.review_asked_at.is_(None))
        async with self._database.change() as connection:
            await connection.execute(update(runs).where(*held).values(review_asked_at=self._clock()))

    async def request_cancel(self, run_id: str, by: str) -> RunRecord | None:
        """Record who cancels a run. A waiting run ends at once. Returns None if the run had ended before."""
        async with self._database.change(Topic.ROOM, Topic.CANCELS, Topic.GROUPS, Topic.HELD) as connection:
            where = (runs.c.id == run_id, runs.c.state.in_(UNFINISHED))
            await connection.execute(update(runs).where(*where).values(cancelled_by=by))
            waits = (runs.c.id == run_id, runs.c.state.in_((State.WAITING, State.HELD, State.LATER)))
            ended = {"state": State.CANCELLED, "ended_at": self._clock()}
            stopped = (await connection.execute(update(runs).where(*waits).values(ended))).rowcount
            if stopped:
                await connection.run_sync(usage.give_back, [run_id])
            row = (await connection.execute(select(runs).where(runs.c.id == run_id))).one_or_none()
            found = read_run(row) if row is not None else None
            if stopped and found is not None and found.step is not None:
                gone = partial(steps.end_after, run=found, state=State.CANCELLED, now=self._clock(), by=by)
                await connection.run_sync(gone)
        if stopped and found is not None:
            _told(True, found, State.CANCELLED)
        return found if found is not None and (stopped or found.state in UNFINISHED) else None

    async def later(self) -> list[RunRecord]:
        """Return the steps of recipes that have not come to their turn, oldest first."""
        return await self._select(runs.c.state == State.LATER, order=runs.c.seq)

    async def choose(self, step: RunRecord, number: int) -> bool:
        """Let a step go on with one of the results of the step before, counted from 0. False if it does not wait for a
        choice any longer.
        """

        def choose(connection: Connection) -> bool:
            after = step.step.after if step.step is not None else ""
            row = statements.RUN.row(connection, {"of_run": after})
            files = steps.fitting(read_run(row).outcome, step) if row is not None and row.state == State.DONE else []
            return number < len(files) and steps.begin(connection, step, files[number], row)

        return await self._database.write(choose, Topic.LINE, Topic.GROUPS)

    async def cancel_requests(self, worker: str) -> list[str]:
        """Return the ids of a worker's runs that people have cancelled."""
        question = select(runs.c.id).where(
            runs.c.worker == worker, runs.c.state.in_(ACTIVE), runs.c.cancelled_by.is_not(None)
        )
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def expire(self, moment: float, sentence: str) -> list[RunRecord]:
        """End held runs from before a moment, because no moderator decided, and steps for which nobody has chosen a
        result; those that ended, to be told.
        """
        old = (runs.c.state.in_((State.HELD, State.LATER)), runs.c.asked_at < moment)
        ended = {"state": State.FAILED, "sentence": sentence, "ended_at": self._clock()}
        async with self._database.change(locks=(usage.MANY_RUNS,)) as connection:
            rows = list(await connection.execute(update(runs).where(*old).values(ended).returning(*runs.c)))
            await connection.run_sync(usage.give_back, [row.id for row in rows])
        expired = [read_run(row) for row in rows]
        for run in expired:
            _told(True, run, State.FAILED, "no moderator decided in time")
        return expired

    async def older_than(self, moment: float, count: int = 500) -> list[str]:
        """Return the ids of ended runs from before a moment, and of those whose person wants to be forgotten."""
        due = or_(runs.c.asked_at < moment, runs.c.forgotten == 1)
        question = select(runs.c.id).where(due, runs.c.state.not_in(UNFINISHED)).limit(count)
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def ended_since(self, moment: float) -> list[RunRecord]:
        """Return the runs that ended after a moment, in any process, earliest first."""
        return await self._select(runs.c.state.in_(ENDED), runs.c.ended_at > moment, order=runs.c.ended_at)

    async def all_of(self, person: str) -> list[str]:
        """Return the ids of all ended runs of a person, given as "platform:id"."""
        question = select(runs.c.id).where(runs.c.person == person, runs.c.state.not_in(UNFINISHED))
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def asked_by(self, person: str, until: float) -> list[str]:
        """Return the ids of all runs that a person, given as "platform:id", had asked for until a moment."""
        question = select(runs.c.id).where(runs.c.person == person, runs.c.asked_at <= until)
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def known(self, run_ids: Collection[str]) -> list[str]:
        """Return those of the ids that runs have."""
        every = select(runs.c.id)
        return await self._database.ask(
            lambda connection: [each for each in connection.execute(every).scalars() if each in run_ids]
        )

    async def anonymize(self, person: str) -> None:
        """Remove the person's name from unfinished runs, and have them deleted soon after they end."""
        mine = update(runs).where(runs.c.person == person, runs.c.state.in_(UNFINISHED))
        async with self._database.change(locks=(usage.MANY_RUNS,)) as connection:
            await connection.execute(mine.values(person_name="", forgotten=1))

    async def scrub(self) -> None:
        """Overwrite what was deleted, as far as the database can."""
        await self._database.scrub()

    async def forget(self, run_ids: Sequence[str]) -> list[str]:
        """Delete runs. Returns the keys of files that no other run uses, so that they can be deleted too."""
        async with self._database.change(locks=(usage.MANY_RUNS, _FILES)) as connection:
            await connection.execute(forget_words(run_ids))
            await connection.execute(delete(runs).where(runs.c.id.in_(run_ids)))
            for statement in (forget_reports(run_ids), *forget_marks(run_ids)):
                await connection.execute(statement)
            return await _unused_without(connection, uses.c.run_id.in_(run_ids))

    async def oldest_with_files(self, count: int) -> list[str]:
        """Return the ids of ended runs that have files, those that were asked for first before others."""
        question = (
            select(runs.c.id)
            .where(runs.c.state.not_in(UNFINISHED), select(uses.c.key).where(uses.c.run_id == runs.c.id).exists())
            .order_by(runs.c.asked_at)
            .limit(count)
        )
        return await self._database.ask(lambda connection: list(connection.execute(question).scalars()))

    async def let_files_go(self, run_ids: Sequence[str]) -> list[str]:
        """Record that runs no longer have their files. Returns the keys of those that no other run uses."""
        async with self._database.change(locks=(usage.MANY_RUNS, _FILES)) as connection:
            return await _unused_without(connection, uses.c.run_id.in_(run_ids))

    async def that_made(self, digest: str) -> list[RunRecord]:
        """Return the runs that have a file of this content among their results, newest first."""
        keys = [f"{digest[:2]}/{digest}{suffix}" for suffix in _SUFFIXES]
        ids = select(uses.c.run_id).where(uses.c.key.in_(keys))
        found = await self._select(runs.c.id.in_(ids), order=runs.c.seq.desc(), limit=20)
        return [run for run in found if run.outcome and any(file.key in keys for file in run.outcome.files)]

    async def used(self, keys: Sequence[str]) -> set[str]:
        """Return those of the files that runs use."""
        if not keys:
            return set()
        async with self._database.read() as connection:
            return set((await connection.execute(select(uses.c.key).where(uses.c.key.in_(keys)))).scalars())

    async def _step(
        self,
        run: RunRecord,
        states: Sequence[State],
        also: Callable[[Connection], Any] | None = None,
        topics: Collection[Topic] = (),
        locks: Collection[str] = (),
        **values: Any,
    ) -> bool:
        def step(connection: Connection) -> bool:
            stepped = _stepped(connection, run, states, **values)
            if stepped and also is not None:
                also(connection)
            return stepped

        more = () if run.step is None else (Topic.LINE, Topic.HELD)
        others = () if run.step is None else (usage.MANY_RUNS,)
        stepped = await self._database.write(step, *topics, *more, locks=(*locks, *others))
        self.pings.wake()
        return stepped

    def _and_later(
        self, run: RunRecord, state: State, also: Callable[[Connection], Any] | None
    ) -> Callable[[Connection], Any] | None:
        """Return what is done with a change that ends a step of a recipe, or its part at a server: the next steps go on
        with its result, or end with it.
        """
        if run.step is None:
            return also

        def done(connection: Connection) -> None:
            if also is not None:
                also(connection)
            if state in (State.DONE, State.HELD):
                steps.release(connection, run, self._clock())
            else:
                steps.end_after(connection, run, state, self._clock(), run.cancelled_by)

        return done

    def _and_ping(self, run: RunRecord, also: Callable[[Connection], Any] | None) -> Callable[[Connection], None]:
        """Return what is done with a change that ends a run: its person is to be told. Of a group they are told when
        its message says how all of it ended.
        """

        def done(connection: Connection) -> None:
            if also is not None:
                also(connection)
            if run.group_id is None:
                self.pings.note(connection, run)

        return done

    async def _select(self, *where: Any, order: Any = None, limit: int | None = None) -> list[RunRecord]:
        question = select(runs).where(*where).order_by(order).limit(limit)
        return await self._records(question)

    async def _records(self, question: Any, given: Mapping[str, Any] | None = None) -> list[RunRecord]:
        return await self._database.ask(lambda connection: list(map(read_run, connection.execute(question, given))))


async def _unused_without(connection: AsyncConnection, *which: Any) -> list[str]:
    """Delete these uses of files by runs. Returns the keys of the files that no other run uses."""
    keys = set((await connection.execute(select(uses.c.key).where(*which))).scalars())
    await connection.execute(delete(uses).where(*which))
    kept = set((await connection.execute(select(uses.c.key).where(uses.c.key.in_(keys)))).scalars())
    gone = sorted(keys - kept)
    await connection.execute(delete(thumbnails).where(or_(thumbnails.c.key.in_(gone), thumbnails.c.small.in_(gone))))
    return gone


def _these(connection: Connection, run_ids: Sequence[str]) -> list[RunRecord]:
    """Return runs in the order of their ids."""
    if len(run_ids) < 2:
        return [run for each in run_ids if (run := _found(connection, each)) is not None]
    found = map(read_run, _THESE.rows(connection, {"of_runs": list(run_ids)}))
    return sorted(found, key=lambda each: run_ids.index(each.id))


def seen_since(connection: Connection, since: float, known: Collection[str]) -> SeenRuns:
    """Return what `RunRepository.seen_since` returns."""
    ended = {row.id: row.ended_at for row in _LATELY_DONE.rows(connection, {"since": since})}
    fresh = [run_id for run_id in ended if run_id not in known]
    found = _THESE.rows(connection, {"of_runs": fresh}) if fresh else ()
    done = sorted(map(read_run, found), key=lambda run: ended[run.id])
    return SeenRuns(list(map(read_run, _ACTIVE.rows(connection))), done, ended)


def _found(connection: Connection, run_id: str) -> RunRecord | None:
    row = statements.RUN.row(connection, {"of_run": run_id})
    return read_run(row) if row is not None else None


def _stepped(connection: Connection, run: RunRecord, states: Sequence[State], **values: Any) -> bool:
    change = statements.step(tuple(states), tuple(values))
    return change.change(connection, statements.step_values(run.id, run.attempt, values)) > 0


def _files_of(run: RunRecord) -> str:
    """Return the lock of those who change which files a run uses."""
    return f"files of {run.id}"


def _note_uses(connection: Connection, run: RunRecord, outcome: Outcome) -> None:
    statements.note_uses(connection, run.id, [file.key for file in outcome.files])


def _and_uses(
    run: RunRecord, outcome: Outcome, also: Callable[[Connection], Any] | None
) -> Callable[[Connection], None]:
    """Return what is done with a change that records an outcome as well."""

    def done(connection: Connection) -> None:
        if also is not None:
            also(connection)
        _note_uses(connection, run, outcome)

    return done


def _and_news(news: Announcement, also: Callable[[Connection], Any] | None) -> Callable[[Connection], None]:
    """Return what is done with a change that others are told of at once."""

    def done(connection: Connection) -> None:
        if also is not None:
            also(connection)
        news.read(connection)

    return done


def _of_group(run: RunRecord) -> tuple[Topic, ...]:
    """Return what an end is news for, besides: the message of a group."""
    return () if run.group_id is None else (Topic.GROUPS,)


def taken() -> ColumnElement[bool]:
    """The runs that workers have: active ones, and those that are ahead."""
    return or_(statements.in_states(ACTIVE), statements.AHEAD)


_ACTIVE = PreparedStatement(select(runs).where(taken()).order_by(runs.c.seq))
_THESE = PreparedStatement(select(runs).where(statements.THESE))
_LATELY_DONE = PreparedStatement(
    select(runs.c.id, runs.c.ended_at)
    .where(statements.in_states([State.DONE]), runs.c.ended_at > bindparam("since"))
    .order_by(runs.c.ended_at.desc())
    .limit(literal_column(str(_LATELY)))
)


def _told(ended: bool, run: RunRecord, state: State, cause: str | None = None) -> bool:
    """Tell the log and the trace of an end, if it is one."""
    if ended:
        note_end(run, state, cause)
    return ended


def note_end(run: RunRecord, state: State, cause: str | None) -> None:
    """Tell the log and the trace that the end of a run is on disk."""
    events_log.run_ended(run.id, state, cause, run.workflow, run.server, run.lasted)
    facts = {"workflow": run.workflow, "state": state.value, "attempts": run.attempt, "server": run.server or ""}
    spans.since(run.id, spans.RUN, run.asked_at, run.ended_at, **facts)
