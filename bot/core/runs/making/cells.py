"""Make the runs of a request: one, or several that differ by their seeds, their values or their files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bot.core.media.blob_store import BlobStore
from bot.core.model import RunRequest, StoredFile, UploadedFile
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import EffectivePolicy
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.run import Wording
from bot.core.runs.validation import InputFile, RequestValidator, ValidatedRequest
from bot.core.runs.workflow_service import WorkflowService
from bot.core.several.plan import Plan, planned
from bot.core.wording.additions import Chosen
from bot.core.wording.loras import LoraTags
from bot.core.wording.model_names import ModelKind
from bot.core.wording.texts import worded
from bot.core.workflows.workflow import LORAS, Workflow
from comfy.models.loras import write_loras


@dataclass(frozen=True)
class MadeCell:
    """A run that can join the line. Its `label` says how it differs from the others of its request."""

    checked: ValidatedRequest
    wording: Wording | None
    label: str = ""


class CellMaker:
    """Checks requests, and words their texts. Its methods raise `UserError`."""

    def __init__(
        self, workflows: WorkflowService, validator: RequestValidator, enforcer: PolicyEnforcer, media: BlobStore
    ) -> None:
        self._workflows, self._validator, self._enforcer, self._media = workflows, validator, enforcer, media

    async def plan(
        self, request: RunRequest, workflow: Workflow, policy: EffectivePolicy, restriction: FieldConstraints
    ) -> Plan:
        """Return the runs that a request asks for."""
        form, person, place = await self._validator.form(workflow), request.person, request.place
        seen = partial(self._workflows.seen, restriction, form, workflow, person, place)
        seeded = self._workflows.has_count(form, workflow, person, place)
        return planned(form, seen, request, policy.limits, restriction.kept_back, seeded=seeded)

    async def make(
        self,
        request: RunRequest,
        plan: Plan,
        workflow: Workflow,
        restriction: FieldConstraints,
        folder: Path,
        later: str = "",
    ) -> list[MadeCell]:
        """Make the runs of a plan. Their files are in `folder`; the field `later` gets its file when there is one."""
        variants = [{**plan.given, **cell.values} for cell in plan.cells] or [dict(plan.given)]
        parts = [await self._parts(replace(request, values=each), workflow, restriction) for each in variants]
        if plan.cells and not plan.matrix:
            checked = [
                await self._checked(own, restriction, folder / str(number))
                for number, (own, _chosen) in enumerate(parts)
            ]
        else:
            own = parts[0][0]
            whole = await self._with_files(own, folder)
            first = await self._validator.check(whole, folder, restriction, later)
            if plan.matrix:
                given = [{**each.values, **_files(whole.values)} for each, _chosen in parts]
                checked = await self._validator.varied(first, given, restriction)
            else:
                checked = await self._validator.cells(first, own.values, restriction, plan.count)
                parts *= plan.count
        labels = plan.labels()
        return [
            await self._made(own, each, chosen, label, plan.matrix)
            for (own, chosen), each, label in zip(parts, checked, labels, strict=True)
        ]

    async def kept(self, media: Mapping[str, InputFile]) -> dict[str, StoredFile]:
        """Keep the files of a run."""
        return {
            name: StoredFile(await self._media.keep(given.path), given.filename, given.kind, given.note)
            for name, given in media.items()
        }

    async def _parts(
        self, request: RunRequest, workflow: Workflow, restriction: FieldConstraints
    ) -> tuple[RunRequest, Chosen]:
        """Return a request with the values of the workflow's own fields, and what was chosen beside them."""
        shown = restriction.shown(await self._validator.form(workflow))
        additions = self._workflows.additions(workflow, request.person, request.place, restriction.own)
        values, found = additions.taken(shown, request.values)
        return replace(request, values=values), found

    async def _checked(self, request: RunRequest, restriction: FieldConstraints, folder: Path) -> ValidatedRequest:
        await asyncio.to_thread(folder.mkdir)
        return await self._validator.check(await self._with_files(request, folder), folder, restriction)

    async def _made(
        self, request: RunRequest, checked: ValidatedRequest, chosen: Chosen, label: str, matrix: str
    ) -> MadeCell:
        """Make a run with the texts that are sent, and what was written where they are others. From here on the final
        texts count: for moderators' rules, for the queue, and for each attempt.
        """
        person, place, workflow = request.person, request.place, checked.workflow
        whole = await self._validator.form(workflow)
        form = self._enforcer.restriction(person, place, workflow).shown(whole)
        files = self._validator.loras(workflow)
        models = self._enforcer.models(person, place, workflow.id)
        tags = LoraTags(files, partial(models.permits, ModelKind.LORA)) if files else None
        if tags is not None and chosen.lora is not None:
            tags.add(chosen.lora_names[0], chosen.lora)
        lists = self._enforcer.text_lists(person, place, workflow.id)
        found = worded(form, checked.values, lists, checked.seed or str(checked.id), chosen.style, tags)
        values = dict(found.values)
        if tags is not None and tags.found:
            values[LORAS] = write_loras(tags.found)
        self._enforcer.check_models(person, place, workflow, values, tags.fields if tags is not None else {})
        if not found.written and not chosen.given:
            return MadeCell(checked, Wording(matrix=matrix) if matrix else None, label)
        hidden = chosen.lora_names if LORAS in values else ()
        wording = Wording({**found.written, **chosen.given}, hidden, matrix)
        return MadeCell(replace(checked, values=values, kind=workflow.kind(whole, values)), wording, label)

    async def _with_files(self, request: RunRequest, folder: Path) -> RunRequest:
        """Return the request with the files that it uses from earlier runs."""
        values = dict(request.values)
        for number, (name, value) in enumerate(request.values.items()):
            if isinstance(value, StoredFile):
                path = await self._media.fetch(value.key, folder / f"given-{number}{Path(value.key).suffix}")
                values[name] = UploadedFile(path, value.filename, earlier=True)
        return replace(request, values=values)


def _files(values: Mapping[str, Any]) -> dict[str, UploadedFile]:
    return {name: value for name, value in values.items() if isinstance(value, UploadedFile)}
