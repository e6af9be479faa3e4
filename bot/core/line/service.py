"""The service for the line: what runs and waits, in the order of turns, and what a person may still do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.core.model import Person, Place
from bot.core.people.accounts import KnownAccounts
from bot.core.policy.quota import QuotaStatus
from bot.core.policy.scope import community_of
from bot.core.run import RunRecord, State
from bot.core.runs.eta import EtaEstimator
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.runs.service import RunService
from bot.core.runs.workflow_service import WorkflowService
from bot.core.status_text import seconds
from bot.i18n import _, ngettext

_MOST = 100  # runs of a list
_AT_ONCE = 50  # workflows between two pauses for other tasks
_STATES = (State.RUNNING, State.DELIVERING, State.WAITING, State.HELD)  # in the order of a list


@dataclass(frozen=True)
class LineEntry:
    """A run of the list, or the first of a group, which has one entry: its number there, its title, and its state,
    place and estimate in `words`. `cancel` says what a button to cancel it does; it is empty if the person may not. It
    is for all of the `group`, if there is one.
    """

    number: int
    run: RunRecord
    title: str
    words: str
    cancel: str
    group: str = ""


class LineService:
    """Places and estimates are those that messages of waiting runs show."""

    def __init__(
        self,
        runs: RunService,
        workflows: WorkflowService,
        queue: RunQueue,
        records: RunRepository,
        estimator: EtaEstimator,
        accounts: KnownAccounts,
    ) -> None:
        self._runs, self._workflows, self._queue, self._records = runs, workflows, queue, records
        self._estimator, self._accounts = estimator, accounts

    async def entries(self, person: Person, here: Place) -> list[LineEntry]:
        """Return what runs and waits in a community, but for private runs, and in private what of the person's own
        does, in the order in which it starts. Raises `StorageFailed`.
        """
        if here.community:
            every = await self._records.unfinished_in(community_of(here), _MOST)
            found = [run for run in every if not run.private]
        else:
            found = (await self._records.unfinished_of(*self._accounts.of(person.key)))[:_MOST]
        found = [run for run in found if run.state is not State.LATER]
        line, outlook = await self._estimator.line()
        before = {run.id: place for place, run in enumerate(line)}
        shown = sorted(found, key=lambda run: (_STATES.index(run.state), before.get(run.id, len(line))))
        together = Counter(run.group_id or run.id for run in shown)
        first = dict[str, RunRecord]()
        for run in shown:
            first.setdefault(run.group_id or run.id, run)
        entries = []
        for number, run in enumerate(first.values(), 1):
            words = _words(run, before.get(run.id), outlook.running, outlook.starts, outlook.left)
            title = self._title(run)
            if run.group_id is not None and run.step is None:
                words = _("{left} of {count} left: {words}").format(
                    left=together[run.group_id], count=run.cells, words=words
                )
            may = self._runs.may_change(person, run)
            cancel = _("Cancel {number}: {title}").format(number=number, title=title) if may else ""
            entries.append(LineEntry(number, run, title, words, cancel, run.group_id or ""))
        return entries

    async def cancel_waiting(self, person: Person) -> list[str]:
        """Cancel all of a person's runs that wait for their turns. Return their ids. Raises `StorageFailed`."""
        own = await self._records.unfinished_of(*self._accounts.of(person.key))
        waiting = [run for run in own if run.state is State.WAITING]
        groups = {run.group_id for run in waiting} - {None}
        later = [run for run in own if run.state is State.LATER and run.group_id in groups]
        return [run.id for run in (*waiting, *later) if await self._runs.cancel(run.id, person)]

    def _title(self, run: RunRecord) -> str:
        """Return the title of a run; of one of a group, that of the group."""
        if run.step is not None:
            return self._workflows.title(run.step.recipe)
        title = self._workflows.title(run.workflow)
        return f"{title} ({run.cells})" if run.cells > 1 else title

    async def limits(self, person: Person, here: Place) -> list[str]:
        """Say what a person may still do in a place, and when more: a line for each limit. Raises `StorageFailed`."""
        rules = dict[object, tuple[str, QuotaStatus]]()
        allowed = self._workflows.allowed(person, here)
        for number, workflow in enumerate(allowed):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            for status in await self._workflows.allowance(person, here, workflow.id, known=rules.keys()):
                rules.setdefault(status.rule.slot, (workflow.id, status))
        every = await self._records.unfinished_of(*self._accounts.counted(person.key))
        own = [run for run in every if run.state is not State.LATER]
        told = [_at_once(self._queue.most.running, self._queue.most.waiting, own)]
        statuses = (status for _workflow, status in rules.values())
        told += [str(status) for status in sorted(statuses, key=lambda each: not each.is_reached)]
        if not allowed:
            return [_("You may run nothing here."), *told[1:]]
        return told if rules else [*told, _("There is no other limit on your runs here.")]


def _at_once(running: int, waiting: int, own: Iterable[RunRecord]) -> str:
    """Say how many runs of a person run and wait at a time, and how many do now."""
    states = [run.state for run in own]
    words = _("At most {running} of your runs at a time, and {waiting} in line. Now: {now} under way, {then} in line.")
    count = sum(state in (State.RUNNING, State.DELIVERING) for state in states)
    return words.format(running=running, waiting=waiting, now=count, then=len(states) - count)


def _words(
    run: RunRecord, before: int | None, running: int, starts: Mapping[str, float], left: Mapping[str, float]
) -> str:
    match run.state:
        case State.HELD:
            return _("waits for a moderator")
        case State.DELIVERING:
            return _("is on its way")
        case State.RUNNING:
            soon = left.get(run.id)
            return _("runs") if soon is None else _("runs, about {time} left").format(time=seconds(soon))
    if before is None:
        return _("waits")
    count = before + running
    words = (
        _("next in line")
        if before == 0
        else ngettext("{count} run before it", "{count} runs before it", count).format(count=count)
    )
    start = starts.get(run.id)
    if start is None or start < 1:
        return words
    return f"{words}, {_('starts in about {time}').format(time=seconds(start))}"
