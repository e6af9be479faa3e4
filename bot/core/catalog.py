"""Catalog: the workflows in the folders, and all that is wrong with those that cannot be offered."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.errors import UnknownWorkflow
from bot.core.form import listed
from bot.core.sidecar import Faults, read_sidecar
from bot.core.workflow import Workflow
from bot.words import _
from comfy.errors import PromptRejected
from comfy.prompt import Prompt

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_LARGEST = 32 * 2**20  # bytes: the largest graphs that people share are a few megabytes


@dataclass(frozen=True)
class WorkflowFault:
    """One fault for the author to mend: in which file, in which field where it is one's, and what to do."""

    file: str
    field: str | None
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.field}" if self.field else self.file
        return f"{where}: {self.reason}"


@dataclass(frozen=True)
class Catalog:
    """What there is to run, by name."""

    workflows: Mapping[str, Workflow]
    faults: tuple[WorkflowFault, ...] = ()

    @classmethod
    def read(cls, *folders: Path) -> Catalog:
        """Read every workflow of these folders; one in a later folder stands in for its namesake in an earlier one."""
        workflows: dict[str, Workflow] = {}
        faults: list[WorkflowFault] = []
        for folder in folders:
            for stem in sorted(
                {path.stem for path in folder.glob("*.json")} | {path.stem for path in folder.glob("*.toml")}
            ):
                workflow, found = _read(folder, stem)
                faults += found
                if workflow is not None:
                    workflows[stem] = workflow
        return cls(dict(sorted(workflows.items())), tuple(faults))

    def get(self, name: str) -> Workflow:
        """The workflow of this name. Raises `UnknownWorkflow`, which says what there is instead."""
        if name in self.workflows:
            return self.workflows[name]
        broken = [fault for fault in self.faults if Path(fault.file).stem == name]
        if broken:
            raise UnknownWorkflow(
                _("The workflow “{name}” cannot be used: {fault}.").format(name=name, fault=broken[0])
            )
        if not self.workflows:
            raise UnknownWorkflow(_("There is no workflow “{name}”, and no other either.").format(name=name))
        near = difflib.get_close_matches(name, self.workflows, n=1)
        if near:
            words = _("There is no workflow “{name}”. Did you mean “{near}”?")
            raise UnknownWorkflow(words.format(name=name, near=near[0]))
        words = _("There is no workflow “{name}”. There are: {names}.")
        raise UnknownWorkflow(words.format(name=name, names=listed(self.workflows, like=name)))


def bundled_folder() -> Path:
    """The workflows that come with Darkroom: inside the package where it is installed, beside it in a checkout."""
    inside = Path(__file__).parent.parent / "workflows"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "workflows"


def _read(folder: Path, stem: str) -> tuple[Workflow | None, list[WorkflowFault]]:
    graph, sidecar = folder / f"{stem}.json", folder / f"{stem}.toml"
    faults: list[WorkflowFault] = []
    if not _NAME.fullmatch(stem):
        reason = _("a workflow's name has up to 32 small letters, digits and “-”: rename the file")
        faults.append(WorkflowFault(graph.name, None, reason))
    if not graph.exists():
        reason = _("there is no {file} beside it: export the graph with “Export (API)”").format(file=graph.name)
        return None, [*faults, WorkflowFault(sidecar.name, None, reason)]
    prompt = _prompt(graph, faults)
    data = _toml(sidecar, faults) if sidecar.exists() else {}
    if prompt is None or data is None:
        return None, faults
    found = Faults()
    workflow = read_sidecar(stem, prompt, data, found)
    faults += [WorkflowFault(sidecar.name, field, reason) for field, reason in found.found]
    return (None if faults else workflow), faults


def _prompt(path: Path, faults: list[WorkflowFault]) -> Prompt | None:
    text = _text(path, faults)
    if text is None:
        return None
    try:
        return Prompt.loads(text)
    except PromptRejected as rejected:
        if not rejected.node_errors:
            faults.append(WorkflowFault(path.name, None, rejected.message))
        for error in rejected.node_errors:
            node = _("node {id}").format(id=error.node_id) if error.node_id else None
            where = f"{node}, {error.input_name}" if node and error.input_name else node
            faults.append(WorkflowFault(path.name, where, error.message))
        return None


def _toml(path: Path, faults: list[WorkflowFault]) -> dict[str, Any] | None:
    text = _text(path, faults)
    if text is None:
        return None
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        faults.append(WorkflowFault(path.name, None, _("this is not TOML: {fault}").format(fault=fault)))
        return None


def _text(path: Path, faults: list[WorkflowFault]) -> str | None:
    try:
        if path.stat().st_size > _LARGEST:
            faults.append(WorkflowFault(path.name, None, _("the file is larger than any workflow")))
            return None
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        faults.append(WorkflowFault(path.name, None, _("the file is not text in UTF-8")))
    except OSError as fault:
        faults.append(
            WorkflowFault(path.name, None, _("the file cannot be read: {fault}").format(fault=fault.strerror))
        )
    return None
