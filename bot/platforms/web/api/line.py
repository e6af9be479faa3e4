"""The line for a visitor: which of their runs wait, in the order of turns, and what they may still do."""

from __future__ import annotations

from aiohttp import web

from bot.core.platform import Services
from bot.platforms.web.api.uploads import place_of
from bot.platforms.web.api.views import person_of
from bot.platforms.web.auth import whose
from bot.platforms.web.live.hub import Hub


class LineRoutes:
    def __init__(self, services: Services, hub: Hub) -> None:
        self._line, self._hub = services.line, hub

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/line", self._show), web.post("/line/cancel", self._cancel)]

    async def _show(self, request: web.Request) -> web.Response:
        person = person_of(whose(request), request.headers.get("Accept-Language", ""))
        here = place_of(person.id)
        entries = [
            {
                "id": each.run.id,
                "path": f"groups/{each.group}" if each.group else f"runs/{each.run.id}",
                "words": f"{each.number}. {each.title}: {each.words}",
                "cancel": each.cancel,
            }
            for each in await self._line.entries(person, here)
        ]
        return web.json_response({"entries": entries, "limits": await self._line.limits(person, here)})

    async def _cancel(self, request: web.Request) -> web.Response:
        """Cancel all that waits."""
        person = person_of(whose(request))
        stopped = await self._line.cancel_waiting(person)
        for run in stopped:
            self._hub.tell(person.id, run)
        return web.json_response({"stopped": len(stopped)})
