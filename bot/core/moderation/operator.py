"""Decisions that the operator makes for all places at once, on the computer that runs the bot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.permissions import OPERATOR
from bot.core.policy.rule_store import By, Change, RuleStore
from bot.core.policy.rule_text import describe
from bot.core.policy.rules import Access, Block, Rule
from bot.core.policy.scope import Scope, Subject
from bot.core.policy.spending import price_rule, price_sentence, spending_rule, spending_sentence
from bot.core.workflows.catalog import Workflows
from bot.i18n import _

HERE = Place("terminal", "", "terminal")


class OperatorService:
    """The processes that serve the chats apply each decision within a second."""

    def __init__(
        self, book: RuleStore, audit: Audit, catalog: Workflows, clock: Callable[[], float] = time.time
    ) -> None:
        self._rule_store, self._audit, self._catalog, self._clock = book, audit, catalog, clock

    async def access(self, workflow: str, allow: bool | None) -> str:
        """Allow or deny a workflow everywhere; an empty name means all workflows. Raises `UnknownWorkflow`."""
        workflow = self._catalog.find(workflow).id if workflow else ""
        rule = Rule(Scope(workflow=workflow), Access(bool(allow)))
        if allow is None:
            return await self._put("clear", replace(rule, body=Access(allow=True)), remove=True)
        return await self._put("allow" if allow else "deny", rule)

    async def block(self, person: str, reason: str, days: float | None) -> str:
        """Block a person, as "platform:id", everywhere."""
        until = None if days is None else self._clock() + days * 86_400
        return await self._put("block", Rule(Scope(who=_who(person)), Block(reason, until)))

    async def unblock(self, person: str) -> str:
        return await self._put("unblock", Rule(Scope(who=_who(person)), Block()), remove=True)

    async def spending(self, community: str, most: int | None) -> str:
        """Permit nodes that cost money in a community, given as "platform:id", or everywhere with "": see
        `ModerationService.spending`. Raises `UserError`.
        """
        rule = spending_rule(Scope(community), most)
        words = spending_sentence(rule, most)
        return await self._change(community, "spending", words, Change(rule.slot, None if most is None else rule))

    async def price(self, workflow: str, cost: float | None) -> str:
        """Set the price of a run, in credits: see `ModerationService.price`. Raises `UserError`."""
        rule = price_rule(self._catalog.find(workflow).id, cost)
        words = price_sentence(rule, cost)
        return await self._change("", "price", words, Change(rule.slot, None if cost is None else rule))

    def rules(self, community: str) -> Iterator[str]:
        """Describe each rule of a community, given as "platform:id", in one line; "" means the rules for everywhere."""
        return map(describe, self._rule_store.own(community))

    async def log(self, community: str, count: int) -> list[str]:
        """Return the latest lines of a community's audit log, newest first; "" means the decisions for everywhere."""
        lines = []
        for entry in await self._audit.last_in(community, count):
            at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M")
            who = f"{entry.person.platform}:{entry.person.id}"
            lines.append(f"{at}  {who} {entry.person.name}  {entry.act}  {entry.words}")
        return lines

    async def _put(self, act: str, rule: Rule, *, remove: bool = False) -> str:
        if not remove:
            return await self._change("", act, _("Decided: {rule}.").format(rule=describe(rule)), Change.put(rule))
        old = self._rule_store.of("").get(rule.slot)
        if old is None:
            return _("Nothing was changed: there is no such decision for everywhere.")
        return await self._change("", act, _("Removed: {rule}.").format(rule=describe(old)), Change(rule.slot, None))

    async def _change(self, community: str, act: str, words: str, change: Change) -> str:
        await self._rule_store.change(community, By(OPERATOR, HERE, act, words), [change])
        return words


def _who(person: str) -> Subject:
    platform, _colon, number = person.partition(":")
    return Subject.person(Person(platform, number))
