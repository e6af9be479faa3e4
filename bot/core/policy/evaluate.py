"""The decision: may this person run this workflow here, now; with which form and limits, and for which reason. Pure.

The narrower place wins, as it does with permissions in chats: a thread before its channel, that before the community,
and the community before everywhere. In the same place a rule for a person wins over one for administrators, that over
one for a role, and that over one for everyone; then a rule for one workflow over one for all; then a denial over an
allowance. No rule overrides three things: a denial everywhere, a block, and the trial of a workflow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.core.model import DisplayOptions
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
    Trial,
    WordList,
)
from bot.core.policy.scope import RequestContext, Scope, Subject, SubjectKind
from bot.i18n import _


@dataclass(frozen=True)
class Decision:
    """Whether it is allowed, and why: `rule` is None where it is the operator's default. `why` is a sentence."""

    allowed: bool
    why: str
    rule: Rule | None = None


@dataclass(frozen=True)
class DefaultAccess:
    """What a place starts with: these workflows; None for all."""

    workflows: frozenset[str] | None = None

    @classmethod
    def read(cls, text: str) -> DefaultAccess:
        """`all`, `none`, or a list of names with commas between."""
        match text.strip().lower():
            case "all":
                return cls()
            case "none":
                return cls(frozenset())
            case names:
                return cls(frozenset(names.replace(",", " ").split()))

    def allows(self, workflow: str) -> bool:
        return self.workflows is None or workflow in self.workflows


NO_REVIEW, PLAIN = Review(on=False), DisplayOptions("here", previews=True, spoilers=False)


@dataclass(frozen=True)
class EffectivePolicy:
    """What holds of one run from when it is taken in."""

    limits: tuple[Rule, ...] = ()
    review: Review = NO_REVIEW
    display: DisplayOptions = PLAIN

    def covered(self) -> EffectivePolicy:
        """The same, with results that are covered until somebody wants to see them."""
        return replace(self, display=replace(self.display, spoilers=True))


NO_POLICY = EffectivePolicy()


def effective_policy(rules: Rules, context: RequestContext) -> EffectivePolicy:
    """What holds of a run that is asked for so."""
    return EffectivePolicy(tuple(limits(rules, context)), review(rules, context), display_options(rules, context))


EVERY_WORKFLOW = DefaultAccess()


def decide(rules: Rules, context: RequestContext, default: DefaultAccess, now: float) -> Decision:
    """May this person run this workflow here, now?"""
    if (block := block_of(rules, context, now)) is not None:
        return Decision(allowed=False, why=told_block(block), rule=block)
    if (denial := _denied_everywhere(rules, context)) is not None:
        return Decision(allowed=False, why=_told(denial), rule=denial)
    trial = trial_of(rules, context)
    if trial is not None and not _tries(context, trial):
        words = _("“{workflow}” is still being tried by the one who added it.")
        return Decision(allowed=False, why=words.format(workflow=context.workflow), rule=trial)
    for tier in rules.tiers(Access, context):
        rule = next((each for each in tier if each.body == Access(allow=False)), tier[0])
        return Decision(allowed=rule.body == Access(allow=True), why=_told(rule), rule=rule)
    if default.allows(context.workflow):
        return Decision(allowed=True, why=_("Nobody has decided anything about it, and so it is allowed."))
    if trial is not None:
        return Decision(allowed=True, why=_("You may try it before it is opened."), rule=trial)
    return Decision(allowed=False, why=_("It has not been allowed here: a moderator can do that."))


def admits(rules: Rules, context: RequestContext, now: float) -> bool:
    """Whether a community has let this person ask in private as well: nobody who is blocked in it."""
    admission = Rule(Scope(context.community, who=Subject(SubjectKind.PERSON, context.person)), Admission())
    return rules.get(admission.slot) is not None and block_of(rules, context, now) is None


def block_of(rules: Rules, context: RequestContext, now: float) -> Rule | None:
    """The block that keeps this person from everything there."""
    found = [rule for tier in rules.tiers(Block, context) for rule in tier]
    return next((rule for rule in found if isinstance(rule.body, Block) and _lasts(rule.body, now)), None)


def trial_of(rules: Rules, context: RequestContext) -> Rule | None:
    """The trial that a workflow is on there, if it is not open."""
    found = rules.narrowest(Trial, context)
    return found if found is not None and isinstance(found.body, Trial) and not found.body.open else None


def limits(rules: Rules, context: RequestContext) -> list[Rule]:
    """The limits that hold: for each measure one a place, and one each for the workflow and for all; and the budgets,
    which count for everyone together.

    In one place the narrower of whom it is for goes first; of several roles, the one that allows more.
    """
    found: dict[tuple[str, str, str, str], Rule] = {}
    for name in Measure:
        widest = min if name is Measure.COOLDOWN else max
        for key in context.scope_keys:
            for tier in (*rules.at(Limit, context, key, name), *rules.at(Budget, context, key, name)):
                best = widest(tier, key=lambda rule: rule.most)
                found.setdefault((best.kind, name, "/".join(key), best.scope.workflow), best)
    return list(found.values())


def narrowings(rules: Rules, context: RequestContext, fields: Collection[str]) -> Iterator[tuple[str, Narrowing]]:
    """What holds of the fields: for each the narrowest decision, after what is decided everywhere."""
    for name in fields:
        everywhere = [rule for tier in rules.at(Narrowing, context, ("", ""), name) for rule in tier][:1]
        narrowest = rules.narrowest(Narrowing, context, name)
        for rule in dict.fromkeys((*everywhere, *((narrowest,) if narrowest else ()))):
            if isinstance(rule.body, Narrowing):
                yield name, rule.body


def word_lists(rules: Rules, context: RequestContext) -> list[Rule]:
    """Every list of words that holds here."""
    return [rule for name in rules.names(WordList) for tier in rules.tiers(WordList, context, name) for rule in tier]


def review(rules: Rules, context: RequestContext) -> Review:
    """Whether a moderator sees the results first, and where; what is to be seen everywhere is seen everywhere."""
    found = [rule.body for tier in rules.tiers(Review, context) for rule in tier if isinstance(rule.body, Review)]
    always = [rule.body for tier in rules.at(Review, context, ("", "")) for rule in tier]
    channel = next((each.channel for each in found if each.channel), "")
    on = (bool(found) and found[0].on) or any(isinstance(each, Review) and each.on for each in always[:1])
    return Review(on, channel)


def display_options(rules: Rules, context: RequestContext) -> DisplayOptions:
    """How runs are shown here: for each setting, the narrowest that says anything of it."""
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
    )


def told_block(rule: Rule) -> str:
    """A block in a sentence, to the one who is blocked."""
    assert isinstance(rule.body, Block)  # noqa: S101 - for the type validator
    body = rule.body
    if body.until is None:
        words = _("A moderator has blocked you {where}.")
    else:
        words = _("A moderator has blocked you {where} until {until} UTC.")
    until = datetime.fromtimestamp(body.until, UTC).strftime("%Y-%m-%d %H:%M") if body.until is not None else ""
    sentence = words.format(where=rule.scope.where, until=until)
    return sentence + " " + _("The reason: {reason}").format(reason=body.reason) if body.reason else sentence


def _lasts(block: Block, now: float) -> bool:
    return block.until is None or block.until > now


def _denied_everywhere(rules: Rules, context: RequestContext) -> Rule | None:
    """What the operator has denied, whatever they have allowed besides."""
    found = [rule for tier in rules.at(Access, context, ("", "")) for rule in tier]
    return next((rule for rule in found if rule.body == Access(allow=False)), None)


def _tries(context: RequestContext, trial: Rule) -> bool:
    return context.operator or (isinstance(trial.body, Trial) and trial.body.by == context.person)


def _told(rule: Rule) -> str:
    """The rule in a sentence."""
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
