"""A visitor's presets: the list, what they do with one, and the start of a form. Each acts for the visitor alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bot.core.model import Person
from bot.core.platform import Services
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.api.uploads import owned, place_of
from bot.platforms.web.api.views import person_of, values_view
from bot.platforms.web.auth import whose

_LARGEST = 8192  # bytes of what is sent for one act


class PresetRoutes:
    def __init__(self, services: Services) -> None:
        self._services, self._presets = services, services.presets

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/presets", self._list),
            web.post("/presets", self._act),
            web.get("/presets/{number:[0-9]{1,18}}", self._fill),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response(await self._views(person_of(whose(request))))

    async def _act(self, request: web.Request) -> web.Response:
        """Do what was pressed, and say what came of it, with the list as it is then."""
        person = person_of(whose(request))
        given = {name: str(value) for name, value in (await read_fields(request, _LARGEST)).items()}
        act = self._acts.get(given.get("act", ""))
        if act is None:
            raise web.HTTPBadRequest
        text = await act(person, given)
        return web.json_response({"text": text, "presets": await self._views(person)})

    async def _fill(self, request: web.Request) -> web.Response:
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        preset = await self._presets.at(person, int(request.match_info["number"]))
        filled = await self._presets.fill(person, place_of(person.id), preset.name)
        view = {"workflow": filled.workflow, "values": values_view(filled.values), "news": filled.news}
        return web.json_response(view)

    @property
    def _acts(self) -> Mapping[str, Callable[[Person, Mapping[str, str]], Awaitable[str]]]:
        presets = self._presets
        return {
            "keep": self._keep,
            "rename": lambda person, given: presets.rename(person, given.get("name", ""), given.get("new", "")),
            "delete": lambda person, given: presets.delete(person, given.get("name", "")),
            "share": lambda person, given: presets.share(person, given.get("name", "")),
            "unshare": lambda person, given: presets.unshare(person, given.get("name", "")),
            "copy": lambda person, given: presets.take(person, given.get("code", "")),
            "default": lambda person, given: presets.make_usual(person, given.get("name", ""), on=True),
            "nodefault": lambda person, given: presets.make_usual(person, given.get("name", ""), on=False),
        }

    async def _keep(self, person: Person, given: Mapping[str, str]) -> str:
        run = await owned(self._services.runs, given.get("run", ""), person.id)
        return await self._presets.keep(person, run, given.get("name", ""))

    async def _views(self, person: Person) -> list[dict[str, Any]]:
        return [
            {
                "number": each.number,
                "name": each.name,
                "line": self._presets.line(each),
                "shared": bool(each.code),
                "usual": each.usual,
            }
            for each in await self._presets.of(person)
        ]
