"""The identities of workflows: an id for ever, and a name to type, from the files that are there and that were."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from bot.core.workflows.identity.slugs import free_slug, slug_of
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.source import Layer

_HELD = 90 * 86_400.0  # seconds in which the name of a workflow that is gone goes to no other
_OLD_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")  # what earlier versions took for a name


@dataclass(frozen=True)
class Identity:
    """A workflow as the records know it: rules and runs name its `id`, people type its `name`. It belongs to a source
    and a path, and is never given to another. Of those from before there were ids, `source` is empty until their file
    is found. `gone_at` is when its file went, in seconds since 1970.
    """

    id: str
    source: str
    path: str
    layer: Layer
    name: str
    title: str
    version: str
    gone_at: float | None = None


def offered(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Return the files that are not replaced by one of the same name in a later layer."""
    ordered = sorted(files, key=attrgetter("layer.rank"))
    if len({file.folded for file in ordered}) == len(ordered):
        return tuple(ordered)
    best: dict[str, dict[tuple[str, str], SourceFile]] = {}
    for file in ordered:
        there = best.setdefault(file.folded, {})
        if any(file.layer.rank > other.layer.rank for other in there.values()):
            there.clear()
        there[file.place] = file
    return tuple(file for there in best.values() for file in there.values())


def identified(known: Iterable[Identity], files: Iterable[SourceFile], now: float) -> dict[tuple[str, str], Identity]:
    """Return the identities of these files, by source and path: those that are known, and new ones."""
    everyone = _Everyone(known, now)
    for file in files:
        everyone.add(file)
    return everyone.found


class _Everyone:
    """All identities, with those that have each name now or had it lately."""

    def __init__(self, known: Iterable[Identity], now: float) -> None:
        self.found: dict[tuple[str, str], Identity] = {}
        self._now = now
        self._known = {(each.source, each.path): each for each in known}
        self._adopts = not any(each.source for each in self._known.values())
        self._ids = set[str]()
        self._named: dict[str, list[Identity]] = {}
        for each in self._known.values():
            self._note(each)

    def add(self, file: SourceFile) -> None:
        place = file.place
        before = self._known.get(place) or (self._known.get(("", file.path)) if self._adopts else None)
        own = before.id if before is not None else self._free_id(file)
        name = before.name if before is not None else ""
        is_free = bool(name) and not self._is_taken(name, file, own, held=False)
        if before is not None and is_free and _says_the_same(before, place, file):
            self.found[place] = before
            return
        if not is_free:
            name = free_slug(file.title, lambda slug: self._is_taken(slug, file, own, held=True))
        self.found[place] = Identity(own, *place, file.layer, name, file.title, file.version)
        self._note(self.found[place])

    def _note(self, identity: Identity) -> None:
        slug = slug_of(identity.id)
        self._ids.add(slug)
        if identity.gone_at is None or self._now - identity.gone_at < _HELD:
            self._named.setdefault(slug, []).append(identity)
            if identity.name and identity.name != slug:
                self._named.setdefault(identity.name, []).append(identity)

    def _free_id(self, file: SourceFile) -> str:
        if _OLD_NAME.fullmatch(file.path) and slug_of(file.path) not in self._ids:
            return file.path  # as earlier versions, which may share the database, call it
        return free_slug(file.title, self._ids.__contains__)

    def _is_taken(self, name: str, file: SourceFile, own: str, *, held: bool) -> bool:
        """True if a name is another's or, where it is `held`, lately was. A file takes the name of the one of the same
        path that it replaces.
        """
        named = self._named.get(name, ())
        if len(named) == 1 and named[0].id == own:
            return False
        return any(held if each.gone_at is not None else not _replaces(file, each) for each in named if each.id != own)


def _says_the_same(identity: Identity, place: tuple[str, str], file: SourceFile) -> bool:
    own = (identity.source, identity.path), identity.layer, identity.title, identity.version, identity.gone_at
    return own == (place, file.layer, file.title, file.version, None)


def _replaces(file: SourceFile, other: Identity) -> bool:
    return file.layer is not other.layer and file.folded == other.path.casefold()
