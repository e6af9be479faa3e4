"""Where a moderator's decision holds, for whom and for which workflow; and who asks for what, where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from bot.core.chat import Person, Place
from bot.words import _

#: What a scope is found by: community, place, who, workflow.
Key: TypeAlias = tuple[str, str, str, str]


class Whom(StrEnum):
    EVERYONE = ""
    ROLE = "role"
    ADMINISTRATORS = "administrators"
    PERSON = "person"


@dataclass(frozen=True)
class Who:
    """Whom a decision is for. `id` is a role's own, or a person's as "platform:id"; `name` is for people to read."""

    whom: Whom = Whom.EVERYONE
    id: str = ""
    name: str = field(default="", compare=False)

    @classmethod
    def role(cls, role: str, name: str = "") -> Who:
        return cls(Whom.ROLE, role, name)

    @classmethod
    def person(cls, person: Person) -> Who:
        return cls(Whom.PERSON, f"{person.platform}:{person.id}", person.name)

    @classmethod
    def read(cls, key: str, name: str = "") -> Who:
        """The one whose `key` this is. Raises `ValueError`."""
        whom, _colon, number = key.partition(":")
        read = cls(Whom(whom), number, name)
        if bool(number) is not (read.whom in (Whom.ROLE, Whom.PERSON)):
            raise ValueError(key)
        return read

    @property
    def key(self) -> str:
        return f"{self.whom}:{self.id}" if self.id else str(self.whom)

    def __str__(self) -> str:
        match self.whom:
            case Whom.EVERYONE:
                return _("everyone")
            case Whom.ADMINISTRATORS:
                return _("administrators")
            case _:
                return self.name or self.id


EVERYONE = Who()
ADMINISTRATORS = Who(Whom.ADMINISTRATORS)


@dataclass(frozen=True)
class Scope:
    """What a decision is about. Left empty, `community` ("platform:id") means everywhere, which is the operator's to
    decide; `place` all of the community, and `workflow` every one.
    """

    community: str = ""
    place: str = ""
    who: Who = EVERYONE
    workflow: str = ""
    place_name: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return self.community, self.place, self.who.key, self.workflow

    @property
    def where(self) -> str:
        """The place in words."""
        if not self.community:
            return _("everywhere")
        return _("in {place}").format(place=self.place_name or self.place) if self.place else _("in all places here")

    def __str__(self) -> str:
        if self.who == EVERYONE:
            return self.where
        return _("for {who} {where}").format(who=self.who, where=self.where)


@dataclass(frozen=True)
class Facts:
    """Who asks for which workflow, where. `places` are the place and what it lies in, the nearest first; an `operator`
    is one whose bot it is.
    """

    community: str
    places: tuple[str, ...]
    person: str
    roles: frozenset[str] = frozenset()
    administrator: bool = False
    workflow: str = ""
    operator: bool = False

    @classmethod
    def of(cls, person: Person, place: Place, workflow: str = "") -> Facts:
        return cls(
            community_of(place),
            (place.id, *place.parents),
            f"{person.platform}:{person.id}",
            person.roles,
            person.moderator,
            workflow,
        )

    @property
    def spots(self) -> tuple[tuple[str, str], ...]:
        """Community and place of every decision that could hold here, the narrowest first; the last is everywhere."""
        if not self.community:
            return (("", ""),)
        return (*((self.community, place) for place in self.places), (self.community, ""), ("", ""))

    def tiers(self, spot: tuple[str, str]) -> Iterator[tuple[Key, ...]]:
        """The keys of all decisions for one spot that are about this request: tiers of the same rank, narrowest first.

        A person goes before administrators, they before roles, and those before everyone; then one workflow before all.
        """
        for whom in self.whom:
            for workflow in dict.fromkeys((self.workflow, "")):
                yield tuple((*spot, who, workflow) for who in whom)

    @cached_property
    def whom(self) -> tuple[tuple[str, ...], ...]:
        """Whom a decision about this person may be for, the narrowest first; several roles have the same rank."""
        administrators = (str(Whom.ADMINISTRATORS),) if self.administrator else ()
        roles = tuple(f"{Whom.ROLE}:{role}" for role in sorted(self.roles))
        ranks = ((f"{Whom.PERSON}:{self.person}",), administrators, roles, (str(Whom.EVERYONE),))
        return tuple(rank for rank in ranks if rank)


def community_of(place: Place) -> str:
    """The community of a place, as "platform:id"; empty where it is nobody's but the person's own."""
    return f"{place.platform}:{place.community}" if place.community else ""


def spot(community: str, place: str) -> str:
    """A community, or a place in it, in one word."""
    return f"{community}/{place}" if place else community


def asked_in(place: Place) -> str:
    """The community as runs have it: of one that is nobody's, the platform alone, as "platform:"."""
    return f"{place.platform}:{place.community}"
