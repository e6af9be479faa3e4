"""The enforcer: what moderators have decided, asked at the front desk; every refusal is written to the audit."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from bot.core.errors import NotAllowed, UserError
from bot.core.model import Person, Place, RunRequest
from bot.core.policy import evaluate, word_filter
from bot.core.policy.audit import Audit
from bot.core.policy.evaluate import EVERY_WORKFLOW, Decision, DefaultAccess, EffectivePolicy
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.policy.rule_store import RuleStore
from bot.core.policy.rules import Rule, WordList
from bot.core.policy.scope import RequestContext, community_of
from bot.core.run import RunRecord, key_of
from bot.core.workflows.workflow import Workflow
from bot.i18n import _


class PolicyEnforcer:
    """Decides from the rule_store in memory."""

    def __init__(
        self,
        book: RuleStore,
        audit: Audit,
        default: DefaultAccess = EVERY_WORKFLOW,
        operators: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._operators = frozenset(operators)
        self.book, self._audit, self._default, self._clock = book, audit, default, clock

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """May this person run this workflow in this place?"""
        context = replace(RequestContext.of(person, place, workflow), operator=key_of(person) in self._operators)
        return evaluate.decide(self.book.of(context.community), context, self._default, self._clock())

    def block(self, person: Person, place: Place) -> Rule | None:
        """What keeps a person from everything there."""
        context = RequestContext.of(person, place)
        return evaluate.block_of(self.book.of(context.community), context, self._clock())

    def admitted(self, person: Person) -> list[str]:
        """The communities, as "platform:id", by which a person may ask in private as well."""
        key, now = key_of(person), self._clock()
        return [
            each
            for each in self.book.communities
            if evaluate.admits(self.book.of(each), RequestContext(each, (), key), now)
        ]

    def on_trial(self, place: Place, workflow: str) -> bool:
        """Whether a workflow has not been opened in the community of a place by the one who added it."""
        context = RequestContext.of(Person(place.platform, ""), place, workflow)
        return evaluate.trial_of(self.book.of(context.community), context) is not None

    def restriction(self, person: Person, place: Place, workflow: Workflow) -> FieldConstraints:
        """What this person's form of a workflow is narrowed to there."""
        context = RequestContext.of(person, place, workflow.name)
        names = [field.name for field in workflow.declared]
        return FieldConstraints(tuple(evaluate.narrowings(self.book.of(context.community), context, names)))

    def policy(self, person: Person, place: Place, workflow: str) -> EffectivePolicy:
        """What holds of a run that is asked for there."""
        context = RequestContext.of(person, place, workflow)
        return evaluate.effective_policy(self.book.of(context.community), context)

    async def admit(self, request: RunRequest) -> EffectivePolicy:
        """Let a request in, on these policy. Raises `NotAllowed` with the rule in words."""
        await self.book.refresh()
        decision = self.decide(request.person, request.place, request.workflow)
        if not decision.allowed:
            raise NotAllowed(decision.why)
        return self.policy(request.person, request.place, request.workflow)

    async def reads(self, request: RunRequest, values: Mapping[str, object], *, unread: bool = True) -> bool:
        """Look for words that may not be asked for there; whether a moderator has to decide. Raises `NotAllowed`.

        What cannot be read in time is treated as if it had been found, unless that is not to count.
        """
        context = RequestContext.of(request.person, request.place, request.workflow)
        rules = [(rule, rule.body) for rule in evaluate.word_lists(self.book.of(context.community), context)]
        lists = [(rule, body) for rule, body in rules if isinstance(body, WordList)]
        text = "\n".join(value for value in values.values() if isinstance(value, str))
        if not lists or not text:
            return False
        found = await word_filter.read([body for _rule, body in lists], text)
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
        context = RequestContext.of(request.person, request.place, request.workflow)
        return any(evaluate.narrowings(self.book.of(context.community), context, [field]))

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
