"""Drafts of workflows, which their authors alone see: each a graph and the sidecar that is being written for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex

from bot.core.errors import UserError
from bot.core.model import Person
from bot.core.storage import private
from bot.core.storage.temporary import room
from bot.i18n import _

_MOST = 40  # drafts of one person
_KEPT = 90 * 86_400.0  # seconds after its last change, when a draft is deleted
_ID_LETTERS = frozenset("0123456789abcdef")
_LONGEST_ID = 32
TRIED = "draft-"  #: begins the paths of drafts that their authors try


@dataclass(frozen=True)
class Draft:
    """A draft of a person, who is named as "platform:id". `base` is the workflow that it changes, if there is one,
    `version` what that was when it was read, and `before` its sidecar then. `tried` is the workflow as which its author
    tries it.
    """

    id: str
    owner: str
    name: str
    sidecar: str
    at: float = 0.0
    base: str = ""
    version: str = ""
    before: str | None = None
    tried: str = ""

    @property
    def path(self) -> str:
        """The path under which it is tried."""
        return f"{TRIED}{self.id}"


class DraftStore:
    """Keeps drafts as files in a private folder. Its methods wait for the disk, so call them in a thread. They raise
    `DiskFull`, and `UserError` where there is no such draft of this person.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock

    def new(self, by: Person, name: str, sidecar: str, graph: bytes, base: str = "", version: str = "") -> Draft:
        """Keep a new draft."""
        if len(self.all(by)) >= _MOST:
            raise UserError(_("You have {most} drafts: delete one of them first.").format(most=_MOST))
        before = sidecar if base else None
        draft = Draft(token_hex(8), by.key, name, sidecar, base=base, version=version, before=before)
        with room():
            private.make_folder(self._folder)
            self._write(self._graph(draft.id), graph)
        return self.keep(draft)

    def keep(self, draft: Draft, graph: bytes | None = None) -> Draft:
        """Keep a draft as it is now."""
        kept = replace(draft, at=self._clock())
        with room():
            if graph is not None:
                self._write(self._graph(draft.id), graph)
            self._write(self._facts(draft.id), json.dumps(asdict(kept)).encode())
        return kept

    def get(self, by: Person, draft_id: str) -> Draft:
        found = self._read(draft_id)
        if found is None or found.owner != by.key:
            raise UserError(_("This draft is no longer there."))
        return found

    def graph(self, draft: Draft) -> bytes:
        """Return the workflow's file, as JSON."""
        try:
            return self._graph(draft.id).read_bytes()
        except FileNotFoundError:
            raise UserError(_("This draft is no longer there.")) from None

    def all(self, by: Person) -> list[Draft]:
        """Return the drafts of a person, the last one first."""
        return self.of(by.key)

    def of(self, account: str) -> list[Draft]:
        """Return the drafts of an account, given as "platform:id", the last one first."""
        return sorted((each for each in self._every() if each.owner == account), key=lambda each: -each.at)

    def old(self) -> list[Draft]:
        """Return the drafts of anybody that were not changed for long."""
        before = self._clock() - _KEPT
        return [each for each in self._every() if each.at < before]

    def delete(self, draft: Draft) -> None:
        self._facts(draft.id).unlink(missing_ok=True)
        self._graph(draft.id).unlink(missing_ok=True)

    def forget(self, person: str) -> None:
        """Delete the drafts of a person, given as "platform:id"."""
        for each in self.of(person):
            self.delete(each)

    def _every(self) -> list[Draft]:
        found = [self._read(path.stem) for path in self._folder.glob("*.json")] if self._folder.is_dir() else []
        return [each for each in found if each is not None]

    def _read(self, draft_id: str) -> Draft | None:
        if not draft_id or len(draft_id) > _LONGEST_ID or not _ID_LETTERS.issuperset(draft_id):
            return None
        with suppress(FileNotFoundError, ValueError, TypeError):  # a later version may have written it
            return Draft(**json.loads(self._facts(draft_id).read_bytes()))
        return None

    def _facts(self, draft_id: str) -> Path:
        return self._folder / f"{draft_id}.json"

    def _graph(self, draft_id: str) -> Path:
        return self._folder / f"{draft_id}.graph"

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_name(f"{path.name}.part")
        with open(part, "wb", opener=private.opener) as file:
            file.write(data)
        part.replace(path)
