"""The service behind the control room. It is for operators alone: others are refused, and the audit says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bot.core import metrics
from bot.core.background import TaskHealth
from bot.core.care.desk import ServerDesk, ServerView
from bot.core.care.server_text import freed_words, interrupted_words, state_words
from bot.core.control.events import RecentEvents
from bot.core.control.views import (
    FoundRuns,
    NowView,
    RunQuestion,
    SeenChat,
    SeenDisk,
    SeenRun,
    SeenServer,
    TurnInLine,
    WholeLine,
)
from bot.core.errors import StorageFailed, UserError
from bot.core.model import Person, Place
from bot.core.moderation.problems import WorkflowProblem, WorkflowProblems
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import Permissions
from bot.core.run import UNFINISHED, RunRecord, State
from bot.core.runs.eta import EtaEstimator
from bot.core.runs.oversight.finder import RunFilter, RunFinder
from bot.core.runs.oversight.order import LineOrder
from bot.core.runs.service import RunService
from bot.core.watching.disk import Room
from bot.core.watching.trouble import Trouble
from bot.core.workflows.catalog import Workflows
from bot.i18n import _

_PAGE = 25  # runs
_LINE = 50  # waiting runs
_T = TypeVar("_T")


class ControlRoom:
    """`troubles` tells all that is wrong, in all processes."""

    def __init__(
        self,
        desk: ServerDesk,
        finder: RunFinder,
        order: LineOrder,
        runs: RunService,
        estimator: EtaEstimator,
        problems: WorkflowProblems,
        catalog: Workflows,
        permissions: Permissions,
        audit: Audit,
        tasks: TaskHealth,
        troubles: Callable[[], Awaitable[Sequence[Trouble]]],
        folder: Path,
        recent: RecentEvents,
    ) -> None:
        self._desk, self._finder, self._order, self._runs = desk, finder, order, runs
        self._estimator, self._problems, self._catalog = estimator, problems, catalog
        self._permissions, self._audit, self._tasks = permissions, audit, tasks
        self._troubles, self._folder, self._recent = troubles, folder, recent

    async def now(self, by: Person, here: Place, question: RunQuestion) -> NowView:
        """Return all that there is to see just now. Raises `NotAllowed`."""
        await self._permissions.operator(by, here, "control room")
        return NowView(
            await _known(self._servers()),
            await _known(self._runs.counts()),
            await _known(self._found(question)),
            await _known(self._line()),
            await _known(self._faults(by, here)),
            tuple(await _known(self._troubles()) or ()),
            tuple(map(self._chat, self._tasks.platforms)),
            await self._disk(),
            tuple(self._recent.newest_first),
            self._recent.hears_all,
        )

    async def interrupt(self, by: Person, here: Place, server: str) -> str:
        """Cancel our runs that a server executes, and no others. Raises `UserError`."""
        await self._permissions.operator(by, here, "server interrupt")
        count = await self._desk.interrupt(server, f"{by.key}:{by.name}")
        return await self._done(by, here, "server interrupt", interrupted_words(server, count))

    async def free(self, by: Person, here: Place, server: str) -> str:
        """Have a server unload its models, unless something is there. Raises `UserError`, also where it does not."""
        await self._permissions.operator(by, here, "server free")
        answer = await self._desk.free(server)
        words = freed_words(server, answer)
        if answer is None or not answer.done:
            raise UserError(words)
        return await self._done(by, here, "server free", words)

    async def drain(self, by: Person, here: Place, server: str, *, wanted: bool) -> str:
        """Have a server get no more runs, or get runs again. Raises `UserError`."""
        act = "server drain" if wanted else "server resume"
        await self._permissions.operator(by, here, act)
        view = await self._desk.drain(server, wanted=wanted)
        return await self._done(by, here, act, f"{server}: {state_words(view)}.")

    async def put_first(self, by: Person, here: Place, run_id: str) -> str:
        """Give a waiting run the turn before all others. Raises `UserError` if it does not wait any longer."""
        await self._permissions.operator(by, here, "run first")
        run = await self._runs.get(run_id)
        if run is None or not await self._order.put_first(run_id):
            raise UserError(_("This run does not wait in line any longer."))
        words = _("{title} ({run}) is the first in line. Limits on the runs of its person still hold.")
        words = words.format(title=self._catalog.title(run.workflow), run=run_id)
        return await self._done(by, run.place, "run first", words)

    async def cancel(self, by: Person, here: Place, run_id: str) -> str:
        """Cancel a run of anybody. Raises `UserError` if it has ended."""
        await self._permissions.operator(by, here, "run cancel")
        run = await self._runs.get(run_id)
        if run is None or not await self._runs.cancel(run_id, by):
            raise UserError(_("This run has ended."))
        words = _("Cancelled {title} ({run}).").format(title=self._catalog.title(run.workflow), run=run_id)
        return await self._done(by, run.place, "run cancel", words)

    async def _done(self, by: Person, here: Place, act: str, words: str) -> str:
        await self._audit.decided(by, here, act, words)
        return words

    async def _servers(self) -> tuple[SeenServer, ...]:
        views = await self._desk.glance()
        failed = await self._finder.last_failures([(each.worker, each.own_name) for each in views])
        return tuple(self._server(each, failed.get((each.worker, each.own_name))) for each in views)

    def _server(self, view: ServerView, failed: RunRecord | None) -> SeenServer:
        titles = tuple(self._catalog.title(run.workflow) for run in view.runs)
        shown = failed if failed is not None and not failed.private else None
        return SeenServer(view, state_words(view), titles, shown)

    async def _found(self, question: RunQuestion) -> FoundRuns:
        workflows = self._named(question.workflow) if question.workflow else None
        states = UNFINISHED if question.state is None else (question.state,)
        wanted = RunFilter(states, question.person, workflows, question.fault)
        found = await self._finder.find(wanted, _PAGE + 1, question.page * _PAGE)
        return FoundRuns(tuple(map(self._seen, found[:_PAGE])), question.page, len(found) > _PAGE)

    def _named(self, words: str) -> frozenset[str]:
        """Return the ids of the workflows with these words in their titles, names or ids."""
        wanted = words.casefold()
        every = self._catalog.workflows.values()
        found = {each.id for each in every if wanted in f"{each.title} {each.name} {each.id}".casefold()}
        return frozenset({*found, words})  # one that is gone has its id

    async def _line(self) -> WholeLine:
        waiting, outlook = await self._estimator.line()
        turns = tuple(
            TurnInLine(self._seen(run), place, outlook.starts.get(run.id), place > 1 and not run.is_ahead)
            for place, run in enumerate(waiting[:_LINE], 1)
        )
        return WholeLine(turns, len(waiting))

    def _seen(self, run: RunRecord) -> SeenRun:
        fault = (run.sentence or "") if run.state is State.FAILED else run.reason
        return SeenRun(run, self._catalog.title(run.workflow), "" if run.private else fault)

    async def _faults(self, by: Person, here: Place) -> tuple[WorkflowProblem, ...]:
        return tuple(await self._problems.all(by, here))

    def _chat(self, name: str) -> SeenChat:
        tasks = self._tasks
        remarks = tuple(said.words for topic, said in tasks.remarks.items() if topic.split()[0] == name)
        counts = (metrics.edits[name], metrics.rate_limits[name])
        return SeenChat(name, name not in tasks.away, tasks.refusals.get(name, ""), remarks, *counts)

    async def _disk(self) -> SeenDisk:
        try:
            room = await asyncio.to_thread(Room.at, self._folder)
        except OSError:
            return SeenDisk(self._folder, None, None)
        return SeenDisk(self._folder, room.total, room.free)


async def _known(question: Awaitable[_T]) -> _T | None:
    """Return the answer; None where the database does not give one."""
    try:
        return await question
    except StorageFailed:
        return None
