"""The front desk: a request becomes a run that can be developed, or a `UserError` that says what to change."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bot.core.catalog import Catalog
from bot.core.chat import Attachment, Person, Reply, RunRequest, Status
from bot.core.errors import BadPicture, BadValue, CannotRun
from bot.core.form import FieldKind, Form
from bot.core.pictures import PictureLimits, prepare
from bot.core.story import Story
from bot.core.workflow import Workflow
from bot.words import _
from comfy.client import ComfyClient
from comfy.object_info import Missing

_MOST = 5  # missing nodes or models named in one sentence


@dataclass(frozen=True)
class Run:
    """A checked request: `media` are the files to upload, by field; `stem` is the name that its files deserve."""

    workflow: Workflow
    values: Mapping[str, Any]
    media: Mapping[str, Path]
    stem: str
    person: Person
    id: UUID = field(default_factory=uuid4)
    attempt: int = 1


class Desk:
    """Takes requests for one server, and has them developed."""

    def __init__(
        self, catalog: Catalog, client: ComfyClient, limits: PictureLimits, *, keep_metadata: bool = False
    ) -> None:
        self.catalog = catalog
        self._client = client
        self._limits = limits
        self._keep_metadata = keep_metadata

    async def form(self, workflow: Workflow) -> Form:
        """The workflow's form with what this server adds to it, such as its models."""
        return workflow.form(await self._client.object_info())

    async def lacks(self, workflow: Workflow) -> str | None:
        """What the server lacks to run a workflow, in words; None if nothing."""
        missing = workflow.missing(await self._client.object_info())
        return _lacks(missing) if missing else None

    async def verdict(self) -> str:
        """What the server is, in a few words."""
        stats = await self._client.system_stats()
        info = await self._client.object_info()
        return _("ComfyUI {version}, {count} kinds of node").format(version=stats.comfyui_version, count=len(info))

    async def take(self, request: RunRequest, folder: Path) -> Run:
        """Check a request, and put the files that it will need into `folder`. Raises `UserError`."""
        workflow = self.catalog.get(request.workflow)
        form = await self.form(workflow)
        if lacks := await self.lacks(workflow):
            raise CannotRun(
                _("“{workflow}” cannot run on this server. {lacks}").format(workflow=workflow.name, lacks=lacks)
            )
        values = form.check(_texts(request.values))
        files = {each.name: request.values.get(each.name) for each in form.fields if each.is_media}
        given = {name: file for name, file in files.items() if isinstance(file, Attachment)}
        kinds = {each.name: each.kind for each in form.fields}
        media = {name: await self._store(name, file, kinds[name], folder) for name, file in given.items()}
        shown = {name: value for name, value in values.items() if name not in files}
        return Run(workflow, shown, media, _stem(workflow, form, values, given), request.person)

    async def develop(self, run: Run, reply: Reply, folder: Path) -> Status:
        """Run it to its end, and deliver what comes out; `folder` keeps the files meanwhile."""
        return await Story(self._client, run, reply, folder, keep_metadata=self._keep_metadata).tell()

    async def _store(self, name: str, file: Attachment, kind: FieldKind, folder: Path) -> Path:
        if kind is FieldKind.IMAGE:
            try:
                return (await prepare(file.path, folder, self._limits, file.filename)).path
            except BadPicture as fault:
                raise BadPicture(f"{name}: {fault}") from fault
        size = await asyncio.to_thread(_size, file.path)
        if not 0 < size <= self._limits.max_bytes:
            most = f"{self._limits.max_bytes / 1e6:g}"
            raise BadValue(name, _("it must be a file of at most {most} MB that is not empty.").format(most=most))
        return file.path


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """A form checks that a file was given; what is in the file is for `pictures` to say."""
    return {name: value.filename if isinstance(value, Attachment) else value for name, value in values.items()}


def _lacks(missing: Missing) -> str:
    parts = []
    if missing.nodes:
        parts.append(_("It lacks the nodes {names}.").format(names=_listed(missing.nodes)))
    if missing.choices:
        names = tuple(dict.fromkeys(str(choice.value) for choice in missing.choices))
        parts.append(_("It lacks {names}.").format(names=_listed(names)))
    return " ".join(parts)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_MOST]) + ("…" if len(names) > _MOST else "")


def _stem(workflow: Workflow, form: Form, values: Mapping[str, Any], given: Mapping[str, Attachment]) -> str:
    """`chelsea-poster` after the first picture; `imagine-SEED` where there is none."""
    for file in given.values():
        return f"{safe_name(Path(file.filename).stem) or 'picture'}-{workflow.name}"
    seeds = [str(values[each.name]) for each in form.fields if each.seed and values.get(each.name) is not None]
    return "-".join([workflow.name, *seeds[:1]])


def safe_name(text: str) -> str:
    """A name that is a file's name on every system, and never hidden."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-. ")[:60]
