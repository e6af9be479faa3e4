"""The wishes of people about being told when their requests have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from bot.core.errors import BadValue
from bot.core.model import Person
from bot.core.storage.database import Database
from bot.core.storage.schema import ping_wishes
from bot.i18n import _, ngettext

NEVER = -1
STANDARD = 1  #: minutes after which people are told, where neither they, nor moderators, nor the operator have decided
MOST_MINUTES = 24 * 60


@dataclass(frozen=True)
class PingWish:
    """A person is told of requests that took longer than `after` minutes from asking, or `NEVER`; None leaves it to the
    moderators of each place. With `direct` they are told in a direct message.
    """

    after: int | None = None
    direct: bool = False


class PingWishes:
    """The choices of people. All methods raise `StorageFailed`."""

    def __init__(self, database: Database, chosen: Callable[[], None]) -> None:
        """`chosen` is called when a person has chosen anew."""
        self._database, self._chosen = database, chosen

    async def of(self, person: Person) -> PingWish:
        return await self._database.ask(lambda connection: wish_of(connection, person.key)) or PingWish()

    async def choose(self, person: Person, words: str, *, direct: bool | None = None) -> str:
        """Note a choice as people write it: "never", "always", a number of minutes, or "default"; empty leaves it as it
        is. Returns a sentence that says what holds now. Raises `BadValue`.
        """
        before = await self.of(person)
        wish = PingWish(after_of(words) if words.strip() else before.after, before.direct if direct is None else direct)
        if wish != before:
            await self._database.write(lambda connection: _put(connection, person.key, wish))
            self._chosen()
        return in_words(wish)


def wish_of(connection: Connection, person: str) -> PingWish | None:
    """Return the choice of a person, given as "platform:id"; None if they have made none."""
    row = connection.execute(select(ping_wishes).where(ping_wishes.c.person == person)).one_or_none()
    return PingWish(row.after, bool(row.direct)) if row is not None else None


def has_early(connection: Connection) -> bool:
    """True if a person wants to be told of requests that took less than the standard time."""
    early = ping_wishes.c.after.between(0, STANDARD - 1)
    return connection.execute(select(ping_wishes.c.person).where(early).limit(1)).first() is not None


def after_of(words: str) -> int | None:
    """Read a choice: minutes, or `NEVER`; None for the place's. Raises `BadValue`."""
    match words.strip().lower():
        case "never" | "off" | "no":
            return NEVER
        case "always" | "on" | "yes":
            return 0
        case "default" | "place":
            return None
        case number if number.isdecimal() and number.isascii() and int(number) <= MOST_MINUTES:
            return int(number)
    words = _("say never, always, default, or a number of minutes up to {most}.")
    raise BadValue("when", words.format(most=MOST_MINUTES))


def in_words(wish: PingWish) -> str:
    """Say what holds for a person, in one or two sentences."""
    match wish.after:
        case None:
            told = _("The moderators of each place decide when you are told that a request has ended.")
        case 0:
            told = _("You are told whenever a request of yours has ended.")
        case after if after < 0:
            return _("You are not told when a request of yours has ended.")
        case after:
            words = ngettext(
                "You are told when a request of yours has ended that took longer than {count} minute.",
                "You are told when a request of yours has ended that took longer than {count} minutes.",
                after,
            )
            told = words.format(count=after)
    return f"{told} {_('You get a direct message.')}" if wish.direct else told


def forget_wish(connection: Connection, person: str) -> None:
    """Delete the choice of a person, given as "platform:id"."""
    _put(connection, person, PingWish())


def _put(connection: Connection, person: str, wish: PingWish) -> None:
    connection.execute(delete(ping_wishes).where(ping_wishes.c.person == person))
    if wish != PingWish():
        row = {"person": person, "after": wish.after, "direct": int(wish.direct)}
        connection.execute(ping_wishes.insert(), row)
