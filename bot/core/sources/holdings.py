"""Tell which saved file is which workflow. Pure.

A workflow begins with the file that has it first, and follows that one. Another file under the same path with the same
content is the same workflow for as long as the contents are equal; one with other content is a workflow of its own.
What is deleted and saved again at its place is the same workflow: a rename and back, or a disk that was away, changes
nothing of what moderators decided.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from uuid import NAMESPACE_URL, uuid5

_ENDINGS = (".app.json", ".json")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, order=True)
class SavedAt:
    """The place of a saved file: the server, the user (empty where there is one), and the path below the
    folder."""

    server: str
    user: str
    path: str

    @property
    def stem(self) -> str:
        """The name that its author gave it."""
        name = PurePosixPath(self.path).name
        ending = next((each for each in _ENDINGS if name.lower().endswith(each)), "")
        return name[: len(name) - len(ending)] or name


@dataclass(frozen=True)
class Holding:
    """A saved file, and the workflow that it is. `since` grows: of several the lowest one has had the workflow longest,
    and leads.
    """

    at: SavedAt
    digest: str
    workflow: str
    since: int


#: Makes ids of workflows that begin at a place: the same number gives the same id.
NewId = Callable[[SavedAt, int], str]


def place_id(at: SavedAt, number: int) -> str:
    """Return an id for a workflow that begins at a place; see `NewId`."""
    return uuid5(NAMESPACE_URL, json.dumps([at.server, at.user, at.path, number])).hex


def renewed(
    holdings: Iterable[Holding],
    server: str,
    user: str,
    paths: frozenset[str],
    changed: Mapping[str, str],
    new_id: NewId = place_id,
) -> list[Holding]:
    """Return the holdings after a listing of one user's files at a server; `changed` has digests by path."""
    by_path: dict[str, dict[SavedAt, Holding]] = {}
    now = 0
    for each in holdings:
        now = max(now, each.since)
        if (each.at.server, each.at.user) != (server, user) or each.at.path in paths:
            by_path.setdefault(each.at.path, {})[each.at] = each
    for path, digest in sorted(changed.items()):
        now += 1
        _put(by_path.setdefault(path, {}), SavedAt(server, user, path), digest, now, new_id)
    return sorted((each for held in by_path.values() for each in held.values()), key=lambda each: each.since)


def _put(held: dict[SavedAt, Holding], at: SavedAt, digest: str, now: int, new_id: NewId) -> None:
    """Put new content where a file is saved; `held` are the files under its path."""
    old = held.get(at)
    if old is not None and old.digest == digest:
        return
    others = [each for each in held.values() if each.at != at]
    twin = min((each for each in others if each.digest == digest), key=lambda each: each.since, default=None)
    followers = [each for each in others if old is not None and each.workflow == old.workflow]
    if twin is not None:
        held[at] = Holding(at, digest, twin.workflow, now)
    elif old is None or any(each.since < old.since for each in followers):
        held[at] = Holding(at, digest, _free_id(held, at, new_id), now)
    else:
        held[at] = replace(old, digest=digest)
        if followers:  # they have what it was, and are one workflow of their own
            own = _free_id(held, followers[0].at, new_id)
            held.update({each.at: replace(each, workflow=own) for each in followers})


def _free_id(held: Mapping[SavedAt, Holding], at: SavedAt, new_id: NewId) -> str:
    """Return the first id of a place that is no other file's workflow."""
    used = {each.workflow for each in held.values()}
    return next(found for number in itertools.count() if (found := new_id(at, number)) not in used)


def leaders(holdings: Iterable[Holding]) -> dict[str, Holding]:
    """Return for each workflow the file that it follows."""
    found: dict[str, Holding] = {}
    for each in sorted(holdings, key=lambda each: each.since):
        found.setdefault(each.workflow, each)
    return found


def titles(leading: Mapping[str, Holding], labels: Mapping[str, str]) -> dict[str, str]:
    """Return a title for each workflow: its author's name for it, with the server, or the user, where another workflow
    has the same path. `labels` are the servers' names for people.
    """
    by_path: dict[str, list[Holding]] = {}
    for each in leading.values():
        by_path.setdefault(each.at.path, []).append(each)
    return {
        each.workflow: one_line(each.at.stem) + _apart(each.at, [other.at for other in alike if other != each], labels)
        for alike in by_path.values()
        for each in alike
    }


def one_line(name: str) -> str:
    """Return a name that anyone may have chosen on one line, without signs that turn the letters around them."""
    return " ".join(_TURNS.sub("", name).split()) or name


def _apart(at: SavedAt, others: Iterable[SavedAt], labels: Mapping[str, str]) -> str:
    """Return what tells a file from others with its path."""
    others = list(others)
    parts = []
    if any(each.server != at.server for each in others):
        parts.append(labels.get(at.server, at.server))
    if at.user and any(each.server == at.server for each in others):
        parts.insert(0, one_line(at.user))
    return f" ({', '.join(parts)})" if parts else ""
