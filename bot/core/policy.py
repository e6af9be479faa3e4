"""Policy: may this person run this workflow here, now; with which form, and what else holds. Pure: rules and facts in,
a decision with its reason out.

The narrower place goes first, as it does with permissions in chats: a thread before its channel, that before the
community, and the community before everywhere. In the same place a rule for a person goes before one for
administrators, that before one for a role, and that before one for everyone; then a rule for one workflow before one
for all; then a denial before an allowance. Three things no rule overrides: what is denied everywhere, a block, and that
a workflow is only being tried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.core.rules import (
    Access,
    Admission,
    Block,
    Budget,
    Limit,
    Manner,
    Measure,
    Narrowing,
    Review,
    Rule,
    Rules,
    Trial,
    WordList,
)
from bot.core.scope import Facts, Scope, Who, Whom
from bot.words import _


@dataclass(frozen=True)
class Decision:
    """Whether it is allowed, and why: `rule` is None where it is the operator's default. `why` is a sentence."""

    allowed: bool
    why: str
    rule: Rule | None = None


@dataclass(frozen=True)
class Default:
    """What a place starts with: these workflows; None for all."""

    workflows: frozenset[str] | None = None

    @classmethod
    def read(cls, text: str) -> Default:
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


NO_REVIEW, PLAIN = Review(on=False), Manner("here", previews=True, spoilers=False)


@dataclass(frozen=True)
class Terms:
    """What holds of one run from when it is taken in."""

    limits: tuple[Rule, ...] = ()
    review: Review = NO_REVIEW
    manner: Manner = PLAIN

    def covered(self) -> Terms:
        """The same, with results that are covered until somebody wants to see them."""
        return replace(self, manner=replace(self.manner, spoilers=True))


NO_TERMS = Terms()


def terms(rules: Rules, facts: Facts) -> Terms:
    """What holds of a run that is asked for so."""
    return Terms(tuple(limits(rules, facts)), review(rules, facts), manner(rules, facts))


EVERY_WORKFLOW = Default()


def decide(rules: Rules, facts: Facts, default: Default, now: float) -> Decision:
    """May this person run this workflow here, now?"""
    if (block := block_of(rules, facts, now)) is not None:
        return Decision(allowed=False, why=told_block(block), rule=block)
    if (denial := _denied_everywhere(rules, facts)) is not None:
        return Decision(allowed=False, why=_told(denial), rule=denial)
    trial = trial_of(rules, facts)
    if trial is not None and not _tries(facts, trial):
        words = _("“{workflow}” is still being tried by the one who added it.")
        return Decision(allowed=False, why=words.format(workflow=facts.workflow), rule=trial)
    for tier in rules.tiers(Access, facts):
        rule = next((each for each in tier if each.body == Access(allow=False)), tier[0])
        return Decision(allowed=rule.body == Access(allow=True), why=_told(rule), rule=rule)
    if default.allows(facts.workflow):
        return Decision(allowed=True, why=_("Nobody has decided anything about it, and so it is allowed."))
    if trial is not None:
        return Decision(allowed=True, why=_("You may try it before it is opened."), rule=trial)
    return Decision(allowed=False, why=_("It has not been allowed here: a moderator can do that."))


def admits(rules: Rules, facts: Facts, now: float) -> bool:
    """Whether a community has let this person ask in private as well: nobody who is blocked in it."""
    admission = Rule(Scope(facts.community, who=Who(Whom.PERSON, facts.person)), Admission())
    return rules.get(admission.slot) is not None and block_of(rules, facts, now) is None


def block_of(rules: Rules, facts: Facts, now: float) -> Rule | None:
    """The block that keeps this person from everything there."""
    found = [rule for tier in rules.tiers(Block, facts) for rule in tier]
    return next((rule for rule in found if isinstance(rule.body, Block) and _lasts(rule.body, now)), None)


def trial_of(rules: Rules, facts: Facts) -> Rule | None:
    """The trial that a workflow is on there, if it is not open."""
    found = rules.narrowest(Trial, facts)
    return found if found is not None and isinstance(found.body, Trial) and not found.body.open else None


def limits(rules: Rules, facts: Facts) -> list[Rule]:
    """The limits that hold: for each measure one a place, and one each for the workflow and for all; and the budgets,
    which count for everyone together.

    In one place the narrower of whom it is for goes first; of several roles, the one that allows more.
    """
    found: dict[tuple[str, str, str, str], Rule] = {}
    for name in Measure:
        widest = min if name is Measure.COOLDOWN else max
        for spot in facts.spots:
            for tier in (*rules.at(Limit, facts, spot, name), *rules.at(Budget, facts, spot, name)):
                best = widest(tier, key=lambda rule: rule.most)
                found.setdefault((best.kind, name, "/".join(spot), best.scope.workflow), best)
    return list(found.values())


def narrowings(rules: Rules, facts: Facts, fields: Collection[str]) -> Iterator[tuple[str, Narrowing]]:
    """What holds of the fields: for each the narrowest decision, after what is decided everywhere."""
    for name in fields:
        everywhere = [rule for tier in rules.at(Narrowing, facts, ("", ""), name) for rule in tier][:1]
        narrowest = rules.narrowest(Narrowing, facts, name)
        for rule in dict.fromkeys((*everywhere, *((narrowest,) if narrowest else ()))):
            if isinstance(rule.body, Narrowing):
                yield name, rule.body


def word_lists(rules: Rules, facts: Facts) -> list[Rule]:
    """Every list of words that holds here."""
    return [rule for name in rules.names(WordList) for tier in rules.tiers(WordList, facts, name) for rule in tier]


def review(rules: Rules, facts: Facts) -> Review:
    """Whether a moderator sees the results first, and where; what is to be seen everywhere is seen everywhere."""
    found = [rule.body for tier in rules.tiers(Review, facts) for rule in tier if isinstance(rule.body, Review)]
    always = [rule.body for tier in rules.at(Review, facts, ("", "")) for rule in tier]
    channel = next((each.channel for each in found if each.channel), "")
    on = (bool(found) and found[0].on) or any(isinstance(each, Review) and each.on for each in always[:1])
    return Review(on, channel)


def manner(rules: Rules, facts: Facts) -> Manner:
    """How runs are shown here: for each setting, the narrowest that says anything of it."""
    found = [rule.body for tier in rules.tiers(Manner, facts) for rule in tier if isinstance(rule.body, Manner)]
    return Manner(
        next((each.results for each in found if each.results is not None), "here"),
        next((each.previews for each in found if each.previews is not None), True),
        next((each.spoilers for each in found if each.spoilers is not None), False),
    )


def told_block(rule: Rule) -> str:
    """A block in a sentence, to the one who is blocked."""
    assert isinstance(rule.body, Block)  # noqa: S101 - for the type checker
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


def _denied_everywhere(rules: Rules, facts: Facts) -> Rule | None:
    """What the operator has denied, whatever they have allowed besides."""
    found = [rule for tier in rules.at(Access, facts, ("", "")) for rule in tier]
    return next((rule for rule in found if rule.body == Access(allow=False)), None)


def _tries(facts: Facts, trial: Rule) -> bool:
    return facts.operator or (isinstance(trial.body, Trial) and trial.body.by == facts.person)


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
