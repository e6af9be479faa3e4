"""Private files: only the program's own user can read what it writes, from the first moment."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_OTHERS = 0o077  # the rights of the group and of all others


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a private folder, or one with another mode. Its parents get the usual mode. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        if mode & _OTHERS:  # restore what the umask removed
            path.chmod(mode)


def make_file(path: Path) -> None:
    """Make an empty private file if there is none. Raises `OSError`."""
    os.close(opener(str(path), os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)))


def opener(path: str, flags: int) -> int:
    """Make new files private. Use it as `opener` of `open`."""
    return os.open(path, flags, 0o600)


def lock(file: IO[Any]) -> bool:
    """Lock an open file; False if another process has it. The lock ends with the process, however that ends.

    Windows has no such locks: there every process gets it.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def narrow(path: Path, rights: int = 0o700) -> list[OSError]:
    """Remove all rights beyond `rights` from a file or a folder with its content. Returns the errors.

    Links are not followed. A folder is changed after its content, so a folder with the right mode is finished.
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
        pass  # another process deleted it meanwhile
    except OSError as fault:
        faults.append(fault)


def _change(path: Path, mode: int) -> None:
    """Change the mode through an open file, so that a link that replaces it meanwhile is not followed."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchmod(file, mode)
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
    finally:
        os.close(file)


def as_folder(path: Path) -> int:
    """Return the mode for a file with the same readers as its folder."""
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode) & 0o666
    return 0o600
