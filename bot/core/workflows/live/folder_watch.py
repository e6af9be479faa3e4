"""Watch folders for files that change. While none does, the process is not woken, but where the system cannot tell."""

from __future__ import annotations

import asyncio
import logging
import platform
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

_log = logging.getLogger(__name__)
_NET = 300.0  # seconds after which the folders are read again in any case
_LONGEST = 2.0  # seconds of changes without a pause after which they are told in any case
_CHANGES: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileDeletedEvent),
    *(DirCreatedEvent, DirMovedEvent, DirDeletedEvent),
]
_IN_PARENTS = [each for each in _CHANGES if each is not FileModifiedEvent]


@asynccontextmanager
async def watching(folders: Iterable[Path], step: float, net: float = _NET) -> AsyncIterator[FolderWatch]:
    """Watch folders and those within, but for links within. Changes are told together, when there were none for `step`
    seconds; after `net` seconds without any it is told that there were none.
    """
    watch = FolderWatch(folders, step, net)
    beginning = asyncio.get_running_loop().run_in_executor(None, watch.begin)
    try:
        await asyncio.shield(beginning)
        yield watch
    finally:
        with suppress(OSError):  # it was raised above
            await asyncio.shield(beginning)
        await asyncio.shield(asyncio.to_thread(watch.end))


class FolderWatch(FileSystemEventHandler):
    """Notes changes as they come, in a thread."""

    def __init__(self, folders: Iterable[Path], step: float, net: float) -> None:
        self._folders, self._step, self._net = tuple(folders), step, net
        self._loop = asyncio.get_running_loop()
        self._paths, self._news = deque[str](), asyncio.Event()
        self._are_others = False
        self._observer: BaseObserver | None = None

    def begin(self) -> None:
        """Watch the folders that are there. Where the system watches no more, or cannot see what Windows changes, they
        are looked at every second.
        """
        try:
            if "microsoft" not in platform.release().lower():
                return self._begin(Observer())
        except OSError as fault:
            _log.warning("the system watches no more folders, so they are looked at every second: %s", fault.strerror)
        return self._begin(PollingObserver())

    def end(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    @property
    def is_whole(self) -> bool:
        """True while all folders are watched: none was made, moved or removed since."""
        emitters = self._observer.emitters if self._observer is not None else ()
        return not self._are_others and all(each.is_alive() for each in emitters)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note a change."""
        self._are_others = self._are_others or event.is_directory
        self._note(event)

    def note_in_parent(self, event: FileSystemEvent, folder: str) -> None:
        """Note a change beside a folder, if it is this one that was made, moved or removed."""
        if folder in (event.src_path, event.dest_path):
            self._are_others = True
            self._note(event)

    async def take(self) -> set[str]:
        """Wait for changes; the paths of what was made, changed, moved or removed, or none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._net):
                await self._news.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                while self._news.is_set():
                    self._news.clear()
                    await asyncio.sleep(self._step)
        self._news.clear()
        return {self._paths.popleft() for _path in range(len(self._paths))}

    def _note(self, event: FileSystemEvent) -> None:
        self._paths += [str(path) for path in (event.src_path, event.dest_path) if path]
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._news.set)

    def _begin(self, observer: BaseObserver) -> None:
        self._observer = observer
        try:
            observer.start()
            for folder in self._folders:
                own, parent = folder.absolute(), folder.absolute().parent.resolve()
                if parent.is_dir():
                    beside = _Beside(self, str(parent / own.name))
                    observer.schedule(beside, str(parent), event_filter=_IN_PARENTS)
                if own.is_dir():  # one that is itself a link is followed
                    observer.schedule(self, str(own.resolve()), recursive=True, event_filter=_CHANGES)
        except OSError:
            self.end()
            raise


class _Beside(FileSystemEventHandler):
    """Sees whether a folder is made, moved or removed."""

    def __init__(self, watch: FolderWatch, folder: str) -> None:
        self._watch, self._folder = watch, folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._watch.note_in_parent(event, self._folder)
