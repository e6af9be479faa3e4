"""Read the workflows in the folders, and all mistakes in those that cannot be offered."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from bot.core.errors import UnknownWorkflow
from bot.core.workflows.auto_form import declared_fields, results
from bot.core.workflows.form import listed, shown
from bot.core.workflows.languages import with_quoted_languages
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.errors import NodeError, PromptRejected
from comfy.prompt import Prompt

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAME_RULE = _("a workflow's name can have up to 32 lowercase letters, digits and “-”: rename the file")
_LARGEST = 32 * 2**20  # bytes: the largest graphs that people share are a few megabytes


@dataclass(frozen=True)
class WorkflowFault:
    """A mistake for the author to fix: the file, the field if there is one, and what to do."""

    file: str
    field: str | None
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.field}" if self.field else self.file
        return f"{where}: {self.reason}"


class Workflows(Protocol):
    """The workflows that can be run now, by name. `version` grows with every change."""

    @property
    def workflows(self) -> Mapping[str, Workflow]: ...

    @property
    def faults(self) -> tuple[WorkflowFault, ...]: ...

    @property
    def version(self) -> int: ...

    def get(self, name: str) -> Workflow:
        """Return the workflow of this name. Raises `UnknownWorkflow`, which lists similar names."""


@dataclass(frozen=True)
class Catalog:
    """The workflows of some folders, as they were read."""

    workflows: Mapping[str, Workflow]
    faults: tuple[WorkflowFault, ...] = ()
    version: int = 0

    @classmethod
    def read(cls, *folders: Path) -> Catalog:
        """Read every workflow of these folders. A workflow in a later folder replaces one of the same name in an
        earlier one.

        It does so even with a mistake in it, because people expect their own workflow under that name.
        """
        faults: list[WorkflowFault] = []
        read = {stem: _read(folder, stem) for folder in folders for stem in _stems(folder, faults)}
        good = {stem: workflow for stem, (workflow, _faults) in sorted(read.items()) if workflow is not None}
        return cls(good, (*faults, *(fault for _workflow, found in read.values() for fault in found)))

    def get(self, name: str) -> Workflow:
        """See `Workflows.get`."""
        if name in self.workflows:
            return self.workflows[name]
        broken = [fault for fault in self.faults if Path(fault.file).stem == name]
        if broken:
            words = _("The workflow {name} has a mistake and cannot run: {fault}.")
            raise UnknownWorkflow(words.format(name=shown(name), fault=str(broken[0]).rstrip("?.")))
        if not self.workflows:
            raise UnknownWorkflow(
                _("There is no workflow {name}. There are no workflows at all.").format(name=shown(name))
            )
        near = difflib.get_close_matches(name.lower(), self.workflows, n=1)
        if near:
            words = _("There is no workflow {name}. Did you mean “{near}”? The workflows are {names}.")
        else:
            words = _("There is no workflow {name}. The workflows are {names}.")
        names = listed(self.workflows, like=name)
        raise UnknownWorkflow(words.format(name=shown(name), near=near[0] if near else "", names=names))


def title_of(workflows: Workflows, name: str) -> str:
    """Return the title of a workflow; its name if it is gone or has no title."""
    found = workflows.workflows.get(name)
    return (found.title if found is not None else "") or name


def bundled_folder() -> Path:
    """Return the folder of the bundled workflows: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parents[2] / "workflows"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "workflows"


def _stems(folder: Path, faults: list[WorkflowFault]) -> list[str]:
    """Return the names of the workflows in a folder. Hidden files do not count: some systems leave one beside each
    file.
    """
    try:
        paths = list(folder.iterdir())
    except OSError as fault:
        reason = _("the folder cannot be read: {fault}").format(fault=fault.strerror)
        faults.append(WorkflowFault(_printable(str(folder)), None, reason))
        return []
    return sorted({path.stem for path in paths if path.suffix in (".json", ".toml") and path.name[0] != "."})


def _read(folder: Path, stem: str) -> tuple[Workflow | None, list[WorkflowFault]]:
    """Read a workflow, or all its mistakes."""
    graph, sidecar = folder / f"{stem}.json", folder / f"{stem}.toml"
    faults: list[WorkflowFault] = []
    if not _NAME.fullmatch(stem):
        faults.append(_fault(graph if _is_there(graph) else sidecar, _NAME_RULE))
    prompt = _prompt(graph, sidecar, faults)
    data = _toml(sidecar, faults) if _is_there(sidecar) else {}
    if prompt is None or data is None:
        return None, faults
    found = Faults()
    workflow = read_sidecar(stem, prompt, data, found)
    if not _is_there(sidecar):
        workflow = replace(workflow, declared=declared_fields(prompt), outputs=results(prompt))
    faults += [_fault(sidecar, reason, field) for field, reason in found.found]
    return (None if faults else workflow), faults


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _prompt(path: Path, sidecar: Path, faults: list[WorkflowFault]) -> Prompt | None:
    if not _is_there(path):
        words = _("{file} is missing beside it: export the graph with “Export (API)”")
        faults.append(_fault(sidecar, words.format(file=_printable(path.name))))
        return None
    text = _text(path, faults)
    try:
        return None if text is None else Prompt.loads(text)
    except PromptRejected as rejected:
        faults += [_node_fault(path, error) for error in rejected.node_errors] or [_fault(path, rejected.message)]
        return None


def _node_fault(path: Path, error: NodeError) -> WorkflowFault:
    node = _("node {id}").format(id=error.node_id) if error.node_id else None
    return _fault(path, error.message, f"{node}, {error.input_name}" if node and error.input_name else node)


def _toml(path: Path, faults: list[WorkflowFault]) -> dict[str, Any] | None:
    text = _text(path, faults)
    try:
        return None if text is None else tomllib.loads(with_quoted_languages(text))
    except (ValueError, RecursionError) as fault:  # a number of 5,000 digits is a plain ValueError
        faults.append(_fault(path, _("this is not valid TOML: {fault}").format(fault=fault)))
        return None


def _text(path: Path, faults: list[WorkflowFault]) -> str | None:
    """Read a file. If that fails, add the reason to the faults and return None."""
    try:
        reason = _obstacle(path)
        text = path.read_text(encoding="utf-8-sig") if reason is None else ""
    except UnicodeDecodeError:
        reason = _("the file is not UTF-8 text: save it as UTF-8")
    except OSError as fault:
        reason = _("the file cannot be read: {fault}").format(fault=fault.strerror)
    if reason is None and path.suffix == ".json" and not text.strip():
        reason = _("the file is empty: export the graph with “Export (API)”")
    if reason is None:
        return text
    faults.append(_fault(path, reason))
    return None


def _obstacle(path: Path) -> str | None:
    if not path.is_file():  # reading a pipe would wait for ever
        return _("this is not a file, or it is a link to a missing file")
    return _("the file is too large for a workflow") if path.stat().st_size > _LARGEST else None


def _fault(path: Path, reason: str, field: str | None = None) -> WorkflowFault:
    return WorkflowFault(_printable(path.name), field, reason)


def _printable(name: str) -> str:
    """Make a file name printable; it may contain bytes that are not text."""
    return name.encode("utf-8", "replace").decode()
