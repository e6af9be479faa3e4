"""Apply the moderators' rules to requests. Every refusal is written to the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from bot.core.errors import DeniedValue, NotAllowed, UserError
from bot.core.model import Person, Place, RunRequest
from bot.core.people.accounts import NO_LINKS, KnownAccounts
from bot.core.policy import evaluate, spending, word_filter
from bot.core.policy.audit import Audit
from bot.core.policy.evaluate import EVERY_WORKFLOW, Decision, DefaultAccess, EffectivePolicy, ModelRules
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.policy.rule_store import RuleStore
from bot.core.policy.rules import Rule, WordList
from bot.core.policy.scope import RequestContext, community_of
from bot.core.run import RunRecord
from bot.core.wording.model_names import ModelKind, embeddings_in, kind_of_input
from bot.core.wording.styles import Styles
from bot.core.workflows.catalog import Workflows
from bot.core.workflows.workflow import LORAS, Workflow
from bot.i18n import _
from comfy.models.loras import read_loras, read_tags
from comfy.prices import Price
from comfy.scheduling.schedule import is_model


class PolicyEnforcer:
    """Decides with the rules in memory."""

    def __init__(
        self,
        book: RuleStore,
        audit: Audit,
        catalog: Workflows,
        costs: Callable[[str], bool],
        default: DefaultAccess = EVERY_WORKFLOW,
        operators: Collection[str] = (),
        clock: Callable[[], float] = time.time,
        accounts: KnownAccounts = NO_LINKS,
    ) -> None:
        """`costs` says which workflows have nodes that cost money, by their ids."""
        self._catalog, self._costs, self._operators = catalog, costs, frozenset(operators)
        self.accounts = accounts
        self.book, self._audit, self._default, self._clock = book, audit, default, clock

    def by(self, book: RuleStore) -> PolicyEnforcer:
        """Return one that decides by other rules."""
        other = copy(self)
        other.book = book
        return other

    def decide(self, person: Person, place: Place, workflow: str) -> Decision:
        """Decide if this person may run this workflow in this place; of a recipe, with all of its steps."""
        found = self._catalog.workflows.get(workflow)
        every = (workflow, *(step.workflow.id for step in found.steps)) if found is not None else (workflow,)
        decisions = [self._decide(person, place, each) for each in every]
        return next((each for each in decisions if not each.allowed), decisions[0])

    def decide_again(self, run: RunRecord) -> Decision:
        """Decide if a run that was accepted may still begin. A step of a recipe may not if the recipe may not."""
        own = self._decide(run.person, run.place, run.workflow)
        if run.step is None or not own.allowed:
            return own
        whole = self._decide(run.person, run.place, run.step.recipe)
        return own if whole.allowed else whole

    def _decide(self, person: Person, place: Place, workflow: str) -> Decision:
        if self._catalog.is_closed(workflow):
            words = _("“{title}” cannot be run: the operator of this bot has closed it.")
            return Decision(allowed=False, why=words.format(title=self._catalog.title(workflow)))
        if self._catalog.is_on_trial(workflow) and not self._tries(person):
            return Decision(allowed=False, why=_waiting(self._catalog.title(workflow)))
        if person.key in self.accounts.linked and (block := self.block(person, place)) is not None:
            return Decision(allowed=False, why=evaluate.told_block(block), rule=block)
        context = replace(self._context(person, place, workflow), operator=person.key in self._operators)
        return evaluate.decide(self.book.of(context.community), context, self._default, self._clock())

    def alike(self, workflows: Iterable[str]) -> list[list[str]]:
        """Group workflows for `allowed`. It holds until the workflows or the servers' nodes change."""
        groups: dict[tuple[bool | str, ...], list[str]] = {}
        for workflow in workflows:
            costs = self._costs(workflow)
            by_default = self._default.allows(workflow), self._default.allows(workflow, costs=costs)
            closed, tried = self._catalog.is_closed(workflow), self._catalog.is_on_trial(workflow)
            found = self._catalog.workflows.get(workflow)
            steps = tuple(step.workflow.id for step in found.steps) if found is not None else ()
            groups.setdefault((costs, closed, tried, *by_default, *steps), []).append(workflow)
        return list(groups.values())

    def allowed(self, person: Person, place: Place, alike: Iterable[Sequence[str]]) -> frozenset[str]:
        """Return those workflows that `decide` allows. It decides once about all of a group that no rule names."""
        named = {rule.scope.workflow for rule in self.book.of(community_of(place))}
        found = set[str]()
        for group in alike:
            others = [workflow for workflow in group if workflow not in named]
            if others and self.decide(person, place, others[0]).allowed:
                found.update(others)
            if len(others) < len(group):
                found.update(each for each in group if each in named and self.decide(person, place, each).allowed)
        return frozenset(found)

    def block(self, person: Person, place: Place) -> Rule | None:
        """Return the block of a person in a place, if there is one. One of an account lasts for all that count together
        with it.
        """
        context = self._about(person, place)
        context = replace(context, others=tuple(self.accounts.counted(person.key) - {person.key}))
        return evaluate.block_of(self.book.of(context.community), context, self._clock())

    def admitted(self, person: Person) -> list[str]:
        """Return the communities, as "platform:id", that let a person use the bot in private."""
        key, now = person.key, self._clock()
        others = tuple(self.accounts.counted(key) - {key})
        return [
            each
            for each in self.book.communities
            if evaluate.admits(self.book.of(each), RequestContext(each, (), key, others=others), now)
        ]

    def on_trial(self, place: Place, workflow: str) -> bool:
        """True if a workflow waits for an operator, or if the person who added it has not opened it in the community of
        this place.
        """
        if self._catalog.is_on_trial(workflow):
            return True
        context = RequestContext.of(Person(place.platform, ""), place, workflow)
        return evaluate.trial_of(self.book.of(context.community), context) is not None

    def is_off(self, place: Place, workflow: str) -> bool:
        """True if no decision of moderators can open a workflow in the community of this place: it is on trial, or
        costs money that the operator does not permit.
        """
        context = self._context(Person(place.platform, ""), place, workflow)
        rules = self.book.of(context.community)
        return self.on_trial(place, workflow) or (context.costs and spending.refusal(rules, context) is not None)

    def costs_in_vain(self, workflow: str) -> bool:
        """True if a workflow costs money, and the operator permits that nowhere."""
        return self._costs(workflow) and not self.book.permits_money

    def restriction(self, person: Person, place: Place, workflow: Workflow) -> FieldConstraints:
        """Return the rules about fields for this person and workflow in this place."""
        context = self._about(person, place, workflow.id)
        names = [field.name for field in workflow.declared]
        narrowings = tuple(evaluate.narrowings(self.book.of(context.community), context, names))
        return FieldConstraints(narrowings, self._permitted(person, place, workflow))

    def _permitted(self, person: Person, place: Place, workflow: Workflow) -> Mapping[str, Callable[[str], bool]]:
        """Return for each field with models which of them are permitted."""
        rules = self.models(person, place, workflow.id)
        return {
            field.name: partial(rules.permits, kind_of_input(field.targets[0].input))
            for field in (workflow.declared if rules.places else ())
            if not field.sets
        }

    def text_lists(self, person: Person, place: Place, workflow: str) -> Mapping[str, Sequence[str]]:
        """Return the texts of each list that a person may write here as `__name__`."""
        context = self._about(person, place, workflow)
        return evaluate.text_lists(self.book.of(context.community), context)

    def styles(self, person: Person, place: Place, workflow: str) -> Styles:
        """Return the styles that a person may choose here, by their names."""
        context = self._about(person, place, workflow)
        return evaluate.styles(self.book.of(context.community), context)

    def models(self, person: Person, place: Place, workflow: str) -> ModelRules:
        """Return the rules about models, LoRAs and embeddings that hold here."""
        context = self._about(person, place, workflow)
        return evaluate.model_rules(self.book.of(context.community), context)

    def check_models(
        self,
        person: Person,
        place: Place,
        workflow: Workflow,
        values: Mapping[str, Any],
        loras: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Raise `DeniedValue` if a run names a model that is denied here, in words or in fields. `loras` has the fields
        in which LoRAs were written, by their files.
        """
        rules = self.models(person, place, workflow.id)
        for field, kind, name in named_models(workflow, values) if rules.places else ():
            if (rule := rules.denial(kind, name)) is not None:
                raise DeniedValue(loras.get(name, field), _denied(kind, name, rule))

    def policy(self, person: Person, place: Place, workflow: str) -> EffectivePolicy:
        """Return the policy for a run requested in this place."""
        context = self._context(person, place, workflow)
        return evaluate.effective_policy(self.book.of(context.community), context)

    def price(self, workflow: str, declared: Price | None) -> Price | None:
        """Return the price that counts for a run: the one that its nodes declare, else the operator's own."""
        return spending.price_of(self.book.of(""), workflow, declared)

    def agree(self, request: RunRequest, declared: Price | None) -> Price:
        """Return the price that counts for a run that costs money, given the one that its nodes declare. Raises
        `NotAllowed` if there is none: then no ceiling could hold.
        """
        price = self.price(request.workflow, declared)
        if price is None:
            words = _(
                "It is not known in advance what “{workflow}” costs, so it cannot run. The operator can set a price."
            )
            raise NotAllowed(words.format(workflow=request.workflow))
        return price

    @property
    def edition(self) -> tuple[int, int]:
        """A number pair that is another whenever a rule or a person's accounts have changed."""
        return self.book.edition, self.accounts.edition

    def blocked(self) -> frozenset[str]:
        """Return all people who are blocked anywhere, as "platform:id"."""
        every = (rule for community in ("", *self.book.communities) for rule in self.book.own(community))
        return frozenset(rule.scope.who.id for rule in every if evaluate.is_block(rule, self._clock()))

    def may_use(self, person: Person, version: Workflow) -> bool:
        """True if a person may use a version of a workflow that they may run: one on trial is for operators alone."""
        return not version.trial or self._tries(person)

    def admit(self, request: RunRequest, version: Workflow) -> EffectivePolicy:
        """Admit a request for a version of a workflow by the rules that were read last, and return its policy. Raises
        `NotAllowed` with the rule in words.
        """
        if not self.may_use(request.person, version):
            raise NotAllowed(_waiting(version.title))
        decision = self.decide(request.person, request.place, request.workflow)
        if not decision.allowed:
            raise NotAllowed(decision.why)
        policy = self.policy(request.person, request.place, request.workflow)
        if request.private and not policy.display.private:
            raise NotAllowed(_("Private runs are not allowed here. A moderator can allow them."))
        return policy

    async def reads(self, request: RunRequest, values: Mapping[str, object], *, unread: bool = True) -> bool:
        """Check a request for blocked words. Returns True if a moderator must decide. Raises `NotAllowed`.

        A text that cannot be checked in time counts as a match, unless `unread` is False.
        """
        context = self._about(request.person, request.place, request.workflow)
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
        """Return True if a moderator must now decide about an accepted run. Raises `NotAllowed` or `BadValue` if its
        words or values are no longer allowed.

        A text that cannot be checked in time passes, because it passed when the run was accepted.
        """
        if (fault := self.restriction(run.person, run.place, workflow).fault(workflow.form(), run.values)) is not None:
            raise fault
        self.check_models(run.person, run.place, workflow, run.values)
        return await self.reads(RunRequest(run.workflow, run.values, run.person, run.place), run.values, unread=False)

    def _tries(self, person: Person) -> bool:
        """True for operators, who try what waits for them."""
        return person.key in self._operators

    def _about(self, person: Person, place: Place, workflow: str = "", *, costs: bool = False) -> RequestContext:
        context = RequestContext.of(person, place, workflow, costs=costs)
        if person.key not in self.accounts.linked:
            return context
        return replace(context, others=self.accounts.in_order(person.key)[1:])

    def _context(self, person: Person, place: Place, workflow: str) -> RequestContext:
        return self._about(person, place, workflow, costs=bool(workflow) and self._costs(workflow))

    def has_narrowed(self, request: RunRequest, field: str) -> bool:
        """True if a rule of the moderators applies to a field in this place."""
        context = self._about(request.person, request.place, request.workflow)
        return any(evaluate.narrowings(self.book.of(context.community), context, [field]))

    async def refused(self, request: RunRequest, fault: UserError) -> None:
        """Log a refusal that a moderators' rule caused."""
        await self._audit.refused(request.person, request.place, f"{request.workflow}: {fault}")

    def rules_of(self, place: Place) -> list[Rule]:
        """Return all rules of the place's community and the operator's rules."""
        return list(self.book.of(community_of(place)))


def named_models(workflow: Workflow, values: Mapping[str, Any]) -> Iterator[tuple[str, ModelKind, str]]:
    """Yield the models of a run by the fields that name them: those of its fields, its LoRAs, and the embeddings in its
    words, with LoRAs that are left there, which a node of the workflow may read.
    """
    for field in workflow.declared:
        given = values.get(field.name)
        assigned = (
            field.assigned(given) if given is not None else ((each, workflow.literal(each)) for each in field.targets)
        )
        for target, value in assigned:
            if is_model(value):
                yield field.name, kind_of_input(target.input), str(value)
    for lora in read_loras(str(values.get(LORAS, ""))):
        yield "lora", ModelKind.LORA, lora.file
    for name, value in values.items():
        if isinstance(value, str) and name != LORAS:
            yield from ((name, ModelKind.EMBEDDING, each) for each in embeddings_in(value))
            yield from ((name, ModelKind.LORA, each) for each, _strength in read_tags(value))


def _denied(kind: ModelKind, name: str, rule: Rule) -> str:
    words = {
        ModelKind.LORA: _("the LoRA “{name}” is blocked {where}."),
        ModelKind.EMBEDDING: _("the embedding “{name}” is blocked {where}."),
        ModelKind.MODEL: _("the model “{name}” is blocked {where}."),
    }[kind]
    return words.format(name=name, where=rule.scope.where)


def _waiting(title: str) -> str:
    words = _("“{title}” waits for the operator of this bot: until then, others cannot run it.")
    return words.format(title=title)


def _told(rule: Rule, *, was_read: bool) -> str:
    words = (
        _("Your text contains something that the word list “{name}” blocks {where}.")
        if was_read
        else _("Your text takes too long to check against the word list “{name}” {where}. Please write a shorter text.")
    )
    return words.format(where=rule.scope.where, name=rule.name)
