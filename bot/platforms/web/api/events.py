"""Server-sent events: one stream a page. It begins with everything, or goes on after the last event that was heard."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.core.errors import StorageFailed
from bot.core.platform import RunRecord, Services, aligned
from bot.i18n import _
from bot.platforms.web.api.uploads import place_of
from bot.platforms.web.api.views import person_of, run_view, status_view
from bot.platforms.web.auth import whose
from bot.platforms.web.live.event_log import EventInbox, EventLog, News
from bot.platforms.web.live.hub import Hub

_LOOK_EVERY = 3.0  # seconds between two looks at the records: other processes may develop runs
_TOLD = 100  # runs of which it is remembered what was told last
_PING_EVERY = 30.0  # seconds; proxies end a connection that is silent for a minute
_PING_TAKES = 120.0  # seconds, at most
_DAY = 86_400.0  # seconds
_RETRY = 1000  # milliseconds after which a browser comes back by itself
_FIRST, _MOST = 50, 1000  # runs that a page shows at first, and at most


class _NotReadError(Exception):
    """A page is open, and takes nothing."""


class Stream:
    """The events sent to one open page. Each has an id, from which another stream can continue."""

    def __init__(self, services: Services, hub: Hub, visitor: str, count: int, response: EventSourceResponse) -> None:
        self._services, self._hub, self._visitor, self._count = services, hub, visitor, count
        self._response = response
        self._offered: object = None
        self._sent = monotonic()
        self._under_way = set[str]()  # runs that the page knows, and that had not ended then
        self._told: dict[str, dict[str, Any]] = {}  # what was told last of runs

    async def tell(self, journal: EventLog, inbox: EventInbox) -> None:
        """Tell everything, or what was missed, then all that changes, until the page is gone or the program stops."""
        self._offered = self._offer()
        if inbox.resumed:
            await self._look(journal)
        else:
            await self._tell_everything(journal, inbox)
        while not inbox.closed and self._response.is_connected():
            pause = _LOOK_EVERY if journal.unfinished else _PING_EVERY
            for each in (news := await inbox.take(aligned(pause, monotonic()))):
                await self._tell(journal, each)
            if inbox.looks_again or self._is_unheard_of(journal) or (journal.unfinished and not news):
                inbox.looks_again = False
                await self._look(journal)
            await self._ping()

    async def _tell_everything(self, journal: EventLog, inbox: EventInbox) -> None:
        event, latest = inbox.id, await self._latest()
        for run in latest:
            if run.ended_at is not None and run.id in journal.unfinished:
                journal.tell_others(inbox, run.id)
            journal.know(run)
        self._under_way = {run.id for run in latest if run.ended_at is None}
        views = [view async for view in self._views(latest)]
        data = {"runs": views, "more": len(latest) == self._count}
        text = await asyncio.to_thread(_json, data) if len(views) > _FIRST else _json(data)
        await self._send_text("state", text, event, retry=_RETRY)

    async def _views(self, latest: Sequence[RunRecord]) -> AsyncIterator[dict[str, Any]]:
        """Yield the runs as the page shows them; while there are many, other tasks have a turn."""
        for number, run in enumerate(latest, 1):
            if not self._services.gallery.is_going(run.id):
                yield self._view(run)
            if number % _FIRST == 0:
                await asyncio.sleep(0)

    async def _tell(self, journal: EventLog, news: News) -> None:
        """Send what changed: of a run that is under way only its status, and of one that was written just now what was
        written, without a look at the database.
        """
        word = self._hub.word(news.run_id)
        if not news.whole and word is not None and news.run_id in self._under_way:
            status = {"id": news.run_id, **status_view(news.run_id, word.status, word)}
            if not status.items() <= self._told.get(news.run_id, {}).items():
                self._keep(news.run_id, status)
                await self._send("status", status, news.id)
            return
        run = self._hub.written(self._visitor, news.run_id) or await self._services.runs.get(news.run_id)
        if run is None or self._services.gallery.is_going(run.id):
            journal.forget(news.run_id)
            self._told.pop(news.run_id, None)
            self._under_way.discard(news.run_id)
            await self._send("gone", {"id": news.run_id}, news.id)
            return
        journal.know(run)
        if run.ended_at is not None:
            self._hub.forget(run.id)
            self._under_way.discard(run.id)
        else:
            self._under_way.add(run.id)
        if (view := self._view(run)) != self._told.get(run.id):  # it may end in a record and in a word
            self._keep(run.id, view)
            await self._send("run", view, news.id)

    def _keep(self, run_id: str, told: dict[str, Any]) -> None:
        self._told[run_id] = told
        if len(self._told) > _TOLD:
            del self._told[next(iter(self._told))]

    def _is_unheard_of(self, journal: EventLog) -> bool:
        """True if this process lacks news of an unfinished run, and it is time to look."""
        before = monotonic() - _LOOK_EVERY
        return journal.looked <= before and any(
            journal.seen_at(run_id) < before and ((word := self._hub.word(run_id)) is None or word.at < before)
            for run_id in journal.unfinished
        )

    async def _look(self, journal: EventLog) -> None:
        """See what other processes have brought about meanwhile, and whether other workflows can run."""
        journal.looked = monotonic()
        if (offer := self._offer()) != self._offered:
            self._offered = offer
            await self._send("workflows", {})
        if journal.unfinished:
            latest = await self._services.runs.developed_of(person_of(self._visitor), self._count, journal.ends)
            for run in latest:
                if journal.know(run):
                    self._hub.tell(self._visitor, run.id)

    async def _latest(self) -> list[RunRecord]:
        return await self._services.runs.last_of(person_of(self._visitor), self._count)

    def _offer(self) -> object:
        workflows = self._services.workflows
        return (
            workflows.catalog.version,
            dict(self._services.health.servers()),
            workflows.rules(place_of(self._visitor)),
        )

    def _view(self, run: RunRecord) -> dict[str, Any]:
        runs = self._services.runs
        return run_view(run, runs.summary(run), runs.details(run), self._hub.word(run.id))

    async def _send(self, event: str, data: dict[str, Any], number: str | None = None) -> None:
        await self._send_text(event, _json(data), number)

    async def _send_text(self, event: str, text: str, number: str | None = None, retry: int | None = None) -> None:
        await self._response.send(text, id=number, event=event, retry=retry)
        self._sent = monotonic()

    async def _ping(self) -> None:
        """Send a comment where nothing was sent for a while: a page that is gone is known by it."""
        if monotonic() - self._sent >= _PING_EVERY / 2:
            try:
                async with asyncio.timeout(_PING_TAKES):
                    await self._response.write(b": ping\r\n\r\n")
            except TimeoutError:
                raise _NotReadError from None
            self._sent = monotonic()


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def streaming(services: Services, hub: Hub) -> Callable[[web.Request], Any]:
    """The route that pages listen at. A browser that comes back by itself says in a header what it heard last; a page
    that opens a new stream says so in `after`, and in `count` how many runs it shows.
    """

    async def stream(request: web.Request) -> web.StreamResponse:
        visitor, given = whose(request), request.query.get("count", "") or str(_FIRST)
        if not re.fullmatch(r"[0-9]{1,9}", given):
            raise web.HTTPBadRequest(text=_("The count is a whole number."))
        count = min(_MOST, max(_FIRST, int(given)))
        last_event = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        with hub.listen(visitor, last_event) as (journal, inbox):
            async with sse_response(request, ping_interval=_DAY) as response:  # the stream sends its own
                try:
                    await Stream(services, hub, visitor, count, response).tell(journal, inbox)
                except _NotReadError:
                    if request.transport is not None:
                        request.transport.abort()
                except (ConnectionResetError, StorageFailed):
                    pass  # the page comes again, and hears what it missed
            return response

    return stream
