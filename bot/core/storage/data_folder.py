"""Make the data folder private, including an older one. Files of other programs in it are not changed."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bot.core.storage import private

_log = logging.getLogger(__name__)
_DATABASE = re.compile(r"(darkroom|discord|telegram|engine)\.db(-wal|-shm|-journal)?")
_OTHER = re.compile(
    r"workflows|added|studio|media|engine|tmp|backups|(discord-commands|setup)\.(json|part)|[^/]+\.lock|\.probe"
)
_DIGEST = re.compile(r"[0-9a-f]{20,64}(\.\w+)?")  # the name that we give to an input
_PARTS = {"media": re.compile(r"[0-9a-f]{2}"), "engine": re.compile(r"input|output|temp")}


def make(folder: Path, *, shared: bool) -> None:
    """Make the folder, with folders for workflows in it. With `shared` its group may enter. Raises `OSError`."""
    private.make_folder(folder, 0o750 if shared else 0o700)
    private.make_folder(folder / "workflows")
    private.make_folder(folder / "added")
    if (folder / "tmp").exists():
        private.make_folder(folder / "tmp")  # it may be a file
    probe = folder / ".probe"
    with open(probe, "wb", opener=private.opener) as file:
        file.write(b"x" * 4096)
    probe.unlink(missing_ok=True)  # another process may be starting in the same folder


def narrow(folder: Path, *, shared: bool) -> None:
    """Remove other users' access to files of an older version. Log a warning if that fails."""
    found = [fault for path, rights in _ours(folder, shared) for fault in private.narrow(path, rights)]
    if faults := list({fault.filename: fault for fault in found}.values()):
        words = "other users of this computer may be able to read %s (%s%s): change its mode, or make %s its owner"
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        _log.warning(words, faults[0].filename or folder, faults[0].strerror, more, "the user of this program")


def clear_engine(folder: Path) -> None:
    """Delete the files that the built-in engine of an older version kept. An operator's own pictures stay."""
    engine = folder / "engine"
    for path in sorted(engine.rglob("*"), reverse=True):  # what is in a folder comes before it
        ours = path.relative_to(engine).parts[0] in ("output", "temp") or _DIGEST.fullmatch(path.name)
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()  # if it is empty
            elif ours:
                path.unlink()
    with suppress(OSError):
        engine.rmdir()


def _ours(folder: Path, shared: bool) -> Iterator[tuple[Path, int]]:
    """Yield our own files in the folder, with the rights that they may keep."""
    names = sorted(path.name for path in folder.iterdir())
    alone = all(_DATABASE.fullmatch(name) or _OTHER.fullmatch(name) for name in names)
    group = 0o770 if shared else 0o700
    for name in names:
        if alone or _DATABASE.fullmatch(name) or (name in _PARTS and _holds_only(folder / name, _PARTS[name])):
            yield folder / name, group if name == "media" else 0o700
    status = folder.stat()
    if alone and status.st_uid == _user() and not status.st_mode & stat.S_ISVTX:
        yield folder.resolve(), group  # last, after everything in it


def _holds_only(folder: Path, names: re.Pattern[str]) -> bool:
    return folder.is_dir() and not folder.is_symlink() and all(names.fullmatch(each.name) for each in folder.iterdir())


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else -1
