"""Read the files of workflows: graphs in any format that ComfyUI writes, and the sidecars beside them.

A file that has not changed is not read again.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from operator import attrgetter
from pathlib import Path

from bot.core.workflows.source import Layer, SavedSource
from bot.i18n import _
from comfy.errors import NodeError, PromptRejected
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow
from comfy.saved.files import QuickReader, parse_file, parse_workflow, read_text, read_workflow

#: The endings of files that may have a workflow in them, the likeliest first.
GRAPHS = (".json", ".app.json")
MEDIA = (
    *(".png", ".apng", ".webp", ".avif", ".exr", ".svg", ".glb", ".latent"),
    *(".mp4", ".mov", ".m4v", ".webm", ".mkv", ".flac", ".mp3", ".ogg", ".opus"),
)
_ORDER = (*GRAPHS, *MEDIA)
_SIDECAR, _RECIPE = ".toml", ".recipe.toml"
_ENDINGS = frozenset((*GRAPHS, _SIDECAR, _RECIPE, *MEDIA))
_NO_GRAPH = Prompt({"0": {"class_type": "Recipe", "inputs": {}}})  # stands for that of a recipe, and is never sent
_OWN = frozenset({Layer.BUNDLED, Layer.FOLDER})
_DEEPEST = 8  # folders within folders
_LONGEST_SIDECAR = 1 << 20  # bytes
_MOST_CHANGES = 100  # files; a watch that sees thousands at once may miss some
_JUST_NOW = 2_000_000_000  # nanoseconds: some systems count the time of a file in steps of two seconds


#: Finds the workflow of a file whose content has this digest, where it was read before.
Find = Callable[[str], SavedSource | None]


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
    and `sidecar_name` are the files' names for people. `version` is a digest of the path and the content. `source`
    tells apart those that have the same path, and `called` is their title then. While it is on `trial`, only operators
    may see it.
    """

    layer: Layer
    path: str
    graph_name: str
    graph: Prompt | SavedSource
    version: str
    sidecar_name: str = ""
    sidecar: str | None = None
    source: str = ""
    called: str = ""
    trial: bool = False

    @classmethod
    def of(
        cls,
        layer: Layer,
        path: str,
        graph_name: str,
        graph: Prompt | SavedSource,
        sidecar_name: str = "",
        sidecar: str | None = None,
        source: str = "",
        called: str = "",
        *,
        trial: bool = False,
    ) -> SourceFile:
        """Make one, with the version that its content has."""
        content = "\n".join(
            (path, digest_of(graph), str(sidecar), *([f"{called}\n{trial}"] if called or trial else []))
        )
        version = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return cls(layer, path, graph_name, graph, version, sidecar_name, sidecar, source, called, trial)

    @cached_property
    def place(self) -> tuple[str, str]:
        """The source or layer that the path belongs to, and the path. The operator's file is another version of the
        bundled one.
        """
        return self.source or (Layer.FOLDER if self.layer in _OWN else self.layer).value, self.path

    @cached_property
    def folded(self) -> str:
        """The path, as it is compared with others."""
        return self.path.casefold()

    @cached_property
    def is_recipe(self) -> bool:
        """True if it is a recipe, which stands in its sidecar and has no graph."""
        return _is_recipe(self.graph_name)

    @property
    def title(self) -> str:
        """The name as its author wrote it."""
        return self.called or self.path.rpartition("/")[2]

    def packed(self) -> bytes:
        """Return all of it in a few bytes, for `unpacked`."""
        graph = self.graph.data if isinstance(self.graph, SavedSource) else self.graph.to_json()
        names = {"layer": self.layer, "path": self.path, "graph_name": self.graph_name, "source": self.source}
        beside = {
            "sidecar_name": self.sidecar_name,
            "sidecar": self.sidecar,
            "called": self.called,
            "trial": self.trial,
        }
        return zlib.compress(json.dumps({**names, **beside, "graph": graph}).encode(), 1)

    @classmethod
    def unpacked(cls, data: bytes, version: str) -> SourceFile:
        """Raises `UnreadableWorkflow` and `PromptRejected` if a later version of this program packed it."""
        found = json.loads(zlib.decompress(data))
        graph = graph_of(json.dumps(found.pop("graph")).encode())
        return cls(**{**found, "layer": Layer(found["layer"]), "graph": graph, "version": version})


@dataclass(frozen=True)
class Reading:
    """The workflows found in folders. `unreadable` has the paths of workflows with files that could not be read."""

    files: tuple[SourceFile, ...] = ()
    faults: tuple[WorkflowFault, ...] = ()
    unreadable: frozenset[tuple[Layer, str]] = frozenset()


@dataclass(frozen=True)
class _Listed:
    """A workflow in a folder: its path, without an ending and as it is compared, and its files by their names. `clash`
    is a recipe of the same name, which is left out.
    """

    path: str
    folded: str
    graph: str | None
    sidecar: str | None
    is_media: bool
    clash: str = ""

    @classmethod
    def of(cls, path: str, names: Sequence[str]) -> _Listed:
        recipe = next(filter(_is_recipe, names), "") if len(names) > 1 else ""
        own = [each for each in names if each != recipe]
        graph, sidecar = _graph_name(own), next((each for each in own if _is_sidecar(each)), None)
        is_media = graph is not None and graph.lower().endswith(MEDIA)
        return cls(path, path.casefold(), graph, sidecar, is_media, recipe)

    @cached_property
    def name(self) -> str:
        """The last part of the path, as it is compared."""
        return self.folded.rpartition("/")[2]


@dataclass(frozen=True)
class _Kept:
    """A workflow as it was read, and what its files were like. A watch of the folder tells of each change of a
    `watched` one: not of what a link leads to, nor of one that could not be read.
    """

    stamp: object
    file: SourceFile | None
    faults: tuple[WorkflowFault, ...]
    watched: bool = False


class FolderReader:
    """Reads folders, and remembers what it has read. `find` has what earlier starts have read; `quick` saves time where
    there are many files.
    """

    def __init__(
        self, folders: Iterable[tuple[Layer, Path]], find: Find | None = None, quick: QuickReader | None = None
    ) -> None:
        self.folders, self._find, self._quick = tuple(folders), find, quick
        self._kept: dict[tuple[Layer, str], _Kept] = {}
        self._listed: dict[Path, tuple[list[str], list[_Listed]]] = {}  # the names in a folder, and what they are

    def read(self, changed: Collection[str] | None = None) -> Reading:
        """Read the workflows in the folders, and in folders within. Hidden files do not count: some systems leave one
        beside each file. A picture counts where there is no file of its name with a workflow.

        With the paths that a watch of the folders saw to have `changed`, other files are not looked at again.
        """
        alike = _names_of(changed) if changed is not None else None
        faults: list[WorkflowFault] = []
        found: dict[tuple[Layer, str], _Kept] = {}
        known: set[str] = set()
        now = time.time_ns()
        for layer, folder in self.folders:
            if layer is Layer.ADDED and not folder.exists():
                continue  # nothing was added yet
            for each in self._workflows(folder, faults):
                if each.clash:
                    reason = _("a workflow has the same name, so people could not tell them apart: rename one")
                    faults.append(WorkflowFault(printable(each.clash), None, reason))
                if each.is_media and each.folded in known:
                    continue  # it is the picture of that workflow
                known.add(each.folded)
                kept = self._kept.get((layer, each.path))
                if alike is None or kept is None or not kept.watched or each.name in alike:
                    kept = self._read(layer, folder, each, now)
                found[layer, each.path] = kept
        self._kept = found
        return Reading(
            tuple(each.file for each in found.values() if each.file is not None),
            (*faults, *(fault for each in found.values() for fault in each.faults)),
            frozenset(place for place, each in found.items() if each.file is None),
        )

    def _workflows(self, folder: Path, faults: list[WorkflowFault]) -> list[_Listed]:
        """Return what is in a folder, in order. The same names mean the same."""
        names = list(_names(folder, "", faults, _DEEPEST))
        known = self._listed.get(folder)
        if known is not None and known[0] == names:
            return known[1]
        listed = [_Listed.of(path, each) for path, each in sorted(_by_workflow(names).items())]
        self._listed[folder] = names, listed
        return listed

    def _read(self, layer: Layer, folder: Path, listed: _Listed, now: int) -> _Kept:
        path, graph, sidecar = listed.path, listed.graph, listed.sidecar
        stamp = [_stamp(f"{folder}{os.sep}{name}", now) for name in (graph, sidecar) if name is not None]
        kept = self._kept.get((layer, path))
        if kept is not None and kept.stamp == stamp:
            return kept
        faults: list[WorkflowFault] = []
        is_recipe = graph is not None and _is_recipe(graph)
        made = _NO_GRAPH if is_recipe else _graph(folder, path, graph, sidecar, faults, self._read_graph)
        text = _text(folder / sidecar, sidecar, faults) if sidecar is not None else None
        if made is None or graph is None or faults:
            return _Kept(stamp, None, tuple(faults))
        file = SourceFile.of(layer, printable(path), printable(graph), made, printable(sidecar or ""), text)
        if kept is not None and kept.file is not None and _is_same(kept.file, file):
            file = kept.file  # with the prompts that were made of it
        return _Kept(stamp, file, (), not any((folder / name).is_symlink() for name in (graph, sidecar) if name))

    def _read_graph(self, path: Path) -> Prompt | SavedSource:
        if reason := _obstacle(path):
            raise UnreadableWorkflow(reason)
        text = read_text(path)
        digest = sha256(text).hexdigest() if text is not None else ""
        if self._find is not None and text is not None and (source := self._find(digest)) is not None:
            return source
        file = parse_file(text, self._quick) if text is not None else read_workflow(path)
        if file.data.get("nodes") == []:
            raise UnreadableWorkflow(_("the workflow has no nodes"))
        if not file.is_saved:
            return Prompt(file.data)
        return SavedSource(file.data, file.text, whole_file=digest if file.text is not None else "")


def read_folders(folders: Iterable[tuple[Layer, Path]]) -> Reading:
    """Read folders once."""
    return FolderReader(folders).read()


def graph_of(text: bytes) -> Prompt | SavedSource:
    """Read a workflow in JSON. Raises `UnreadableWorkflow` and `PromptRejected`."""
    file = parse_workflow(text)
    return SavedSource(file.data, text if file.is_whole else None) if file.is_saved else Prompt(file.data)


def digest_of(graph: Prompt | SavedSource) -> str:
    """Return a digest of a graph."""
    if isinstance(graph, SavedSource):
        return graph.digest
    return sha256(json.dumps(graph.to_json()).encode("utf-8", "surrogatepass")).hexdigest()


def _is_same(one: SourceFile, other: SourceFile) -> bool:
    names = (one.graph_name, one.sidecar_name) == (other.graph_name, other.sidecar_name)
    return names and one.version == other.version


def _by_workflow(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of the files of each workflow, by its path."""
    found: dict[str, list[str]] = {}
    for name in names:
        ending = _ending(name)
        if ending in _ENDINGS and not name.endswith(f"/{ending}"):
            found.setdefault(name[: -len(ending)], []).append(name)
    return found


def _names(folder: Path, within: str, faults: list[WorkflowFault], deep: int) -> Iterator[str]:
    try:
        with os.scandir(folder / within) as entries:
            listed = sorted(entries, key=attrgetter("name"))
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


def _names_of(changed: Collection[str]) -> frozenset[str] | None:
    """Return the names of workflows whose files have changed, in whatever folder, as they are compared. None if folders
    may have changed too, or more than a watch may notice.
    """
    if len(changed) > _MOST_CHANGES or any(_ending(path) not in _ENDINGS for path in changed):
        return None
    return frozenset(Path(path).name[: -len(_ending(path))].casefold() for path in changed)


def _ending(name: str) -> str:
    lower = name.lower()
    long = next((each for each in (".app.json", _RECIPE) if lower.endswith(each)), None)
    return long or f".{lower.rpartition('.')[2]}"


def _is_sidecar(name: str) -> bool:
    return name.lower().endswith(_SIDECAR)


def _is_recipe(name: str) -> bool:
    return name.lower().endswith(_RECIPE)


def _graph_name(names: Sequence[str]) -> str | None:
    if len(names) == 1 and _is_recipe(names[0]):
        return names[0]
    graphs = [each for each in names if not _is_sidecar(each)]
    return min(graphs, key=lambda each: _ORDER.index(_ending(each))) if len(graphs) > 1 else next(iter(graphs), None)


def _stamp(path: str, lately: int) -> object:
    """Return what changes with a file. One that was written just now may be written again within the same tick. The
    time is `lately` or later.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - it is asked for each file at each look
    except OSError:
        return None
    if found.st_mtime_ns > lately - _JUST_NOW and abs(time.time_ns() - found.st_mtime_ns) < _JUST_NOW:
        return object()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _graph(
    folder: Path,
    path: str,
    name: str | None,
    sidecar: str | None,
    faults: list[WorkflowFault],
    read: Callable[[Path], Prompt | SavedSource],
) -> Prompt | SavedSource | None:
    if name is None:
        words = _("{file} is missing beside it: save or export the workflow in ComfyUI")
        wanted = printable(f"{path.rpartition('/')[2]}.json")
        faults.append(WorkflowFault(printable(sidecar or path), None, words.format(file=wanted)))
        return None
    shown = printable(name)
    try:
        return read(folder / name)
    except UnreadableWorkflow as fault:
        faults.append(WorkflowFault(shown, None, str(fault)))
    except PromptRejected as rejected:
        faults += rejections(shown, rejected)
    except OSError as fault:
        faults.append(_unreadable(shown, fault))
    return None


def rejections(name: str, rejected: PromptRejected) -> tuple[WorkflowFault, ...]:
    """Return the mistakes in a graph, each with its node."""
    own = tuple(_node_fault(name, each) for each in rejected.node_errors)
    return own or (WorkflowFault(name, None, rejected.message),)


def _node_fault(name: str, error: NodeError) -> WorkflowFault:
    node = _("node {id}").format(id=error.node_id) if error.node_id else None
    return WorkflowFault(name, f"{node}, {error.input_name}" if node and error.input_name else node, error.message)


def _text(path: Path, name: str, faults: list[WorkflowFault]) -> str | None:
    try:
        reason = _obstacle(path)
        if reason is None:
            return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        reason = _("the file is not UTF-8 text: save it as UTF-8")
    except OSError as fault:
        faults.append(_unreadable(printable(name), fault))
        return None
    faults.append(WorkflowFault(printable(name), None, reason))
    return None


def _obstacle(path: Path) -> str | None:
    if not path.is_file():  # reading a pipe would wait for ever
        return _("this is not a file, or it is a link to a missing file")
    size = path.stat().st_size
    if not size:
        return None if _is_sidecar(path.name) else _("the file is empty: save or export the workflow in ComfyUI")
    too_large = _is_sidecar(path.name) and size > _LONGEST_SIDECAR
    return _("the file is too large for a sidecar") if too_large else None


def _unreadable(name: str, fault: OSError) -> WorkflowFault:
    return WorkflowFault(name, None, _("the file cannot be read: {fault}").format(fault=fault.strerror))


def printable(name: str) -> str:
    """Make a file name printable; it may contain bytes that are not text."""
    return name.encode("utf-8", "replace").decode()
