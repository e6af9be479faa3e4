"""Where a moderator's decision holds, for whom and for which workflow; and who asks for what, where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from bot.core.model import Person, Place
from bot.i18n import _

#: What a scope is found by: community, place, who, workflow.
Key: TypeAlias = tuple[str, str, str, str]


class SubjectKind(StrEnum):
    EVERYONE = ""
    ROLE = "role"
    ADMINISTRATORS = "administrators"
    PERSON = "person"


@dataclass(frozen=True)
class Subject:
    """Whom a decision is for. `id` is a role's own, or a person's as "platform:id"; `name` is for people to read."""

    whom: SubjectKind = SubjectKind.EVERYONE
    id: str = ""
    name: str = field(default="", compare=False)

    @classmethod
    def role(cls, role: str, name: str = "") -> Subject:
        return cls(SubjectKind.ROLE, role, name)

    @classmethod
    def person(cls, person: Person) -> Subject:
        return cls(SubjectKind.PERSON, f"{person.platform}:{person.id}", person.name)

    @classmethod
    def read(cls, key: str, name: str = "") -> Subject:
        """The one whose `key` this is. Raises `ValueError`."""
        whom, _colon, number = key.partition(":")
        read = cls(SubjectKind(whom), number, name)
        if bool(number) is not (read.whom in (SubjectKind.ROLE, SubjectKind.PERSON)):
            raise ValueError(key)
        return read

    @property
    def key(self) -> str:
        return f"{self.whom}:{self.id}" if self.id else str(self.whom)

    def __str__(self) -> str:
        match self.whom:
            case SubjectKind.EVERYONE:
                return _("everyone")
            case SubjectKind.ADMINISTRATORS:
                return _("administrators")
            case _:
                return self.name or self.id


EVERYONE = Subject()
ADMINISTRATORS = Subject(SubjectKind.ADMINISTRATORS)


@dataclass(frozen=True)
class Scope:
    """What a decision is about. Left empty, `community` ("platform:id") means everywhere, which is the operator's to
    decide; `place` all of the community, and `workflow` every one.
    """

    community: str = ""
    place: str = ""
    who: Subject = EVERYONE
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
class RequestContext:
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
    def of(cls, person: Person, place: Place, workflow: str = "") -> RequestContext:
        return cls(
            community_of(place),
            (place.id, *place.parents),
            f"{person.platform}:{person.id}",
            person.roles,
            person.moderator,
            workflow,
        )

    @property
    def scope_keys(self) -> tuple[tuple[str, str], ...]:
        """Community and place of every decision that could hold here, the narrowest first; the last is everywhere."""
        if not self.community:
            return (("", ""),)
        return (*((self.community, place) for place in self.places), (self.community, ""), ("", ""))

    def tiers(self, scope_key: tuple[str, str]) -> Iterator[tuple[Key, ...]]:
        """The keys of all decisions for one key that are about this request: tiers of the same rank, narrowest first.

        A person goes before administrators, they before roles, and those before everyone; then one workflow before all.
        """
        for whom in self.whom:
            for workflow in dict.fromkeys((self.workflow, "")):
                yield tuple((*scope_key, who, workflow) for who in whom)

    @cached_property
    def whom(self) -> tuple[tuple[str, ...], ...]:
        """Whom a decision about this person may be for, the narrowest first; several roles have the same rank."""
        administrators = (str(SubjectKind.ADMINISTRATORS),) if self.administrator else ()
        roles = tuple(f"{SubjectKind.ROLE}:{role}" for role in sorted(self.roles))
        ranks = ((f"{SubjectKind.PERSON}:{self.person}",), administrators, roles, (str(SubjectKind.EVERYONE),))
        return tuple(rank for rank in ranks if rank)


def community_of(place: Place) -> str:
    """The community of a place, as "platform:id"; empty where it is nobody's but the person's own."""
    return f"{place.platform}:{place.community}" if place.community else ""


def scope_key(community: str, place: str) -> str:
    """A community, or a place in it, in one word."""
    return f"{community}/{place}" if place else community


def asked_in(place: Place) -> str:
    """The community as runs have it: of one that is nobody's, the platform alone, as "platform:"."""
    return f"{place.platform}:{place.community}"
