"""Private files: what the program writes is for its own user, from the moment that it is made."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = 0o077  # what the group and all others may do


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a folder that is private, or has another mode; those above it are made as usual. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        if mode & _OTHERS:  # what a umask has taken
            path.chmod(mode)


def make_file(path: Path) -> None:
    """Make an empty file that is private, where there is none. Raises `OSError`."""
    os.close(opener(str(path), os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)))


def opener(path: str, flags: int) -> int:
    """For `open`: a file that it makes is private."""
    return os.open(path, flags, 0o600)


def narrow(path: Path, rights: int = 0o700) -> list[OSError]:
    """Take from a file, or a folder with all in it, what others may do beyond `rights`; what could not be changed.

    No link is followed. A folder comes after what is in it, so that one that is narrow already need not be looked into.
    """
    faults: list[OSError] = []
    if os.name == "posix":
        _narrow(path, rights, faults)
    return faults


def _narrow(path: Path, rights: int, faults: list[OSError]) -> None:
    try:
        mode = path.lstat().st_mode
        excess = stat.S_IMODE(mode) & _OTHERS & ~rights
        if not excess or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            return
        if stat.S_ISDIR(mode):
            for each in list(path.iterdir()):
                _narrow(each, rights, faults)
        _change(path, stat.S_IMODE(mode) & ~excess)
    except FileNotFoundError:
        pass  # another process has deleted it meanwhile
    except OSError as fault:
        faults.append(fault)


def _change(path: Path, mode: int) -> None:
    """Through an open file, so that a link that takes its place meanwhile is not followed."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchmod(file, mode)
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
    finally:
        os.close(file)


def as_folder(path: Path) -> int:
    """The mode of a file that is for the same people as its folder."""
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode) & 0o666
    return 0o600
