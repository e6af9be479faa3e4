"""Reading back: the settings of a picture, of ours or made elsewhere, start a form."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserError
from bot.core.model import Person, Place
from bot.core.presets.fitting import fitted
from bot.core.presets.service import FilledForm
from bot.core.readback.found import FoundSettings
from bot.core.readback.matching import matched
from bot.core.readback.reading import read_settings
from bot.core.runs.repository import RunRepository
from bot.core.runs.service import RunService
from bot.core.runs.workflow_service import WorkflowService
from bot.core.workflows.workflow import Workflow
from bot.i18n import _

_OFFERED = 25  # workflows that may take the settings
_ENOUGH = 2  # settings that a workflow takes, if it does not take the words


@dataclass(frozen=True)
class ReadSettings:
    """The settings that a picture has in it, a line each. `filled` starts the form of the very run that made it;
    otherwise `workflows` are those that take what was `found`, the best first.
    """

    lines: tuple[str, ...]
    filled: FilledForm | None = None
    found: FoundSettings | None = None
    workflows: tuple[Workflow, ...] = ()


class ReadbackService:
    def __init__(self, workflows: WorkflowService, runs: RunService, records: RunRepository) -> None:
        self._workflows, self._runs, self._records = workflows, runs, records

    async def read(self, person: Person, here: Place, path: Path) -> ReadSettings:
        """Read the settings of a file that a person has sent. Raises `UserError` if it says none."""
        if (ours := await self._ours(person, here, path)) is not None:
            return ours
        found = await read_settings(path)
        if found is None or not found.lines:
            words = _(
                "I find no settings in this picture. Chats take them out of photos: send the picture as a file, as it"
                " was made."
            )
            raise UserError(words)
        return ReadSettings(tuple(found.lines), found=found, workflows=await self._taking(person, here, found))

    async def fill(self, person: Person, here: Place, workflow: str, found: FoundSettings) -> FilledForm:
        """Start the form of a workflow with settings that were found, as far as the rules of the place allow them."""
        form = await self._workflows.form(workflow, person, here)
        fits = fitted(form, matched(form, found), ())
        news = "\n".join([_("These settings of the picture are not taken here:"), *fits.left_out])
        return FilledForm(workflow, fits.values, news if fits.left_out else "")

    async def _ours(self, person: Person, here: Place, path: Path) -> ReadSettings | None:
        """The run that made this very file, if this person may see it."""
        digest = await asyncio.to_thread(_digest, path)
        for run in await self._records.that_made(digest):
            if not self._runs.may_see(run, person, here):
                continue
            try:
                request = await self._runs.changed(run.id, person, here)
                form = await self._workflows.form(run.workflow, person, here)
                news = await self._workflows.changes_since(run.workflow, run.version, person, here)
            except UserError:
                continue
            seeds = {each.name: run.values[each.name] for each in form.fields if each.seed and each.name in run.values}
            details = self._runs.details(run)
            words = [f"{name}: {text}" for name, text in details.words]
            filled = FilledForm(request.workflow, {**request.values, **seeds}, news)
            return ReadSettings((details.title, *words, *details.settings), filled)
        return None

    async def _taking(self, person: Person, here: Place, found: FoundSettings) -> tuple[Workflow, ...]:
        """The workflows that a person may run here and that take some of these settings, the best first."""
        taking: list[tuple[int, Workflow]] = []
        for offer in await self._workflows.offers(person, here, lacking=False):
            try:
                form = await self._workflows.form(offer.workflow.id, person, here)
            except UserError:
                continue
            values = fitted(form, matched(form, found), ()).values
            if len(values) >= _ENOUGH or (found.prompt and found.prompt in values.values()):
                taking.append((len(values), offer.workflow))
        taking.sort(key=lambda each: -each[0])
        return tuple(workflow for _count, workflow in taking[:_OFFERED])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
