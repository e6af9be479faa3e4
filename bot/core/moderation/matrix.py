"""A table of who may run what in a place: workflows by groups of people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.model import Person, Place
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import Decision
from bot.core.policy.rules import Access, Rule
from bot.core.policy.scope import ADMINISTRATORS, EVERYONE, Scope, Subject, SubjectKind, community_of
from bot.core.together import in_turns
from bot.core.workflows.workflow import Workflow
from bot.i18n import _

_MOST = 20  # groups and people


@dataclass(frozen=True)
class MatrixCell:
    """The decision for people without any other group. `own` is what was decided in this place about exactly these
    people and this workflow; None if nothing was. The row for all workflows has no decision.
    """

    who: Subject
    own: bool | None
    decision: Decision | None = None


@dataclass(frozen=True)
class MatrixRow:
    """A workflow, by its id, or all of them: then it is empty."""

    workflow: str
    title: str
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True)
class AccessMatrix:
    """The groups of people that decisions are about, and a row for each workflow."""

    subjects: tuple[Subject, ...]
    rows: tuple[MatrixRow, ...]


async def matrix_of(here: Place, enforcer: PolicyEnforcer, workflows: Iterable[Workflow]) -> AccessMatrix:
    """Return the matrix of a place."""
    subjects = tuple(_subjects(here, enforcer))[:_MOST]
    every = MatrixRow("", _("All workflows"), tuple(MatrixCell(who, _own(here, enforcer, who, "")) for who in subjects))
    rows = [
        MatrixRow(each.id, each.title or each.name, tuple(_cell(here, enforcer, who, each.id) for who in subjects))
        async for each in in_turns(workflows)
    ]
    return AccessMatrix(subjects, (every, *rows))


def example_of(here: Place, who: Subject) -> Person:
    """Return a person of a group, who is in no other."""
    match who.whom:
        case SubjectKind.PERSON:
            platform, _colon, number = who.id.partition(":")
            return Person(platform, number, who.name)
        case SubjectKind.ADMINISTRATORS:
            return Person(here.platform, "", moderator=True)
        case SubjectKind.ROLE:
            return Person(here.platform, "", roles=frozenset({who.id}))
        case SubjectKind.EVERYONE:
            return Person(here.platform, "")


def groups_in(rules: Iterable[Rule], community: str) -> list[Subject]:
    """Return the groups and people that rules of a community about access name."""
    about = (rule.scope.who for rule in rules if isinstance(rule.body, Access) and rule.scope.community == community)
    named = {who.key: who for who in about if who not in (EVERYONE, ADMINISTRATORS)}
    return sorted(named.values(), key=lambda who: (who.whom != SubjectKind.ROLE, str(who).casefold()))


def _subjects(here: Place, enforcer: PolicyEnforcer) -> Iterable[Subject]:
    yield EVERYONE
    if here.community:
        yield ADMINISTRATORS
    yield from groups_in(enforcer.rules_of(here), community_of(here))


def _cell(here: Place, enforcer: PolicyEnforcer, who: Subject, workflow: str) -> MatrixCell:
    decision = enforcer.decide(example_of(here, who), here, workflow)
    return MatrixCell(who, _own(here, enforcer, who, workflow), decision)


def _own(here: Place, enforcer: PolicyEnforcer, who: Subject, workflow: str) -> bool | None:
    rule = Rule(Scope(community_of(here), who=who, workflow=workflow), Access(allow=True))
    found = enforcer.book.of(rule.scope.community).get(rule.slot)
    return found.body.allow if found is not None and isinstance(found.body, Access) else None
