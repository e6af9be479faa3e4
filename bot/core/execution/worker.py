"""The worker: gives its servers the runs whose turn it is, and sees each through to its end."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth, until_set
from bot.core.care.crashes import CrashingWorkflows
from bot.core.care.resting import RestingServers
from bot.core.care.unloading import IdleUnloader
from bot.core.error_text import explain, in_log
from bot.core.errors import StorageFailed
from bot.core.execution.ahead import RunsAhead
from bot.core.execution.attempt import Attempt, ExecutionContext, UploadCache
from bot.core.execution.durable.attempts import Attempts
from bot.core.execution.durable.step import AttemptFunction, DurableStep
from bot.core.execution.left_behind import LeftBehind
from bot.core.execution.sending_order import SendingOrder
from bot.core.execution.steps import prompt_ids
from bot.core.model import Failed
from bot.core.port import show_status
from bot.core.retry import Pauses, retry
from bot.core.run import QueuedRun, RunRecord, State
from bot.core.runs.queue import MOST_SPARED, WINDOW, Assignment
from bot.core.servers.load import JobFactory, ServerLoad
from bot.core.servers.look_in_turn import LookInTurn
from bot.core.storage.bells import Topic
from bot.core.traces.spans import attempt_key, timed
from bot.i18n import _
from comfy.fleet import Fleet

_log = logging.getLogger(__name__)
_PAUSES = Pauses(1.0, 5.0)  # before the records are asked again
_LOOK_EVERY = 15.0  # seconds between two looks at the line while something is under way
_WORTHWHILE = 1.0  # seconds; a run that starts sooner stays where it is


class Worker:
    """Serves from `async with` to its end. Runs that are under way then go on when a worker of this name is back."""

    def __init__(
        self,
        name: str,
        context: ExecutionContext,
        fleet: Fleet,
        attempts: Callable[[AttemptFunction], Attempts],
        tasks: TaskHealth,
        others: Callable[[], Collection[str]] = tuple,
        unload_after: float | None = None,
    ) -> None:
        """`others` tells which other workers are at work. Servers unload their models after so many seconds without
        work.
        """
        self.name = name
        self._context, self._fleet = context, fleet
        self._attempts = attempts(self._attempt)
        self._load = ServerLoad()
        self._offered: tuple[int, Mapping[str, int]] = -1, {}
        members = fleet.members
        self._jobs = JobFactory(
            context.versions,
            lambda: fleet.known,
            lambda: fleet.version,
            lambda name: bool(members[name].server.account_key),
        )
        self._uploads: defaultdict[str, UploadCache] = defaultdict(UploadCache)
        self._order = SendingOrder()
        self._fresh: dict[tuple[str, int], RunRecord] = {}  # taken by this process, and not begun before
        self._to_resume: list[RunRecord] = []  # ours by the records, from an earlier process
        self._under_way: dict[str, tuple[RunRecord, asyncio.Task[None]]] = {}
        self._term = context.lease.term
        self._news, self._outcomes = asyncio.Event(), True
        self._has_no_line = False  # none waits that could be claimed
        self._look = LookInTurn(name, others, self._note_line)
        self._is_line_new = True  # since the runs that are ahead were looked at
        self._wanted = context.records.bells.bell(Topic.CANCELS)
        context.records.bells.on(Topic.LINE, self._note_run)
        context.records.bells.on(Topic.EMPTY, self._note_empty)
        context.records.bells.on(Topic.ROOM, self._note_room)
        context.records.bells.on(Topic.OUTCOMES, self._note_outcomes)
        for again in (self._wanted.ring, self.wake):
            context.lease.on_term.add(again)
        self._left_behind = LeftBehind(context.records, fleet, tasks)
        self._turns, self._cancels = BackgroundTask("turns", tasks), BackgroundTask("cancels", tasks)
        self._ahead = RunsAhead(tasks, self.wake)
        self._rests, self._crashes = RestingServers(fleet, tasks), CrashingWorkflows(tasks)
        self._unloader = IdleUnloader(fleet, unload_after, self._load.has_work, self._load.unload, tasks)

    async def __aenter__(self) -> Worker:
        for run in await self._context.records.measured(self.name):
            self._load.recall(run.server or "", run, learn=self._has_alone(run))
        self._to_resume = await self._context.records.active_at(self.name)
        for run in self._to_resume:
            if run.server is not None and (run.state is State.RUNNING or run.is_ahead):
                self._load.enter(run.server, run)
        await self._attempts.open(resumes=bool(self._to_resume))
        await self._left_behind.__aenter__()
        await self._ahead.__aenter__()
        await self._unloader.__aenter__()
        self._turns.repeat(self._take_turns)
        self._cancels.repeat(self._watch_cancels, until=self._wanted.wait)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._turns.stop()
        await self._cancels.stop()
        await self._unloader.__aexit__()
        await self._ahead.__aexit__()
        await self._left_behind.__aexit__()
        await self._attempts.close()
        self._look.forget()

    def wake(self) -> None:
        """Say that there may be something to do: a run joined the line, or a server came back."""
        self._news.set()

    def _note_line(self) -> None:
        self._look.forget()
        self._has_no_line, self._is_line_new = False, True
        self._news.set()

    def _note_run(self) -> None:
        self._has_no_line = False  # if a server is free before it is our turn, it takes the run
        self._look.run_joined()

    def _note_empty(self) -> None:
        if self._look.put_off():
            self._has_no_line = True

    def _note_room(self) -> None:
        """Say that fewer runs are on servers, which is news for runs that wait."""
        if not self._context.queue.was_empty:
            self._note_line()

    def _note_outcomes(self) -> None:
        """Say that there may be a result that has only to be delivered."""
        self._outcomes = True
        self._news.set()

    def cancel(self, run_id: str) -> None:
        """Stop a run that is under way here, once; why stands in its record already."""
        if (under_way := self._under_way.pop(run_id, None)) is not None:
            under_way[1].cancel()

    def loaded_at(self, server: str) -> Sequence[str]:
        """Return the models that our runs have loaded at a server."""
        return sorted(self._load.loaded(server))

    def has_work_at(self, server: str) -> bool:
        """True if a run is at a server, or ahead there."""
        return self._load.has_work(server)

    def prompts_at(self, server: str) -> frozenset[str]:
        """Return the ids of our prompts that a server may have."""
        ours = [run for run, _task in self._under_way.values() if run.server == server]
        return frozenset(each for run in ours for each in prompt_ids(UUID(run.id), run.attempt))

    def leave_alone(self, server: str) -> None:
        """Take back the run that is ahead at a server."""
        for run in self._ahead:
            if run.server == server:
                self._ahead.take_back(run)

    def unloaded(self, server: str) -> None:
        """Note that a server has unloaded its models."""
        self._load.unload(server)

    def _offer(self) -> ServerLoad:
        """The load of the servers that are up, with all that has changed."""
        if self._fleet.version != self._offered[0]:
            up = self._fleet.up
            at_once = {name: each.at_once for name, each in self._fleet.members.items() if name in up}
            self._offered = self._fleet.version, at_once
        self._load.offer(self._offered[1], self._fleet.shared, self._ahead.kept)
        return self._load

    async def _take_turns(self) -> None:
        self._news.clear()
        await self._resume()
        await self._reconsider()
        while self._may_claim() and not self._has_no_line and self._offer().takes_more:
            run = await self._claim()
            if run is None:
                if await self._context.versions.fetch():
                    continue
                break
            self._load.enter(run.server or "", run)
            self._fresh[run.id, run.attempt] = run
            self._attempts.begin(run.id, run.attempt)
        if self._outcomes:
            self._outcomes = False
            await self._take_approved()
        if not await until_set(self._news, self._patience):
            self._outcomes, self._has_no_line, self._is_line_new = True, False, True

    @property
    def _patience(self) -> float:
        """The seconds after which it looks in any case: what is under way may take longer than it seemed."""
        net = self._context.records.bells.net
        return min(net, _LOOK_EVERY) if self._under_way else net

    async def _claim(self) -> RunRecord | None:
        self._has_no_line = True  # unless it picks, or the line changes meanwhile
        try:
            return await self._context.queue.claim(self.name, self._pick, self._context.replies.platforms)
        except StorageFailed:
            self._has_no_line = False
            raise

    async def _take_approved(self) -> None:
        """Deliver the runs that a moderator has approved; they need no server."""
        while (
            self._may_claim()
            and (run := await self._context.records.claim_to_deliver(self.name, self._context.replies.platforms))
            is not None
        ):
            self._attempts.begin(run.id, run.attempt)

    def _may_claim(self) -> bool:
        """False where this process stood still and has not given a sign of life since: its name may be another's."""
        return self._context.lease.term is not None

    async def _reconsider(self) -> None:
        """Take back a run that is ahead if an idle server ends it sooner, or if a run of higher priority waits. Without
        an idle server and without news of the line there is nothing to look at.
        """
        if not self._is_line_new and not self._offer().has_idle:
            return
        ahead = (run for run in self._ahead if run.spared < MOST_SPARED)  # else to move it would cost it an attempt
        worth = [run for run in ahead if self._load.starts_in(run.server or "", run) > _WORTHWHILE]
        if not worth:
            return
        self._is_line_new = False
        try:
            first = await self._context.records.first_priority()
        except StorageFailed:
            self._is_line_new = True
            raise
        self._is_line_new |= first > 0  # one that starts so soon that it is not worth it may be late
        for run in worth:
            sooner = self._offer().ends_sooner(run.server or "", run, self._jobs.of(run, self._fleet.up))
            if sooner is not None or run.priority < first:
                self._ahead.take_back(run, sooner or "")

    def _pick(self, heads: Sequence[QueuedRun]) -> Assignment | None:
        """Choose a run for a server."""
        self._has_no_line = False
        jobs = list(self._jobs.line(heads, self._fleet.up))
        choice = self._offer().choose(jobs, more=len(heads) >= WINDOW)
        return Assignment(choice.job.id, choice.server, choice.passed, choice.ahead) if choice is not None else None

    async def _resume(self) -> None:
        """Go on with what an earlier process left behind."""
        while self._to_resume:
            await self._attempts.resume(self._to_resume[0].id, self._to_resume[0].attempt)
            del self._to_resume[0]

    async def _attempt(self, run_id: str, attempt: int, step: DurableStep) -> None:
        fresh = self._fresh.pop((run_id, attempt), None)
        run = fresh or await self._record(run_id)
        if run is None or run.attempt != attempt or run.worker != self.name or run.ended_at is not None:
            return  # it was handed over, or has ended
        task = asyncio.current_task()
        if task is not None:
            self._under_way[run_id] = run, task
        try:
            await self._make(run, step, resumed=fresh is None)
        finally:
            if run_id in self._under_way and self._under_way[run_id][1] is task:
                del self._under_way[run_id]
            self._ahead.discard(run)
            self._leave(run, learn=False)

    async def _record(self, run_id: str) -> RunRecord | None:
        """Read a run's record, and try again until the database answers."""
        get = partial(self._context.records.get, run_id)
        return await retry(get, StorageFailed, _PAUSES, f"run {run_id} waits for its record")

    async def _make(self, run: RunRecord, step: DurableStep, *, resumed: bool) -> None:
        server = run.server or ""
        if run.outcome is not None and server not in self._fleet.members:
            server = next(iter(self._fleet.members), server)  # it has only to be delivered, which needs none
        events_log.run_started(run.id, run.workflow, server, run.attempt, resumed=resumed)
        place = self._order.enter(server)
        try:
            if server not in self._fleet.members:
                await self._homeless(run)
                return
            attempt = Attempt(
                self._context,
                run,
                self._fleet.client(server),
                self._uploads[server],
                step,
                lambda learn: self._leave(run, learn=learn),
                lambda prompt_id: self._doubt(server, run, prompt_id),
                lambda prompt_id: self._left_behind.hold(server, run.id, prompt_id),
                self._began,
                place,
                resumed=resumed,
            )
            if run.is_ahead:
                self._ahead.add(run, attempt)
            if run.cancelled_by:
                self.cancel(run.id)
            with timed(run.id, "attempt", key=attempt_key(run.attempt), server=server, resumed=resumed):
                await attempt.make()
            self._rests.note(server, run, attempt.went_well)
            self._crashes.note(server, run, attempt.went_well, attempt.went_away_at)
        except Exception as error:  # noqa: BLE001 - the end of a run, where even that could not be written down
            _log.error("run %s could not be ended", run.id, exc_info=error)
            await self._end(run, explain(error, run.id), in_log(error))
        finally:
            place.leave()

    def _began(self, run: RunRecord) -> None:
        self._ahead.discard(run)
        self._load.enter(run.server or "", run)

    def _doubt(self, server: str, run: RunRecord, prompt_id: str) -> None:
        self._left_behind.note(server, run.id, prompt_id)
        self._fleet.doubt(server)

    async def _homeless(self, run: RunRecord) -> None:
        """Its server is no longer among the settings."""
        sentence = _("Its server is no longer in the settings.")
        if not await self._context.queue.requeue(run, sentence, None):
            await self._end(run, sentence, "its server is no longer in the settings")

    async def _end(self, run: RunRecord, sentence: str, cause: str) -> None:
        """Write down the end as soon as that is possible, and then tell the person."""

        async def end() -> None:
            if await self._context.records.end(run, State.FAILED, sentence, cause):
                await show_status(self._context.reply(run), Failed(sentence))

        await retry(end, StorageFailed, _PAUSES, f"the end of run {run.id} waits until it can be written down")

    def _leave(self, run: RunRecord, *, learn: bool) -> None:
        """Give a server back. The time that a run took counts if it had the server for itself."""
        self._news.set()
        self._load.leave(run.server or "", run, learn=learn and self._has_alone(run))

    def _has_alone(self, run: RunRecord) -> bool:
        member = self._fleet.members.get(run.server or "")
        return member is not None and member.at_once == 1

    async def _watch_cancels(self) -> None:
        await self._watch_lease()
        for run_id in await self._context.records.cancel_requests(self.name):
            self.cancel(run_id)
        if ahead := {run.id for run in self._ahead}:
            for run_id in ahead - await self._context.records.still_with(self.name, ahead):
                self.cancel(run_id)

    async def _watch_lease(self) -> None:
        """Stop the runs that others took over while this process stood still."""
        term = self._context.lease.term
        if term is None or term == self._term:
            return
        for run, _task in list(self._under_way.values()):
            if not await self._context.attempt_lease(run).holds():
                self.cancel(run.id)
        self._term = term
