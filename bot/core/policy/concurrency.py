"""Caps: how many runs may be with servers at a time: a person's, as the operator set it; and, by moderators' limits, a
person's or everybody's in a place or of a workflow. Runs beyond that wait in line. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple, dataclass

from bot.core.policy.rules import Budget, Measure, Rule
from bot.core.policy.scope import scope_key


@dataclass(frozen=True)
class ConcurrencyLimits:
    """How many of a person's runs may be with servers, and how many may wait."""

    running: int = 2
    waiting: int = 20


@dataclass(frozen=True)
class BusyRun:
    """A run that a server has. `scopes` are the places that it counts for, as "|community|community/place|…"."""

    person: str
    workflow: str
    scopes: str


@dataclass(frozen=True)
class ConcurrencyCap:
    """At most so many in a place, or anywhere where that is empty; of a workflow, or of all."""

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
    """The caps among limits as a text, the same for the same ones; empty where there are none."""
    found = sorted(astuple(ConcurrencyCap.of(rule)) for rule in limits if rule.name == Measure.RUNNING)
    return json.dumps(found) if found else ""


def full_for_person(texts: Iterable[str], own: Collection[BusyRun]) -> list[str]:
    """Those of the written caps that leave no room to a person whose runs are with servers."""
    return [text for text in texts if any(not cap.together and cap.is_full(own) for cap in _read(text))]


def full_for_all(texts: Iterable[str], busy: Collection[BusyRun]) -> list[str]:
    """Those that leave no room to anybody."""
    return [text for text in texts if any(cap.together and cap.is_full(busy) for cap in _read(text))]


def _read(text: str) -> Iterator[ConcurrencyCap]:
    return (ConcurrencyCap(*each) for each in json.loads(text))
