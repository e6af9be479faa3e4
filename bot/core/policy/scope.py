"""Scopes: the place, people and workflow of a decision; and the context of a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from bot.core.model import Person, Place
from bot.i18n import _

#: The key of a scope: community, place, who, workflow.
Key: TypeAlias = tuple[str, str, str, str]


class SubjectKind(StrEnum):
    EVERYONE = ""
    ROLE = "role"
    ADMINISTRATORS = "administrators"
    PERSON = "person"


@dataclass(frozen=True)
class Subject:
    """The people that a decision is for. `id` is a role's, or a person's as "platform:id"; `name` is for display."""

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
        """Read a subject from its `key`. Raises `ValueError`."""
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
    """The scope of a decision. An empty `community` ("platform:id") means everywhere, and only the operator decides
    that. An empty `place` means the whole community, and an empty `workflow` means all workflows.
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
        """Name the place."""
        if not self.community:
            return _("everywhere")
        return _("in {place}").format(place=self.place_name or self.place) if self.place else _("everywhere here")

    def __str__(self) -> str:
        if self.who == EVERYONE:
            return self.where
        return _("for {who} {where}").format(who=self.who, where=self.where)


@dataclass(frozen=True)
class RequestContext:
    """The person, the place and the workflow of a request. `places` are the place and its parents, nearest first.
    `others` are more accounts of that person, as "platform:id": what is decided about one is decided about all.
    """

    community: str
    places: tuple[str, ...]
    person: str
    roles: frozenset[str] = frozenset()
    administrator: bool = False
    workflow: str = ""
    operator: bool = False
    costs: bool = False  #: the workflow has nodes that cost money
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, person: Person, place: Place, workflow: str = "", *, costs: bool = False) -> RequestContext:
        return cls(
            community_of(place),
            (place.id, *place.parents),
            f"{person.platform}:{person.id}",
            person.roles,
            person.moderator,
            workflow,
            costs=costs,
        )

    @property
    def scope_keys(self) -> tuple[tuple[str, str], ...]:
        """Return the community and place of every decision that could apply, narrowest first, everywhere last."""
        if not self.community:
            return (("", ""),)
        return (*((self.community, place) for place in self.places), (self.community, ""), ("", ""))

    def tiers(self, scope_key: tuple[str, str]) -> Iterator[tuple[Key, ...]]:
        """Return the keys of the decisions for one scope key about this request, in tiers of equal rank.

        A person goes before administrators, they before roles, and those before everyone; then one workflow before all.
        """
        for whom in self.whom:
            for workflow in dict.fromkeys((self.workflow, "")):
                yield tuple((*scope_key, who, workflow) for who in whom)

    @cached_property
    def whom(self) -> tuple[tuple[str, ...], ...]:
        """Return the people that a decision about this person can be for, narrowest first. All roles rank equally."""
        administrators = (str(SubjectKind.ADMINISTRATORS),) if self.administrator else ()
        roles = tuple(f"{SubjectKind.ROLE}:{role}" for role in sorted(self.roles))
        people = tuple(f"{SubjectKind.PERSON}:{each}" for each in (self.person, *self.others))
        ranks = (people, administrators, roles, (str(SubjectKind.EVERYONE),))
        return tuple(rank for rank in ranks if rank)


def community_of(place: Place) -> str:
    """Return the community of a place, as "platform:id"; empty for a private chat."""
    return f"{place.platform}:{place.community}" if place.community else ""


def scope_key(community: str, place: str) -> str:
    """Return a community, or a place in it, as one string."""
    return f"{community}/{place}" if place else community


def asked_in(place: Place) -> str:
    """Return the community as runs store it; for a private chat "platform:"."""
    return f"{place.platform}:{place.community}"
