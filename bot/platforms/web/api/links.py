"""The other accounts of a visitor: a code that joins one, and what is done with a code of another."""

from __future__ import annotations

from aiohttp import web

from bot.core.platform import Services
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.api.uploads import place_of
from bot.platforms.web.api.views import person_of
from bot.platforms.web.auth import whose

_LARGEST = 1024  # bytes of what is sent for one act


class LinkRoutes:
    def __init__(self, services: Services) -> None:
        self._links = services.links

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/links", self._list), web.post("/links", self._act)]

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"text": "", "lines": self._links.lines(person_of(whose(request)))})

    async def _act(self, request: web.Request) -> web.Response:
        """Do what was pressed, and say what came of it, with the other accounts as they are then."""
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        given = {name: str(value) for name, value in (await read_fields(request, _LARGEST)).items()}
        here, code = place_of(person.id), given.get("code", "")
        match given.get("act", ""):
            case "code":
                text = await self._links.start(person, here)
            case "look":
                text = await self._links.join(person, here, code, sure=False)
            case "join":
                text = await self._links.join(person, here, code, sure=True)
            case "end":
                text = await self._links.end(person)
            case _:
                raise web.HTTPBadRequest
        return web.json_response({"text": text, "lines": self._links.lines(person)})
