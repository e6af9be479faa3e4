"""The studio's routes: an author's drafts, and what becomes of them. Core decides who is an author."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from bot.core.errors import BadWorkflowFile, EditedMeanwhile, NotAllowed, TooMany, UserError
from bot.core.model import Person, Place
from bot.core.platform import DraftChange, DraftView, Services, asked_in, work_folder
from bot.i18n import _
from bot.platforms.web.admin.html import el, group
from bot.platforms.web.admin.parts import who
from bot.platforms.web.api.multipart import FormReader, broken
from bot.platforms.web.api.views import person_of
from bot.platforms.web.auth import AccessControl, introduce, whose
from bot.platforms.web.i18n import words
from bot.platforms.web.studio.views import draft_view, overview_view, version_view
from bot.platforms.web.studio.words import studio_words
from bot.platforms.web.templates import filled

_HERE = Place("web", "")
_LARGEST = 1_000_000  # bytes of a change
_SENDING = 8  # files that are on their way at once
_WORDS = 100  # characters that are looked for


class _Published(msgspec.Struct):
    """A wish to publish: a name for a new workflow, the place that it is opened to, and what the author saw."""

    name: str = ""
    where: str = ""
    edition: int | None = None


class _Seen(msgspec.Struct):
    edition: int | None = None


class _Version(msgspec.Struct):
    version: str
    newest: str


class _Source(msgspec.Struct):
    """The origin of a draft: a workflow that there is, one that was saved in a ComfyUI (`saved`, and
    `elsewhere` outside the folder that is watched), or one of its library.
    """

    kind: str
    id: str


class StudioRoutes:
    def __init__(self, services: Services, gate: AccessControl, upload_bytes: int) -> None:
        self._services, self._gate, self._upload_bytes = services, gate, upload_bytes
        self._studio, self._sending = services.studio, 0

    def routes(self) -> list[web.RouteDef]:
        one = "/studio/drafts/{draft}"
        return [
            web.get("/studio", self._page),
            web.get("/studio/all", self._all),
            web.get("/studio/library", self._library),
            web.get("/studio/elsewhere", self._elsewhere),
            web.post("/studio/files", self._file),
            web.post("/studio/drafts", self._open),
            web.get(one, self._draft),
            web.post(one, self._change),
            web.delete(one, self._discard),
            web.post(one + "/try", self._try),
            web.post(one + "/publish", self._publish),
            web.post(one + "/reload", self._reload),
            web.post(one + "/graph", self._graph),
            web.post(one + "/graph/file", self._graph_file),
            web.delete(one + "/graph", self._graph_before),
            web.get("/studio/versions/{workflow}", self._versions),
            web.post("/studio/versions/{workflow}", self._back),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        by = who(request, self._gate)
        boot = {"words": words() | studio_words(), "upload": self._upload_bytes, "workflows": [], "films": False}
        try:
            await self._studio.overview(by, _HERE)
        except NotAllowed as fault:
            hint = _("To publish workflows here, ask the operator for an invitation as an author.")
            told = group(el("p", str(fault), class_="note fault", role="alert"), el("p", hint, class_="about"))
            page = await filled("studio.html", boot=_data(boot), main=told, script="")
            page.set_status(403)
            return page
        script = el("script", type="module", src="static/studio/studio.js")
        page = await filled("studio.html", boot=_data(boot), main="", script=script)
        introduce(request, page)
        return page

    async def _all(self, request: web.Request) -> web.Response:
        by = who(request, self._gate)
        overview = await self._studio.overview(by, _HERE)
        places = await self._services.moderation.places(by, _HERE) if overview.open_everywhere else []
        return web.json_response(overview_view(overview, [each for each in places if each.community]))

    async def _library(self, request: web.Request) -> web.Response:
        found = await self._studio.templates(who(request, self._gate), _HERE, request.query.get("words", "")[:_WORDS])
        return web.json_response({"found": [msgspec.to_builtins(each) for each in found]})

    async def _elsewhere(self, request: web.Request) -> web.Response:
        found = await self._studio.saved_elsewhere(who(request, self._gate), _HERE)
        return web.json_response({"found": [msgspec.to_builtins(each) for each in found]})

    async def _file(self, request: web.Request) -> web.Response:
        async with self._received(request) as (path, name):
            return await _shown(await self._studio.from_file(who(request, self._gate), _HERE, path, name))

    async def _graph_file(self, request: web.Request) -> web.Response:
        by, here, draft = self._asked(request)
        async with self._received(request) as (path, name):
            return await _shown(await self._studio.graph_from_file(by, here, draft, path, name))

    @asynccontextmanager
    async def _received(self, request: web.Request) -> AsyncIterator[tuple[Path, str]]:
        """Read a file of any kind, which is written to disk piece by piece, and no further than it may be large."""
        if self._sending >= _SENDING:
            raise TooMany(_("Too many files are being sent at once. Please try again in a minute."))
        await self._admit(request)
        self._sending += 1
        try:
            with work_folder() as folder:
                reader = FormReader(request)
                part = await reader.part()
                if part is None or part.filename is None:
                    raise broken()
                path = folder / f"given{_ending(part.filename)}"
                await self._written(reader, path)
                name = "".join(filter(str.isprintable, part.filename.replace("\\", "/").rpartition("/")[2]))[:100]
                yield path, name or _("Workflow")
        finally:
            self._sending -= 1

    async def _written(self, reader: FormReader, path: Path) -> None:
        size = 0
        file = await asyncio.to_thread(path.open, "wb")
        try:
            while piece := await reader.piece():
                size += len(piece)
                if size > self._upload_bytes:
                    words = _("The file is too large: the maximum is {most:g} MB.")
                    raise BadWorkflowFile(words.format(most=self._upload_bytes / 1e6))
                await asyncio.to_thread(file.write, piece)
        finally:
            await asyncio.to_thread(file.close)

    async def _open(self, request: web.Request) -> web.Response:
        by, source = who(request, self._gate), await self._read(request, _Source)
        ways: dict[str, Callable[[Person, Place, str], Awaitable[DraftView]]] = {
            "workflow": self._studio.from_workflow,
            "saved": self._studio.from_saved,
            "elsewhere": self._studio.from_elsewhere,
            "template": self._studio.from_template,
        }
        if source.kind not in ways:
            raise broken()
        return await _shown(await ways[source.kind](by, _HERE, source.id))

    async def _graph(self, request: web.Request) -> web.Response:
        source = await self._read(request, _Source)
        ways = {"saved": self._studio.graph_from_saved, "elsewhere": self._studio.graph_from_elsewhere}
        if source.kind not in ways:
            raise broken()
        return await _shown(await ways[source.kind](*self._asked(request), source.id))

    async def _graph_before(self, request: web.Request) -> web.Response:
        return await _shown(await self._studio.graph_before(*self._asked(request)))

    async def _draft(self, request: web.Request) -> web.Response:
        return await _shown(await self._studio.view(*self._asked(request)))

    async def _change(self, request: web.Request) -> web.Response:
        change = await self._read(request, DraftChange)
        try:
            return await _shown(await self._studio.change(*self._asked(request), change))
        except EditedMeanwhile as fault:
            return _stale(fault)

    async def _discard(self, request: web.Request) -> web.Response:
        await self._studio.discard(*self._asked(request))
        return web.json_response({})

    async def _try(self, request: web.Request) -> web.Response:
        seen = await self._read(request, _Seen)
        try:
            tried = await self._studio.try_out(*self._asked(request), _runner(request), seen.edition)
        except EditedMeanwhile as fault:
            return _stale(fault)
        return web.json_response({"workflow": tried})

    async def _publish(self, request: web.Request) -> web.Response:
        by, here, draft = self._asked(request)
        said = await self._read(request, _Published)
        where = await self._place(by, said.where) if said.where else None
        try:
            told = await self._studio.publish(by, here, draft, said.name, where, _runner(request), said.edition)
        except EditedMeanwhile as fault:
            return _stale(fault)
        return web.json_response({"told": told})

    async def _reload(self, request: web.Request) -> web.Response:
        return await _shown(await self._studio.reload(*self._asked(request)))

    async def _versions(self, request: web.Request) -> web.Response:
        workflow = request.match_info["workflow"]
        found = await self._studio.versions(who(request, self._gate), _HERE, workflow)
        title = self._services.workflows.title(workflow)
        return web.json_response({"title": title, "versions": [version_view(each) for each in found]})

    async def _back(self, request: web.Request) -> web.Response:
        wanted, by = await self._read(request, _Version), who(request, self._gate)
        told = await self._studio.back(by, _HERE, request.match_info["workflow"], wanted.version, wanted.newest)
        return web.json_response({"told": told})

    async def _admit(self, request: web.Request) -> None:
        """Raise `NotAllowed` before anything is read that somebody sends who is no author."""
        by = who(request, self._gate)
        if not self._studio.is_author(by):
            await self._studio.overview(by, _HERE)  # refuses, and says why

    async def _read(self, request: web.Request, kind: type[Any]) -> Any:
        """Read what an author says, in JSON. Raises `UserError` and `HTTPRequestEntityTooLarge`."""
        await self._admit(request)
        data = bytearray()
        while piece := await request.content.readany():
            data += piece
            if len(data) > _LARGEST:
                raise web.HTTPRequestEntityTooLarge(_LARGEST, len(data))
        try:
            return msgspec.json.decode(bytes(data) or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise broken() from fault

    def _asked(self, request: web.Request) -> tuple[Person, Place, str]:
        return who(request, self._gate), _HERE, request.match_info["draft"]

    async def _place(self, by: Person, where: str) -> Place:
        """Return the place that a workflow is opened to: all, or a community."""
        if where == "everywhere":
            return Place("web", "", community="")
        places = await self._services.moderation.places(by, _HERE)
        found = next((each for each in places if each.community and asked_in(each) == where), None)
        if found is None:
            raise UserError(_("This place is no longer known. Choose another one."))
        return found


def _stale(fault: EditedMeanwhile) -> web.Response:
    """Answer that a draft, or the files that it changes, are no longer as the author saw them."""
    return web.json_response({"error": str(fault), "faults": [{"field": "old", "reason": ""}]}, status=409)


def _runner(request: web.Request) -> Person:
    """The visitor, whose runs are theirs on the page even where they are the operator."""
    return person_of(whose(request))


async def _shown(view: DraftView) -> web.Response:
    """Answer with a draft, which may be large."""
    text = await asyncio.to_thread(lambda: json.dumps(draft_view(view)))
    return web.json_response(text=text)


def _ending(filename: str) -> str:
    ending = filename.rpartition(".")[2].lower()
    return f".{ending}" if ending.isascii() and ending.isalnum() and len(ending) <= 8 else ""


def _data(boot: dict[str, Any]) -> str:
    return json.dumps(boot, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
