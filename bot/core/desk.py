"""The front desk: takes requests in, so that they are on disk before anybody hears "queued"; and cancels them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from bot.core.chat import Address, Cancelled, Person, Platform, RunRequest
from bot.core.check import Checked, Checker
from bot.core.errors import UserError
from bot.core.line import Line, NewRun
from bot.core.media import Media
from bot.core.records import Records, RunRecord, State, Stored, key_of
from bot.core.story import say
from bot.words import _
from comfy.schedule import models_of


class Desk:
    """What platforms speak to. `wake` tells this process's worker of a new run, `stop` of one to cancel."""

    def __init__(
        self,
        checker: Checker,
        line: Line,
        records: Records,
        media: Media,
        platforms: Mapping[str, Platform],
        *,
        operators: Collection[str] = (),
        wake: Callable[[], None] = lambda: None,
        stop: Callable[[str], None] = lambda run_id: None,
    ) -> None:
        """`operators` are people as "platform:id"; theirs go first."""
        self.checker, self.records, self.line = checker, records, line
        self._media, self._platforms = media, platforms
        self._operators, self._wake, self._stop = frozenset(operators), wake, stop
        self.open = True

    async def take(self, request: RunRequest, address: Address) -> str:
        """Take a request in, whose message is at `address`; the run's id. Raises `UserError` and `StorageFailed`."""
        if not self.open:
            raise UserError(_("I am being restarted. Please try again in a minute."))
        with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
            checked = await self.checker.check(request, Path(folder))
            inputs = {
                name: Stored(await self._media.keep(given.path), given.filename, given.kind)
                for name, given in checked.media.items()
            }
        await self.line.join(self._new(checked, inputs, request, address))
        self._wake()
        return str(checked.id)

    async def cancel(self, run_id: str, by: Person) -> bool:
        """Stop a run, wherever it waits or is executed; whether there was anything to stop."""
        run = await self.records.ask_to_cancel(run_id, f"{key_of(by)}:{by.name}")
        if run is None:
            return False
        if run.state is State.CANCELLED:
            await self._say_cancelled(run, by)
        self._stop(run_id)
        return True

    async def _say_cancelled(self, run: RunRecord, by: Person) -> None:
        if (platform := self._platforms.get(run.address.platform)) is not None:
            await say(platform.reply(run.address), Cancelled(by))

    def _new(self, checked: Checked, inputs: dict[str, Stored], request: RunRequest, address: Address) -> NewRun:
        workflow = checked.workflow
        return NewRun(
            id=str(checked.id),
            workflow=workflow.name,
            values=dict(checked.values),
            inputs=inputs,
            stem=checked.stem,
            person=request.person,
            place=request.place,
            address=address,
            kind=workflow.kind(checked.values),
            models=models_of(workflow.fill(checked.values)),
            priority=1 if key_of(request.person) in self._operators else 0,
        )
