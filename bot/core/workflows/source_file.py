"""The files of workflows, as they lie in folders: a graph, and a sidecar beside it."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from bot.i18n import _

_LARGEST = 32 * 2**20  # bytes: the largest graphs that people share are a few megabytes
_DEEPEST = 8  # folders within folders
GRAPHS = (".app.json", ".json")  # what the names of graphs end with; the longest ending first
_SIDECAR = ".toml"


class Layer(StrEnum):
    """Where a workflow comes from. A file of a later layer replaces one of the same name in an earlier one."""

    BUNDLED = "bundled"
    SAVED = "saved"  #: in ComfyUI
    ADDED = "added"  #: in a chat
    FOLDER = "folder"  #: the operator's

    @property
    def rank(self) -> int:
        return list(Layer).index(self)


@dataclass(frozen=True)
class WorkflowFault:
    """A mistake for the author to fix: the file, the field if there is one, and what to do."""

    file: str
    field: str | None
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.field}" if self.field else self.file
        return f"{where}: {self.reason}"


@dataclass(frozen=True)
class SourceFile:
    """A workflow's files as they were read. `path` is relative to the layer's folder, without an ending; `graph_name`
    and `sidecar_name` are the files' names for people. `source` tells apart those that have the same path, and `called`
    is their title then. While it is on `trial`, only operators may see it.
    """

    layer: Layer
    path: str
    graph_name: str
    graph: str
    sidecar_name: str = ""
    sidecar: str | None = None
    source: str = ""
    called: str = ""
    trial: bool = False

    @property
    def title(self) -> str:
        """The name as its author wrote it."""
        return self.called or self.path.rpartition("/")[2]

    @cached_property
    def version(self) -> str:
        """A digest of the path and the content of both files, and of what else is told of them."""
        content = f"{self.path}\n{len(self.graph)}\n{self.graph}\n{self.sidecar}"
        if self.called or self.trial:
            content += f"\n{self.called}\n{self.trial}"
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def packed(self) -> bytes:
        """Return all of it in a few bytes, for `unpacked`."""
        import msgspec  # which a run from the terminal does without

        return zlib.compress(msgspec.json.encode(self))

    @classmethod
    def unpacked(cls, data: bytes) -> SourceFile:
        import msgspec

        return msgspec.json.decode(zlib.decompress(data), type=cls)


@dataclass(frozen=True)
class Reading:
    """What was found in folders. `unreadable` has the paths of workflows with files that could not be read."""

    files: tuple[SourceFile, ...] = ()
    faults: tuple[WorkflowFault, ...] = ()
    unreadable: frozenset[tuple[Layer, str]] = frozenset()


def read_folders(folders: Iterable[tuple[Layer, Path]]) -> Reading:
    """Read the workflows in these folders, and in the folders within. Hidden files do not count: some systems leave one
    beside each file.
    """
    files: list[SourceFile] = []
    faults: list[WorkflowFault] = []
    unreadable: set[tuple[Layer, str]] = set()
    for layer, folder in folders:
        if layer is Layer.ADDED and not folder.exists():
            continue  # nothing was added yet
        for path, names in sorted(_workflows(folder, faults).items()):
            before = len(faults)
            read = _read(layer, folder, path, names, faults)
            if read is None or len(faults) > before:
                unreadable.add((layer, path))
            else:
                files.append(read)
    return Reading(tuple(files), tuple(faults), frozenset(unreadable))


def _workflows(folder: Path, faults: list[WorkflowFault]) -> dict[str, list[str]]:
    """Return the names of the files of each workflow in a folder, relative to it."""
    found: dict[str, list[str]] = {}
    for name in _names(folder, "", faults, _DEEPEST):
        for ending in (*GRAPHS, _SIDECAR):
            if name.lower().endswith(ending) and len(name) > len(ending):
                found.setdefault(name[: -len(ending)], []).append(name)
                break
    return found


def _names(folder: Path, within: str, faults: list[WorkflowFault], deep: int) -> Iterator[str]:
    try:
        with os.scandir(folder / within) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as fault:
        reason = _("the folder cannot be read: {fault}").format(fault=fault.strerror)
        faults.append(WorkflowFault(printable(within or str(folder)), None, reason))
        return
    for entry in listed:
        if entry.name.startswith("."):
            continue
        name = f"{within}/{entry.name}" if within else entry.name
        if not entry.is_dir():
            yield name
        elif deep and not entry.is_symlink():
            yield from _names(folder, name, faults, deep - 1)


def _read(
    layer: Layer, folder: Path, path: str, names: Sequence[str], faults: list[WorkflowFault]
) -> SourceFile | None:
    graph = next((name for name in names if not name.lower().endswith(_SIDECAR)), None)
    sidecar = next((name for name in names if name.lower().endswith(_SIDECAR)), None)
    if graph is None:
        words = _("{file} is missing beside it: export the graph with “Export (API)”")
        wanted = printable(f"{path.rpartition('/')[2]}.json")
        faults.append(WorkflowFault(printable(sidecar or path), None, words.format(file=wanted)))
        return None
    text = _text(folder, graph, faults)
    beside = None if sidecar is None else _text(folder, sidecar, faults)
    if text is None:
        return None
    return SourceFile(layer, printable(path), printable(graph), text, printable(sidecar or ""), beside)


def _text(folder: Path, name: str, faults: list[WorkflowFault]) -> str | None:
    """Read a file. If that fails, add the reason to the faults and return None."""
    path, text = folder / name, ""
    try:
        reason = _obstacle(path)
        text = path.read_text(encoding="utf-8-sig") if reason is None else ""
    except UnicodeDecodeError:
        reason = _("the file is not UTF-8 text: save it as UTF-8")
    except OSError as fault:
        reason = _("the file cannot be read: {fault}").format(fault=fault.strerror)
    if reason is None and not name.lower().endswith(_SIDECAR) and not text.strip():
        reason = _("the file is empty: export the graph with “Export (API)”")
    if reason is None:
        return text
    faults.append(WorkflowFault(printable(name), None, reason))
    return None


def _obstacle(path: Path) -> str | None:
    if not path.is_file():  # reading a pipe would wait for ever
        return _("this is not a file, or it is a link to a missing file")
    return _("the file is too large for a workflow") if path.stat().st_size > _LARGEST else None


def printable(name: str) -> str:
    """Make a file name printable; it may contain bytes that are not text."""
    return name.encode("utf-8", "replace").decode()
