"""The service for groups: what a person may do with several runs that one request asked for."""

from __future__ import annotations

from dataclasses import replace

from bot.core.errors import UserError
from bot.core.groups.board import GroupBoard
from bot.core.groups.summary import failed_step, waiting_for_choice
from bot.core.model import GroupSummary, Person, Place, RunRequest
from bot.core.run import UNFINISHED, RunRecord
from bot.core.runs.repository import RunRepository
from bot.core.runs.service import RunService
from bot.core.several.count import USUAL
from bot.i18n import _


class GroupService:
    """Acts on a group as a whole, or on one of its runs for all to see. A group is named by its id."""

    def __init__(self, runs: RunService, records: RunRepository, board: GroupBoard) -> None:
        self._runs, self._records, self._board = runs, records, board

    async def cells(self, group: str) -> list[RunRecord]:
        """Return the runs of a group that have not been deleted, in order."""
        return await self._records.group(group)

    async def cancel(self, group: str, by: Person) -> bool:
        """Cancel what has not ended of a group. Returns True if there was something to cancel. Raises `NotAllowed`."""
        unfinished = [run for run in await self.cells(group) if run.state in UNFINISHED]
        return any([await self._runs.cancel(run.id, by) for run in unfinished])

    async def cancel_with(self, run: RunRecord, by: Person) -> bool:
        """Cancel a run, with all that was asked for together with it. Raises as `cancel` does."""
        if run.group_id is None:
            return await self._runs.cancel(run.id, by)
        return await self.cancel(run.group_id, by)

    async def again(self, group: str, person: Person, place: Place) -> RunRequest:
        """Return a group's request again, for as many runs, or for its matrix. Raises as `RunService.again` does."""
        cells = await self.cells(group)
        if not cells:
            raise UserError(_("These runs have been deleted. Please send a new request."))
        if cells[0].step is not None:
            return await self._runs.recipe_again(cells, cells[0], person, place)
        request = await self._runs.again(cells[0].id, person, place, {})
        if cells[0].label:
            return await self._runs.together(request, cells[0])
        return replace(request, count=cells[0].cells)

    async def resumed(self, group: str, person: Person, place: Place) -> RunRequest:
        """Return a request that goes on with a recipe from the step that failed. Raises as `again` does."""
        cells = await self.cells(group)
        failed = failed_step(cells)
        if failed is None:
            raise UserError(_("There is no step that could go on. Please send a new request."))
        return await self._runs.recipe_again(cells, failed, person, place)

    async def choose(self, group: str, number: int, by: Person) -> None:
        """Go on with a recipe that waits for a choice, with one of the results, counted from 1. Raises `NotAllowed`,
        and `UserError` if it does not wait.
        """
        found = next(waiting_for_choice(await self.cells(group)), None)
        if found is not None:
            step, _files = found
            await self._runs.check_change(by, step, "choose")
        if found is None or number < 1 or not await self._records.choose(found[0], number - 1):
            raise UserError(_("There is nothing to choose any longer."))
        self._board.stir(group)
        self._runs.wake()

    async def changed(self, group: str, person: Person, place: Place) -> RunRequest:
        """Return a group's request as the start of a form, as `RunService.changed` does."""
        cells = await self.cells(group)
        if not cells:
            raise UserError(_("These runs have been deleted. Please send a new request."))
        if cells[0].step is not None:
            return await self._runs.recipe_changed(cells, person, place)
        return await self._runs.together(await self._runs.changed(cells[0].id, person, place), cells[0])

    async def summary(self, group: str) -> GroupSummary | None:
        """Return how a group is; None if all of its runs have been deleted."""
        cells = await self.cells(group)
        return self._board.summary(cells) if cells else None

    async def vary(self, run_id: str, person: Person, place: Place) -> RunRequest:
        """Return a request for more runs like one, with the same values and new seeds: as many as it came with. Raises
        `UserError` as `RunService.again` does, and if the workflow has no seed.
        """
        request = await self._runs.again(run_id, person, place, {})
        if not self._runs.varies(request.workflow):
            raise UserError(_("This workflow makes the same picture each time. Press Change to choose other values."))
        run = await self._runs.get(run_id)
        is_one_of_alike = run is not None and run.group_id is not None and not run.label
        count = run.cells if run is not None and is_one_of_alike else USUAL
        return replace(request, count=min(count, self._runs.most_at_once(request)))

    async def delete(self, group: str, by: Person) -> None:
        """Delete all runs of a group. Raises `NotAllowed`, and `UserError` if they have not all ended."""
        cells = await self.cells(group)
        if any(run.state in UNFINISHED for run in cells):
            raise UserError(_("Some of these runs have not ended yet. Cancel them first."))
        for run in cells:
            await self._runs.delete(run.id, by)

    async def delete_cell(self, run: RunRecord, by: Person) -> None:
        """Delete a run of a group that has ended, and draw its message without it. Raises as `RunService.delete`."""
        await self._runs.delete(run.id, by)
        if run.group_id is not None:
            self._board.stir(run.group_id)
