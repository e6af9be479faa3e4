"""The moderators' service: one method for each thing that they can do.

Every method takes the `Person` who acts and the `Place` that the action is for. For a panel in a private chat this is
the group. The platform sets `Person.moderator` if the person moderates that place, and `Person.owner` if they own it.
Other people are refused with `NotAllowed`, and the audit log records it. So a forged button does no harm, as long as
the platform itself determines the person and the place.

Decisions apply at once, until they are changed. Every method returns a sentence for the moderator.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.core.errors import BadValue, NotAllowed, UserError, WorkerFailed
from bot.core.model import DisplayOptions, Person, Place
from bot.core.moderation.matrix import AccessMatrix, matrix_of
from bot.core.moderation.people import PeopleOfPlaces
from bot.core.moderation.preview import DecisionPreview, Rehearsal
from bot.core.moderation.problems import WorkflowProblems
from bot.core.moderation.reports import Reports
from bot.core.moderation.reviews import Reviews
from bot.core.moderation.saved_workflows import SavedWorkflows
from bot.core.moderation.template_adder import TemplateAdder
from bot.core.moderation.workflow_editor import WorkflowEditor
from bot.core.pings.wishes import after_of
from bot.core.policy import field_constraints, word_filter
from bot.core.policy.audit import ALL_LINES, Audit, AuditFilter, Entry
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import Decision
from bot.core.policy.permissions import EVERYTHING, Permissions, RuleTarget
from bot.core.policy.quota import limit_words
from bot.core.policy.rule_store import By, Change
from bot.core.policy.rule_text import (
    describe,
    display_words,
    entry_json,
    exported,
    imported,
    kind_words,
    names_words,
    narrowing_words,
    parsed,
    style_words,
    what_of,
    without_channels,
)
from bot.core.policy.rules import (
    Access,
    Admission,
    Block,
    Budget,
    Limit,
    Measure,
    Moderators,
    Narrowing,
    Review,
    Rule,
    RunPrice,
    Spending,
    TextList,
    Trial,
    WordList,
)
from bot.core.policy.scope import EVERYONE, Scope, Subject, SubjectKind, asked_in, community_of
from bot.core.policy.spending import price_rule, price_sentence, spending_rule, spending_sentence
from bot.core.pool.pool import run_apart
from bot.core.runs import usage
from bot.core.runs.queue import RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.runs.validation import RequestValidator
from bot.core.several.count import MOST as MOST_AT_ONCE
from bot.core.status_text import duration
from bot.core.wording import choosing, model_names, styles
from bot.core.wording.model_names import ModelKind, ModelNames
from bot.core.wording.styles import Style
from bot.core.workflows.workflow import Workflow
from bot.i18n import _, ngettext

if TYPE_CHECKING:
    from bot.core.moderation.statistics import Statistics

_MOST = 1_000_000  # of any limit
_CHANNEL = re.compile(r"-?\d{1,20}(/\d{1,20})?", re.ASCII)  # a channel, or a topic of a chat, by its id
_CHART_SECONDS = 30.0  # to draw one, on a busy machine


@dataclass(frozen=True)
class Row:
    """A workflow in the overview: if everyone may run it in a place, and why."""

    name: str
    title: str
    decision: Decision


@dataclass(frozen=True)
class Overview:
    """An overview of a place: each workflow, and all other decisions, as text and as rules."""

    rows: tuple[Row, ...]
    rules: tuple[Rule, ...]
    lines: tuple[str, ...]


class ModerationService:
    """The actions of moderators. `reviews` has the runs that wait for approval, `reports` the results that people
    have reported; `workflows` edits the workflows that
    trusted people add in the chat, `saved` has those that people save at servers, `templates` those of the servers'
    libraries, and `problems` those that cannot be run. `people` are those who ask for runs in a place.
    """

    def __init__(
        self,
        enforcer: PolicyEnforcer,
        audit: Audit,
        permissions: Permissions,
        validator: RequestValidator,
        queue: RunQueue,
        records: RunRepository,
        reviews: Reviews,
        reports: Reports,
        contributions: WorkflowEditor,
        saved: SavedWorkflows,
        templates: TemplateAdder,
        problems: WorkflowProblems,
        preview: DecisionPreview,
        people: PeopleOfPlaces,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reviews, self.reports, self._records = reviews, reports, records
        self.workflows = contributions
        self.saved, self.templates, self.problems = saved, templates, problems
        self.people, self._preview = people, preview
        self._enforcer, self._rules, self._audit, self._permissions = enforcer, enforcer.book, audit, permissions
        self._validator, self._queue, self._clock = validator, queue, clock

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Call a function with each community, as "platform:id", that has a new decision; "" means everywhere.
        Decisions by other processes arrive within a second. Platforms use it to update menus, such as commands.
        """
        self._rules.on_change(listener)

    def is_moderator(self, person: Person, place: Place) -> bool:
        """True if a person may moderate a place, so that a platform can decide what to show."""
        return self._permissions.is_moderator(person, place)

    def is_operator(self, person: Person) -> bool:
        """True for the people who run this bot."""
        return self._permissions.is_operator(person)

    @property
    def operators(self) -> frozenset[str]:
        """The people who run this bot, as "platform:id"."""
        return self._permissions.operators

    async def check_moderator(self, by: Person, here: Place, act: str) -> None:
        """Raise `NotAllowed` if a person does not moderate a place, and log it."""
        await self._permissions.moderator(by, here, act)

    def is_trusted(self, person: Person) -> bool:
        """True if a person may add workflows."""
        return self._permissions.is_trusted(person)

    async def check_trusted(self, by: Person, here: Place, act: str) -> None:
        """Raise `NotAllowed` if a person may not add workflows, and log it."""
        await self._permissions.trusted(by, here, act)

    async def refused(self, by: Person, here: Place, act: str, words: str) -> NotAllowed:
        """Log that a person was refused an act. Returns the error to raise."""
        return await self._permissions.refused(by, here, act, words)

    def admitted(self, person: Person) -> list[str]:
        """Return the communities, as "platform:id", that let a person use the bot in private."""
        return self._enforcer.admitted(person)

    def on_trial(self, place: Place, workflow: str) -> bool:
        """True if a workflow from the chat is still open only to the person who added it."""
        return self._enforcer.on_trial(place, workflow)

    def is_off(self, place: Place, workflow: str) -> bool:
        """True if no decision of moderators can open a workflow: it is on trial, or costs money that the operator does
        not permit.
        """
        return self._enforcer.is_off(place, workflow)

    def rules_of(self, place: Place) -> list[Rule]:
        """Return the rules that could apply in a place."""
        return self._enforcer.rules_of(place)

    def review_channel(self, here: Place, workflow: str = "") -> str:
        """Return the channel for questions to moderators; empty if there is none."""
        scope = Scope(community_of(here), workflow=workflow)
        rule = self._rules.of(scope.community).get(Rule(scope, Review()).slot)
        return rule.body.channel if rule is not None and isinstance(rule.body, Review) else ""

    def own_rules(self, community: str) -> Sequence[Rule]:
        """Return the own rules of a community, given as "platform:id"."""
        return list(self._rules.own(community))

    def moderator_roles(self, place: Place) -> frozenset[str]:
        """Return the roles that the owner of a place's community has named as moderators. If there are none, the
        platform's own rule applies. Platforms set `Person.moderator` accordingly.
        """
        found = next(iter(self._rules.of(community_of(place)).of(Moderators)), None)
        return frozenset(found.body.roles) if found is not None and isinstance(found.body, Moderators) else frozenset()

    async def allow(self, by: Person, here: Place, aim: RuleTarget = EVERYTHING) -> str:
        """Allow a workflow, or all workflows."""
        return await self._access(by, here, "allow", aim, Access(allow=True))

    async def deny(self, by: Person, here: Place, aim: RuleTarget = EVERYTHING) -> str:
        """Deny a workflow, or all workflows."""
        return await self._access(by, here, "deny", aim, Access(allow=False))

    async def clear(self, by: Person, here: Place, aim: RuleTarget = EVERYTHING) -> str:
        """Remove an allowance or a denial with exactly this target. Wider decisions apply again."""
        scope = await self._permissions.scope(by, here, "clear", aim)
        rule = Rule(scope, Access(allow=True))
        if self._rules.of(scope.community).get(rule.slot) is None:
            words = _("Nothing was changed: there is no decision about {what} {scope}.")
            return words.format(what=what_of(scope), scope=scope)
        words = _("Removed the decision about {what} {scope}.").format(what=what_of(scope), scope=scope)
        return await self._put(by, here, "clear", words, rule, remove=True)

    async def limit(
        self,
        by: Person,
        here: Place,
        measure: str,
        most: int | None,
        aim: RuleTarget = EVERYTHING,
        *,
        together: bool = False,
    ) -> str:
        """Limit each person, or all people `together`, by one of the `Measure`s; None removes the limit."""
        scope = await self._scope(by, here, "limit", aim)
        if (fault := _limit_fault(measure, most, scope, together=together)) is not None:
            raise UserError(fault)
        found = self._validator.catalog.workflows.get(scope.workflow)
        if found is not None and found.steps and most is not None:
            words = _("“{name}” is a recipe, and limits count its steps. Limit one of its workflows: {names}.")
            names = ", ".join(dict.fromkeys(step.workflow.name for step in found.steps))
            raise UserError(words.format(name=found.name, names=names))
        rule = Rule(scope, (Budget if together else Limit)(most or 0), measure)
        words = _("Set the limit: {limit}.") if most is not None else _("Removed the limit “{measure}” {scope}.")
        words = words.format(limit=limit_words(rule), measure=measure, scope=scope)
        return await self._put(by, here, "limit", words, rule, remove=most is None)

    async def spending(self, by: Person, here: Place, most: int | None, *, everywhere: bool = False) -> str:
        """Permit nodes that cost money in a community, or everywhere, for at most so many credits per day for all
        people together; 0 forbids them, and None removes the permission. Only for the operator.
        """
        await self._permissions.operator(by, here, "spending")
        scope = await self._permissions.scope(by, here, "spending", RuleTarget(everywhere=everywhere))
        rule = spending_rule(scope, most)
        return await self._put(by, here, "spending", spending_sentence(rule, most), rule, remove=most is None)

    async def price(self, by: Person, here: Place, workflow: str, cost: float | None) -> str:
        """Set the price of a run, in credits, for a workflow whose nodes do not say what they cost; None removes it.
        Only for the operator. Raises `UnknownWorkflow`.
        """
        await self._permissions.operator(by, here, "price")
        rule = price_rule(self._meant(workflow), cost)
        return await self._put(by, here, "price", price_sentence(rule, cost), rule, remove=cost is None)

    async def field(self, by: Person, here: Place, name: str, to: Narrowing | None, aim: RuleTarget) -> str:
        """Restrict a field of the target's workflow; None removes the restriction. Raises `BadValue`."""
        scope = await self._scope(by, here, "field", aim)
        form = await self._validator.form(self._validator.catalog.get(scope.workflow))
        if to is not None:
            if name not in form.names:
                raise BadValue(
                    name, _("there is no such field. The fields are {names}.").format(names=", ".join(form.names))
                )
            if (fault := field_constraints.faults(form[name], to)) is not None:
                raise BadValue(name, fault)
            to = parsed(form[name], to)
        words = _("Set the field “{name}” of {what} {scope}: {to}.")
        words = words.format(name=name, what=what_of(scope), scope=scope, to=narrowing_words(to))
        return await self._put(by, here, "field", words, Rule(scope, to or Narrowing(), name), remove=to is None)

    async def words(self, by: Person, here: Place, name: str, to: WordList | None, aim: RuleTarget = EVERYTHING) -> str:
        """Set a list of blocked words, by its name; None deletes it. Raises `UserError` for a pattern that cannot be
        read or is too slow.
        """
        scope = await self._scope(by, here, "words", aim)
        if to is not None and (fault := await word_filter.check(to)) is not None:
            raise UserError(_("Nothing was changed: {fault}.").format(fault=fault))
        words = _("Set the word list “{name}” {scope}.") if to else _("Deleted the word list “{name}” {scope}.")
        rule = Rule(scope, to or WordList(), name)
        told = await self._put(by, here, "words", words.format(name=name, scope=scope), rule, remove=to is None)
        if to is None or not to.hold or self.review_channel(here, scope.workflow) or self.review_channel(here):
            return told
        unasked = _("No channel is named where moderators are asked: name one with /moderate review.")
        return f"{told} {unasked} " + _("Until then, /moderate held lists what waits.")

    async def list_(self, by: Person, here: Place, name: str, text: str, aim: RuleTarget = EVERYTHING) -> str:
        """Set the texts of which people take one by writing `__name__`: one a line, or with `|` between them. An empty
        one deletes the list. Raises `UserError`.
        """
        scope = await self._scope(by, here, "list", aim)
        name, texts = name.strip().strip("_").casefold(), choosing.texts_of(text)
        if texts and (fault := choosing.faults(name, texts)) is not None:
            raise UserError(_("Nothing was changed: {fault}.").format(fault=fault))
        rule = Rule(scope, TextList(texts), name)
        if not texts and self._rules.of(scope.community).get(rule.slot) is None:
            raise UserError(_("There is no list “{name}” {scope}.").format(name=name, scope=scope))
        words = ngettext(
            "Set the list “{name}” {scope}: __{name}__ takes its {count} text.",
            "Set the list “{name}” {scope}: __{name}__ takes one of its {count} texts.",
            len(texts),
        )
        words = words if texts else _("Deleted the list “{name}” {scope}.")
        words = words.format(name=name, scope=scope, count=len(texts))
        return await self._put(by, here, "list", words, rule, remove=not texts)

    async def style(self, by: Person, here: Place, name: str, to: Style, aim: RuleTarget = EVERYTHING) -> str:
        """Set a style that people can choose, by its name; without any text it is deleted. Raises `UserError`."""
        scope = await self._scope(by, here, "style", aim)
        name, remove = " ".join(name.split()), to == Style()
        if (fault := styles.faults(name, to)) is not None:
            raise UserError(_("Nothing was changed: {fault}.").format(fault=fault))
        rule = Rule(scope, to, name)
        if remove and self._rules.of(scope.community).get(rule.slot) is None:
            raise UserError(_("There is no style “{name}” {scope}.").format(name=name, scope=scope))
        words = _("Deleted the style “{name}” {scope}.") if remove else _("Set the style “{name}” {scope}: {text}.")
        words = words.format(name=name, scope=scope, text=style_words(to))
        return await self._put(by, here, "style", words, rule, remove=remove)

    async def models(self, by: Person, here: Place, kind: str, to: ModelNames, aim: RuleTarget = EVERYTHING) -> str:
        """Allow only some models of a `ModelKind`, or deny some, by names and patterns; none of both allows all."""
        scope, remove = await self._scope(by, here, "models", aim), to == ModelNames()
        if kind not in list(ModelKind):
            words = _("Name what it is about: {kinds}.").format(kinds=", ".join(ModelKind))
            raise UserError(words)
        if (fault := model_names.faults(to)) is not None:
            raise UserError(_("Nothing was changed: {fault}.").format(fault=fault))
        rule = Rule(scope, to, kind)
        words = _("Allowed {scope}: {kind}: {names}.")
        words = words.format(kind=kind_words(kind), scope=scope, names=names_words(to))
        return await self._put(by, here, "models", words, rule, remove=remove)

    async def review(
        self, by: Person, here: Place, on: bool | None, channel: str = "", aim: RuleTarget = EVERYTHING
    ) -> str:
        """Turn reviews of results on or off. Moderators are asked in `channel`. None leaves it to wider decisions."""
        scope = await self._scope(by, here, "review", aim)
        words = {
            True: _("Moderators review the results of {what} {scope}."),
            False: _("Results of {what} are shown without a review {scope}."),
            None: _("Removed the decision about reviewing the results of {what} {scope}."),
        }[on].format(what=what_of(scope), scope=scope)
        return await self._put(by, here, "review", words, Rule(scope, Review(bool(on), channel)), remove=on is None)

    async def block(
        self,
        by: Person,
        here: Place,
        person: Person,
        reason: str = "",
        lasting: float | None = None,
        aim: RuleTarget = EVERYTHING,
    ) -> str:
        """Block a person, for a number of seconds or permanently."""
        scope = await self._scope(by, here, "block", replace(aim, who=Subject.person(person)))
        until = None if lasting is None else self._clock() + lasting
        lasts = _("permanently") if lasting is None else _("for {time}").format(time=duration(lasting))
        words = _("{who} is blocked {where} {lasts}.").format(who=scope.who, where=scope.where, lasts=lasts)
        return await self._put(by, here, "block", words, Rule(scope, Block(reason[:500], until)))

    async def unblock(self, by: Person, here: Place, person: Person, aim: RuleTarget = EVERYTHING) -> str:
        """Remove a block."""
        scope = await self._scope(by, here, "unblock", replace(aim, who=Subject.person(person)))
        words = _("{who} is no longer blocked {where}.").format(who=scope.who, where=scope.where)
        return await self._put(by, here, "unblock", words, Rule(scope, Block()), remove=True)

    async def admit(self, by: Person, here: Place, person: Person) -> str:
        """Let a person use the bot in private, on a platform where that needs permission. Raises `UserError` if the
        person is blocked.
        """
        scope = await self._scope(by, here, "admit", RuleTarget(who=Subject.person(person)))
        if (block := self._enforcer.block(person, here)) is not None:
            raise UserError(_("Remove the block first: {block}.").format(block=describe(block)))
        words = _("{who} may use the bot in private.").format(who=scope.who)
        return await self._put(by, here, "admit", words, Rule(scope, Admission()))

    async def dismiss(self, by: Person, here: Place, person: Person) -> str:
        """Undo `admit`."""
        scope = await self._scope(by, here, "dismiss", RuleTarget(who=Subject.person(person)))
        words = _("{who} may no longer use the bot in private, unless another group allows it.").format(who=scope.who)
        return await self._put(by, here, "dismiss", words, Rule(scope, Admission()), remove=True)

    async def where(
        self, by: Person, here: Place, to: DisplayOptions, aim: RuleTarget = EVERYTHING, told: str = ""
    ) -> str:
        """Set where results go, the previews and spoilers, private runs, and when people are told of an end, as `told`
        says; options that are None or empty stay as they are. Raises `BadValue` for a place that is none.
        """
        if to.results not in (None, "here", "thread") and not _CHANNEL.fullmatch(to.results):
            raise BadValue("results", _("a channel or topic is named by its id, which is a number."))
        scope = await self._scope(by, here, "where", aim)
        to = replace(to, ping=after_of(told)) if told else to
        old = self._rules.of(scope.community).get(Rule(scope, to).slot)
        before = old.body if old is not None and isinstance(old.body, DisplayOptions) else DisplayOptions()
        merged = DisplayOptions(
            before.results if to.results is None else to.results,
            before.previews if to.previews is None else to.previews,
            before.spoilers if to.spoilers is None else to.spoilers,
            before.ping if to.ping is None else to.ping,
            before.private if to.private is None else to.private,
        )
        words = _("Results {scope}: {display}.").format(scope=scope, display=display_words(merged))
        return await self._put(by, here, "where", words, Rule(scope, merged))

    async def moderators(self, by: Person, here: Place, roles: Sequence[str]) -> str:
        """Name the roles that make a member a moderator; none restores the platform's own rule. Only for the owner."""
        await self._permissions.owner(by, here, "moderators")
        rule = Rule(Scope(community_of(here)), Moderators(tuple(roles)))
        words = (
            _("Members with these {count} roles are now moderators.")
            if roles
            else _("The platform's own rule for moderators applies.")
        )
        return await self._put(by, here, "moderators", words.format(count=len(roles)), rule, remove=not roles)

    async def drop(self, by: Person, here: Place, rule: Rule) -> str:
        """Remove any decision of this place, or, as the operator, a decision for everywhere."""
        everywhere = not here.community
        scope = await self._permissions.scope(by, here, "drop", RuleTarget(everywhere=everywhere))
        if isinstance(rule.body, Moderators):
            await self._permissions.owner(by, here, "drop")
        if isinstance(rule.body, Spending):
            await self._permissions.operator(by, here, "drop")
        if rule.scope.community != scope.community or rule not in self._rules.own(scope.community):
            raise UserError(_("This rule no longer exists here."))
        if isinstance(rule.body, Trial):
            raise UserError(_("A workflow on trial can be opened only by the person who added it."))
        words = _("Removed: {rule}.").format(rule=describe(rule))
        return await self._put(by, here, "drop", words, rule, remove=True)

    async def why(self, by: Person, here: Place, person: Person, workflow: str = "", place: Place | None = None) -> str:
        """Tell what a person may do in a place, and by which rules: a line for each workflow, or for one workflow."""
        await self._permissions.moderator(by, here, "why")
        lines = []
        catalog = self._validator.catalog
        for each in [catalog.find(workflow)] if workflow else self._workflows():
            decision = self._enforcer.decide(person, place or here, each.id)
            lines.append(f"{'✓' if decision.allowed else '✗'} {each.name}: {decision.why}")
            if decision.allowed:
                limits = self._enforcer.policy(person, place or here, each.id).limits
                lines += [f"   {quota}" for quota in await self._queue.quota_statuses(person.key, each.id, limits)]
        return "\n".join(lines)

    async def overview(self, by: Person, here: Place) -> Overview:
        """Return an overview of a place, for a panel."""
        await self._permissions.moderator(by, here, "overview")
        everyone = Person(here.platform, "")
        rows = tuple(
            Row(each.name, each.title, self._enforcer.decide(everyone, here, each.id)) for each in self._workflows()
        )
        rules = tuple(self._rules.of(community_of(here)))
        return Overview(rows, rules, tuple(map(describe, rules)))

    async def matrix(self, by: Person, here: Place) -> AccessMatrix:
        """Return who may run what in a place, as far as decisions tell people apart."""
        await self._permissions.moderator(by, here, "matrix")
        return await matrix_of(here, self._enforcer, self._workflows())

    def _workflows(self) -> list[Workflow]:
        """Return all workflows but the drafts that authors try, which are theirs alone."""
        every = self._validator.catalog.workflows.values()
        return [each for each in every if not self._enforcer.book.is_draft(each.id)]

    async def rehearse(self, by: Person, here: Place, act: Callable[[ModerationService], Awaitable[str]]) -> Rehearsal:
        """Say what a decision would change, without making it. `act` makes it with the service that it is given, which
        keeps nothing; only refusals are written down. Raises what the decision would.
        """
        await self._permissions.moderator(by, here, "rehearse")
        book, stand_in = self._rules.rehearsed(), copy(self)
        then = self._enforcer.by(book)
        vars(stand_in).update(_rules=book, _enforcer=then)
        words = await act(stand_in)
        effects = await self._preview.effects(here, self._enforcer, then, book.changed)
        return Rehearsal(words, effects)

    async def places(self, by: Person, here: Place) -> list[Place]:
        """Return every community with a request or a decision, for the operator. The private chats of a platform are
        one place without a community.
        """
        await self._permissions.operator(by, here, "places")
        known = await self._records.communities()
        for community, name in (await self._audit.communities()).items():
            known[community] = known.get(community) or name
        named = [(*community.partition(":")[::2], name) for community, name in sorted(known.items())]
        return [Place(platform, "", name, number) for platform, number, name in named]

    async def log(
        self,
        by: Person,
        here: Place,
        count: int = 20,
        before: int | None = None,
        wanted: AuditFilter = ALL_LINES,
    ) -> list[Entry]:
        """Return the audit log of a place's community, newest first; with `before`, only entries older than that
        number.
        """
        await self._permissions.moderator(by, here, "log")
        return await self._audit.last_in(community_of(here), count, before, wanted)

    async def log_file(self, by: Person, here: Place, wanted: AuditFilter = ALL_LINES) -> bytes:
        """Return the whole audit log of a community, or what is wanted of it, as lines of JSON, newest first."""
        entries = await self.log(by, here, 100_000, wanted=wanted)
        entries.reverse()
        return await asyncio.to_thread(_lines, entries)

    async def stats(self, by: Person, here: Place, days: int = 30, name: str = "") -> bytes:
        """Draw a community's statistics as a PNG: runs, busy hours, waiting times and refusals. `name` is the
        community's name for the title.
        """
        await self._permissions.moderator(by, here, "stats")
        told = await self.statistics(by, here, days, name)
        try:
            return await run_apart(await asyncio.to_thread(_drawing), told, timeout=_CHART_SECONDS)
        except WorkerFailed as fault:
            raise UserError(_("The chart cannot be drawn just now: please try again in a moment.")) from fault

    async def statistics(self, by: Person, here: Place, days: int = 30, name: str = "") -> Statistics:
        """Return the same as numbers."""
        from bot.core.moderation.statistics import summarize

        await self._permissions.moderator(by, here, "statistics")
        community, now, days = community_of(here), self._clock(), max(1, min(days, 90))
        since = (now // 86_400 - days + 1) * 86_400
        runs = await self._records.lately(asked_in(here), since)
        refused = await self._audit.refusals_since(community, since)
        return await asyncio.to_thread(summarize, name or here.name, runs, refused, now, days)

    async def undo(self, by: Person, here: Place, *, everywhere: bool = False) -> str:
        """Undo the last decision; called again, the one before it."""
        await (self._permissions.operator if everywhere else self._permissions.moderator)(by, here, "undo")
        community = "" if everywhere else community_of(here)
        last = await self._rules.last_decision(community)
        if last is not None and last.act == "moderators":
            await self._permissions.owner(by, here, "undo")
        if last is not None and "spending" in _kinds_in(last):
            await self._permissions.operator(by, here, "undo")
        entry = await self._rules.undo(community, By(by, here, "undo", ""), last)
        if entry is None:
            return _("There is nothing to undo.")
        return _("Undone: {words}").format(words=entry.words)

    async def export(self, by: Person, here: Place) -> str:
        """Export all decisions of a community, to read, to keep or to import elsewhere."""
        await self._permissions.moderator(by, here, "export")
        return await asyncio.to_thread(exported, community_of(here), self._rules.own(community_of(here)))

    async def import_(self, by: Person, here: Place, text: str) -> str:
        """Make all decisions of an export. Other decisions here stay. Raises `UserError` with the mistakes in the file.

        An export from another community loses what is about its places, roles and moderators. The channels for results
        and reviews are never imported, because a changed file could name any channel.
        """
        scope = await self._scope(by, here, "import", EVERYTHING)
        rules, origin = await asyncio.to_thread(imported, text, scope.community)
        for rule in rules:
            fault = await word_filter.check(rule.body) if isinstance(rule.body, WordList) else None
            fault = choosing.faults(rule.name, rule.body.texts) if isinstance(rule.body, TextList) else fault
            fault = styles.faults(rule.name, rule.body) if isinstance(rule.body, Style) else fault
            fault = model_names.faults(rule.body) if isinstance(rule.body, ModelNames) else fault
            if fault is not None:
                raise UserError(_("Nothing was imported: {faults}.").format(faults=fault))
        foreign = origin != scope.community
        kept = [without_channels(rule) for rule in rules if self._may_import(rule, by, here, foreign=foreign)]
        count, left = len(kept), len(rules) - len(kept)
        words = ngettext(
            "Imported {count} decision, left out {left}.", "Imported {count} decisions, left out {left}.", count
        )
        words = words.format(count=count, left=left)
        await self._rules.change(scope.community, By(by, here, "import", words), [Change.put(rule) for rule in kept])
        return words

    async def moved(self, old: str, new: str) -> None:
        """A community, given as "platform:id", has a new id, as when a group becomes a supergroup."""
        await self._rules.move(old, new, partial(usage.move_community, old=old, new=new))

    async def left(self, community: str) -> None:
        """The bot has left a community. Its decisions are deleted, and its audit log stays."""
        await self._rules.drop(community, _by_itself(community, _("The bot has left this community.")))

    async def role_deleted(self, community: str, role: str) -> None:
        """Delete the decisions for a deleted role."""
        words = _("The role {role} has been deleted.").format(role=role)
        gone = Subject.role(role)
        await self._rules.drop(community, _by_itself(community, words), lambda rule: rule.scope.who == gone)

    async def place_deleted(self, community: str, place: str) -> None:
        """Delete the decisions for a deleted channel or topic."""
        words = _("The place {place} has been deleted.").format(place=place)
        await self._rules.drop(community, _by_itself(community, words), lambda rule: rule.scope.place == place)

    async def _access(self, by: Person, here: Place, act: str, aim: RuleTarget, access: Access) -> str:
        scope = await self._scope(by, here, act, aim)
        if access.allow and scope.workflow and self._enforcer.on_trial(here, scope.workflow):
            words = _("“{name}” is still on trial. The person who added it must open it first, with “workflow open”.")
            raise UserError(words.format(name=scope.workflow))
        words = _("{what} is allowed {scope}.") if access.allow else _("{what} is denied {scope}.")
        told = await self._put(by, here, act, words.format(what=what_of(scope), scope=scope), Rule(scope, access))
        if access.allow and scope.workflow and self._enforcer.is_off(here, scope.workflow):
            told += " " + _(
                "But it costs money, and the operator does not permit that here (“Nodes that cost money” on the page)."
            )
        return told

    async def _scope(self, by: Person, here: Place, act: str, aim: RuleTarget) -> Scope:
        scope = await self._permissions.scope(by, here, act, aim)
        return replace(scope, workflow=self._meant(scope.workflow))

    def _meant(self, workflow: str) -> str:
        """Return the id of the workflow that a moderator means; empty for all. Raises `UnknownWorkflow`."""
        return self._validator.catalog.find(workflow).id if workflow else ""

    async def _put(self, by: Person, here: Place, act: str, words: str, rule: Rule, *, remove: bool = False) -> str:
        change = Change(rule.slot, None if remove else rule)
        await self._rules.change(rule.scope.community, By(by, here, act, words), [change])
        return words

    def _may_import(self, rule: Rule, by: Person, here: Place, *, foreign: bool) -> bool:
        if isinstance(rule.body, Trial | Spending | RunPrice):
            return False
        if isinstance(rule.body, Admission):
            return not foreign and rule.scope.who.whom is SubjectKind.PERSON
        if isinstance(rule.body, Moderators):
            return not foreign and (by.owner or self._permissions.is_operator(by))
        return not foreign or (not rule.scope.place and rule.scope.who.whom is not SubjectKind.ROLE)


def _lines(entries: list[Entry]) -> bytes:
    """Return entries of the audit log as lines of JSON, the last first, and empty the list: to let go of many takes
    the event loop long.
    """
    lines = []
    while entries:
        lines.append(json.dumps(entry_json(entries.pop()), ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def _kinds_in(entry: Entry) -> set[str]:
    """Return the kinds of the rules that a decision changed."""
    return {rule["kind"] for change in entry.changes for rule in (change["before"], change["after"]) if rule}


def _limit_fault(measure: str, most: int | None, scope: Scope, *, together: bool) -> str | None:
    """Return what is wrong with a limit, in words."""
    if measure not in list(Measure):
        return _("There is no limit “{name}”; there are {names}.").format(name=measure, names=", ".join(Measure))
    least = 1 if measure in (Measure.WAITING, Measure.RUNNING, Measure.COUNT) else 0
    largest = MOST_AT_ONCE if measure == Measure.COUNT else _MOST
    if most is not None and not least <= most <= largest:
        return _("This limit must be a number from {least} to {most}.").format(least=least, most=largest)
    if together and measure == Measure.COUNT:
        return _("This limit is for each request, and cannot be one for all people together.")
    if together and scope.who != EVERYONE:
        return _("A limit for all people together applies to everyone: leave out the role and the administrators.")
    return None


def _drawing() -> Callable[[Statistics], bytes]:
    """Return what draws a chart. Pillow is imported only when a moderator asks for one."""
    from bot.core.moderation.chart import draw

    return draw


def _by_itself(community: str, words: str) -> By:
    platform, _colon, number = community.partition(":")
    return By(Person(platform, ""), Place(platform, number, community=number), "tidy", words)
