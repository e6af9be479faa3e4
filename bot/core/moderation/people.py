"""The people who ask for runs in a place: their latest runs, and what they may run there, and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.model import Person, Place
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import Decision
from bot.core.policy.permissions import Permissions
from bot.core.policy.rules import Rule
from bot.core.policy.scope import asked_in
from bot.core.run import RunRecord
from bot.core.runs.oversight.finder import RunFinder
from bot.core.workflows.catalog import Workflows

_DAYS = 30
_MOST = 500
_RUNS = 20


@dataclass(frozen=True)
class KnownPerson:
    """A person as of their latest request, which was the last of so many in a month. `block` is a rule that keeps them
    out; None if there is none.
    """

    person: Person
    count: int
    asked_at: float
    block: Rule | None


@dataclass(frozen=True)
class Why:
    """A workflow, and the decision about a person with its reason."""

    workflow: str
    title: str
    decision: Decision


@dataclass(frozen=True)
class PersonView:
    """A person with their latest runs in a place, none of which is private, and what they may run there."""

    person: Person
    block: Rule | None
    runs: tuple[RunRecord, ...]
    titles: tuple[str, ...]  #: of the workflows of the runs
    reasons: tuple[Why, ...]


class PeopleOfPlaces:
    """All methods are for moderators, and raise `NotAllowed` and `StorageFailed`."""

    def __init__(
        self,
        finder: RunFinder,
        enforcer: PolicyEnforcer,
        permissions: Permissions,
        catalog: Workflows,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._finder, self._enforcer, self._permissions = finder, enforcer, permissions
        self._catalog, self._clock = catalog, clock

    async def known(self, by: Person, here: Place, words: str = "") -> list[KnownPerson]:
        """Return the people who asked in a place within a month and have these words in their name or key."""
        await self._permissions.moderator(by, here, "people")
        wanted = words.casefold()
        found = await self._finder.people(asked_in(here), self._clock() - _DAYS * 86_400, _MOST)
        return [
            KnownPerson(run.person, count, run.asked_at, self._enforcer.block(run.person, here))
            for run, count in found
            if wanted in f"{run.person.name} {run.person.key}".casefold()
        ]

    async def about(self, by: Person, here: Place, person: Person) -> PersonView:
        """Return what is known of a person in a place. They are as they were when they asked last."""
        await self._permissions.moderator(by, here, "people")
        runs = await self._finder.of_person(asked_in(here), person.key, _RUNS)
        seen = runs[0].person if runs else person
        reasons = tuple(
            Why(each.id, each.title or each.name, self._enforcer.decide(seen, here, each.id))
            for each in sorted(self._catalog.workflows.values(), key=lambda each: each.title.casefold())
            if not self._enforcer.book.is_draft(each.id)
        )
        titles = tuple(self._catalog.title(run.workflow) for run in runs)
        return PersonView(seen, self._enforcer.block(seen, here), tuple(runs), titles, reasons)
