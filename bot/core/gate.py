"""The gate: what moderators have decided, asked at the front desk; every refusal is written to the audit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from bot.core import policy, wording
from bot.core.audit import Audit
from bot.core.chat import Person, Place, RunRequest
from bot.core.errors import NotAllowed, UserError
from bot.core.policy import EVERY_WORKFLOW, Decision, Default, Terms
from bot.core.restriction import Restriction
from bot.core.rulebook import Rulebook
from bot.core.rules import Rule, WordList
from bot.core.run import RunRecord, key_of
from bot.core.scope import Facts, community_of
from bot.core.workflow import Workflow
from bot.words import _


class Gate:
    """Decides from the rulebook in memory."""

    def __init__(
        self,
        book: Rulebook,
        audit: Audit,
        default: Default = EVERY_WORKFLOW,
        operators: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._operators = frozenset(operators)
        self.book, self._audit, self._default, self._clock = book, audit, default, clock

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """May this person run this workflow in this place?"""
        facts = replace(Facts.of(person, place, workflow), operator=key_of(person) in self._operators)
        return policy.decide(self.book.of(facts.community), facts, self._default, self._clock())

    def block(self, person: Person, place: Place) -> Rule | None:
        """What keeps a person from everything there."""
        facts = Facts.of(person, place)
        return policy.block_of(self.book.of(facts.community), facts, self._clock())

    def admitted(self, person: Person) -> list[str]:
        """The communities, as "platform:id", by which a person may ask in private as well."""
        key, now = key_of(person), self._clock()
        return [each for each in self.book.communities if policy.admits(self.book.of(each), Facts(each, (), key), now)]

    def on_trial(self, place: Place, workflow: str) -> bool:
        """Whether a workflow has not been opened in the community of a place by the one who added it."""
        facts = Facts.of(Person(place.platform, ""), place, workflow)
        return policy.trial_of(self.book.of(facts.community), facts) is not None

    def restriction(self, person: Person, place: Place, workflow: Workflow) -> Restriction:
        """What this person's form of a workflow is narrowed to there."""
        facts = Facts.of(person, place, workflow.name)
        names = [field.name for field in workflow.declared]
        return Restriction(tuple(policy.narrowings(self.book.of(facts.community), facts, names)))

    def terms(self, person: Person, place: Place, workflow: str) -> Terms:
        """What holds of a run that is asked for there."""
        facts = Facts.of(person, place, workflow)
        return policy.terms(self.book.of(facts.community), facts)

    async def admit(self, request: RunRequest) -> Terms:
        """Let a request in, on these terms. Raises `NotAllowed` with the rule in words."""
        await self.book.refresh()
        decision = self.decide(request.person, request.place, request.workflow)
        if not decision.allowed:
            raise NotAllowed(decision.why)
        return self.terms(request.person, request.place, request.workflow)

    async def reads(self, request: RunRequest, values: Mapping[str, object], *, unread: bool = True) -> bool:
        """Look for words that may not be asked for there; whether a moderator has to decide. Raises `NotAllowed`.

        What cannot be read in time is treated as if it had been found, unless that is not to count.
        """
        facts = Facts.of(request.person, request.place, request.workflow)
        rules = [(rule, rule.body) for rule in policy.word_lists(self.book.of(facts.community), facts)]
        lists = [(rule, body) for rule, body in rules if isinstance(body, WordList)]
        text = "\n".join(value for value in values.values() if isinstance(value, str))
        if not lists or not text:
            return False
        found = await asyncio.to_thread(wording.readings, [body for _rule, body in lists], text)
        reached = [
            (rule, body, each)
            for (rule, body), each in zip(lists, found, strict=True)
            if each or (each is None and unread)
        ]
        for rule, body, each in reached:
            if not body.hold:
                raise NotAllowed(_told(rule, was_read=each is not None))
        return bool(reached)

    async def rereads(self, run: RunRecord, workflow: Workflow) -> bool:
        """Whether a moderator has to decide about a run that was taken in before. Raises `NotAllowed` and `BadValue`
        where its words or values would not be taken any more.

        What cannot be read in time is left: it was read when it was taken in, and a busy moment is nobody's fault.
        """
        if (fault := self.restriction(run.person, run.place, workflow).fault(workflow.form(), run.values)) is not None:
            raise fault
        return await self.reads(RunRequest(run.workflow, run.values, run.person, run.place), run.values, unread=False)

    def has_narrowed(self, request: RunRequest, field: str) -> bool:
        """Whether moderators have decided something about a field there."""
        facts = Facts.of(request.person, request.place, request.workflow)
        return any(policy.narrowings(self.book.of(facts.community), facts, [field]))

    async def refused(self, request: RunRequest, fault: UserError) -> None:
        """Note a refusal of the moderators' making."""
        await self._audit.refused(request.person, request.place, f"{request.workflow}: {fault}")

    def rules_of(self, place: Place) -> list[Rule]:
        """All rules that hold in the community of a place, its own and the operator's."""
        return list(self.book.of(community_of(place)))


def _told(rule: Rule, *, was_read: bool) -> str:
    words = (
        _("What you wrote may not be asked for {where}: the list “{name}” says so.")
        if was_read
        else _("What you wrote takes too long to be looked through for the list “{name}” {where}: please write less.")
    )
    return words.format(where=rule.scope.where, name=rule.name)
