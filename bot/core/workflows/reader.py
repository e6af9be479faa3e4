"""Read the files of one workflow: the graph in any format that ComfyUI writes, and the sidecar beside it.

A file that has not changed is not read again, and a saved workflow is made again only if servers define its nodes in
another way.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.core.workflows.auto_form import declared_fields
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.source import NoDefinitions, SavedSource, SourcePrompt
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.errors import NodeError, PromptRejected
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.saved import UnreadableWorkflow
from comfy.saved.files import read_workflow

#: The endings of files that may have a workflow in them, those that are nothing else first.
GRAPHS = (".app.json", ".json")
MEDIA = (
    *(".png", ".apng", ".webp", ".avif", ".exr", ".svg", ".glb", ".latent"),
    *(".mp4", ".mov", ".m4v", ".webm", ".mkv", ".flac", ".mp3", ".ogg", ".opus"),
)
_ENDINGS = frozenset((*GRAPHS, ".toml", *MEDIA))
_LARGE = 8_000  # bytes
_LONGEST_SIDECAR = 1 << 20  # bytes
_JUST_NOW = 2_000_000_000  # nanoseconds: some systems count the time of a file in steps of two seconds


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
class WorkflowFiles:
    """The files of one workflow. `stem` is the name that both have; one of them may be missing."""

    stem: str
    graph: Path | None
    sidecar: Path | None

    @property
    def is_media(self) -> bool:
        """True if the graph is within a picture, video or sound, which may be only that."""
        return self.graph is not None and self.graph.name.lower().endswith(MEDIA)

    @property
    def shown(self) -> str:
        """The name of the file, for people."""
        return _printable(self.paths[0].name)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.graph, self.sidecar) if path is not None)


@dataclass(frozen=True)
class WorkflowReading:
    """The outcome of reading a workflow's files: the workflow, or all mistakes. It has neither while it `waits` for a
    server, because only servers know the nodes of a saved workflow.
    """

    workflow: Workflow | None = None
    faults: tuple[WorkflowFault, ...] = ()
    waits: bool = False


@dataclass
class _Kept:
    """A reading, what its files were like, and the prompt that was made of a saved workflow."""

    name: str
    stamp: object
    graph: Prompt | SavedSource | None
    sidecar: dict[str, Any] | None
    faults: tuple[WorkflowFault, ...]
    prompt: Prompt | None = None
    reading: WorkflowReading | None = None

    def after(self, earlier: _Kept | None) -> _Kept:
        """Go on with an earlier reading of the same content."""
        if earlier is not None and self.content == earlier.content:
            self.graph, self.prompt, self.reading = earlier.graph, earlier.prompt, earlier.reading
        return self

    def holds_for(self, info: ObjectInfo | None) -> bool:
        """True if the reading is what these definitions give."""
        if info is None or not isinstance(self.graph, SavedSource):
            return True
        try:
            return self.graph.prompt_for(info) is self.prompt
        except (UnreadableWorkflow, PromptRejected):
            return False

    @property
    def content(self) -> object:
        return self.name, self.graph, self.sidecar, self.faults


def _ending(name: str) -> str:
    lower = name.lower()
    return ".app.json" if lower.endswith(".app.json") else f".{lower.rpartition('.')[2]}"


def files_in(folder: Path) -> list[WorkflowFiles]:
    """Find the workflows in a folder, in the order of their names. Hidden files do not count: some systems leave one
    beside each file. A picture counts where there is no file of its name with a workflow. Raises `OSError`.
    """
    found: dict[str, dict[str, Path]] = {}
    for name in sorted(each.name for each in folder.iterdir()):
        ending = _ending(name)
        if ending in _ENDINGS and name[0] != ".":
            found.setdefault(name[: -len(ending)], {})[ending] = folder / name
    files = []
    for stem, paths in found.items():
        graph = next((paths[each] for each in (*reversed(GRAPHS), *MEDIA) if each in paths), None)
        files.append(WorkflowFiles(stem, graph, paths.get(".toml")))
    return files


class WorkflowReader:
    """Reads workflows, and remembers what it has read."""

    def __init__(self) -> None:
        self._kept: dict[WorkflowFiles, _Kept] = {}

    def read(self, files: WorkflowFiles, name: str, info: ObjectInfo | None) -> WorkflowReading:
        """Read a workflow, or all its mistakes. `info` has the definitions of all known servers, if there are any."""
        stamp = name, *(_stamp(path) for path in files.paths)
        kept = self._kept.get(files)
        if kept is None or kept.stamp != stamp:
            if info is None and _looks_saved(files.graph):
                return WorkflowReading(waits=True)
            kept = self._kept[files] = _opened(files, name, stamp, info).after(kept)
        if kept.reading is None or not kept.holds_for(info):
            kept.reading = _made(files, name, kept, info)
        return kept.reading

    def forget_others(self, files: Collection[WorkflowFiles]) -> None:
        """Forget all workflows but these."""
        self._kept = {each: kept for each, kept in self._kept.items() if each in files}


def _stamp(path: Path) -> object:
    """Return what changes with a file. One that was written just now may be written again within the same tick."""
    try:
        found = path.stat()
    except OSError:
        return None
    if abs(time.time_ns() - found.st_mtime_ns) < _JUST_NOW:
        return object()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _opened(files: WorkflowFiles, name: str, stamp: object, info: ObjectInfo | None) -> _Kept:
    faults: list[WorkflowFault] = []
    graph = _graph(files, info, faults)
    sidecar = _toml(files.sidecar, faults) if files.sidecar is not None else {}
    return _Kept(name, stamp, graph, sidecar, tuple(faults))


def _made(files: WorkflowFiles, name: str, kept: _Kept, info: ObjectInfo | None) -> WorkflowReading:
    if kept.faults or kept.graph is None or kept.sidecar is None:
        return WorkflowReading(faults=kept.faults)
    assert files.graph is not None  # noqa: S101 - there is a graph
    try:
        made = _prompt(kept.graph, info)
        kept.prompt = made.prompt
    except NoDefinitions:
        return WorkflowReading(waits=True)
    except UnreadableWorkflow as fault:
        return WorkflowReading(faults=(fault_of(files.graph, str(fault)),))
    except PromptRejected as rejected:
        return WorkflowReading(faults=_rejected(files.graph, rejected))
    found = Faults()
    workflow = replace(read_sidecar(name, made.prompt, kept.sidecar, found), source=made.source)
    if files.sidecar is None:
        return WorkflowReading(replace(workflow, declared=declared_fields(made.prompt)))
    faults = tuple(fault_of(files.sidecar, reason, field) for field, reason in found.found)
    return WorkflowReading(None if faults else workflow, faults)


def _prompt(graph: Prompt | SavedSource, info: ObjectInfo | None) -> SourcePrompt:
    if isinstance(graph, Prompt):
        return SourcePrompt(graph)
    if info is None:
        raise NoDefinitions
    return SourcePrompt(graph.prompt_for(info), graph)


def _graph(files: WorkflowFiles, info: ObjectInfo | None, faults: list[WorkflowFault]) -> Prompt | SavedSource | None:
    if files.graph is None:
        assert files.sidecar is not None  # noqa: S101 - there is one of both
        words = _("{file} is missing beside it: save or export the workflow in ComfyUI")
        faults.append(fault_of(files.sidecar, words.format(file=_printable(f"{files.stem}.json"))))
        return None
    try:
        return _read_graph(files.graph, info)
    except UnreadableWorkflow as fault:
        faults.append(fault_of(files.graph, str(fault)))
    except PromptRejected as rejected:
        faults += _rejected(files.graph, rejected)
    except OSError as fault:
        faults.append(_unreadable(files.graph, fault))
    return None


def _looks_saved(path: Path | None) -> bool:
    """True for a large file that is likely to wait for a server: it is read when there is one."""
    if path is None or not path.name.lower().endswith(GRAPHS):
        return False
    try:
        if not path.is_file() or path.stat().st_size < _LARGE:
            return False
        with path.open("rb") as file:
            head = file.read(1024)
        return any(key in head for key in (b'"last_node_id"', b'"last_link_id"', b'"lastNodeId"'))
    except OSError:
        return False


def _read_graph(path: Path, info: ObjectInfo | None) -> Prompt | SavedSource:
    if reason := _obstacle(path):
        raise UnreadableWorkflow(reason)
    file = read_workflow(path)
    if file.data.get("nodes") == []:
        raise UnreadableWorkflow(_("the workflow has no nodes"))
    if not file.is_saved:
        return Prompt(file.data)
    source = SavedSource(file.data, file.text)
    if info is not None:
        source.prompt_for(info, file.data)  # while it is at hand
    return source


def _rejected(path: Path, rejected: PromptRejected) -> tuple[WorkflowFault, ...]:
    return tuple(_node_fault(path, each) for each in rejected.node_errors) or (fault_of(path, rejected.message),)


def _node_fault(path: Path, error: NodeError) -> WorkflowFault:
    node = _("node {id}").format(id=error.node_id) if error.node_id else None
    return fault_of(path, error.message, f"{node}, {error.input_name}" if node and error.input_name else node)


def _toml(path: Path, faults: list[WorkflowFault]) -> dict[str, Any] | None:
    try:
        reason = _obstacle(path)
        text = path.read_text(encoding="utf-8-sig") if reason is None else ""
        if reason is None:
            return tomllib.loads(text)
    except UnicodeDecodeError:
        reason = _("the file is not UTF-8 text: save it as UTF-8")
    except OSError as fault:
        faults.append(_unreadable(path, fault))
        return None
    except (ValueError, RecursionError) as fault:  # a number of 5,000 digits is a plain ValueError
        reason = _("this is not valid TOML: {fault}").format(fault=fault)
    faults.append(fault_of(path, reason))
    return None


def _obstacle(path: Path) -> str | None:
    if not path.is_file():  # reading a pipe would wait for ever
        return _("this is not a file, or it is a link to a missing file")
    size = path.stat().st_size
    if not size:
        return _("the file is empty: save or export the workflow in ComfyUI") if path.suffix != ".toml" else None
    return _("the file is too large for a sidecar") if path.suffix == ".toml" and size > _LONGEST_SIDECAR else None


def _unreadable(path: Path, fault: OSError) -> WorkflowFault:
    return fault_of(path, _("the file cannot be read: {fault}").format(fault=fault.strerror))


def fault_of(path: Path, reason: str, field: str | None = None) -> WorkflowFault:
    """Return a mistake in a file."""
    return WorkflowFault(_printable(path.name), field, reason)


def _printable(name: str) -> str:
    """Make a file name printable; it may contain bytes that are not text."""
    return name.encode("utf-8", "replace").decode()


def unreadable_folder(folder: Path, fault: OSError) -> WorkflowFault:
    """Return the mistake that a folder cannot be read."""
    reason = _("the folder cannot be read: {fault}").format(fault=fault.strerror)
    return WorkflowFault(_printable(str(folder)), None, reason)
