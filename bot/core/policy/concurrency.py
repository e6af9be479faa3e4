"""Limits on the number of runs at a time. The operator limits each person. Moderators can limit a person, or all people
together, in a place or for a workflow. Further runs wait in line. Pure functions.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple, dataclass

from bot.core.policy.rules import Budget, Measure, Rule
from bot.core.policy.scope import scope_key


@dataclass(frozen=True)
class ConcurrencyLimits:
    """The number of a person's runs that may run at a time, and that may wait."""

    running: int = 2
    waiting: int = 20


@dataclass(frozen=True)
class BusyRun:
    """A run on a server. `scopes` are the places that it counts for, as "|community|community/place|…"."""

    person: str
    workflow: str
    scopes: str


@dataclass(frozen=True)
class ConcurrencyCap:
    """The maximum number of runs in a place, or everywhere if it is empty; of one workflow, or of all."""

    scope: str
    workflow: str
    most: int
    together: bool

    @classmethod
    def of(cls, rule: Rule) -> ConcurrencyCap:
        scope = rule.scope
        return cls(scope_key(scope.community, scope.place), scope.workflow, rule.most, isinstance(rule.body, Budget))

    def is_full(self, busy: Iterable[BusyRun]) -> bool:
        return sum(map(self._counts, busy)) >= self.most

    def _counts(self, run: BusyRun) -> bool:
        return (not self.scope or f"|{self.scope}|" in run.scopes) and self.workflow in ("", run.workflow)


def written(limits: Iterable[Rule]) -> str:
    """Write the caps among some limits as text. Equal caps give equal text; no caps give an empty text."""
    found = sorted(astuple(ConcurrencyCap.of(rule)) for rule in limits if rule.name == Measure.RUNNING)
    return json.dumps(found) if found else ""


def full_for_person(texts: Iterable[str], own: Collection[BusyRun]) -> list[str]:
    """Return the written caps that are full for a person with these running runs."""
    return [text for text in texts if any(not cap.together and cap.is_full(own) for cap in _read(text))]


def full_for_all(texts: Iterable[str], busy: Collection[BusyRun]) -> list[str]:
    """Return the written caps that are full for all people."""
    return [text for text in texts if any(cap.together and cap.is_full(busy) for cap in _read(text))]


def locks(text: str) -> set[str]:
    """Return the locks of those who may take the last place under written caps that people share."""
    return {f"runs in {cap.scope} {cap.workflow}" for cap in _read(text) if cap.together}


def _read(text: str) -> Iterator[ConcurrencyCap]:
    return (ConcurrencyCap(*each) for each in json.loads(text or "[]"))
