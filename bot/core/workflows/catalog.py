"""Read the workflows in the folders, and all mistakes in those that cannot be offered."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.core.errors import UnknownWorkflow
from bot.core.workflows.form import listed, shown
from bot.core.workflows.reader import (
    WorkflowFault,
    WorkflowFiles,
    WorkflowReader,
    WorkflowReading,
    fault_of,
    files_in,
    unreadable_folder,
)
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.object_info import ObjectInfo

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAME_RULE = _("a workflow's name can have up to 32 lowercase letters, digits and “-”: rename the file")


class Workflows(Protocol):
    """The workflows that can be run now, by name. `version` grows with every change."""

    @property
    def workflows(self) -> Mapping[str, Workflow]: ...

    @property
    def faults(self) -> tuple[WorkflowFault, ...]: ...

    @property
    def waiting(self) -> tuple[str, ...]:
        """Return the files that ComfyUI's editor saved, while no server was seen that knows their nodes."""

    @property
    def version(self) -> int: ...

    def get(self, name: str) -> Workflow:
        """Return the workflow of this name. Raises `UnknownWorkflow`, which lists similar names."""


@dataclass(frozen=True)
class Catalog:
    """The workflows of some folders, as they were read. `waiting` names the files that wait for the first server."""

    workflows: Mapping[str, Workflow]
    faults: tuple[WorkflowFault, ...] = ()
    version: int = 0
    waiting: tuple[str, ...] = ()

    @classmethod
    def read(cls, *folders: Path, info: ObjectInfo | None = None, reader: WorkflowReader | None = None) -> Catalog:
        """Read every workflow of these folders. A workflow in a later folder replaces one of the same name in an
        earlier one. `info` has the definitions of all known servers, and `reader` remembers what it has read.

        It does so even with a mistake in it, because people expect their own workflow under that name.
        """
        reader, faults = reader or WorkflowReader(), list[WorkflowFault]()
        found: dict[str, WorkflowFiles] = {}
        for each in (files for folder in folders for files in _files(folder, faults)):
            if each.stem not in found or not each.is_media:  # else it is the picture of that workflow
                found[each.stem] = each
        read = {stem: _read(reader, each, info) for stem, each in found.items()}
        reader.forget_others(set(found.values()))
        good = {stem: each.workflow for stem, each in sorted(read.items()) if each.workflow is not None}
        faults += (fault for each in read.values() for fault in each.faults)
        waiting = tuple(found[stem].shown for stem, each in sorted(read.items()) if each.waits)
        return cls(good, tuple(faults), waiting=waiting)

    def is_same(self, other: Catalog) -> bool:
        """True if another reading has come to the same."""
        mine, others = self.workflows, other.workflows
        same = mine.keys() == others.keys() and all(each is others[name] for name, each in mine.items())
        return same and (self.faults, self.waiting) == (other.faults, other.waiting)

    def get(self, name: str) -> Workflow:
        """See `Workflows.get`."""
        if name in self.workflows:
            return self.workflows[name]
        broken = [fault for fault in self.faults if _stem(fault.file) == name]
        if broken:
            words = _("The workflow {name} has a mistake and cannot run: {fault}.")
            raise UnknownWorkflow(words.format(name=shown(name), fault=str(broken[0]).rstrip("?.")))
        if any(_stem(file) == name for file in self.waiting):
            words = _("The workflow {name} can be used as soon as a ComfyUI server was seen.")
            raise UnknownWorkflow(words.format(name=shown(name)))
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


def _stem(file: str) -> str:
    return Path(file).stem.removesuffix(".app")


def title_of(workflows: Workflows, name: str) -> str:
    """Return the title of a workflow; its name if it is gone or has no title."""
    found = workflows.workflows.get(name)
    return (found.title if found is not None else "") or name


def bundled_folder() -> Path:
    """Return the folder of the bundled workflows: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parents[2] / "workflows"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "workflows"


def _files(folder: Path, faults: list[WorkflowFault]) -> list[WorkflowFiles]:
    try:
        return files_in(folder)
    except OSError as fault:
        faults.append(unreadable_folder(folder, fault))
        return []


def _read(reader: WorkflowReader, files: WorkflowFiles, info: ObjectInfo | None) -> WorkflowReading:
    read = reader.read(files, files.stem, info)
    if _NAME.fullmatch(files.stem):
        return read
    return WorkflowReading(faults=(fault_of(files.paths[0], _NAME_RULE), *read.faults))
