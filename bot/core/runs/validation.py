"""A request becomes a run that can be developed, or a `UserError` that says what to change."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bot.core.errors import BadPicture, BadValue, CannotRun
from bot.core.media.images import PictureLimits, prepare
from bot.core.model import Person, RunRequest, UploadedFile
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.workflows.catalog import Workflows
from bot.core.workflows.form import FieldKind, Form
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.object_info import Missing, ObjectInfo

_MOST = 5  # missing nodes or models named in one sentence


#: What each server that can be asked has, by the server's name.
KnownNodes = Callable[[], Awaitable[Mapping[str, ObjectInfo]]]


@dataclass(frozen=True)
class ValidatedRequest:
    """A request that can be run. `media` are the files to upload, by field; `stem` is what its results are called;
    `kind` says in a word what takes about as long and needs the same of a server.
    """

    workflow: Workflow
    values: Mapping[str, Any]
    media: Mapping[str, InputFile]
    stem: str
    kind: str
    person: Person
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class InputFile:
    """A file that a person gave, as it will be sent: where it lies, under which name they know it, and its kind."""

    path: Path
    filename: str
    kind: FieldKind


class RequestValidator:
    """Checks requests against the workflows and what the servers have."""

    def __init__(self, catalog: Workflows, known: KnownNodes, limits: PictureLimits) -> None:
        self.catalog = catalog
        self._known, self._limits = known, limits

    async def known(self) -> Mapping[str, ObjectInfo]:
        """What each server that can be asked has."""
        return await self._known()

    async def form(self, workflow: Workflow) -> Form:
        """The workflow's form with what the servers add to it, such as their models."""
        known = await self._known()
        return workflow.form(ObjectInfo.union(known.values()) if known else None)

    async def lacks(self, workflow: Workflow) -> str | None:
        """What the servers lack to run a workflow, in words; None if one of them lacks nothing."""
        missing: dict[str, Missing] = {}
        for name, info in (await self._known()).items():
            missing[name] = workflow.missing(info)
            if not missing[name]:
                return None
        if not missing:
            return None
        if len(missing) == 1:
            (only,) = missing.values()
            return " ".join(_("It lacks {what}.").format(what=part) for part in _parts(only))
        words = _("{server} lacks {what}.")
        named = list(missing.items())[:_MOST]
        return " ".join(words.format(server=name, what=_(" and ").join(_parts(each))) for name, each in named)

    async def check(
        self,
        request: RunRequest,
        folder: Path,
        restriction: FieldConstraints = FieldConstraints(),  # noqa: B008 - it is frozen
    ) -> ValidatedRequest:
        """Check a request, and put the files that it will need into `folder`. Raises `UserError`."""
        workflow = self.catalog.get(request.workflow)
        form = await self.form(workflow)
        if lacks := await self.lacks(workflow):
            words = (
                _("“{workflow}” cannot run on this server. {lacks}")
                if len(await self._known()) == 1
                else _("“{workflow}” cannot run on any of the servers. {lacks}")
            )
            raise CannotRun(words.format(workflow=workflow.name, lacks=lacks))
        values = restriction.check(form, _texts(request.values))
        files = {each.name: request.values.get(each.name) for each in form.fields if each.is_media}
        given = {name: file for name, file in files.items() if isinstance(file, UploadedFile)}
        kinds = {each.name: each.kind for each in form.fields}
        media = {
            name: InputFile(await self._store(name, file, kinds[name], folder), file.filename, kinds[name])
            for name, file in given.items()
        }
        shown = {name: value for name, value in values.items() if name not in files}
        stem, kind = _stem(workflow, form, values, given), workflow.kind(form, shown)
        return ValidatedRequest(workflow, shown, media, stem, kind, request.person)

    async def _store(self, name: str, file: UploadedFile, kind: FieldKind, folder: Path) -> Path:
        if kind is FieldKind.IMAGE:
            try:
                return (await prepare(file.path, folder, self._limits, file.filename)).path
            except BadPicture as fault:
                raise BadPicture(fault.reason, name) from fault
        size = await asyncio.to_thread(_size, file.path)
        if not 0 < size <= self._limits.max_bytes:
            most = f"{self._limits.max_bytes / 1e6:g}"
            raise BadValue(name, _("it must be a file of at most {most} MB that is not empty.").format(most=most))
        return file.path


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """A form checks that a file was given; what is in the file is for `pictures` to say."""
    return {name: value.filename if isinstance(value, UploadedFile) else value for name, value in values.items()}


def _parts(missing: Missing) -> list[str]:
    parts = []
    if missing.nodes:
        parts.append(_("the nodes {names}").format(names=_listed(missing.nodes)))
    if missing.choices:
        parts.append(_listed(tuple(dict.fromkeys(str(choice.value) for choice in missing.choices))))
    return parts


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_MOST]) + ("…" if len(names) > _MOST else "")


def _stem(workflow: Workflow, form: Form, values: Mapping[str, Any], given: Mapping[str, UploadedFile]) -> str:
    """`chelsea-poster` after the first picture; `imagine-SEED` where there is none."""
    for file in given.values():
        return f"{safe_name(Path(file.filename).stem) or 'picture'}-{workflow.name}"
    seeds = [str(values[each.name]) for each in form.fields if each.seed and values.get(each.name) is not None]
    return "-".join([workflow.name, *seeds[:1]])


def safe_name(text: str) -> str:
    """A name that is a file's name on every system, and never hidden."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-. ")[:60]
