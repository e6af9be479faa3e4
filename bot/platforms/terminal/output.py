"""Write results to files. Known names are checked before the run, and no existing file is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bot.core.media.images import convert
from bot.core.model import ResultFile
from bot.core.workflows.field_kinds import kind_of_file
from bot.core.workflows.form import FieldKind
from bot.i18n import _
from bot.platforms.terminal.messages import BadRequest

_NO_TEXTS = (FieldKind.IMAGE, FieldKind.VIDEO, FieldKind.AUDIO)
_STILLS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class OutputTarget:
    """A folder, and the name of the file in it if `-o` names one. It is `given` if there is an `-o` at all."""

    folder: Path
    name: str | None = None
    force: bool = False
    given: bool = True

    @classmethod
    def of(cls, output: str | None, *, force: bool = False) -> OutputTarget:
        """Read `-o`: a folder or a file. Raises `BadRequest` if it cannot be written to."""
        path = Path(output or ".").expanduser()
        is_folder = path.is_dir() or (output or "").endswith(("/", os.sep))
        if is_folder:
            _make(path)
        target = cls(path, None, force, output is not None) if is_folder else cls(path.parent, path.name, force)
        target.check_folder()
        if target.name is not None:
            target.check(target.name)
        return target

    def check(self, name: str) -> None:
        """Raise `BadRequest` if the name is taken."""
        path = self.folder / (self.name or name)
        if path.exists() and not self.force:
            raise BadRequest(
                _("{path} already exists. Choose another file with -o, or replace it with --force.").format(path=path)
            )

    def check_folder(self) -> None:
        """Raise `BadRequest` if the folder is missing or not writable."""
        if not self.folder.is_dir():
            raise BadRequest(_("-o: the folder {folder} does not exist. Create it first.").format(folder=self.folder))
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise BadRequest(_("-o: the folder {folder} is not writable.").format(folder=self.folder))

    async def put(self, file: ResultFile, number: int, total: int) -> Path:
        """Write a file completely or not at all, in the format of its name, and return its path."""
        wanted = self._name(file, number, total)
        part = self.folder / f".{wanted}.{os.getpid()}.part"
        try:
            if wanted.lower().endswith(_STILLS) and not _same(Path(wanted).suffix, file.path.suffix):
                wanted = wanted if await self._converted(file, part, wanted) else wanted + file.path.suffix
            else:
                shutil.copyfile(file.path, part)
            return self._publish(part, wanted)
        finally:
            part.unlink(missing_ok=True)

    def put_text(self, text: str, workflow: str) -> Path:
        """Write a text as `put` writes a file, and return its path. No name of a picture stands for a text."""
        wanted = self.name or f"{workflow}.txt"
        suffix = Path(wanted).suffix.lower()
        if not suffix or (kind_of_file(wanted, None) in _NO_TEXTS and suffix != ".svg"):
            wanted += ".txt"
        part = self.folder / f".{wanted}.{os.getpid()}.part"
        try:
            part.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
            return self._publish(part, wanted)
        finally:
            part.unlink(missing_ok=True)

    def _name(self, file: ResultFile, number: int, total: int) -> str:
        if self.name is None:
            return file.filename
        name = Path(self.name)
        suffix = name.suffix or file.path.suffix
        if not (_same(suffix, file.path.suffix) or _can_convert(file, suffix)):
            suffix += file.path.suffix  # a suffix that matches the content
        return f"{name.stem}-{number}{suffix}" if total > 1 else f"{name.stem}{suffix}"

    async def _converted(self, file: ResultFile, part: Path, wanted: str) -> bool:
        shaped = part.with_name(part.name + Path(wanted).suffix)
        try:
            if await convert(file.path, shaped):
                shaped.replace(part)
                return True
            shutil.copyfile(file.path, part)
            return False
        finally:
            shaped.unlink(missing_ok=True)

    def _publish(self, part: Path, wanted: str) -> Path:
        """Give the file its name. If that is taken meanwhile, use the next free one, so that no result is lost."""
        if self.force:
            return part.replace(self.folder / wanted)
        for name in _numbered(wanted):
            path = self.folder / name
            try:
                os.link(part, path)
                return path
            except FileExistsError:
                continue
            except OSError:  # a file system without hard links
                if not path.exists():
                    return part.replace(path)
        raise AssertionError("numbers do not end")


def _make(folder: Path) -> None:
    """Make a folder that `-o` names with a slash at its end. Raises `BadRequest`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        words = _("-o: the folder {folder} cannot be created: {reason}.")
        raise BadRequest(words.format(folder=folder, reason=fault.strerror)) from fault


def _can_convert(file: ResultFile, suffix: str) -> bool:
    return file.kind == "image" and suffix.lower() in _STILLS and file.path.suffix.lower() in _STILLS


def _same(one: str, other: str) -> bool:
    jpeg = (".jpg", ".jpeg")
    return one.lower() == other.lower() or (one.lower() in jpeg and other.lower() in jpeg)


def _numbered(name: str) -> Iterator[str]:
    path = Path(name)
    yield name
    yield from (f"{path.stem}-{number}{path.suffix}" for number in count(2))
