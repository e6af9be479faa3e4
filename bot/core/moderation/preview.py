"""Tells what a decision would change, before it is made."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from bot.core.errors import BadValue, NotAllowed, UnknownWorkflow
from bot.core.model import Person, Place
from bot.core.moderation.matrix import example_of, groups_in
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.rules import Budget, Limit, Rule
from bot.core.policy.scope import ADMINISTRATORS, EVERYONE, Subject, asked_in, community_of
from bot.core.run import RunRecord
from bot.core.runs.oversight.finder import RunFinder
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.workflows.catalog import Versions, Workflows
from bot.i18n import _, ngettext

_DAYS = 30
_PEOPLE = 300
_COUNTED = 100  # people whose runs are counted for a limit
_RUNS = 500
_NAMES = 8


@dataclass(frozen=True)
class AccessChange:
    """Workflows, by title, that a group of people would be allowed, or denied."""

    who: str
    allowed: bool
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Effects:
    """The differences: access of groups; of people, by name; waiting runs that would be refused, held for a
    moderator, or have their results reviewed, no longer reviewed, or shown in another way; and people who have reached
    a new limit already. `looked_at` are so many of the waiting runs, if there are `more`.
    """

    access: tuple[AccessChange, ...] = ()
    people: tuple[str, ...] = ()
    refused: int = 0
    held: int = 0
    reviewed: int = 0
    unreviewed: int = 0
    displayed: int = 0
    at_limit: tuple[str, ...] = ()
    looked_at: int = 0
    more: bool = False

    @property
    def lines(self) -> list[str]:
        """Say it in sentences."""
        return list(self._lines()) or [_("Nothing changes at once, for anyone who asked here lately or waits now.")]

    def _lines(self) -> Iterator[str]:
        for each in self.access:
            words = _("Allowed for {who}: {workflows}.") if each.allowed else _("Denied for {who}: {workflows}.")
            yield words.format(who=each.who, workflows=_listed(each.titles))
        if count := len(self.people):
            words = ngettext(
                "{count} person who asked here within a month may run other workflows than now: {names}.",
                "{count} people who asked here within a month may run other workflows than now: {names}.",
                count,
            )
            yield words.format(count=count, names=_listed(self.people))
        if self.refused:
            words = ngettext("{count} waiting run is cancelled.", "{count} waiting runs are cancelled.", self.refused)
            yield words.format(count=self.refused)
        if self.held:
            words = ngettext(
                "{count} waiting run is held for a moderator.",
                "{count} waiting runs are held for a moderator.",
                self.held,
            )
            yield words.format(count=self.held)
        if self.reviewed:
            words = ngettext(
                "A moderator sees the result of {count} waiting run first.",
                "A moderator sees the results of {count} waiting runs first.",
                self.reviewed,
            )
            yield words.format(count=self.reviewed)
        if self.unreviewed:
            words = ngettext(
                "The result of {count} waiting run is shown without a review.",
                "The results of {count} waiting runs are shown without a review.",
                self.unreviewed,
            )
            yield words.format(count=self.unreviewed)
        if self.displayed:
            words = ngettext(
                "The result of {count} waiting run is shown in another way.",
                "The results of {count} waiting runs are shown in another way.",
                self.displayed,
            )
            yield words.format(count=self.displayed)
        if count := len(self.at_limit):
            words = ngettext(
                "{count} person has reached this limit already: {names}.",
                "{count} people have reached this limit already: {names}.",
                count,
            )
            yield words.format(count=count, names=_listed(self.at_limit))
        if self.more:
            yield _("Only the first {count} waiting runs were looked at.").format(count=self.looked_at)


@dataclass(frozen=True)
class Rehearsal:
    """The sentence that would be the answer to a decision, and its effects."""

    words: str
    effects: Effects


class _Verdict(Enum):
    FINE = "fine"
    HELD = "held"
    REFUSED = "refused"


class DecisionPreview:
    """All methods raise `StorageFailed`."""

    def __init__(
        self,
        finder: RunFinder,
        queue: RunQueue,
        records: RunRepository,
        versions: Versions,
        catalog: Workflows,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._finder, self._queue, self._records = finder, queue, records
        self._versions, self._catalog, self._clock = versions, catalog, clock

    async def effects(
        self, here: Place, now: PolicyEnforcer, then: PolicyEnforcer, changed: Collection[str]
    ) -> Effects:
        """Compare two sets of rules, which differ in these communities; "" stands for all of them."""
        if not changed:
            return Effects()
        alike = now.alike(self._catalog.workflows)
        asked = await self._finder.people(
            None if "" in changed else asked_in(here), self._clock() - _DAYS * 86_400, _PEOPLE
        )
        people = list[str]()
        for run, _count in asked:
            await asyncio.sleep(0)
            if now.allowed(run.person, run.place, alike) != then.allowed(run.person, run.place, alike):
                people.append(_name(run.person))
        waiting = await self._waiting(now, then, changed)
        reached = await self._reached(here, now, then, [run for run, _count in asked[:_COUNTED]])
        access = [each async for each in self._access(here, now, then, alike)]
        return replace(waiting, access=tuple(access), people=tuple(people), at_limit=tuple(reached))

    async def _access(
        self, here: Place, now: PolicyEnforcer, then: PolicyEnforcer, alike: Sequence[Sequence[str]]
    ) -> AsyncIterator[AccessChange]:
        for who in _groups(here, now, then):
            await asyncio.sleep(0)
            person = example_of(here, who)
            before, after = (each.allowed(person, here, alike) for each in (now, then))
            for allowed, names in ((True, after - before), (False, before - after)):
                if names:
                    titles = sorted(map(self._catalog.title, names), key=str.casefold)
                    yield AccessChange(str(who), allowed, tuple(titles))

    async def _waiting(self, now: PolicyEnforcer, then: PolicyEnforcer, changed: Collection[str]) -> Effects:
        """Return what would change for waiting runs."""
        every = [*await self._queue.waiting(), *await self._records.later()]
        meant = [run for run in every if "" in changed or community_of(run.place) in changed]
        found = Counter[str]()
        for run in meant[:_RUNS]:
            await asyncio.sleep(0)
            after = await self._verdict(then, run)
            if after is _Verdict.FINE:
                found.update(_shown_otherwise(run, now, then))
            elif await self._verdict(now, run) is not after:  # else it would be so anyway
                found[after.value] += 1
        return Effects(
            refused=found["refused"],
            held=found["held"],
            reviewed=found["reviewed"],
            unreviewed=found["unreviewed"],
            displayed=found["displayed"],
            looked_at=min(len(meant), _RUNS),
            more=len(meant) > _RUNS,
        )

    async def _verdict(self, enforcer: PolicyEnforcer, run: RunRecord) -> _Verdict:
        if not enforcer.decide_again(run).allowed:
            return _Verdict.REFUSED
        try:
            workflow = await self._versions.get(run.workflow, run.version)
            return _Verdict.HELD if await enforcer.rereads(run, workflow) else _Verdict.FINE
        except (UnknownWorkflow, NotAllowed, BadValue):
            return _Verdict.REFUSED

    async def _reached(
        self, here: Place, now: PolicyEnforcer, then: PolicyEnforcer, asked: Sequence[RunRecord]
    ) -> list[str]:
        """Return the people, by name, for whom a limit that is new is reached."""
        known = set(_limits(now, here))
        fresh = [rule for rule in _limits(then, here) if rule not in known]
        found = list[str]()
        for run in asked if fresh else ():
            workflow = fresh[0].scope.workflow or run.workflow
            applies = [rule for rule in then.policy(run.person, run.place, workflow).limits if rule in fresh]
            statuses = await self._queue.quota_statuses(run.person.key, workflow, applies) if applies else []
            if any(each.is_reached for each in statuses):
                found.append(_name(run.person))
        return found


def _shown_otherwise(run: RunRecord, now: PolicyEnforcer, then: PolicyEnforcer) -> Iterator[str]:
    before, after = (each.policy(run.person, run.place, run.workflow) for each in (now, then))
    if after.review.on and not run.review:
        yield "reviewed"
    if run.review and not after.review.on and run.step is None:  # steps of recipes stay under review
        yield "unreviewed"
    if after.display != before.display:
        yield "displayed"


def _groups(here: Place, now: PolicyEnforcer, then: PolicyEnforcer) -> list[Subject]:
    community = community_of(here)
    named = {who.key: who for each in (now, then) for who in groups_in(each.rules_of(here), community)}
    return [EVERYONE, *([ADMINISTRATORS] if community else []), *named.values()]


def _limits(enforcer: PolicyEnforcer, here: Place) -> list[Rule]:
    return [rule for rule in enforcer.rules_of(here) if isinstance(rule.body, Limit | Budget)]


def _name(person: Person) -> str:
    return person.name or person.key


def _listed(names: Sequence[str]) -> str:
    told = ", ".join(names[:_NAMES])
    return told if len(names) <= _NAMES else _("{names} and {count} more").format(names=told, count=len(names) - _NAMES)
