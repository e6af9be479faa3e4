"""The server's folders: find files by name, and find the next free name for a saved file."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from comfy.embedded.node import SavedFile

KINDS = ("input", "output", "temp")
_SUFFIX = re.compile(r" ?\[(input|output|temp)\]$")


@dataclass(frozen=True)
class Folders:
    """The three folders under one root."""

    root: Path

    def create(self) -> None:
        for kind in KINDS:
            (self.root / kind).mkdir(0o700, parents=True, exist_ok=True)

    def folder(self, kind: str) -> Path:
        return self.root / kind

    def inside(self, kind: str, *parts: str) -> Path:
        """Return a path in one of the folders. Raises `ValueError` if it leaves the folder, `KeyError` for an unknown
        kind.
        """
        if kind not in KINDS:
            raise KeyError(kind)
        base = self.folder(kind).resolve()
        path = base.joinpath(*parts).resolve()
        if not path.is_relative_to(base) or any("\0" in part for part in parts):
            raise ValueError("the path leaves its folder")
        return path

    def input_file(self, name: str) -> Path:
        kind = _SUFFIX.search(name)
        return self.inside(kind[1] if kind else "input", _SUFFIX.sub("", name))

    def next_files(self, prefix: str, kind: str, count: int, suffix: str) -> list[SavedFile]:
        """Return names numbered after the highest existing number. Names of deleted files can recur."""
        where = PurePosixPath(_with_date(prefix).replace("\\", "/"))
        subfolder, stem = ("" if str(where.parent) == "." else str(where.parent)), where.name
        try:
            folder = self.inside(kind, subfolder)
        except ValueError:
            raise ValueError("**** ERROR: Saving image outside the output folder is not allowed.") from None
        folder.mkdir(0o700, parents=True, exist_ok=True)
        first = _highest(folder, stem) + 1
        names = [f"{stem}_{number:05}_{suffix}" for number in range(first, first + count)]
        return [SavedFile(folder / name, name, subfolder, kind) for name in names]

    def delete(self, kind: str, subfolder: str, name: str) -> None:
        """Delete a file, and the subfolders that it leaves empty."""
        path, top = self.inside(kind, subfolder, name), self.inside(kind)
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == top or any(parent.iterdir()):
                return
            parent.rmdir()


def make_private(path: Path) -> Path:
    """Make an empty file that only this program's user may read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return path


@dataclass(frozen=True)
class PromptHost:
    """The host of nodes during one prompt."""

    folders: Folders
    prompt: Mapping[str, Any] = field(default_factory=dict)
    extra_pnginfo: Mapping[str, Any] = field(default_factory=dict)
    saved: list[SavedFile] = field(default_factory=list)
    send: Callable[[bytes, int, int], None] = lambda *_picture: None
    account_key: str = field(default="", repr=False)

    def folder(self, kind: str) -> Path:
        return self.folders.folder(kind)

    def input_file(self, name: str) -> Path:
        return self.folders.input_file(name)

    def send_picture(self, png: bytes, number: int, count: int) -> None:
        self.send(png, number, count)

    def next_files(self, prefix: str, kind: str, count: int, suffix: str) -> list[SavedFile]:
        files = self.folders.next_files(prefix, kind, count, suffix)
        self.saved.extend(files)
        return files


def split_suffix(filename: str) -> tuple[str, str | None]:
    """Split a name such as "a.png [temp]" into the name and the folder, if there is one."""
    kind = _SUFFIX.search(filename)
    return (_SUFFIX.sub("", filename), kind[1]) if kind else (filename, None)


def _highest(folder: Path, stem: str) -> int:
    pattern = re.compile(re.escape(stem) + r"_(\d+)_?\..+", re.IGNORECASE)
    return max((int(found[1]) for path in folder.iterdir() if (found := pattern.fullmatch(path.name))), default=0)


def _with_date(prefix: str) -> str:
    now = time.localtime()
    tokens = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S"}
    for token, code in tokens.items():
        prefix = prefix.replace(f"%{token}%", time.strftime(code, now).lstrip("0") or "0")
    return prefix
