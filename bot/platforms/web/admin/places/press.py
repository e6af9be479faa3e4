"""The press of a button: the place, and the values that were filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.core.errors import BadValue
from bot.core.model import Person, Place
from bot.core.platform import EVERYONE, RuleTarget, Subject
from bot.i18n import _

Given: TypeAlias = Mapping[str, str | bytes]


@dataclass(frozen=True)
class SubmittedAction:
    """A person's action for a place, with the values that they filled in."""

    by: Person
    here: Place
    given: Given

    @property
    def aim(self) -> RuleTarget:
        return RuleTarget(who=self.who, workflow=self.text("workflow"), everywhere=not self.here.community)

    @property
    def who(self) -> Subject:
        """The people that a decision is for. Raises `UserError`."""
        return subject(self.text("who"), self.text("who_name"))

    @property
    def person(self) -> Person:
        """The person that was named, as "platform:id". Raises `UserError`."""
        return person_named(self.text("person"), self.text("name"))

    @property
    def lasting(self) -> float | None:
        """Seconds; None for good. Raises `UserError`."""
        days = self.text("days").replace(",", ".")
        try:
            count = float(days) if days else None
        except ValueError:
            count = 0.0
        if count is None:
            return None
        if not 0 < count < 100_000:
            raise BadValue("days", _("days are a number above 0."))
        return count * 86_400

    @property
    def texts(self) -> dict[str, str]:
        """All that was typed and chosen."""
        return {name: self.text(name) for name, value in self.given.items() if isinstance(value, str)}

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        return value.strip() if isinstance(value, str) else ""


def person_named(key: str, name: str = "") -> Person:
    """Read a person, named as "platform:id". Raises `BadValue`."""
    platform, colon, number = key.partition(":")
    if not platform or not colon or not number:
        words = _("a person is named as “platform:id”, such as “{key}”.")
        raise BadValue("person", words.format(key="discord:12345"))
    return Person(platform, number, name)


def subject(key: str, name: str = "") -> Subject:
    """Read the people that a decision is for; nothing, or "everyone", is everyone. Raises `BadValue`."""
    if key in ("", "everyone"):
        return EVERYONE
    try:
        return Subject.read(key[:200], name[:100])
    except ValueError:
        raise BadValue("who", _("this does not name a role or a person.")) from None
