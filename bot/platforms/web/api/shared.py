"""Files that are too large for a chat, for anyone with the link: see `bot.core.media.signed_links`."""

from __future__ import annotations

from aiohttp import web

from bot.core.platform import SHARED_PATH, Services
from bot.platforms.web.api import files


def shared(services: Services) -> web.RouteDef:
    async def send(request: web.Request) -> web.StreamResponse:
        parts = request.match_info
        file = await services.runs.linked_file(parts["run"], int(parts["number"]), parts["mark"])
        if file is None:
            raise web.HTTPNotFound
        return await files.send(request, services.files, file)

    return web.get(SHARED_PATH + r"{run}/{number:[0-9]{1,4}}/{mark}/{name}", send)
