"""Apply new decisions of moderators to waiting runs. Runs that a server has started are finished."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import BadValue, NotAllowed, UnknownWorkflow
from bot.core.model import Failed, Held
from bot.core.policy import concurrency
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.rules import Review
from bot.core.policy.scope import community_of
from bot.core.run import RunRecord
from bot.core.runs.locks import RunLocks
from bot.core.runs.queue import RunQueue
from bot.core.runs.replies import RunReplies
from bot.core.runs.repository import RunRepository
from bot.core.workflows.catalog import Versions
from bot.core.workflows.workflow import Workflow


class Reevaluation:
    """Use it in `async with`. It begins with the decisions made while it was not running."""

    def __init__(
        self,
        enforcer: PolicyEnforcer,
        audit: Audit,
        queue: RunQueue,
        records: RunRepository,
        versions: Versions,
        replies: RunReplies,
        locks: RunLocks,
        tasks: TaskHealth,
    ) -> None:
        self._enforcer, self._audit, self._queue, self._records = enforcer, audit, queue, records
        self._versions, self._replies, self._locks = versions, replies, locks
        self._decided = {""}  # communities; "" stands for all
        self._news = asyncio.Event()
        self._chore = BackgroundTask("reevaluation", tasks)

    async def __aenter__(self) -> Reevaluation:
        self._enforcer.book.on_change(self._note)
        self._news.set()
        self._chore.repeat(self._work)
        return self

    async def __aexit__(self, *_exit: object) -> None:
        await self._chore.stop()

    def _note(self, community: str) -> None:
        self._decided.add(community)
        self._news.set()

    async def _work(self) -> None:
        await self._news.wait()
        self._news.clear()
        decided, self._decided = self._decided, set()
        try:
            await self._revise(decided)
        except Exception:
            self._decided |= decided
            self._news.set()
            raise

    async def _revise(self, communities: Collection[str]) -> None:
        for run in [*await self._queue.waiting(), *await self._records.later()]:
            await asyncio.sleep(0)  # let other tasks run, even if many runs wait
            meant = "" in communities or community_of(run.place) in communities
            if meant and self._replies.has(run):
                await self._decide(run)

    async def _decide(self, run: RunRecord) -> None:
        decision = self._enforcer.decide_again(run)
        if not decision.allowed:
            await self._refuse(run, decision.why)
            return
        try:
            workflow = await self._versions.get(run.workflow, run.version)
            held = await self._enforcer.rereads(run, workflow)
        except (UnknownWorkflow, NotAllowed, BadValue) as fault:
            await self._refuse(run, str(fault))
            return
        await self._amend(run, workflow)
        if held:
            await self._hold(run)

    async def _amend(self, run: RunRecord, workflow: Workflow) -> None:
        policy = self._enforcer.policy(run.person, run.place, run.workflow)
        if workflow.spoiler:
            policy = policy.covered()
        if run.step is not None and run.review:  # because of any step
            policy = replace(policy, review=Review(on=True, channel=run.review_in))
        now = (policy.review.on, policy.review.channel, policy.display, concurrency.written(policy.limits))
        if now != (run.review, run.review_in, run.display, run.caps):
            await self._queue.update_policy(run, policy)

    async def _hold(self, run: RunRecord) -> None:
        async with self._locks.hold(run.id):
            if await self._records.hold_request(run):
                await self._say(run, Held())

    async def _refuse(self, run: RunRecord, why: str) -> None:
        async with self._locks.hold(run.id):
            if not await self._records.refuse(run, why):
                return
            await self._audit.refused(run.person, run.place, f"{run.workflow}: {why}")
            await self._say(run, Failed(why))

    async def _say(self, run: RunRecord, status: Failed | Held) -> None:
        await self._replies.show(run, status)
