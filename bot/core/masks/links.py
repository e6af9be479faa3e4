"""Links with which a person draws a mask on the page for a run that they asked for in a chat: signed, for minutes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import time
from typing import Any

from bot.core.media.signed_links import SignedLinks
from bot.core.model import Person, Place
from bot.core.storage.key_value import KeyValueStore

MASK_PATH = "/mask/"
MINUTES = 30
_NOTES = "mask:"
_KEPT = 2 * 60.0 * MINUTES  # seconds: so long it can be said whose a link was that is too old
_MOST = 200  # characters of what stands in a link


@dataclass(frozen=True)
class MaskLink:
    """The person whose link it is, the place where they asked for it, and the picture to draw on: the input `field` of
    a run. It works until a time.
    """

    id: str
    run_id: str
    field: str
    person: Person
    place: Place
    until: float


class MaskLinks:
    """The first browser that opens a link has it for itself, and what it saves uses the link up. Methods raise
    `StorageFailed`.
    """

    def __init__(self, links: SignedLinks, notes: KeyValueStore, clock: Callable[[], float] = time) -> None:
        self._links, self._notes, self._clock = links, notes, clock

    async def make(self, run_id: str, field: str, person: Person, place: Place) -> str:
        """Return the address of a new link; empty if the page has no public address."""
        if not self._links.base:
            return ""
        await self.sweep()
        until = self._clock() + 60.0 * MINUTES
        number = secrets.token_hex(12)
        written = {"run": run_id, "field": field, "person": _plain(person), "place": _plain(place), "until": until}
        await self._notes.put(_noted(number), written)
        signed = f"{number}.{int(until):x}"
        return f"{self._links.base}{MASK_PATH}{signed}.{await self._links.mark(_subject(signed))}"

    async def is_genuine(self, token: str) -> bool:
        """True if a link with this end was made here."""
        signed, _point, mark = token.rpartition(".")
        return len(token) <= _MOST and await self._links.is_marked(_subject(signed), mark)

    async def find(self, token: str) -> MaskLink | None:
        """Return what a genuine link stands for; None if it is long over, or its person was forgotten."""
        number = token.partition(".")[0]
        noted = await self._notes.get(_noted(number))
        return _read(number, noted) if noted is not None else None

    def is_over(self, link: MaskLink) -> bool:
        """True if a link is too old to be used."""
        return link.until <= self._clock()

    async def bind(self, link: MaskLink, browser: str) -> bool:
        """Bind a link to the first browser that asks; False if that was another one."""
        return await self._notes.add(_bound(link.id), browser) or await self.is_bound(link, browser)

    async def is_bound(self, link: MaskLink, browser: str) -> bool:
        return bool(browser) and await self._notes.get(_bound(link.id)) == browser

    async def use(self, link: MaskLink) -> bool:
        """Use a link up; False if it was used."""
        return await self._notes.add(_used(link.id), True)

    async def give_back(self, link: MaskLink) -> None:
        """Let a link be used again: what it saved was refused."""
        await self._notes.drop(_used(link.id))

    async def forget(self, person: str) -> None:
        """Delete the links of a person, given as "platform:id"."""
        for name, noted in (await self._notes.starting(_NOTES)).items():
            number = name.removeprefix(_NOTES)
            if isinstance(noted, dict) and _read(number, noted).person.key == person:
                for each in (_bound(number), _used(number), _noted(number)):
                    await self._notes.drop(each)

    async def sweep(self) -> None:
        """Delete the links that have been over for a while."""
        await self._notes.sweep(_NOTES, _KEPT)


def _noted(number: str) -> str:
    return f"mask:{number}"


def _bound(number: str) -> str:
    return f"mask:{number}:browser"


def _used(number: str) -> str:
    return f"mask:{number}:saved"


def _subject(signed: str) -> str:
    return f"mask/{signed}"


def _plain(whom: Person | Place) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(whom).items()}


def _read(number: str, noted: dict[str, Any]) -> MaskLink:
    person, place = noted["person"], noted["place"]
    return MaskLink(
        number,
        noted["run"],
        noted["field"],
        Person(**{**person, "roles": frozenset(person["roles"])}),
        Place(**{**place, "parents": tuple(place["parents"])}),
        noted["until"],
    )
