"""Forms that people are filling in, kept on disk, so that a restart between two windows loses nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bot.core.errors import UserError
from bot.core.model import StoredFile
from bot.core.platform import KeyValueStore
from bot.i18n import _

_PREFIX = "discord:sheet:"
_KEPT = 86_400.0  # seconds: as long as Discord keeps the address of a file
_TIDY_EVERY = 3600.0
_LATER = ("news", "after", "private")  # new since 0.1

#: What a button, a select or a window of a form is called: what it does, with which, and where in it.
TEMPLATE = r"darkroom:(?P<act>fill|turn|go|pick|leaf|use):(?P<sheet>[0-9a-f]{16}):(?P<at>[0-9]{1,4})"


def called(act: str, session: str, at: int = 0) -> str:
    return f"darkroom:{act}:{session}:{at}"


@dataclass(frozen=True)
class SubmittedFile:
    """A file that a person has sent, with its address at Discord."""

    url: str
    filename: str
    size: int


@dataclass(frozen=True)
class FormSession:
    """A form as far as it has been filled in. `picture` is for the workflow's first field that takes one; without a
    workflow, that is still to be chosen; it is a result of the workflow `after`, if of any. Its first window shows the
    `news`. A `private` one is for its person alone.
    """

    workflow: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    picture: SubmittedFile | StoredFile | None = None
    spoiler: bool = False
    news: str = ""
    after: str = ""
    private: bool = False

    def to_json(self) -> dict[str, Any]:
        data = dict(msgspec.to_builtins(self))
        return {name: value for name, value in data.items() if value or name not in _LATER}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FormSession:
        values = {name: _unpacked(value) for name, value in data["values"].items()}
        later = {name: data[name] for name in _LATER if name in data}
        return cls(data["workflow"], values, _unpacked(data["picture"]), data["spoiler"], **later)


class FormSessions:
    """Open forms. Each belongs to one person, and only they can use it. All methods raise `StorageFailed`."""

    def __init__(self, notes: KeyValueStore) -> None:
        self._notes = notes

    async def add(self, person: int, session: FormSession) -> str:
        """Keep a new one; its name."""
        name = secrets.token_hex(8)
        await self.put(person, name, session)
        return name

    async def put(self, person: int, name: str, session: FormSession) -> None:
        await self._notes.put(_key(person, name), session.to_json())

    async def get(self, person: int, name: str) -> FormSession:
        """Raises `UserError` if the form has expired."""
        data = await self._notes.get(_key(person, name))
        if data is None:
            raise UserError(_("This form has expired. Please start again."))
        return FormSession.from_json(data)

    async def drop(self, person: int, name: str) -> None:
        await self._notes.drop(_key(person, name))

    async def forget(self, person: int) -> None:
        """Drop all forms of a person."""
        await self._notes.sweep(_key(person, ""), 0.0)

    async def tidy(self) -> None:
        """Drop abandoned forms, until cancelled."""
        while True:
            await self._notes.sweep(_PREFIX, _KEPT)
            await asyncio.sleep(_TIDY_EVERY)


def _key(person: int, name: str) -> str:
    return f"{_PREFIX}{person}:{name}"


def _unpacked(value: Any) -> Any:
    match value:
        case {"url": _}:
            return SubmittedFile(**value)
        case {"key": _}:
            return StoredFile(**value)
        case [*several]:
            return tuple(map(_unpacked, several))
        case _:
            return value
