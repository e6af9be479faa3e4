"""Temporary files: a locked folder for each process, so that the next one can delete what a killed process left."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from bot.core.errors import DiskFull
from bot.core.storage import private
from bot.i18n import _

_PREFIX = "darkroom-"
_LOCK = ".lock"
_OLD = 86_400.0  # seconds without a change, after which a folder without a lock is of an older version that is gone
_SPARE = 16  # empty folders that are kept
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Spares:
    """Empty folders, kept for those who need one next. A thread empties those that were used: to delete a long film
    takes a while.
    """

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._thread = ThreadPoolExecutor(1, "tidy")

    def take(self) -> Path | None:
        """Return an empty folder, if there is one."""
        try:
            return self._folders.pop()
        except IndexError:
            return None

    def give_back(self, folder: Path) -> None:
        """Take a folder that is no longer used. Mostly nothing lies in it, and no thread is woken."""
        if self._keep(folder):
            return
        try:
            self._thread.submit(self._tidy, folder)
        except RuntimeError:  # it is closed
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Wait until what was given back is tidy."""
        self._thread.shutdown()

    def _tidy(self, folder: Path) -> None:
        with suppress(OSError):
            for path in folder.iterdir():
                path.unlink()
        if not self._keep(folder):
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, folder: Path) -> bool:
        """Keep a folder if it is empty, and there are not many."""
        with suppress(OSError):
            if len(self._folders) < _SPARE and not any(folder.iterdir()):
                self._folders.append(folder)
                return True
        return False


_spares: _Spares | None = None  # of the folder of this process, if it has one


@contextmanager
def process_folder(parent: Path | None = None) -> Iterator[Path]:
    """Keep the temporary files of this process and of those that it starts in a locked folder in `parent`, or else in
    the system's folder for them. It is deleted at the end. Folders that other processes left are deleted first.

    Raises `OSError`, and `DiskFull` if the system has no folder for them.
    """
    global _spares
    system = _system()
    parent = parent or system
    if parent is None:
        words = _("There is no room for temporary files. Set {setting} to a folder on a disk with room.")
        raise DiskFull(words.format(setting="TMPDIR"))
    if system is not None:
        sweep(system)
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with locked_folder(parent) as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        _spares = spares = _Spares()
        try:
            yield folder
        finally:
            _spares = None
            spares.close()
            tempfile.tempdir = before[0]
            _restore(before[1])


@contextmanager
def locked_folder(parent: Path) -> Iterator[Path]:
    """Make a folder of this process in `parent`, and delete it at the end. Folders of processes that have ended are
    deleted first. Raises `OSError`.
    """
    private.make_folder(parent)
    sweep(parent)
    folder, lock = _make(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder for files on their way, until the context is left. Raises `DiskFull` if the disk is full."""
    with room():
        spares = _spares
        folder = (spares.take() if spares is not None else None) or Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            yield folder
        finally:
            if spares is not None:
                spares.give_back(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def room() -> Iterator[None]:
    """Raise `DiskFull` if the disk is full."""
    try:
        yield
    except OSError as fault:
        if not is_full(fault):
            raise
        raise no_room() from fault


def is_full(fault: OSError) -> bool:
    """True if an error says that there is no room for a file."""
    return fault.errno in _FULL


def no_room() -> DiskFull:
    """The error for a full disk, in words."""
    return DiskFull(_("The files of this run cannot be saved. The disk may be full."))


def sweep(parent: Path) -> None:
    """Delete the temporary folders of processes that have ended."""
    for folder in parent.glob(f"{_PREFIX}*/"):
        with suppress(OSError):  # it is another user's, or another process deletes it now
            if _is_own(folder) and _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _system() -> Path | None:
    """The system's folder for temporary files; None if no file can be written in any."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return None


def _make(parent: Path) -> tuple[Path, TextIO]:
    """Make a folder and lock it. A process that sweeps at this moment may be first: then there is another try. Raises
    `OSError`, such as that of a disk without locks.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent.absolute()))
        with ExitStack() as stack:
            lock = stack.enter_context(open(folder / _LOCK, "w", opener=private.opener))
            with suppress(FileNotFoundError):
                if private.lock(lock) and os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat()):
                    stack.pop_all()  # it stays open as long as the folder is used
                    return folder, lock


def _is_own(folder: Path) -> bool:
    return not folder.is_symlink() and (os.name != "posix" or folder.stat().st_uid == os.geteuid())


def _is_left(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("r+") as lock:
            return sys.platform != "win32" and private.lock(lock)
    except FileNotFoundError:
        return time.time() - max(path.stat().st_mtime for path in [folder, *folder.rglob("*")]) > _OLD


def _restore(temporary: str | None) -> None:
    os.environ.pop("TMPDIR", None)
    if temporary is not None:
        os.environ["TMPDIR"] = temporary
