"""Drafts of workflows, which their authors alone see: each a graph and the sidecar that is being written for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex

import msgspec

from bot.core.errors import UserError
from bot.core.model import Person
from bot.core.storage import private
from bot.core.storage.temporary import room
from bot.core.studio.new_graph import Moved
from bot.i18n import _

_MOST = 40  # drafts of one person
_KEPT = 90 * 86_400.0  # seconds after its last change, when a draft is deleted
_ID_LETTERS = frozenset("0123456789abcdef")
_LONGEST_ID = 32
TRIED = "draft-"  #: begins the paths of drafts that their authors try


@dataclass(frozen=True)
class NewGraph:
    """The state of a draft before it got a new graph: the number of the `graph`, and the `sidecar`. `name` is that of
    the new one's file, `moved` has the fields that set another input since then, and `results` the nodes that
    delivered results and are gone.
    """

    name: str
    graph: int
    sidecar: str
    moved: tuple[Moved, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A draft of a person, who is named as "platform:id". `base` is the workflow that it changes, if there is one,
    `version` what that was when it was read, and `before` its sidecar then. `tried` is the workflow as which its author
    tries it. `graph` is the number of its graph, which a new one counts up, and `edition` one that each change does.
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
    graph: int = 0
    replaced: NewGraph | None = None
    edition: int = 0

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
            self._write(self._graph(draft), graph)
        return self.keep(draft)

    def keep(self, draft: Draft, graph: bytes | None = None) -> Draft:
        """Keep a draft as it is now, with a new graph if there is one: with a number that was not there yet."""
        kept = replace(draft, at=self._clock())
        with room():
            if graph is not None:
                self._write(self._graph(draft), graph)
            self._write(self._facts(draft.id), json.dumps(asdict(kept)).encode())
        wanted = {self._graph(kept, each) for each in (kept.graph, *([kept.replaced.graph] if kept.replaced else []))}
        self._unlink(each for each in self._graphs(kept.id) if each not in wanted)
        return kept

    def get(self, by: Person, draft_id: str) -> Draft:
        found = self._read(draft_id)
        if found is None or found.owner != by.key:
            raise UserError(_("This draft is no longer there."))
        return found

    def graph(self, draft: Draft, number: int | None = None) -> bytes:
        """Return the workflow's file, as JSON: the one that it has, or the one with a number."""
        try:
            return self._graph(draft, number).read_bytes()
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
        self._unlink([self._facts(draft.id), *self._graphs(draft.id)])

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
        with suppress(FileNotFoundError, ValueError, msgspec.ValidationError):  # a later version may have written it
            return msgspec.convert(json.loads(self._facts(draft_id).read_bytes()), Draft)
        return None

    def _facts(self, draft_id: str) -> Path:
        return self._folder / f"{draft_id}.json"

    def _graph(self, draft: Draft, number: int | None = None) -> Path:
        wanted = draft.graph if number is None else number
        return self._folder / (f"{draft.id}.{wanted}.graph" if wanted else f"{draft.id}.graph")

    def _graphs(self, draft_id: str) -> Iterable[Path]:
        return [each for each in self._folder.glob(f"{draft_id}.*") if each.suffix == ".graph"]

    def _unlink(self, paths: Iterable[Path]) -> None:
        for each in paths:
            each.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_name(f"{path.name}.part")
        with open(part, "wb", opener=private.opener) as file:
            file.write(data)
        part.replace(path)
