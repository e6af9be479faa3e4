"""Check who may decide what and where. Refusals are written to the audit log."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bot.core.errors import NotAllowed
from bot.core.model import Person, Place
from bot.core.policy.audit import Audit
from bot.core.policy.scope import EVERYONE, Scope, Subject, community_of
from bot.i18n import _

#: The person at the computer that runs the bot. No chat has a person with this key.
OPERATOR = Person("terminal", "operator", "operator")


@dataclass(frozen=True)
class RuleTarget:
    """The target of a decision: everyone and every workflow in the whole community, unless it is narrowed here.

    `everywhere` extends it to all communities. Only the operator may do that.
    """

    place: Place | None = None
    who: Subject = EVERYONE
    workflow: str = ""
    everywhere: bool = False


EVERYTHING = RuleTarget()  #: everyone and every workflow, in the whole community


class Permissions:
    """`operators` and `trusted` are people as "platform:id"; `is_author` tells who else is trusted."""

    def __init__(
        self,
        audit: Audit,
        operators: Collection[str] = (),
        trusted: Collection[str] = (),
        is_author: Callable[[str], bool] = lambda _person: False,
    ) -> None:
        self._audit, self._is_author = audit, is_author
        self._named = frozenset(operators)
        self._operators, self._trusted = frozenset({OPERATOR.key, *operators}), frozenset(trusted)

    @property
    def operators(self) -> frozenset[str]:
        """The people who run this bot, as "platform:id"."""
        return self._named

    def is_operator(self, person: Person) -> bool:
        return person.key in self._operators

    def is_moderator(self, person: Person, place: Place) -> bool:
        """True if a person moderates a place. Operators moderate every place."""
        own = person.moderator and bool(place.community) and person.platform == place.platform
        return own or self.is_operator(person)

    def is_trusted(self, person: Person) -> bool:
        """True if a person may add workflows."""
        return person.key in self._trusted or self._is_author(person.key) or self.is_operator(person)

    async def moderator(self, by: Person, here: Place, act: str) -> None:
        """Raise `NotAllowed` if a person does not moderate a place."""
        if not self.is_moderator(by, here):
            raise await self.refused(by, here, act, _("Only moderators of this place can do that."))

    async def operator(self, by: Person, here: Place, act: str) -> None:
        if not self.is_operator(by):
            raise await self.refused(by, here, act, _("Only the operator of this bot can do that."))

    async def owner(self, by: Person, here: Place, act: str) -> None:
        if not (by.owner and here.community and by.platform == here.platform) and not self.is_operator(by):
            raise await self.refused(by, here, act, _("Only the owner of this place can do that."))

    async def trusted(self, by: Person, here: Place, act: str) -> None:
        if not self.is_trusted(by):
            words = _("Only people whom the operator trusts can do that, because a workflow is code on the servers.")
            raise await self.refused(by, here, act, words)

    async def scope(self, by: Person, here: Place, act: str, aim: RuleTarget) -> Scope:
        """Return the scope of a decision. Raises `NotAllowed` if the person may not decide there."""
        if aim.everywhere:
            await self.operator(by, here, act)
            return Scope(who=aim.who, workflow=aim.workflow)
        await self.moderator(by, here, act)
        if not here.community:
            raise await self.refused(by, here, act, _("You can decide this only in a server or a group."))
        if aim.place is not None and community_of(aim.place) != community_of(here):
            raise await self.refused(
                by, here, act, _("That place belongs to another server or group. Decide about it there.")
            )
        place, name = (aim.place.id, aim.place.name) if aim.place is not None else ("", "")
        return Scope(community_of(here), place, aim.who, aim.workflow, name)

    async def refused(self, by: Person, here: Place, act: str, words: str, *beside: Place) -> NotAllowed:
        """Log a refusal in this community and in those of the places `beside` it. Returns the error to raise."""
        for place in {community_of(each): each for each in (*beside, here)}.values():
            await self._audit.refused(by, place, f"{act}: {words}")
        return NotAllowed(words)
