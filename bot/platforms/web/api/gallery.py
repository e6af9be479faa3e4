"""A visitor's gallery: their results by pages, favourites, small pictures, archives, and deletion with undo."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from time import localtime
from typing import Any

from aiohttp import web

from bot.core import status_text
from bot.core.errors import TooMany
from bot.core.model import Person
from bot.core.platform import UNDO, Archive, FileService, GalleryFilter, PlacedRun, Services, ids_of
from bot.i18n import _
from bot.platforms.web.api import files
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.api.uploads import owned
from bot.platforms.web.api.views import person_of, run_view
from bot.platforms.web.auth import whose
from bot.platforms.web.i18n import gallery_words
from bot.platforms.web.live.hub import Hub

_PAGE, _WORDS = 100, 200  # results of a page, and characters that are looked for
_SAID = 160  # characters of what was asked for, on a tile
_LARGEST = 64 * 1024  # bytes of what is sent for one act
_EACH, _ALL = 2, 20  # archives that are sent at once, to one visitor and to all
_LASTS = 600  # seconds for which a browser keeps a small picture


class GalleryRoutes:
    def __init__(self, services: Services, hub: Hub) -> None:
        self._services, self._gallery, self._hub = services, services.gallery, hub
        self._sending = Counter[str]()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/gallery", self._page),
            web.get("/gallery/about", self._about),
            web.post("/gallery/favourites", self._mark),
            web.post("/gallery/delete", self._delete),
            web.post("/gallery/restore", self._restore),
            web.post("/gallery/archive", self._archive),
            web.get("/gallery/{id:[0-9a-f-]{36}}", self._entry),
            web.get("/runs/{id}/files/{number:[0-9]{1,4}}/small", self._small),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        beyond = request.query.get("beyond", "")
        after = int(beyond) if beyond.isascii() and beyond.isdecimal() and len(beyond) <= 18 else None
        page = await self._gallery.page(_person(request), _chosen(request), after, _PAGE)
        return web.json_response({"entries": list(map(self._tile, page.entries)), "beyond": page.beyond})

    async def _about(self, request: web.Request) -> web.Response:
        """Return the words of the gallery, and the workflows with results: it asks once."""
        catalog = self._services.workflows.catalog.workflows
        counts = await self._gallery.workflows(_person(request))
        workflows = [
            {"name": name, "title": found.title or found.name if (found := catalog.get(name)) else name, "count": count}
            for name, count in counts.items()
        ]
        workflows.sort(key=lambda each: str(each["title"]).casefold())
        return web.json_response({"words": gallery_words(), "workflows": workflows, "undo": UNDO})

    async def _entry(self, request: web.Request) -> web.Response:
        """One result whole, and which ones are beside it."""
        entry = await self._gallery.entry(_person(request), request.match_info["id"], _chosen(request))
        if entry is None:
            raise web.HTTPNotFound
        runs, run = self._services.runs, entry.run
        view = run_view(run, runs.summary(run), runs.details(run), None)
        beside = {"favourite": entry.favourite, "newer": entry.newer, "older": entry.older}
        return web.json_response({**view, **beside})

    async def _small(self, request: web.Request) -> web.StreamResponse:
        run = await owned(self._services.runs, request.match_info["id"], whose(request))
        small = await self._gallery.thumbnail(_person(request), run, int(request.match_info["number"]))
        if small is None:
            raise web.HTTPNotFound
        return await files.send(request, self._services.files, small, lasts=_LASTS)

    async def _mark(self, request: web.Request) -> web.Response:
        given = await _given(request)
        await self._gallery.mark(_person(request), ids_of(given["runs"]), on=given.get("on") == "1")
        return web.json_response({})

    async def _delete(self, request: web.Request) -> web.Response:
        """Have results deleted in a moment. All pages of the visitor hear that they are gone."""
        given = await _given(request)
        gone = await self._gallery.delete(_person(request), ids_of(given["runs"]), given["group"])
        return self._told(request, gone)

    async def _restore(self, request: web.Request) -> web.Response:
        back = await self._gallery.restore(_person(request), ids_of((await _given(request))["runs"]))
        return self._told(request, back)

    def _told(self, request: web.Request, run_ids: list[str]) -> web.Response:
        for run_id in run_ids:
            self._hub.tell(whose(request), run_id)
        return web.json_response({"runs": run_ids, "undo": UNDO})

    async def _archive(self, request: web.Request) -> web.StreamResponse:
        """All files of results as a zip file; with `check`, only whether that will do."""
        visitor, given = whose(request), await _given(request)
        archive = await self._gallery.archive(_person(request), ids_of(given["runs"]))
        if given.get("check"):
            return web.json_response({"files": len(archive.files), "size": archive.size, "gone": archive.gone})
        if self._sending[visitor] >= _EACH or self._sending.total() >= _ALL:
            raise TooMany(_("Too many archives are being sent at once. Please try again in a minute."))
        self._sending[visitor] += 1
        try:
            return await _send(request, self._services.files, archive)
        finally:
            self._sending[visitor] -= 1
            self._sending += Counter()

    def _tile(self, entry: PlacedRun) -> dict[str, Any]:
        run, brief = entry.run, self._services.runs.summary(entry.run)
        return {
            "id": run.id,
            "workflow": run.workflow,
            "title": brief.title,
            "said": status_text.asked(brief)[:_SAID],
            "asked": run.asked_at,
            "favourite": entry.favourite,
            "files": [[file.kind, file.filename] for file in run.shown.files],
            "text": run.shown.texts[0][:_SAID] if run.shown.texts and not run.shown.files else "",
        }


class _Pieces:
    """A file for a zip archive: it keeps what was written until it is taken, and cannot go back."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


async def _send(request: web.Request, stored: FileService, archive: Archive) -> web.StreamResponse:
    disposition = 'attachment; filename="darkroom.zip"'
    headers = {"Content-Type": "application/zip", "Content-Disposition": disposition}
    response = web.StreamResponse(headers=headers)
    with files.whole(request):
        await response.prepare(request)
        async for piece in _zipped(stored, archive):
            await response.write(piece)
        await response.write_eof()
    return response


async def _zipped(stored: FileService, archive: Archive) -> AsyncIterator[bytes]:
    """A zip file, piece by piece: pictures and videos are as small as they get, so nothing is compressed."""
    pieces, now = _Pieces(), localtime()[:6]
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_STORED) as zipped:
        for each in archive.files:
            with zipped.open(zipfile.ZipInfo(each.name, now), "w", force_zip64=each.size >= 2**31) as entry:
                async for data in stored.stream(each.file, 0, each.size):
                    entry.write(data)
                    yield pieces.take()
    yield pieces.take()


def _chosen(request: web.Request) -> GalleryFilter:
    query = request.query
    words, workflow = query.get("words", "")[:_WORDS], query.get("workflow", "")[:_WORDS]
    return GalleryFilter(words, workflow, query.get("favourites") == "1")


def _person(request: web.Request) -> Person:
    return person_of(whose(request), request.headers.get("Accept-Language", ""))


async def _given(request: web.Request) -> Mapping[str, str]:
    given = {name: str(value) for name, value in (await read_fields(request, _LARGEST)).items()}
    return {"runs": "", "group": "", **given}
