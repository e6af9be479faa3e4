"""The files that people save at servers, and who takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from bot.core.model import Publish


@dataclass(frozen=True)
class SavingServer:
    """A server whose saved workflows are read. `key` names it in the records; it is `local` if its address leads to
    this machine alone. `publish` is None where the address decides.
    """

    name: str
    key: str
    local: bool = False
    publish: Publish | None = None
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedContent:
    """A file as it was saved; `path` is below the folder."""

    path: str
    content: bytes
    modified: float | None = None

    @cached_property
    def digest(self) -> str:
        """The digest of the content, which takes a while for a large one."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class SavedListing:
    """All that one user has saved at a server, and the files that have changed since the last listing. `user` is empty
    at a server with a single user.
    """

    server: str
    user: str
    paths: frozenset[str]
    changed: tuple[SavedContent, ...]


@dataclass(frozen=True)
class SavedFault:
    """Why a file, or all that a server has, cannot be read; what was read before stays. `path` is empty for all."""

    path: str
    reason: str


class SavedFilesSink(Protocol):
    """Takes what the watcher finds. All methods may raise `StorageFailed`; then the same comes again."""

    async def take(self, listing: SavedListing, publish: Publish) -> None:
        """Take over a listing that differs from the last one, or is the first of this process."""

    async def looked(self, server: str, users: Sequence[str] | None, faults: Sequence[SavedFault]) -> None:
        """Note which faults there are at a server; called when they change. Of other users than `users` nothing is kept
        any longer; None says that it is not known who they are.
        """
