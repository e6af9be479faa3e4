"""Server-sent events: one stream a page, which begins with everything, so that nothing is lost between two of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.core.chat import Delivering, Paused, Queued, Running
from bot.core.desk import Desk
from bot.core.errors import StorageFailed
from bot.core.run import UNFINISHED, RunRecord
from bot.platforms.web.hub import Hub, Inbox
from bot.platforms.web.security import whose
from bot.platforms.web.views import person_of, run_view, status_view

_LOOK_EVERY = 2.0  # seconds between two looks at the records: other processes may develop runs
_PING_EVERY = 15.0  # seconds
_FIRST, _MOST = 50, 1000  # runs that a page shows at first, and at most


class Stream:
    """What one open page knows already, and what it has yet to hear."""

    def __init__(self, desk: Desk, hub: Hub, visitor: str, count: int, response: EventSourceResponse) -> None:
        self._desk, self._hub, self._visitor, self._count = desk, hub, visitor, count
        self._response = response
        self._known: dict[str, RunRecord] = {}
        self._offered: object = None
        self._looked = monotonic()

    async def tell(self, inbox: Inbox) -> None:
        """Tell everything, then all that changes, until the page is gone or the program stops."""
        await self._tell_everything()
        while not inbox.closed and self._response.is_connected():
            for run_id in (fresh := await inbox.take(_LOOK_EVERY)):
                await self._tell_run(run_id)
            if not fresh or self._is_unheard_of():
                await self._look()

    async def _tell_everything(self) -> None:
        self._offered = self._offer()
        latest = await self._latest()
        self._known = {run.id: run for run in latest}
        await self._send("state", {"runs": [self._view(run) for run in latest], "more": len(latest) == self._count})

    async def _tell_run(self, run_id: str) -> None:
        """Send what changed: while a run is under way only that, without a look at the database."""
        word, known = self._hub.word(run_id), self._known.get(run_id)
        if word is not None and known is not None and isinstance(word.status, Queued | Running | Delivering | Paused):
            await self._send("status", {"id": run_id, **status_view(run_id, word.status, word)})
            return
        run = await self._desk.records.get(run_id)
        if run is None:
            self._known.pop(run_id, None)
            await self._send("gone", {"id": run_id})
            return
        await self._tell_record(run)

    async def _tell_record(self, run: RunRecord) -> None:
        self._known[run.id] = run
        if run.ended_at is not None:
            self._hub.forget(run.id)
        await self._send("run", self._view(run))

    def _is_unheard_of(self) -> bool:
        """Whether there is a run under way of which this process knows nothing, and it is time to look."""
        now = monotonic()
        if now - self._looked < _LOOK_EVERY:
            return False
        unfinished = (run.id for run in self._known.values() if run.state in UNFINISHED)
        return any((word := self._hub.word(run_id)) is None or now - word.at > _LOOK_EVERY for run_id in unfinished)

    async def _look(self) -> None:
        """See what other processes have brought about meanwhile, and whether other workflows can run."""
        self._looked = monotonic()
        if (offer := self._offer()) != self._offered:
            self._offered = offer
            await self._send("workflows", {})
        if any(run.state in UNFINISHED for run in self._known.values()):
            for run in await self._latest():
                if run != self._known.get(run.id):
                    await self._tell_record(run)

    async def _latest(self) -> list[RunRecord]:
        return await self._desk.records.last_of(person_of(self._visitor), self._count)

    def _offer(self) -> object:
        return self._desk.catalog.version, dict(self._desk.servers())

    def _view(self, run: RunRecord) -> dict[str, Any]:
        return run_view(run, self._desk.title(run.workflow), self._hub.word(run.id))

    async def _send(self, event: str, data: dict[str, Any]) -> None:
        await self._response.send(json.dumps(data, ensure_ascii=False, separators=(",", ":")), event=event)


def streaming(desk: Desk, hub: Hub) -> Callable[[web.Request], Any]:
    """The route that pages listen at."""

    async def stream(request: web.Request) -> web.StreamResponse:
        visitor = whose(request)
        given = request.query.get("count", "")
        count = min(_MOST, max(_FIRST, int(given))) if given.isdecimal() else _FIRST
        with hub.listen(visitor) as inbox:
            async with sse_response(request, ping_interval=_PING_EVERY) as response:
                with suppress(ConnectionResetError, StorageFailed):  # the page comes again, and is told everything
                    await Stream(desk, hub, visitor, count, response).tell(inbox)
            return response

    return stream
