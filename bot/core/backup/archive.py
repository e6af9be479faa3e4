"""The file of a backup: a tar that says first what it is, and last that it is whole.

    darkroom-backup.json     what it is, who made it and when
    records.db.gz            the records, as an SQLite database
    workflows/…, added/…     the operator's workflows, and those that were added in chats
    media/ab/abcd….png       the files of runs, each under the digest of its content
    end.json                 how many files there are, and a digest of all

Whoever reads one trusts nothing in it: no name leads out of the folder that it is unpacked into.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import msgspec

from bot.core.errors import ConfigError
from bot.core.storage import private
from bot.i18n import _

FORMAT = 1
RECORDS = "records.db"
_HEAD, _PACKED, _END = "darkroom-backup.json", f"{RECORDS}.gz", "end.json"
_LONGEST_NOTE = 1 << 20  # bytes of what the archive says about itself
_PIECE = 1 << 20  # bytes
_MEDIA = re.compile(r"media/([0-9a-f]{2})/(\1[0-9a-f]{62})(\.[^/.]{1,40})?")
FOLDERS = ("workflows", "added")  #: of the operator, and of those who add workflows in chats
_DEEPEST, _LONGEST = 10, 200  # parts of a name, and bytes of each
_NOWHERE = frozenset("\\:")  # with these a name may lead elsewhere on some systems


@dataclass(frozen=True)
class Manifest:
    """The description of a backup. `media` is "included", "elsewhere" or "left out": so are the files of runs."""

    format: int
    darkroom: str
    revision: str
    made_at: float
    records_bytes: int
    media: str


class BadBackup(ConfigError):
    """A backup is damaged, cut, foreign or too new."""


@contextmanager
def writing(file: IO[bytes]) -> Iterator[ArchiveWriter]:
    """Write an archive, which is whole if the context is left without an error."""
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_PIECE) as tar:
        writer = ArchiveWriter(tar)
        yield writer
        writer.end()


class ArchiveWriter:
    """Writes the files of an archive, one after another."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._digest, self._count = hashlib.sha256(), 0

    def begin(self, manifest: Manifest, records: Path) -> None:
        """Write what it is, and the records, which are packed beside themselves."""
        self._write(_HEAD, json.dumps(asdict(manifest), indent=1).encode())
        packed = records.with_name(_PACKED)
        with (
            records.open("rb") as source,
            open(packed, "wb", opener=private.opener) as target,
            gzip.GzipFile("", "wb", 1, target, 0.0) as compressed,
        ):
            shutil.copyfileobj(source, compressed, _PIECE)
        self.add(_PACKED, packed)
        packed.unlink()

    def add(self, name: str, path: Path) -> None:
        """Add a file. Raises `OSError`; `FileNotFoundError` before anything is written of it."""
        with path.open("rb") as source:
            member = self._member(name, os.fstat(source.fileno()).st_size)
            self._tar.addfile(member, cast(IO[bytes], _Read(source, self._digest.update)))

    def end(self) -> None:
        """Write that it is whole."""
        end = {"files": self._count, "sha256": self._digest.hexdigest()}
        self._write(_END, json.dumps(end).encode())

    def _write(self, name: str, content: bytes) -> None:
        member = self._member(name, len(content))
        self._digest.update(content)
        self._tar.addfile(member, io.BytesIO(content))

    def _member(self, name: str, size: int) -> tarfile.TarInfo:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._digest.update(_said(member))
        self._count += 1
        return member


class _Read:
    """A file that tells what is read of it."""

    def __init__(self, source: Any, tell: Callable[[bytes], Any]) -> None:
        self._source, self._tell = source, tell

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._source.read(size)
        self._tell(piece)
        return piece


def look(path: Path) -> Manifest:
    """Return what a backup says that it is. Raises `BadBackup`."""
    with _opened(path) as reader:
        return reader.head()


def unpack(path: Path, folder: Path) -> Manifest:
    """Unpack a whole and sound backup into an empty private folder. Raises `BadBackup`, and `OSError` where the folder
    has no room.
    """
    with _opened(path) as reader:
        manifest = reader.head()
        for member in reader.members():
            reader.unpack(member, folder, manifest)
        return manifest


@contextmanager
def _opened(path: Path) -> Iterator[_Reader]:
    try:
        file = path.open("rb")
    except OSError as fault:
        words = _("{file} cannot be read: {reason}")
        raise BadBackup(words.format(file=path, reason=fault.strerror)) from fault
    with file:
        reader = _Reader(path)
        try:
            with tarfile.open(fileobj=file, mode="r|", bufsize=_PIECE) as reader.tar:
                yield reader
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, FileExistsError) as fault:
            raise (_damaged if reader.is_ours else _foreign)(path) from fault


class _Reader:
    """Reads an archive from its beginning to its end, once."""

    tar: tarfile.TarFile

    def __init__(self, path: Path) -> None:
        self._path, self.is_ours = path, False
        self._digest, self._count = hashlib.sha256(), 0

    def head(self) -> Manifest:
        member = self.tar.next()
        if member is None or member.name != _HEAD or not member.isreg():
            raise _foreign(self._path)
        self.is_ours, told = True, self._told(member)
        if isinstance(told.get("format"), int) and told["format"] > FORMAT:
            raise newer(self._path, str(told.get("darkroom")))
        try:
            return msgspec.convert(told, Manifest)
        except msgspec.ValidationError as fault:
            raise _damaged(self._path) from fault

    def members(self) -> Iterator[tarfile.TarInfo]:
        """Yield all files. Raises `BadBackup` behind the last one if they are not what was written."""
        while (member := self.tar.next()) is not None:
            if member.name == _END:
                known = {"files": self._count, "sha256": self._digest.hexdigest()}
                if self._told(member) != known:
                    break
                return
            self._check_name(member)
            yield member
        raise _damaged(self._path)

    def unpack(self, member: tarfile.TarInfo, folder: Path, manifest: Manifest) -> None:
        source, content = self._read(member), hashlib.sha256()
        if member.name == _PACKED:
            with gzip.GzipFile(fileobj=cast(IO[bytes], source)) as records:
                self._write(records, folder / RECORDS, manifest.records_bytes)
            while source.read(_PIECE):
                pass
            return
        target = folder / member.name
        private.make_folder(folder / Path(member.name).parts[0])
        private.make_folder(target.parent)
        self._write(_Read(source, content.update), target, member.size)
        media = _MEDIA.fullmatch(member.name)
        if media is not None and media[2] != content.hexdigest():
            raise _damaged(self._path)

    def _told(self, member: tarfile.TarInfo) -> dict[str, Any]:
        try:
            told = json.loads(self._read(member).read(_LONGEST_NOTE))
        except (ValueError, RecursionError) as fault:
            raise _damaged(self._path) from fault
        if not isinstance(told, dict):
            raise _damaged(self._path)
        return told

    def _read(self, member: tarfile.TarInfo) -> _Read:
        source = self.tar.extractfile(member)
        if source is None:
            raise _damaged(self._path)
        self._digest.update(_said(member))
        self._count += 1
        return _Read(source, self._digest.update)

    def _write(self, source: Any, target: Path, size: int) -> None:
        """Write what there is, which has to be as much as was said."""
        with open(target, "xb", opener=private.opener) as file:
            while (piece := source.read(_PIECE)) and (size := size - len(piece)) >= 0:
                file.write(piece)
        if size:
            raise _damaged(self._path)

    def _check_name(self, member: tarfile.TarInfo) -> None:
        """Let only plain files through, under the names that we give."""
        name = member.name
        if not (member.isreg() and (name == _PACKED or _MEDIA.fullmatch(name) or is_below(name))):
            words = _("{file} has a part that no backup of Darkroom has, “{name}”: nothing was restored.")
            raise BadBackup(words.format(file=self._path, name=name[:100]))


def is_below(name: str) -> bool:
    """True if a file of this name lies in one of the operator's folders, and can lie there on any system."""
    parts = PurePosixPath(name).parts
    return (
        str(PurePosixPath(name)) == name
        and name.isprintable()
        and 2 <= len(parts) <= _DEEPEST
        and parts[0] in FOLDERS
        and not set(name) & _NOWHERE
        and all(part != ".." and len(part.encode()) <= _LONGEST for part in parts)
    )


def _said(member: tarfile.TarInfo) -> bytes:
    return f"{member.name}\n{member.size}\n".encode()


def newer(path: Path, version: str) -> BadBackup:
    """The refusal of a backup that a later version made."""
    words = _("{file} was made by a newer Darkroom ({version}): update this one first.")
    return BadBackup(words.format(file=path, version=version[:40]))


def _foreign(path: Path) -> BadBackup:
    return BadBackup(_("{file} is not a backup of Darkroom.").format(file=path))


def _damaged(path: Path) -> BadBackup:
    words = _("{file} is damaged, or only a part of a backup: nothing was restored. Use another backup.")
    return BadBackup(words.format(file=path))
