"""Actions of the page: start a run, and press the buttons under one. Each acts for the visitor alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.core.errors import (
    BadPicture,
    BadValue,
    LinkRefused,
    NotAllowed,
    StorageFailed,
    TooMany,
    UnknownWorkflow,
    UserError,
)
from bot.core.model import Address, Running, RunRequest, UploadedFile
from bot.core.platform import Field, FieldKind, Form, FoundSettings, Services, eased, work_folder
from bot.i18n import _
from bot.platforms.web.api import files
from bot.platforms.web.api.uploads import SubmittedForm, owned, place_of, requested, stored_in, unpack
from bot.platforms.web.api.views import person_of, run_view, values_view
from bot.platforms.web.auth import whose
from bot.platforms.web.live.hub import Hub

_PAGE, _WORDS = 20, 200  # runs that are found at once, and characters that are looked for
_EACH_SENDS, _ALL_SEND = 16, 200  # requests with files under way, of one visitor and of all


class RunRoutes:
    def __init__(self, services: Services, hub: Hub, upload_bytes: int) -> None:
        self._services, self._hub, self._upload_bytes = services, hub, upload_bytes
        self._sending: Counter[str] = Counter()  # requests that are on their way, of each visitor

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/workflows/{name}/runs", self._run),
            web.post("/workflows/{name}/check", self._check),
            web.get("/runs", self._find),
            web.post("/settings", self._read),
            web.post("/runs/{id}/again", self._again),
            web.post("/runs/{id}/vary", self._vary),
            web.post("/groups/{id}/again", self._again_together),
            web.post("/groups/{id}/resume", self._resume),
            web.post("/groups/{id}/choose/{number:[0-9]{1,3}}", self._choose),
            web.post("/groups/{id}/cancel", self._cancel_together),
            web.get("/runs/{id}/changes", self._changes),
            web.post("/runs/{id}/cancel", self._cancel),
            web.delete("/runs/{id}", self._delete),
            web.get("/runs/{id}/preview", self._preview),
            web.get("/runs/{id}/{where:files|inputs}/{which}", self._file),
        ]

    async def _run(self, request: web.Request) -> web.Response:
        person = person_of(whose(request))
        name = self._services.workflows.catalog.find(request.match_info["name"]).id
        place = place_of(person.id)
        form = await self._services.workflows.form(name, person, place)
        with self._on_its_way(person.id), work_folder() as folder:
            submitted = await unpack(request, form, folder, self._upload_bytes)
            if faults := _faults(form, submitted):
                return _faulty(faults)
            return await self._take(await requested(submitted, name, form, self._services, person, place, folder))

    async def _check(self, request: web.Request) -> web.Response:
        """Say what is wrong with values that have been typed so far; files are not among them."""
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        name = self._services.workflows.catalog.find(request.match_info["name"]).id
        form = await self._services.workflows.form(name, person, place_of(person.id))
        typed = Form(tuple(field for field in form.fields if not field.is_media))
        with self._on_its_way(person.id), work_folder() as folder:
            given = (await unpack(request, typed, folder, 0)).values
        faults = [fault for fault in typed.faults(given) if fault.field in given]
        return web.json_response({"faults": [{"field": fault.field, "reason": fault.reason} for fault in faults]})

    @contextmanager
    def _on_its_way(self, visitor: str) -> Iterator[None]:
        """Bound what is kept of requests that may never arrive as a whole. Raises `TooMany`."""
        if self._sending[visitor] >= _EACH_SENDS or self._sending.total() >= _ALL_SEND:
            raise TooMany(_("Too many requests are being sent at once. Please try again in a minute."))
        self._sending[visitor] += 1
        try:
            yield
        finally:
            self._sending[visitor] -= 1
            self._sending += Counter()  # without visitors who send nothing

    async def _read(self, request: web.Request) -> web.Response:
        """Read the settings of a picture, and start the forms of the workflows that take them."""
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        place, readback = place_of(person.id), self._services.readback
        picture = Form((Field("picture", FieldKind.IMAGE, required=True),))
        with self._on_its_way(person.id), work_folder() as folder:
            given = (await unpack(request, picture, folder, self._upload_bytes)).values.get("picture")
            if not isinstance(given, UploadedFile):
                raise BadValue("picture", _("give a file."))
            read = await readback.read(person, place, given.path)
        if read.filled is not None:
            forms = [read.filled]
        else:
            found = read.found or FoundSettings()
            forms = [await readback.fill(person, place, each.id, found) for each in read.workflows]
        views = [
            {"workflow": each.workflow, "values": values_view(_plain_values(each.values)), "news": each.news}
            for each in forms
        ]
        return web.json_response({"lines": read.lines, "forms": views})

    async def _find(self, request: web.Request) -> web.Response:
        """Some of a visitor's runs, found by words, newest first."""
        words, number = request.query.get("words", "")[:_WORDS], request.query.get("page", "0")
        page_number = int(number) if number.isascii() and number.isdecimal() and len(number) <= 4 else 0
        page = await self._services.history.page(person_of(whose(request)), words, page_number, _PAGE)
        runs = self._services.runs
        shown = [run for run in page.runs if not self._services.gallery.is_going(run.id)]
        views = [run_view(run, runs.summary(run), runs.details(run), self._hub.word(run.id)) for run in shown]
        return web.json_response({"runs": views, "more": page.more})

    async def _again(self, request: web.Request) -> web.Response:
        visitor = whose(request)
        run = await owned(self._services.runs, request.match_info["id"], visitor)
        return await self._take(await self._services.runs.again(run.id, person_of(visitor), place_of(visitor), {}))

    async def _vary(self, request: web.Request) -> web.Response:
        visitor = whose(request)
        run = await owned(self._services.runs, request.match_info["id"], visitor)
        return await self._take(await self._services.groups.vary(run.id, person_of(visitor), place_of(visitor)))

    async def _again_together(self, request: web.Request) -> web.Response:
        visitor, group = whose(request), await self._together(request)
        return await self._take(await self._services.groups.again(group, person_of(visitor), place_of(visitor)))

    async def _resume(self, request: web.Request) -> web.Response:
        """Go on with a recipe from the step that failed."""
        visitor, group = whose(request), await self._together(request)
        return await self._take(await self._services.groups.resumed(group, person_of(visitor), place_of(visitor)))

    async def _choose(self, request: web.Request) -> web.Response:
        """Go on with a recipe, with one of the results."""
        visitor, group = whose(request), await self._together(request)
        await self._services.groups.choose(group, int(request.match_info["number"]), person_of(visitor))
        await self._tell_all(visitor, group)
        return web.json_response({})

    async def _cancel_together(self, request: web.Request) -> web.Response:
        visitor, group = whose(request), await self._together(request)
        stopped = await self._services.groups.cancel(group, person_of(visitor))
        await self._tell_all(visitor, group)
        return web.json_response({"stopped": stopped})

    async def _together(self, request: web.Request) -> str:
        """The id of a group of this visitor's; where it is anybody else's, it is not there. Raises `HTTPNotFound`."""
        group = request.match_info["id"]
        if not (cells := await self._services.groups.cells(group)):
            raise web.HTTPNotFound
        await owned(self._services.runs, cells[0].id, whose(request))
        return group

    async def _tell_all(self, visitor: str, group: str) -> None:
        for run in await self._services.groups.cells(group):
            self._hub.tell(visitor, run.id)

    async def _changes(self, request: web.Request) -> web.Response:
        """Say what has changed of a run's workflow, for the form that Change opens."""
        run = await owned(self._services.runs, request.match_info["id"], whose(request))
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        words = await self._services.workflows.changes_since(run.workflow, run.version, person, place_of(person.id))
        return web.json_response({"text": words})

    async def _take(self, request: RunRequest) -> web.Response:
        visitor = request.person.id
        run_id = await self._services.runs.submit(request, Address("web", visitor, uuid4().hex))
        return web.json_response({"id": run_id}, status=201)

    async def _cancel(self, request: web.Request) -> web.Response:
        run = await owned(self._services.runs, request.match_info["id"], whose(request))
        stopped = await self._services.runs.cancel(run.id, person_of(whose(request)))
        self._hub.tell(whose(request), run.id)
        return web.json_response({"stopped": stopped})

    async def _delete(self, request: web.Request) -> web.Response:
        run = await owned(self._services.runs, request.match_info["id"], whose(request))
        await self._services.runs.delete(run.id, person_of(whose(request)))
        self._hub.forget(run.id)
        self._hub.tell(whose(request), run.id)
        return web.json_response({})

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        word = self._hub.word(request.match_info["id"])
        if word is None or word.visitor != whose(request) or not isinstance(word.status, Running):
            raise web.HTTPNotFound
        if word.status.preview is None:
            raise web.HTTPNotFound
        return files.preview(word.status.preview)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        visitor, part = whose(request), request.match_info
        run = await owned(self._services.runs, part["id"], visitor)
        file = stored_in(self._services, run, person_of(visitor), place_of(visitor), part["where"], part["which"])
        if file is None:
            raise web.HTTPNotFound
        return await files.send(request, self._services.files, file)


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without files."""
    return {name: value for name, value in values.items() if isinstance(value, str | int | float)}


@web.middleware
async def explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors, the visitor's or ours, into a sentence for the page."""
    try:
        return await handler(request)
    except (BadValue, BadPicture) as fault:
        return _faulty(list(fault.each) if isinstance(fault, BadValue) else [fault])
    except UserError as fault:
        status = {NotAllowed: 403, LinkRefused: 403, TooMany: 429, UnknownWorkflow: 404}.get(type(fault), 422)
        return web.json_response({"error": str(fault)}, status=status)
    except StorageFailed as fault:
        return web.json_response({"error": str(fault)}, status=503)


def _faults(form: Form, submitted: SubmittedForm) -> tuple[BadValue, ...]:
    """All faults at once, so that a visitor does not fix one field only to be told about the next."""
    given = {name: _shown(value) for name, value in submitted.values.items()}
    return eased(form, given).faults(given)


def _shown(value: str | UploadedFile | tuple[UploadedFile, ...]) -> str:
    if isinstance(value, tuple):
        return value[0].filename
    return value if isinstance(value, str) else value.filename


def _faulty(faults: tuple[BadValue, ...] | list[BadValue | BadPicture]) -> web.Response:
    told = [{"field": fault.field, "reason": fault.reason} for fault in faults]
    return web.json_response({"faults": told, "error": str(faults[0])}, status=422)
