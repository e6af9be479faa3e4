"""Look after what people save at the servers of this process, every few seconds.

A server that is away, an error or a login page changes nothing: only a list without a file removes it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TypeAlias

from bot.core.background import BackgroundTask, TaskHealth, aligned
from bot.core.model import Publish
from bot.core.sources.found import SavedContent, SavedFault, SavedFilesSink, SavedListing, SavingServer
from bot.i18n import _
from comfy.client import ComfyClient
from comfy.errors import ComfyError, FileMissing, Redirected, ServerUnavailable, UnexpectedAnswer, WebPage
from comfy.fleet import Fleet
from comfy.library.unchanged import End
from comfy.library.userdata import LARGEST_FILE, UserFile

_EVERY = 3.0  # seconds between two looks at a server
_USERS_EVERY = 30.0  # seconds until it is asked again who its users are
_ONE_USER_EVERY = 300.0  # the same where it keeps everything for one user, which only a restart can change
_MOST = 1000  # files of one user
_AT_ONCE = 32 << 20  # bytes that are read at one look
_LONGEST = 400  # characters of a path
SAVED = "workflows"  #: the folder in which the editor saves


#: A file as it was listed, and the digest of its content.
_SeenFile: TypeAlias = "tuple[UserFile, str]"


@dataclass
class _Found:
    """The files of one user by their paths, the contents that have changed, and what could not be read."""

    files: dict[str, _SeenFile] = field(default_factory=dict)
    changed: list[SavedContent] = field(default_factory=list)
    faults: list[SavedFault] = field(default_factory=list)
    _size: int = 0

    @property
    def is_full(self) -> bool:
        return self._size >= _AT_ONCE

    async def add(self, file: UserFile, content: bytes, old: _SeenFile | None) -> None:
        saved = SavedContent(file.path, content, file.modified)
        digest = await asyncio.to_thread(_digest, saved)
        self.files[file.path] = file, digest
        if old is None or old[1] != digest:
            self.changed.append(saved)
            self._size += len(content)


@dataclass
class _Seen:
    """The state of a server as this process saw it last."""

    files: dict[str, dict[str, _SeenFile]] = field(default_factory=dict)  # by user and path
    #: By user: the last list, if nothing of it is left to read.
    whole: dict[str, tuple[UserFile, ...]] = field(default_factory=dict)
    told: tuple[Sequence[str] | None, tuple[SavedFault, ...]] | None = None
    publish: Publish | None = None
    users: tuple[Mapping[str, str | None], Sequence[SavedFault]] | None = None
    asked: float = -math.inf  # when the users were asked for


class SavedFilesWatcher:
    """Use it in `async with`. `is_ours` says whether this process is the one that looks after a server."""

    def __init__(
        self,
        fleet: Fleet,
        sources: Sequence[SavingServer],
        folder: str,
        sink: SavedFilesSink,
        tasks: TaskHealth,
        is_ours: Callable[[SavingServer], bool],
        every: float = _EVERY,
    ) -> None:
        self._fleet, self._sink, self._is_ours, self._every = fleet, sink, is_ours, every
        self._folder = f"{SAVED}/{folder}"
        self._tasks = {each: BackgroundTask(f"saved workflows of {each.name}", tasks) for each in sources}
        self._seen: dict[SavingServer, _Seen] = {each: _Seen() for each in sources}

    async def __aenter__(self) -> SavedFilesWatcher:
        for source, task in self._tasks.items():
            task.repeat(partial(self.look, source), self._every, until=partial(self._until_saved, source))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            await task.stop()

    async def look(self, source: SavingServer) -> None:
        """Look at a server once. Raises `StorageFailed`."""
        if source.publish is Publish.OFF:
            await self._tell(source, (), [])
            return
        if source.name not in self._fleet.up or source.name not in self._fleet.known:
            self._seen[source].users = None  # it may have others when it comes back
            return  # without its nodes, nothing can be said of packs and costs
        if not self._is_ours(source):
            self._seen[source] = _Seen()  # it may change while another process looks after it
            return
        seen, client = self._seen[source], self._fleet.client(source.name)
        users: Sequence[str] | None = None
        try:
            named, unknown = await self._users(client, source, seen)
            faults = [*unknown]
            publish = source.publish or await self._default(client, source, seen)
            for user, header in named.items():
                faults += await self._look(client, source, user, header, publish)
            users = tuple(named)
        except ServerUnavailable:
            seen.users = None
            return
        except ComfyError as fault:
            seen.users = None
            faults = [SavedFault("", _told(fault))]
        await self._tell(source, users, faults)

    async def _until_saved(self, source: SavingServer) -> None:
        """Wait until a server's only user may have saved something, or until it is time to ask who its users are. Where
        the last look left something to read, nothing is waited for.
        """
        seen = self._seen[source]
        if seen.users is None or len(seen.users[0]) != 1:
            return
        ((user, header),) = seen.users[0].items()
        if user not in seen.whole:
            return
        client = self._fleet.client(source.name)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, _due(seen) - time.monotonic())):
                end = await client.until_saved(self._folder, header, lambda: aligned(self._every, time.monotonic()))
                if end is not End.NOT_ASKED:
                    seen.asked = -math.inf  # the server may have begun again meanwhile
                if end is End.NO_ANSWER:
                    self._fleet.look_again(source.name)

    async def _users(
        self, client: ComfyClient, source: SavingServer, seen: _Seen
    ) -> tuple[Mapping[str, str | None], Sequence[SavedFault]]:
        """Return what `users_of` says, or said a while ago."""
        if seen.users is None or time.monotonic() >= _due(seen):
            seen.users, seen.asked = await users_of(client, source), time.monotonic()
        return seen.users

    async def _tell(self, source: SavingServer, users: Sequence[str] | None, faults: Sequence[SavedFault]) -> None:
        seen, news = self._seen[source], (users, tuple(faults))
        if news != seen.told:
            await self._sink.looked(source.key, users, faults)
            seen.told = news

    async def _default(self, client: ComfyClient, source: SavingServer, seen: _Seen) -> Publish:
        """Return what holds where the settings say nothing: others may save at a server that they can reach."""
        if seen.publish is None:
            alone = source.local and not (await client.system_stats()).listens_to_others
            seen.publish = Publish.OPEN if alone else Publish.TRIAL
        return seen.publish

    async def _look(
        self, client: ComfyClient, source: SavingServer, user: str, header: str | None, publish: Publish
    ) -> list[SavedFault]:
        """Look at what one user has saved."""
        seen, told = self._seen[source], await client.saved(self._folder, header)
        if told is seen.whole.get(user):
            return []
        listed = [each for each in told if counts(each.path)]
        before = seen.files.get(user)
        known, found = before or {}, _Found(faults=list(_too_many(listed)))
        for file in listed[:_MOST]:
            await self._read(client, file, header, known.get(file.path), found)
        paths = frozenset(file.path for file in listed)
        if before is None or found.changed or known.keys() - paths:
            await self._sink.take(SavedListing(source.key, user, paths, tuple(found.changed)), publish)
        seen.files[user] = found.files
        seen.whole.pop(user, None)
        is_whole = not found.faults and not found.is_full and len(found.files) == len(listed)
        if is_whole and all(each.size is not None for each in listed):
            seen.whole[user] = told
        return found.faults

    async def _read(
        self, client: ComfyClient, file: UserFile, header: str | None, old: _SeenFile | None, found: _Found
    ) -> None:
        """Read a file if it has changed, and if there is room: the next look reads the rest."""
        if old is not None and ((old[0] == file and file.size is not None) or found.is_full):
            found.files[file.path] = old
        elif not found.is_full:
            match await self._content(client, file, header):
                case SavedFault() as fault:
                    found.faults.append(fault)
                case bytes() as content:
                    await found.add(file, content, old)

    async def _content(self, client: ComfyClient, file: UserFile, header: str | None) -> bytes | SavedFault | None:
        """Return a file, or why it alone cannot be read; None if it has changed since it was listed, so that the next
        list tells what it is.
        """
        if (file.size or 0) > LARGEST_FILE:
            return SavedFault(file.path, _("the file is too large for a workflow"))
        try:
            content = await client.saved_file(f"{self._folder}/{file.path}", header)
        except FileMissing:
            return None
        except UnexpectedAnswer as fault:
            return SavedFault(file.path, _("the file cannot be read: {fault}").format(fault=fault))
        return content if file.size in (None, len(content)) else None


def _due(seen: _Seen) -> float:
    """Return when to ask again who a server's users are."""
    one = seen.users is not None and list(seen.users[0].values()) == [None]
    return seen.asked + (_ONE_USER_EVERY if one else _USERS_EVERY)


def _digest(saved: SavedContent) -> str:
    return saved.digest


async def users_of(client: ComfyClient, source: SavingServer) -> tuple[Mapping[str, str | None], list[SavedFault]]:
    """Return the users of a server whose files count, each with its id for requests, and which of them are unknown."""
    known = await client.users()
    if known is None:
        return {"": None}, []
    ids = {name: user for user, name in known.items()} | {user: user for user in known}
    found = {known[ids[name]]: ids[name] for name in source.users if name in ids}
    faults = [
        SavedFault("", _("the server has no user “{name}”").format(name=name))
        for name in source.users
        if name not in ids
    ]
    if not source.users:
        words = _("it keeps what people save apart by user: name the users with DARKROOM_SAVED_USERS")
        faults.append(SavedFault("", words))
    return dict(found), faults


def counts(path: str) -> bool:
    """True for a workflow's file. No part of its path is hidden, or leads out of the folder."""
    visible = not any(part.startswith(".") or not part for part in path.split("/"))
    return path.lower().endswith(".json") and visible and len(path) <= _LONGEST and "\0" not in path


def _too_many(listed: Sequence[UserFile]) -> Iterator[SavedFault]:
    if len(listed) > _MOST:
        words = _("there are more than {count} files: the rest is not read")
        yield SavedFault("", words.format(count=_MOST))


def _told(fault: ComfyError) -> str:
    """Return a fault in words that say what to do."""
    match fault:
        case WebPage() | Redirected():
            return _("a web page answers instead of the list of saved workflows: check the server's address and token")
        case UnexpectedAnswer(status=404):
            return _("it has no list of saved workflows: update ComfyUI")
        case UnexpectedAnswer(status=401 | 403):
            return _("it refuses the list of saved workflows: check the server's token")
        case _:
            return _("the saved workflows cannot be read: {fault}").format(fault=fault)
