"""Decide if a person may run a workflow in a place, why, and with which form and limits. Pure functions.

The narrower place wins, as it does with permissions in chats: a thread before its channel, that before the community,
and the community before everywhere. In the same place a rule for a person wins over one for administrators, that over
one for a role, and that over one for everyone; then a rule for one workflow over one for all; then a denial over an
allowance. No rule overrides four things: a denial everywhere, a block, the trial of a workflow, and the operator's
decision about money (`spending`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.core.model import DisplayOptions
from bot.core.policy import spending
from bot.core.policy.rules import (
    Access,
    Admission,
    Block,
    Budget,
    Limit,
    Measure,
    Narrowing,
    Review,
    Rule,
    Rules,
    TextList,
    Trial,
    WordList,
)
from bot.core.policy.scope import RequestContext, Scope, Subject, SubjectKind
from bot.core.wording.model_names import ModelKind, ModelNames
from bot.core.wording.styles import Style
from bot.i18n import _


@dataclass(frozen=True)
class Decision:
    """A decision and its reason. `rule` is None for the operator's default. `why` is a sentence."""

    allowed: bool
    why: str
    rule: Rule | None = None


@dataclass(frozen=True)
class DefaultAccess:
    """The workflows that are allowed in a new place; None for all that cost no money."""

    workflows: frozenset[str] | None = None

    @classmethod
    def read(cls, text: str) -> DefaultAccess:
        """Read `all`, `none`, or names separated by commas."""
        match text.strip().lower():
            case "all":
                return cls()
            case "none":
                return cls(frozenset())
            case names:
                return cls(frozenset(names.replace(",", " ").replace("-", "_").split()))

    def allows(self, workflow: str, *, costs: bool = False) -> bool:
        return not costs if self.workflows is None else workflow.replace("-", "_") in self.workflows


NO_REVIEW, PLAIN = Review(on=False), DisplayOptions("here", previews=True, spoilers=False)


@dataclass(frozen=True)
class EffectivePolicy:
    """The policy that applies to one run from when it is accepted."""

    limits: tuple[Rule, ...] = ()
    review: Review = NO_REVIEW
    display: DisplayOptions = PLAIN

    def covered(self) -> EffectivePolicy:
        """The same policy, with results behind a spoiler."""
        return replace(self, display=replace(self.display, spoilers=True))


NO_POLICY = EffectivePolicy()


def effective_policy(rules: Rules, context: RequestContext) -> EffectivePolicy:
    """Return the policy for a request."""
    return EffectivePolicy(tuple(limits(rules, context)), review(rules, context), display_options(rules, context))


EVERY_WORKFLOW = DefaultAccess()


def decide(rules: Rules, context: RequestContext, default: DefaultAccess, now: float) -> Decision:
    """Decide if this person may run this workflow here and now."""
    if (block := block_of(rules, context, now)) is not None:
        return Decision(allowed=False, why=told_block(block), rule=block)
    if (denial := _denied_everywhere(rules, context)) is not None:
        return Decision(allowed=False, why=_told(denial), rule=denial)
    if context.costs and (refusal := spending.refusal(rules, context)) is not None:
        return Decision(allowed=False, why=refusal[0], rule=refusal[1])
    trial = trial_of(rules, context)
    if trial is not None and not _tries(context, trial):
        words = _("“{workflow}” is still on trial: only the person who added it may run it.")
        return Decision(allowed=False, why=words.format(workflow=context.workflow), rule=trial)
    for tier in rules.tiers(Access, context):
        rule = next((each for each in tier if each.body == Access(allow=False)), tier[0])
        return Decision(allowed=rule.body == Access(allow=True), why=_told(rule), rule=rule)
    if default.allows(context.workflow, costs=context.costs):
        return Decision(allowed=True, why=_("It is allowed by default: no decision is about it."))
    if trial is not None:
        return Decision(allowed=True, why=_("You may try it before it is open to others."), rule=trial)
    if context.costs and default.allows(context.workflow):
        return Decision(allowed=False, why=_("It costs money, and is not allowed here. A moderator can allow it."))
    return Decision(allowed=False, why=_("It is not allowed here. A moderator can allow it."))


def admits(rules: Rules, context: RequestContext, now: float) -> bool:
    """True if a community lets this person use the bot in private, and has not blocked them."""
    admission = Rule(Scope(context.community, who=Subject(SubjectKind.PERSON, context.person)), Admission())
    return rules.get(admission.slot) is not None and block_of(rules, context, now) is None


def block_of(rules: Rules, context: RequestContext, now: float) -> Rule | None:
    """Return the block that applies to this person, if there is one."""
    found = [rule for tier in rules.tiers(Block, context) for rule in tier]
    return next((rule for rule in found if isinstance(rule.body, Block) and _lasts(rule.body, now)), None)


def trial_of(rules: Rules, context: RequestContext) -> Rule | None:
    """Return the trial rule of a workflow that is not open in this place."""
    found = rules.narrowest(Trial, context)
    return found if found is not None and isinstance(found.body, Trial) and not found.body.open else None


def limits(rules: Rules, context: RequestContext) -> list[Rule]:
    """Return the limits that apply: for each measure and place, one for the workflow and one for all workflows. Also
    return the budgets, which count all people together. Credits count for workflows that cost money alone.

    In one place the limit for the narrower group of people applies; of several roles, the one that allows more.
    """
    found: dict[tuple[str, str, str, str], Rule] = {}
    for name in Measure:
        if name is Measure.CREDITS and not context.costs:
            continue
        widest = min if name is Measure.COOLDOWN else max
        for key in context.scope_keys:
            for tier in (*rules.at(Limit, context, key, name), *rules.at(Budget, context, key, name)):
                best = widest(tier, key=lambda rule: rule.most)
                found.setdefault((best.kind, name, "/".join(key), best.scope.workflow), best)
    return [*found.values(), *(spending.ceilings(rules, context) if context.costs else ())]


def narrowings(rules: Rules, context: RequestContext, fields: Collection[str]) -> Iterator[tuple[str, Narrowing]]:
    """Return the rules about fields: for each field first the rule for everywhere, then the narrowest rule."""
    for name in fields:
        everywhere = [rule for tier in rules.at(Narrowing, context, ("", ""), name) for rule in tier][:1]
        narrowest = rules.narrowest(Narrowing, context, name)
        for rule in dict.fromkeys((*everywhere, *((narrowest,) if narrowest else ()))):
            if isinstance(rule.body, Narrowing):
                yield name, rule.body


def word_lists(rules: Rules, context: RequestContext) -> list[Rule]:
    """Return every word list that applies here."""
    return [rule for name in rules.names(WordList) for tier in rules.tiers(WordList, context, name) for rule in tier]


def text_lists(rules: Rules, context: RequestContext) -> dict[str, tuple[str, ...]]:
    """Return the texts of each list that people may write here: of lists with the same name, those of the narrowest."""
    found = {name: rules.narrowest(TextList, context, name) for name in rules.names(TextList)}
    return {
        name: rule.body.texts for name, rule in found.items() if rule is not None and isinstance(rule.body, TextList)
    }


def styles(rules: Rules, context: RequestContext) -> dict[str, Style]:
    """Return the styles that people may choose here: of those with the same name, the narrowest."""
    found = {name: rules.narrowest(Style, context, name) for name in rules.names(Style)}
    return {name: rule.body for name, rule in found.items() if rule is not None and isinstance(rule.body, Style)}


@dataclass(frozen=True)
class ModelRules:
    """The rules about the names of models that hold for a request, by kind: for each place those of the narrowest group
    of people, of which one must permit a name. Each place can only restrict further.
    """

    places: Mapping[str, Sequence[Sequence[Rule]]]

    def denial(self, kind: ModelKind, name: str) -> Rule | None:
        """Return a rule that denies a name; None if it is permitted."""
        for tier in self.places.get(kind, ()):
            if not any(isinstance(rule.body, ModelNames) and rule.body.permits(name) for rule in tier):
                return tier[0]
        return None

    def permits(self, kind: ModelKind, name: str) -> bool:
        return self.denial(kind, name) is None


def model_rules(rules: Rules, context: RequestContext) -> ModelRules:
    """Return the rules about the names of models that apply here."""
    found = dict[str, list[list[Rule]]]()
    for kind in rules.names(ModelNames):
        tiers = (next(rules.at(ModelNames, context, key, kind), None) for key in context.scope_keys)
        found[kind] = [tier for tier in tiers if tier]
    return ModelRules(found)


def review(rules: Rules, context: RequestContext) -> Review:
    """Decide if moderators review the results, and where. A review for everywhere cannot be turned off in one place."""
    found = [rule.body for tier in rules.tiers(Review, context) for rule in tier if isinstance(rule.body, Review)]
    always = [rule.body for tier in rules.at(Review, context, ("", "")) for rule in tier]
    channel = next((each.channel for each in found if each.channel), "")
    on = (bool(found) and found[0].on) or any(isinstance(each, Review) and each.on for each in always[:1])
    return Review(on, channel)


def display_options(rules: Rules, context: RequestContext) -> DisplayOptions:
    """Return the display options: for each option, the narrowest rule that sets it."""
    found = [
        rule.body
        for tier in rules.tiers(DisplayOptions, context)
        for rule in tier
        if isinstance(rule.body, DisplayOptions)
    ]
    return DisplayOptions(
        next((each.results for each in found if each.results is not None), "here"),
        next((each.previews for each in found if each.previews is not None), True),
        next((each.spoilers for each in found if each.spoilers is not None), False),
        next((each.ping for each in found if each.ping is not None), None),
        next((each.private for each in found if each.private is not None), None),
    )


def told_block(rule: Rule) -> str:
    """Return a sentence about a block for the blocked person."""
    assert isinstance(rule.body, Block)  # noqa: S101 - for the type validator
    body = rule.body
    if body.until is None:
        words = _("A moderator has blocked you {where}.")
    else:
        words = _("A moderator has blocked you {where} until {until} UTC.")
    until = datetime.fromtimestamp(body.until, UTC).strftime("%Y-%m-%d %H:%M") if body.until is not None else ""
    sentence = words.format(where=rule.scope.where, until=until)
    return sentence + " " + _("The reason: {reason}").format(reason=body.reason) if body.reason else sentence


def is_block(rule: Rule, now: float) -> bool:
    """True for a rule that blocks people now."""
    return isinstance(rule.body, Block) and _lasts(rule.body, now)


def _lasts(block: Block, now: float) -> bool:
    return block.until is None or block.until > now


def _denied_everywhere(rules: Rules, context: RequestContext) -> Rule | None:
    """Return the operator's denial for everywhere, if there is one."""
    found = [rule for tier in rules.at(Access, context, ("", "")) for rule in tier]
    return next((rule for rule in found if rule.body == Access(allow=False)), None)


def _tries(context: RequestContext, trial: Rule) -> bool:
    if not isinstance(trial.body, Trial):
        return context.operator
    return trial.body.by == context.person or (context.operator and not trial.body.alone)


def _told(rule: Rule) -> str:
    """Return the rule as a sentence."""
    scope = rule.scope
    what = f"“{scope.workflow}”" if scope.workflow else _("Every workflow")
    allowed = rule.body == Access(allow=True)
    if not scope.community:
        words = (
            _("{what} is allowed {scope}, by the operator.")
            if allowed
            else _("{what} is denied {scope}, by the operator.")
        )
    else:
        words = _("{what} is allowed {scope}.") if allowed else _("{what} is denied {scope}.")
    return words.format(what=what, scope=scope)
