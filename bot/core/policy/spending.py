"""Money: which communities may run nodes that cost some, how much, and at what price. Pure functions.

Only the operator permits it, for a community or everywhere, each time with a ceiling for all people together. All
ceilings that hold for a place count. Moderators can limit credits further, as they limit runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.errors import UserError
from bot.core.policy.rules import Budget, Measure, Rule, Rules, RunPrice, Spending
from bot.core.policy.scope import RequestContext, Scope
from bot.core.status_text import credit_words
from bot.i18n import _
from comfy.prices import Price

_MOST = 1_000_000  # credits


def refusal(rules: Rules, context: RequestContext) -> tuple[str, Rule | None] | None:
    """Return why a person may not run a workflow that costs money here, and the rule; None if the operator permits
    it.
    """
    permissions = list(_permissions(rules, context))
    forbidden = next((rule for rule in permissions if rule.most == 0), None)
    if permissions and forbidden is None:
        return None
    words = _("“{workflow}” costs money, and the operator of this bot does not permit that here.")
    return words.format(workflow=context.workflow), forbidden


def ceilings(rules: Rules, context: RequestContext) -> list[Rule]:
    """Return the operator's ceilings that hold for a request, as budgets."""
    return [Rule(rule.scope, Budget(rule.most), Measure.CREDITS) for rule in _permissions(rules, context)]


def price_of(rules: Rules, workflow: str, declared: Price | None) -> Price | None:
    """Return the price that counts for a run: the declared one, else the operator's own for the workflow."""
    rule = rules.get(Rule(Scope(workflow=workflow), RunPrice(0)).slot)
    if declared is not None or rule is None or not isinstance(rule.body, RunPrice):
        return declared
    return Price(rule.body.credits, rule.body.credits, declared=False)


def spending_rule(scope: Scope, most: int | None) -> Rule:
    """Return the operator's permission for a place. Raises `UserError`."""
    if most is not None and not 0 <= most <= _MOST:
        raise UserError(_("A ceiling is a number of credits from 0 to {most}.").format(most=_MOST))
    return Rule(scope, Spending(most or 0))


def price_rule(workflow: str, cost: float | None) -> Rule:
    """Return the operator's own price for a workflow. Raises `UserError`."""
    if cost is not None and not 0 <= cost <= _MOST:
        raise UserError(_("A price is a number of credits from 0 to {most}.").format(most=_MOST))
    return Rule(Scope(workflow=workflow), RunPrice(cost or 0.0))


def spending_sentence(rule: Rule, most: int | None) -> str:
    """Return the answer to the operator who decides about money."""
    if most is None:
        return _("Removed the permission for nodes that cost money {scope}.").format(scope=rule.scope)
    words = spending_words(rule)
    return f"{words[:1].upper()}{words[1:]}."


def price_sentence(rule: Rule, cost: float | None) -> str:
    """Return the answer to the operator who sets a price."""
    if cost is None:
        return _("Removed your own price of “{workflow}”.").format(workflow=rule.scope.workflow)
    words = _("A run of “{workflow}” counts as {credits} if its nodes do not say what they cost.")
    return words.format(workflow=rule.scope.workflow, credits=credit_words(cost))


def spending_words(rule: Rule) -> str:
    """Return a permission in words."""
    if not rule.most:
        return _("nodes that cost money are forbidden {scope}").format(scope=rule.scope)
    words = _("nodes that cost money are permitted {scope}, for at most {credits} per day")
    return words.format(scope=rule.scope, credits=credit_words(rule.most))


def _permissions(rules: Rules, context: RequestContext) -> Iterator[Rule]:
    return (rule for tier in rules.tiers(Spending, context) for rule in tier)
