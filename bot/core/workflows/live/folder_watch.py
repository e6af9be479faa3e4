"""Watch folders for files that change. While none does, nothing of this wakes the process."""

from __future__ import annotations

import asyncio
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

_NET = 300.0  # seconds after which the folders are read again in any case
_UNTIL_THERE = 3.0  # the same while one of them is away
_LONGEST = 2.0  # seconds of changes without a pause after which they are told in any case
_CHANGES: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileDeletedEvent),
    *(DirCreatedEvent, DirMovedEvent, DirDeletedEvent),
]


@asynccontextmanager
async def watching(folders: Iterable[Path], step: float, net: float = _NET) -> AsyncIterator[FolderWatch]:
    """Watch folders and those within, but for links within. Changes are told together, when there were none for `step`
    seconds; after `net` seconds without any, or sooner if a folder is away, it is told that there were none.
    """
    watch = FolderWatch(folders, step, net)
    await asyncio.to_thread(watch.begin)
    try:
        yield watch
    finally:
        await asyncio.shield(asyncio.to_thread(watch.end))


class FolderWatch(FileSystemEventHandler):
    """Notes changes as they come, in a thread."""

    def __init__(self, folders: Iterable[Path], step: float, net: float) -> None:
        self._folders, self._step, self._net = tuple(folders), step, net
        self._loop = asyncio.get_running_loop()
        self._paths, self._news = deque[str](), asyncio.Event()
        self._watched: list[tuple[Path, int]] = []
        self._observer: BaseObserver | None = None

    def begin(self) -> None:
        """Watch the folders that are there. Where the system watches no more, they are looked at every second."""
        self._watched = self._there()
        try:
            self._begin(Observer())
        except OSError:
            self._begin(PollingObserver())

    def end(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def is_whole(self) -> bool:
        """True while all folders that are there are watched: not one that was made since, or took another's place."""
        emitters = self._observer.emitters if self._observer is not None else ()
        return self._there() == self._watched and all(each.is_alive() for each in emitters)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note a change."""
        self._paths += [str(path) for path in (event.src_path, event.dest_path) if path]
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._news.set)

    async def take(self) -> set[str]:
        """Wait for changes; the paths of what was made, changed, moved or removed, or none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._net if len(self._watched) == len(self._folders) else _UNTIL_THERE):
                await self._news.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                while self._news.is_set():
                    self._news.clear()
                    await asyncio.sleep(self._step)
        self._news.clear()
        return {self._paths.popleft() for _path in range(len(self._paths))}

    def _there(self) -> list[tuple[Path, int]]:
        return [(each, each.stat().st_ino) for each in self._folders if each.is_dir()]

    def _begin(self, observer: BaseObserver) -> None:
        self._observer = observer
        try:
            observer.start()
            for folder, _number in self._watched:  # one that is itself a link is followed
                observer.schedule(self, str(folder.resolve()), recursive=True, event_filter=_CHANGES)
        except OSError:
            self.end()
            raise
