"""The page itself, its login, and what there is to run."""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.core.platform import OWN_DATA_NAME, Services, in_turns, missing
from bot.platforms.web.admin.html import el, group
from bot.platforms.web.admin.parts import ROOMS, who
from bot.platforms.web.api.files import TYPES
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.api.uploads import place_of
from bot.platforms.web.api.views import offer_view, person_of
from bot.platforms.web.auth import AccessControl, introduce, whose
from bot.platforms.web.config import PageConfig
from bot.platforms.web.i18n import page_words, words
from bot.platforms.web.templates import STATIC, filled

_OWN_DATA, _PIECE = 1_000_000_000, 1 << 18  # bytes of a visitor's own data, and of a piece of it
_LOGIN, _CHOICE = 8192, 1024  # bytes of the login form, and of a choice that was made
_WHOLE = 6  # workflows that a page gets with their forms; of more it asks for the forms that are opened
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


class PageRoutes:
    def __init__(self, services: Services, gate: AccessControl, options: PageConfig) -> None:
        self._services, self._gate, self._options = services, gate, options
        self._pictures = (*reversed(options.pictures), STATIC / "cards")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._page),
            web.post("/login", self._login),
            web.get("/workflows", self._workflows),
            web.get("/workflows/{name}", self._workflow),
            web.get("/cards/{name}", self._card),
            web.get("/sample", self._sample),
            web.get("/my-data", self._own_data),
            web.get("/my-data/deletion", self._deletion),
            web.post("/my-data/delete", self._delete_data),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        if not await self._gate.is_in(request):
            return await self._login_page(request, _room(request.query.get("to")))
        if room := _room(request.query.get("to")):
            answer = web.Response(status=303, headers={"Location": room})
            introduce(request, answer)
            return answer
        boot = {
            "films": not missing(),
            "words": words(),
            "workflows": _first(await self._offers(request)),
            "upload": self._options.upload_bytes,
            "note": self._options.note,
            "sample": self._options.sample.name if self._options.sample else None,
        }
        way = el("a", page_words()["moderation"], href="admin") if self._is_operator(request) else group()
        if self._services.moderation.is_trusted(who(request, self._gate)):
            way = group(el("a", page_words()["studio"], href="studio"), way)
        page = await filled("index.html", boot=_data(boot), moderation_link=way)
        introduce(request, page)
        return page

    async def _login(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, _LOGIN)
        given, room = fields.get("token", ""), _room(fields.get("to"))
        if not isinstance(given, str) or not whose(request) or not await self._gate.enter(request, given.strip()):
            return await self._login_page(request, room, wrong=True)
        answer = web.Response(status=303, headers={"Location": room or "./"})
        self._gate.stamp(request, answer)
        return answer

    async def _login_page(self, request: web.Request, room: str, *, wrong: bool = False) -> web.Response:
        page = await filled("login.html", fault=html.escape(page_words()["wrong"]) if wrong else "", to=room)
        page.set_status(401)
        introduce(request, page)
        return page

    async def _workflows(self, request: web.Request) -> web.Response:
        views = [json.dumps(view) async for view in in_turns(await self._offers(request))]
        return web.Response(text=f"[{', '.join(views)}]", content_type="application/json")

    async def _workflow(self, request: web.Request) -> web.Response:
        """One of them, with its form."""
        name = request.match_info["name"]
        found = await self._offers(request, name)
        if not found:
            raise web.HTTPNotFound
        return web.json_response(found[0])

    async def _offers(self, request: web.Request, name: str = "") -> list[dict[str, Any]]:
        """Return all workflows, or the one of a name."""
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        place = place_of(person.id)
        lacking = self._is_operator(request)
        offers = await self._services.workflows.offers(person, place, lacking=lacking)
        views = [
            offer_view(offer, await self._services.workflows.form(offer.workflow.id, person, place))
            async for offer in in_turns(offers)
            if name in ("", offer.workflow.id)
        ]
        pictured = await asyncio.to_thread(self._pictured, [view["name"] for view in views])
        for view in views:
            view["picture"] = view["name"] in pictured
            view["next"] = self._services.workflows.next_of(view["name"])
        return sorted(views, key=lambda view: view["lacks"] is not None)

    async def _card(self, request: web.Request) -> web.StreamResponse:
        """The picture of a workflow; only names that the catalog knows are looked for."""
        path = await asyncio.to_thread(self._picture, request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "private, max-age=3600", "Content-Type": TYPES[path.suffix]}
        return web.FileResponse(path, headers=headers)

    async def _own_data(self, request: web.Request) -> web.StreamResponse:
        """Send a visitor what is kept of them."""
        person = person_of(whose(request))
        async with self._services.data.handed_over(person, _OWN_DATA) as packed:
            headers = {"Content-Disposition": f'attachment; filename="{OWN_DATA_NAME}"', "Cache-Control": "no-store"}
            response = web.StreamResponse(headers={**headers, "Content-Type": "application/zip"})
            file = await asyncio.to_thread(packed.path.open, "rb")
            try:
                await response.prepare(request)
                while piece := await asyncio.to_thread(file.read, _PIECE):
                    await response.write(piece)
            finally:
                await asyncio.to_thread(file.close)
            await response.write_eof()
        return response

    async def _deletion(self, request: web.Request) -> web.Response:
        """Say what would be deleted with a visitor's data, and what with those of all their accounts."""
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        return web.json_response(asdict(await self._services.erasure.question(person, place_of(person.id))))

    async def _delete_data(self, request: web.Request) -> web.Response:
        given = await read_fields(request, _CHOICE)
        text = await self._services.erasure.forget(person_of(whose(request)), everywhere=given.get("everywhere") == "1")
        return web.json_response({"text": text})

    async def _sample(self, _request: web.Request) -> web.StreamResponse:
        if self._options.sample is None:
            raise web.HTTPNotFound
        return web.FileResponse(self._options.sample)

    def _pictured(self, names: Iterable[str]) -> set[str]:
        return {name for name in names if self._picture(name) is not None}

    def _picture(self, name: str) -> Path | None:
        workflow = self._services.workflows.catalog.workflows.get(name)
        if workflow is None:
            return None
        paths = (folder / f"{workflow.path}{suffix}" for folder in self._pictures for suffix in _PICTURES)
        return next((path for path in paths if path.is_file()), None)

    def _is_operator(self, request: web.Request) -> bool:
        return self._services.moderation.is_operator(who(request, self._gate))


def _room(named: object) -> str:
    """The page that a visitor wanted to open first; empty if it is none of ours."""
    return named if isinstance(named, str) and named in ROOMS else ""


def _first(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the workflows as a page gets them first, which stays light however many they are."""
    forms = ("fields", "main", "size")
    return (
        offers if len(offers) <= _WHOLE else [{key: each[key] for key in each if key not in forms} for each in offers]
    )


def _data(boot: dict[str, Any]) -> str:
    """JSON that can stand in a page: nothing in it can end the element that it stands in."""
    return json.dumps(boot, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
