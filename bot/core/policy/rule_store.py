"""All rules in memory, so that decisions need no database query. Other processes see each change within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.policy.audit import MANY_LINES, Audit, Entry
from bot.core.policy.rules import Admission, Rule, Rules, Slot, Spending, Trial
from bot.core.policy.scope import Scope
from bot.core.storage.bells import Topic
from bot.core.storage.database import Database
from bot.core.storage.engines.connection import AsyncConnection
from bot.core.storage.engines.prepared import PreparedStatement
from bot.core.storage.schema import audit, editions, rules
from bot.i18n import _

_LOCKS = ("rules",)  # editions are on record one after the other
_NEWER = PreparedStatement(select(editions).where(editions.c.edition > bindparam("seen")))


@dataclass(frozen=True)
class Change:
    """The new rule of a slot; None empties it."""

    slot: Slot
    rule: Rule | None

    @classmethod
    def put(cls, rule: Rule) -> Change:
        return cls(rule.slot, rule)


@dataclass(frozen=True)
class By:
    """The person who decides, the place, and the words for the audit log."""

    person: Person
    place: Place
    act: str
    words: str


class RuleStore:
    """Use it in `async with`, which reads all rules. `on_change` listeners get the communities with changed rules."""

    def __init__(self, database: Database, audit: Audit, tasks: TaskHealth) -> None:
        self._database, self._audit = database, audit
        self._own: dict[str, tuple[Rule, ...]] = {}
        self._indexed: dict[str, Rules] = {}
        self._seen, self._is_open = 0, False
        self._listeners: list[Callable[[str], None]] = []
        self._reading = asyncio.Lock()
        self._chore = BackgroundTask("rules", tasks)

    async def __aenter__(self) -> RuleStore:
        await self.refresh()
        self._is_open = True
        self._chore.repeat(self.refresh, until=self._database.bells.bell(Topic.RULES).wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chore.stop()

    def of(self, community: str) -> Rules:
        """Return the rules that apply in a community, including those for everywhere."""
        if community not in self._indexed:
            everywhere = self._own.get("", ()) if community else ()
            self._indexed[community] = Rules((*everywhere, *self._own.get(community, ())))
        return self._indexed[community]

    def own(self, community: str) -> tuple[Rule, ...]:
        """Return only the community's own rules."""
        return self._own.get(community, ())

    def is_draft(self, workflow: str) -> bool:
        """True for a workflow that is a draft which its author tries: for that person alone."""
        trial = self.of("").get(Rule(Scope(workflow=workflow), Trial()).slot)
        return trial is not None and isinstance(trial.body, Trial) and bool(trial.body.alone)

    @property
    def communities(self) -> list[str]:
        """Return the communities with rules, as "platform:id"."""
        return [community for community, rules in self._own.items() if community and rules]

    @property
    def permits_money(self) -> bool:
        """True if nodes that cost money are permitted anywhere."""
        every = (rule for rules in self._own.values() for rule in rules)
        return any(isinstance(rule.body, Spending) and rule.most > 0 for rule in every)

    @property
    def edition(self) -> int:
        """A number that grows whenever a rule changes, in any community."""
        return self._seen

    def rehearsed(self) -> RehearsedRules:
        """Return a copy in which changes can be tried: nothing keeps them, and nobody is told."""
        return RehearsedRules(self._database, self._audit, self._own)

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Call a function with each community that has changed rules; "" means all communities."""
        self._listeners.append(listener)

    def are_current(self, connection: Connection, community: str, edition: int) -> bool:
        """True if the rules that apply in a community are on record as they were at an edition."""
        return not any(row.community in ("", community) for row in _NEWER.rows(connection, {"seen": edition}))

    async def hold(self, community: str, edition: int) -> bool:
        """Read the changes since the last check. True if the rules that apply in a community are as they were at an
        edition.
        """
        await self.refresh()
        return await self._database.ask(partial(self.are_current, community=community, edition=edition))

    async def refresh(self) -> None:
        """Read the changes since the last check. If nothing has changed, this is one short query."""
        async with self._reading:
            seen = {"seen": self._seen}
            if not await self._database.ask(partial(_NEWER.rows, given=seen)):
                return
            async with self._database.read(begun=True) as connection:
                news = list(await connection.execute(_NEWER.statement, seen))
                for row in news:
                    self._own[row.community] = await _read(connection, row.community)
            for row in news if self._is_open else ():
                events_log.rules_changed(row.community, row.edition)
            self._seen = max((row.edition for row in news), default=self._seen)
            self._announce([row.community for row in news])

    async def change(self, community: str, by: By, changes: Sequence[Change]) -> None:
        """Make all changes or none, with one line in the audit log. Raises `UserError` for a rule that is too long."""
        _check(changes)
        async with self._database.change(Topic.RULES, locks=_LOCKS) as connection:
            noted = await _apply(connection, community, changes)
            await connection.execute(self._audit.line(by.person, by.place, by.act, by.words, noted, community))
            await _next_edition(connection, community)
        await self.refresh()

    async def last_decision(self, community: str) -> Entry | None:
        """Return the decision that `undo` would undo."""
        async with self._database.read() as connection:
            return await self._audit.to_undo(connection, community)

    async def undo(self, community: str, by: By, expected: Entry | None) -> Entry | None:
        """Undo the last decision of a community. Returns None if there is none, or if it is not the expected one."""
        async with self._database.change(Topic.RULES, locks=_LOCKS) as connection:
            entry = await self._audit.to_undo(connection, community)
            if entry is None or entry != expected:
                return None
            await _apply(connection, community, [_back(noted, community) for noted in entry.changes])
            back = [{"before": noted["after"], "after": noted["before"]} for noted in entry.changes]
            await self._audit.mark_undone(connection, entry)
            await connection.execute(self._audit.line(by.person, by.place, by.act, entry.words, back, community))
            await _next_edition(connection, community)
        await self.refresh()
        return entry

    async def move(self, old: str, new: str, others: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Move the rules and the audit of a community to its new id; `others` move theirs in the same transaction."""
        async with self._database.change(Topic.RULES, locks=(*_LOCKS, MANY_LINES)) as connection:
            await others(connection)
            for table in (rules, audit):
                moved = update(table).where(table.c.community == old).values(community=new)
                await connection.execute(moved)
            old_id, new_id = old.partition(":")[2], new.partition(":")[2]
            for table in (rules, audit):  # if the community is itself a place, as a group is
                here = update(table).where(table.c.community == new, table.c.place == old_id)
                await connection.execute(here.values(place=new_id))
            await _next_edition(connection, old)
            await _next_edition(connection, new)
        await self.refresh()

    async def copy(self, old: str, new: str) -> None:
        """Copy all rules about a workflow, in every community, to another name."""
        async with self._database.change(Topic.RULES, locks=_LOCKS) as connection:
            found = [_rule(row) for row in await connection.execute(select(rules).where(rules.c.workflow == old))]
            await connection.execute(delete(rules).where(rules.c.workflow == new))
            if fresh := [_columns(rule) | {"workflow": new} for rule in found]:
                await connection.execute(rules.insert(), fresh)
            for community in {rule.scope.community for rule in found}:
                await _next_edition(connection, community)
        await self.refresh()

    async def forget_workflow(self, workflow: str, *, trial: bool = False) -> None:
        """Delete the rules about a workflow in every community, or only its `trial`."""
        about = (rules.c.workflow == workflow, *((rules.c.kind == "trial",) if trial else ()))
        async with self._database.change(Topic.RULES, locks=_LOCKS) as connection:
            places = set((await connection.execute(select(rules.c.community).where(*about))).scalars())
            await connection.execute(delete(rules).where(*about))
            for community in places:
                await _next_edition(connection, community)
        await self.refresh()

    async def drop(self, community: str, by: By, whose: Callable[[Rule], bool] = lambda rule: True) -> int:
        """Delete rules that no longer apply, and return their number. The audit log keeps them."""
        gone = [Change(rule.slot, None) for rule in self.own(community) if whose(rule)]
        if gone:
            await self.change(community, by, gone)
        return len(gone)

    async def forget(self, person: str) -> None:
        """Remove a person's name, given as "platform:id", from the rules about them, and delete the rules that admit
        them.
        """
        async with self._database.change(Topic.RULES, locks=_LOCKS) as connection:
            about = rules.c.who == f"person:{person}"
            places = set((await connection.execute(select(rules.c.community).where(about))).scalars())
            await connection.execute(delete(rules).where(about, rules.c.kind == Admission.__name__.lower()))
            await connection.execute(update(rules).where(about).values(who_name=""))
            for community in places:
                await _next_edition(connection, community)
        await self.refresh()

    def _announce(self, communities: Iterable[str]) -> None:
        for community in communities:
            if community:
                self._indexed.pop(community, None)
            else:
                self._indexed.clear()
            for listener in self._listeners:
                listener(community)


class RehearsedRules(RuleStore):
    """The rules as they would be. `changed` are the communities in which something would be another."""

    def __init__(self, database: Database, audit: Audit, own: Mapping[str, tuple[Rule, ...]]) -> None:
        super().__init__(database, audit, TaskHealth())
        self._own = dict(own)
        self.changed: list[str] = []

    def are_current(self, connection: Connection, community: str, edition: int) -> bool:
        return True

    async def refresh(self) -> None:
        return

    async def change(self, community: str, by: By, changes: Sequence[Change]) -> None:
        """Make all changes here alone. Raises `UserError` for a rule that is too long."""
        _check(changes)
        wanted = {change.slot: change.rule for change in changes}
        stay = (rule for rule in self.own(community) if rule.slot not in wanted)
        self._own[community] = (*stay, *(rule for rule in wanted.values() if rule is not None))
        self._announce([community])
        self.changed.append(community)

    async def undo(self, community: str, by: By, expected: Entry | None) -> Entry | None:
        """Undo the expected decision here alone."""
        if expected is not None:
            await self.change(community, by, [_back(noted, community) for noted in expected.changes])
        return expected


def _check(changes: Sequence[Change]) -> None:
    if long := [excess for change in changes if change.rule is not None and (excess := change.rule.excess)]:
        raise UserError(_("Nothing was changed: {faults}.").format(faults="; ".join(long[:5])))


async def _apply(connection: AsyncConnection, community: str, changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Replace rules, and return the old and the new ones for the audit log."""
    wanted = {change.slot: change.rule for change in changes}
    found = await connection.each(
        select(rules).where(rules.c.community == community),
        lambda row: (row.seq, _rule(row)) if _slot(row) in wanted else None,
    )
    replaced = [each for each in found if each is not None]
    before = {rule.slot: rule for _seq, rule in replaced}
    gone = [seq for seq, _rule in replaced]
    for first in range(0, len(gone), 500):
        await connection.execute(delete(rules).where(rules.c.seq.in_(gone[first : first + 500])))
    if fresh := [_columns(rule) for rule in wanted.values() if rule is not None]:
        await connection.execute(rules.insert(), fresh)
    return [
        {"before": before[slot].to_json() if slot in before else None, "after": rule.to_json() if rule else None}
        for slot, rule in wanted.items()
        if slot in before or rule is not None
    ]


def _back(noted: Mapping[str, Any], community: str) -> Change:
    """Return the change that undoes a change in the audit log."""
    slot = Rule.from_json(noted["after"] or noted["before"], community).slot
    return Change(slot, Rule.from_json(noted["before"], community) if noted["before"] else None)


def _columns(rule: Rule) -> dict[str, Any]:
    community, place, who, workflow = rule.scope.key
    return {
        "kind": rule.kind,
        "name": rule.name,
        "community": community,
        "place": place,
        "who": who,
        "workflow": workflow,
        "place_name": rule.scope.place_name,
        "who_name": rule.scope.who.name,
        "body": rule.to_json()["body"],
    }


async def _read(connection: AsyncConnection, community: str) -> tuple[Rule, ...]:
    question = select(rules).where(rules.c.community == community).order_by(rules.c.seq)
    return tuple(await connection.each(question, _rule))


def _slot(row: Row[Any]) -> Slot:
    return row.kind, row.name, (row.community, row.place, row.who, row.workflow)


def _rule(row: Row[Any]) -> Rule:
    return Rule.from_json(row._asdict(), row.community)


async def _next_edition(connection: AsyncConnection, community: str) -> None:
    newest = (await connection.execute(select(func.coalesce(func.max(editions.c.edition), 0)))).scalar_one()
    await connection.execute(delete(editions).where(editions.c.community == community))
    await connection.execute(editions.insert().values(community=community, edition=newest + 1))
