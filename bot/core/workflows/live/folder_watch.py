"""Watch folders for files that change. On Linux the system tells, and nothing wakes the process while none does."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncinotify import Event, Inotify

_log = logging.getLogger(__name__)
_NET, _POLLED = 300.0, 2.0  # seconds after which the folders are read in any case: where the system tells, or does not
_LONGEST = 2.0  # seconds of changes without a pause after which they are told in any case
_DEEPEST = 8  # folders within folders
_AT_ONCE = 500  # changes that are read before others in the process have their turn


@asynccontextmanager
async def watching(folders: Iterable[Path], step: float, net: float = _NET) -> AsyncIterator[FolderWatch]:
    """Watch folders and those within, but for hidden ones and links within. Changes are told together, when there were
    none for `step` seconds; after `net` seconds without any it is told that there were none.
    """
    watch, loop = FolderWatch(folders, step, net), asyncio.get_running_loop()
    beginning = loop.run_in_executor(None, watch.begin)
    try:
        await asyncio.shield(beginning)
        watch.listen(loop)
        yield watch
    finally:
        await asyncio.shield(beginning)
        watch.end(loop)


class FolderWatch:
    """Knows what has changed since it was asked last. A link that is a folder of the settings is followed."""

    def __init__(self, folders: Iterable[Path], step: float, net: float) -> None:
        self._folders, self._step, self._net = [each.absolute() for each in folders], step, net
        self._paths, self._news = set[str](), asyncio.Event()
        self._within: Inotify | None = None
        self._beside: Inotify | None = None
        self._names: defaultdict[Path, set[str]] = defaultdict(set)  # of the folders, by those that they are in
        #: True while all folders are watched: none was made, moved or removed since.
        self.is_whole = True

    def begin(self) -> None:
        """Watch the folders that are there. Where the system cannot tell, they are looked at every two seconds."""
        if sys.platform != "linux" or "microsoft" in platform.release().lower():  # nor of what Windows changes
            self._net = min(self._net, _POLLED)
            return
        from asyncinotify import Inotify  # it looks for the system's library, which takes a moment

        try:
            self._within, self._beside = Inotify(), Inotify()
            for each in (self._within, self._beside):
                os.set_blocking(each.fd, False)  # asyncinotify 4.4 means to do so, and does not
            self._watch(self._within, self._beside)
        except OSError as fault:
            _log.warning("the system watches no more folders, so they are looked at: %s", fault.strerror)
            self._close()
            self._net = min(self._net, _POLLED)

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._within is not None and self._beside is not None:
            loop.add_reader(self._within.fd, self._read, loop, self._within)
            loop.add_reader(self._beside.fd, self._read, loop, self._beside)

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        for each in (self._within, self._beside):
            if each is not None:
                loop.remove_reader(each.fd)
        self._close()

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
        paths, self._paths = self._paths, set()
        return paths

    def _watch(self, within: Inotify, beside: Inotify) -> None:
        from asyncinotify import Mask

        moves = Mask.CREATE | Mask.MOVED_FROM | Mask.MOVED_TO | Mask.DELETE | Mask.ATTRIB | Mask.ONLYDIR
        for folder in dict.fromkeys(each for own in self._folders for each in (own, own.resolve())):
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                beside.add_watch(parent := folder.parent.resolve(), moves)
                self._names[parent].add(folder.name)
        for path in _all_within(each.resolve() for each in self._folders):
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):  # a change of it is told beside it
                within.add_watch(path, moves | Mask.MODIFY | Mask.DELETE_SELF | Mask.MOVE_SELF)

    def _read(self, loop: asyncio.AbstractEventLoop, inotify: Inotify) -> None:
        with suppress(BlockingIOError):  # all is read
            for _event in range(_AT_ONCE):
                if (event := inotify.sync_get()) is not None:
                    self._note(event, is_beside=inotify is self._beside)
            loop.call_soon(self._read_on, loop, inotify)

    def _read_on(self, loop: asyncio.AbstractEventLoop, inotify: Inotify) -> None:
        if inotify in (self._within, self._beside):
            self._read(loop, inotify)

    def _note(self, event: Event, *, is_beside: bool) -> None:
        from asyncinotify import Mask

        name, where = event.name, event.watch
        if is_beside and where is not None and (name is None or name.name not in self._names[where.path]):
            return
        if is_beside or name is None or Mask.ISDIR in event.mask:  # without a name it is the watched folder itself
            self.is_whole = False
        if (path := event.path) is not None:
            self._paths.add(str(path))
        self._news.set()

    def _close(self) -> None:
        for each in (self._within, self._beside):
            if each is not None:
                each.close()
        self._within = self._beside = None


def _all_within(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield folders, and those within that can be read."""
    for folder in dict.fromkeys(folders):
        for path, names, _files in os.walk(folder):
            yield Path(path)
            deep = len(Path(path).relative_to(folder).parts)
            names[:] = [name for name in names if not name.startswith(".")] if deep < _DEEPEST else []
