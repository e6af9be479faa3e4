"""Temporary files: a locked folder for each process, so that the next one can delete what a killed process left."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
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
_spare: list[Path] | None = None  # the empty ones in the folder of this process, if it has one
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def process_folder(parent: Path | None = None) -> Iterator[Path]:
    """Keep the temporary files of this process and of those that it starts in a locked folder in `parent`, or else in
    the system's folder for them. It is deleted at the end. Folders that other processes left are deleted first.

    Raises `OSError`, and `DiskFull` if the system has no folder for them.
    """
    global _spare
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
        _spare = []
        try:
            yield folder
        finally:
            _spare = None
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
        folder = _spare_folder() or Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            yield folder
        finally:
            _let_go(folder)


@contextmanager
def room() -> Iterator[None]:
    """Raise `DiskFull` if the disk is full."""
    try:
        yield
    except OSError as fault:
        if not is_full(fault):
            raise
        raise no_room() from fault


def _spare_folder() -> Path | None:
    try:
        return _spare.pop() if _spare is not None else None
    except IndexError:
        return None


def _let_go(folder: Path) -> None:
    """Keep a folder for the next one if nothing lies in it, as mostly: the disk need not be asked. Else delete it."""
    with suppress(OSError):
        if _spare is not None and len(_spare) < _SPARE and not any(folder.iterdir()):
            _spare.append(folder)
            return
    shutil.rmtree(folder, ignore_errors=True)


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
